#!/bin/bash
# Tests the probe, and the runner as it is shipped, on stock kernels in a virtual machine: test.sh [SERIES…]
#
# Builds static programs, puts them on a disk image, boots each kernel in software emulation, and reads back what the
# runner stored there. Counts are asserted, latencies never: those of an emulated processor mean nothing.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

root=$(cd "$(dirname "$0")/.." && pwd)
triple=x86_64-unknown-linux-musl
boot_seconds=${VM_TIMEOUT:-900}
[ $# -gt 0 ] || set -- 6.1 6.12

say() { printf 'vm: %s\n' "$*"; }

missing=
for tool in qemu-system-x86_64 musl-gcc cpio mke2fs debugfs strip rustup python3; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    say "missing:$missing (Debian: qemu-system-x86 musl-tools cpio e2fsprogs binutils python3)" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Builds the programs and the probe's tests in one call, so that both share every dependency; prints KIND PATH of each.
programs() {
    cargo build --locked --manifest-path "$root/Cargo.toml" --target "$triple" \
        -p runner -p generators -p probe -p vm-init --bins --test kernel --message-format=json-render-diagnostics |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["target"]["kind"][0], message["executable"])'
}

build() {
    rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
    mkdir -p "$work/init" "$work/disk/scenarios"
    programs >"$work/programs"
    while read -r kind program; do
        name=$(basename "$program")
        if [ "$kind" = test ]; then
            # Cargo adds a hash to a test's name.
            name=probe-${name%-*}
            echo "$name /disk/$name --test-threads=1 --nocapture" >>"$work/disk/steps"
        fi
        strip -o "$work/disk/$name" "$program"
    done <"$work/programs"
    mv "$work/disk/vm-init" "$work/init/init"
    (cd "$work/init" && echo init | cpio -o -H newc --quiet) >"$work/initrd"
    cp "$root/vm/scenario.toml" "$work/disk/scenarios/vm_counts.toml"
    echo "run /disk/runner run scenarios/vm_counts.toml --probe kretprobe --runs-dir /disk/runs" >>"$work/disk/steps"
}

# Boots kernel $1 with a fresh disk; the guest's console goes to $2, its disk to $3.
boot() {
    mke2fs -q -t ext4 -d "$work/disk" "$3" "$(($(du -sm "$work/disk" | cut -f1) + 96))M" >"$2"
    local status=0
    timeout "$boot_seconds" qemu-system-x86_64 -M q35,hpet=off -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
        -nodefaults -no-user-config -display none -no-reboot -serial stdio \
        -device isa-debug-exit,iobase=0x501,iosize=1 \
        -drive "file=$3,format=raw,if=none,id=disk,cache=unsafe" -device nvme,serial=disk,drive=disk \
        -kernel "$1" -initrd "$work/initrd" -append "console=ttyS0 panic=-1 quiet tsc=reliable" \
        </dev/null >"$2" 2>&1 || status=$?
    # A panic also ends the emulator, with 0: only the exit code and the last line together say that all went well.
    [ "$status" = 33 ] && grep -q '^guest: finished, 0 failed' "$2"
}

# Boots the newest kernel of series $1 and checks what comes back.
test_kernel() {
    local kernel console disk run began=$SECONDS
    kernel=$("$root/vm/kernel.sh" "$1")
    console=$work/console-$1 disk=$work/disk-$1.ext4
    say "booting ${kernel##*/}"
    if ! boot "$kernel" "$console" "$disk"; then
        tr -d '\r' <"$console" | tail -n 200
        say "kernel $1: the guest failed"
        return 1
    fi
    tr -d '\r' <"$console" | grep -E '^(guest: |test |test result: )' || true
    if grep -q 'skipped: ' "$console" || ! grep -q 'with kretprobe' "$console"; then
        grep -E 'skipped: |with ' "$console" || true
        say "kernel $1: the probe's tests did not all run with kretprobe"
        return 1
    fi
    mkdir "$work/back-$1"
    debugfs -R "rdump /runs $work/back-$1" "$disk" 2>/dev/null
    run=$(find "$work/back-$1/runs" -maxdepth 1 -mindepth 1 -type d -name '2*' | head -n 1)
    "$root/checks/parquet.sh" "$run" --backend kretprobe --trials 4 --nothing-lost \
        --calls getpid=1000 read=500 lseek=500 openat=300 close=300 mmap=200 munmap=200 futex=700
    say "kernel $1: passed in $((SECONDS - began)) s"
}

build
for series; do
    test_kernel "$series"
done
