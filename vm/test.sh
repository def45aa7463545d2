#!/bin/bash
# Tests the probe, and the runner as it is shipped, on stock kernels in a virtual machine: test.sh [--table] [KERNEL…]
#
# KERNEL is 6.1, 6.12, … or 6.12-arm64, as kernel.sh takes it. Builds static programs, puts them on a disk image, boots
# each kernel in software emulation, and reads back what the runner stored there. Counts are asserted, latencies never:
# those of an emulated processor mean nothing. On arm64 only the probe's own tests run.
#
# What each kernel's run says of each backend is kept as JSON lines in target/vm/; --table makes docs/kernels.md of them.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
# Rust's own linker, for there need not be a C compiler for arm64.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER:-rust-lld}

root=$(cd "$(dirname "$0")/.." && pwd)
records=${CARGO_TARGET_DIR:-$root/target}/vm
boot_seconds=${VM_TIMEOUT:-600}
table=
if [ "${1:-}" = --table ]; then
    table=$root/docs/kernels.md
    shift
fi
[ $# -gt 0 ] || set -- 6.1 6.12

say() { printf 'vm: %s\n' "$*"; }

# The architecture of a kernel, as its processor is called.
architecture() { case $1 in *-arm64) echo aarch64 ;; *) echo x86_64 ;; esac; }

# Each of the architectures of the kernels named, once.
architectures() { for kernel; do architecture "$kernel"; done | sort -u; }

check_tools() {
    local missing='' tools='cpio mke2fs debugfs readelf strip rustup python3' architecture
    for architecture in $(architectures "$@"); do
        tools="$tools qemu-system-$architecture"
        [ "$architecture" != x86_64 ] || tools="$tools musl-gcc"
    done
    for tool in $tools; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] && return
    say "missing:$missing (Debian: qemu-system-x86 qemu-system-arm musl-tools cpio e2fsprogs binutils python3)" >&2
    exit 1
}

# Builds the programs for architecture $1 and the probe's tests in one call, so that both share every dependency; prints
# KIND PATH of each.
programs() {
    local packages=(-p probe -p vm-init)
    [ "$1" != x86_64 ] || packages+=(-p runner -p generators)
    cargo build --locked --manifest-path "$root/Cargo.toml" --target "$1-unknown-linux-musl" \
        "${packages[@]}" --bins --test kernel --message-format=json-render-diagnostics |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["target"]["kind"][0], message["executable"])'
}

# Makes what kernels of architecture $1 boot with: $work/$1/initrd and the disk's content, $work/$1/disk.
build() {
    local triple=$1-unknown-linux-musl guest=$work/$1 kind program name
    rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
    mkdir -p "$guest/init" "$guest/disk"
    programs "$1" >"$guest/programs"
    while read -r kind program; do
        name=$(basename "$program")
        if [ "$kind" = test ]; then
            # Cargo adds a hash to a test's name.
            name=probe-${name%-*}
            echo "$name /disk/$name --test-threads=1 --nocapture" >>"$guest/disk/steps"
        fi
        # Strip knows this machine's architecture only.
        strip -o "$guest/disk/$name" "$program" 2>/dev/null || cp "$program" "$guest/disk/$name"
    done <"$guest/programs"
    mv "$guest/disk/vm-init" "$guest/init/init"
    (cd "$guest/init" && echo init | cpio -o -H newc --quiet) >"$guest/initrd"
    [ -e "$guest/disk/runner" ] || return 0
    mkdir "$guest/disk/scenarios"
    cp "$root/vm/scenario.toml" "$guest/disk/scenarios/vm_counts.toml"
    local run='/disk/runner run scenarios/vm_counts.toml'
    echo "run $run --probe kretprobe --runs-dir /disk/runs" >>"$guest/disk/steps"
    # What is done to the machine meanwhile, on the first kernel only; last what cannot be undone.
    cat >"$guest/disturbing" <<STEPS
cpu-offline /disk/disturb cpu 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/cpu
clock-set-back /disk/disturb clock 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/clock
lockdown-refused /disk/disturb lockdown 1 $run --probe kretprobe --runs-dir /disk/refused
lockdown-auto /disk/disturb lockdown 0 $run --probe auto --repetitions 1 --runs-dir /disk/locked
STEPS
}

# Boots kernel $2 of architecture $1 with a fresh disk; the guest's console goes to $3, its disk to $4.
boot() {
    local guest=$work/$1 machine console ends status=0
    mke2fs -q -t ext4 -d "$guest/disk" "$4" "$(($(du -sm "$guest/disk" | cut -f1) + 96))M" >"$3"
    if [ "$1" = x86_64 ]; then
        machine=(-M "q35,hpet=off" -cpu max -device "isa-debug-exit,iobase=0x501,iosize=1")
        console='ttyS0 tsc=reliable' ends='33 35'
    else
        # It has no device to end with, only to switch off.
        machine=(-M virt -cpu cortex-a57)
        console=ttyAMA0 ends=0
    fi
    timeout "$boot_seconds" "qemu-system-$1" "${machine[@]}" -accel tcg,thread=multi -smp 2 -m 1024 \
        -nodefaults -no-user-config -display none -no-reboot -serial stdio \
        -drive "file=$4,format=raw,if=none,id=disk,cache=unsafe" -device nvme,serial=disk,drive=disk \
        -kernel "$2" -initrd "$guest/initrd" -append "panic=-1 quiet console=$console" \
        </dev/null >"$3" 2>&1 || status=$?
    tr -d '\r' <"$3" >"$3.text"
    # A panic also ends the emulator, with 0: only the exit code and the last line together say that the guest got
    # through its steps. How those ended is on the console.
    [[ " $ends " = *" $status "* ]] && grep -q '^guest: finished, ' "$3.text"
}

# Checks the counts of the runs that the guest with console $2 left on disk $1: an undisturbed one, and on the first kernel
# those whose CPU went offline, whose clock was set back, whose kernel was locked down.
check_runs() {
    local back=$1.back folder run options folders=(runs:'--backend kretprobe --trials 4')
    [ -n "$disturbed" ] || folders+=(cpu:'--backend kretprobe --trials 2' clock:'--backend kretprobe --trials 2'
        locked:'--backend user --trials 2')
    mkdir "$back"
    for folder in "${folders[@]}"; do
        options=${folder#*:} folder=${folder%%:*}
        debugfs -R "rdump /$folder $back" "$1" 2>/dev/null
        run=$(find "$back/$folder" -maxdepth 1 -mindepth 1 -type d -name '2*' | head -n 1)
        # shellcheck disable=SC2086 # the options are words
        "$root/checks/parquet.sh" "$run" $options --nothing-lost \
            --calls getpid=1000 read=500 lseek=500 openat=300 close=300 mmap=200 munmap=200 futex=700 || return 1
    done
    [ -z "$disturbed" ] || return 0
    debugfs -R "rdump /refused $back" "$1" 2>/dev/null
    [ -z "$(find "$back/refused" -mindepth 1 2>/dev/null)" ] || { echo "parquet: does not hold: a refused run was begun"; return 1; }
    # Twice: refused by name, and passed over.
    [ "$(grep -c 'kernel lockdown (confidentiality) forbids' "$2")" -ge 2 ] || { echo "parquet: does not hold: lockdown is not named"; return 1; }
}

# Why the guest whose console is $1 did not get through: its test that hangs, those that failed, or its last line.
why() {
    local hangs
    if hangs=$(grep -o '^guest: step .*: hangs' "$1"); then
        printf '%s in %s' "${hangs#guest: }" "$(grep -oE '^test [a-z_:]+ \.\.\.' "$1" | tail -n 1)"
    elif ! grep -q '^guest: finished, ' "$1"; then
        printf 'no end; the last line was: %s' "$(tail -n 1 "$1" | cut -c 1-200)"
    else
        grep -E "^(guest: step .*: (exit status: [^0]|signal)|test .* FAILED|parquet: does not hold|[A-Za-z]+Error: )" "$1" |
            tail -n 5 | tr '\n' ';' | cut -c 1-600
    fi
}

# Boots kernel $1, checks what comes back, and keeps what it says of each backend.
test_kernel() {
    local architecture kernel console=$work/console-$1 disk=$work/disk-$1.ext4 began=$SECONDS passed=yes
    architecture=$(architecture "$1")
    rm -f "$records/$1.jsonl"
    kernel=$("$root/vm/kernel.sh" "$1") || return 1
    cp "$work/$architecture/steps" "$work/$architecture/disk/steps"
    [ -n "$disturbed" ] || [ "$architecture" != x86_64 ] ||
        cat "$work/$architecture/disturbing" >>"$work/$architecture/disk/steps"
    say "booting ${kernel##*/}"
    if ! boot "$architecture" "$kernel" "$console" "$disk"; then
        passed=
        # An emulator that stands still, or a guest in it, gets a second chance: once, and never in silence.
        if ! grep -q '^guest: finished, ' "$console.text" || grep -q '^guest: step .*: hangs' "$console.text"; then
            cut -c 1-400 "$console.text" | tail -n 300
            say "kernel $1: did not get through ($(why "$console.text")); booting it once more"
            rm -f "$disk"
            boot "$architecture" "$kernel" "$console" "$disk" && passed=yes
        fi
    fi
    if [ -n "$passed" ] && [ "$architecture" = x86_64 ]; then
        check_runs "$disk" "$console.text" >"$work/run" 2>&1 || passed=
        cat "$work/run" >>"$console.text"
        disturbed=yes
    fi
    python3 "$root/vm/backends.py" read "$1" "$console.text" "$root"/probe/objects/*-"$architecture"*.o \
        >"$work/records" || passed=
    cp "$work/records" "$records/$1.jsonl"
    rm -rf "$disk" "$disk.back"
    if [ -z "$passed" ]; then
        cut -c 1-400 "$console.text" | tail -n 300
        say "kernel $1: failed: $(why "$console.text")"
        return 1
    fi
    grep -E '^(guest: |test |test result: |parquet: )' "$console.text"
    say "kernel $1: passed in $((SECONDS - began)) s"
}

# Makes the table of what the named kernels answered, if each did.
write_table() {
    local lines=() kernel
    for kernel; do
        [ -s "$records/$kernel.jsonl" ] || { say "kernel $kernel gave no answer: the table stays as it was"; return; }
        lines+=("$records/$kernel.jsonl")
    done
    python3 "$root/vm/backends.py" table "${lines[@]}" >"$work/table"
    cp "$work/table" "$table"
    say "wrote ${table#"$root"/}"
}

check_tools "$@"
# What judges the consoles comes first.
python3 -B "$root/vm/test_backends.py" --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$records"
for architecture in $(architectures "$@"); do
    build "$architecture"
    cp "$work/$architecture/disk/steps" "$work/$architecture/steps"
done
failed='' disturbed=''
for kernel; do
    test_kernel "$kernel" || failed="$failed $kernel ($(why "$work/console-$kernel.text" 2>/dev/null || echo 'was not booted'))"
done
[ -z "$table" ] || write_table "$@"
if [ -n "$failed" ]; then
    say "failed:$failed"
    exit 1
fi
