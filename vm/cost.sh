#!/bin/bash
# What the probe costs beside empty programs of the same kind, counted in instructions: cost.sh [KERNEL] [OPTION…]
#
# Boots a stock kernel (6.12, or the one named) in an emulator whose clock advances by two nanoseconds with each
# instruction, and runs the benchmark of cost in it: half of what its table calls nanoseconds are instructions. That is
# repeatable, whatever the machine does meanwhile, and counts each instruction alike, which no processor does. OPTIONs
# are the benchmark's.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

root=$(cd "$(dirname "$0")/.." && pwd)
triple=x86_64-unknown-linux-musl
series=6.12
case ${1:-} in
    [0-9]*) series=$1 && shift ;;
esac
[ $# -gt 0 ] || set -- --rounds 15 --calls 2000

kernel=$("$root/vm/kernel.sh" "$series")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/disk" "$work/init"
rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
cargo build --locked --manifest-path "$root/Cargo.toml" --target "$triple" -p probe -p vm-init --bins --bench cost \
    --message-format=json-render-diagnostics |
    python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["target"]["name"], message["executable"])' >"$work/programs"
strip -o "$work/disk/cost" "$(sed -n 's/^cost //p' "$work/programs")"
strip -o "$work/init/init" "$(sed -n 's/^vm-init //p' "$work/programs")"
echo "cost /disk/cost $*" >"$work/disk/steps"
(cd "$work/init" && echo init | cpio -o -H newc --quiet) >"$work/initrd"
mke2fs -q -t ext4 -d "$work/disk" "$work/disk.ext4" 64M >/dev/null

status=0
timeout "${VM_TIMEOUT:-900}" qemu-system-x86_64 -M q35,hpet=off -accel tcg -icount shift=1,sleep=off -cpu max -smp 1 \
    -m 1024 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -device isa-debug-exit,iobase=0x501,iosize=1 \
    -drive "file=$work/disk.ext4,format=raw,if=none,id=disk,cache=unsafe" -device nvme,serial=disk,drive=disk \
    -kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 panic=-1 quiet tsc=reliable no_timer_check" \
    </dev/null >"$work/console" 2>&1 || status=$?
tr -d '\r' <"$work/console" | grep -vE '^(guest: |round |peers are missing)' || true
# A panic also ends the emulator: only the exit code and the last line together say that all went well.
[ "$status" = 33 ] && grep -q '^guest: finished, 0 failed' "$work/console"
