# The virtual machine that stock kernels are booted in: its programs, its disk, its start. Read by test.sh and two_kernels.sh.
# shellcheck shell=bash
export PATH=$PATH:/usr/sbin:/sbin
# Rust's own linker, for there need not be a C compiler for arm64.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER:-rust-lld}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
boot_seconds=${VM_TIMEOUT:-480}
work=$(mktemp -d)
trap 'end_jobs; rm -rf "$work"' EXIT

# Ends what runs besides, with the emulators: whoever waits for one of those tells it to end.
end_jobs() {
    local job
    for job in $(jobs -p); do
        # shellcheck disable=SC2046 # Numbers.
        kill $(cat "/proc/$job/task/$job/children" 2>/dev/null) "$job" 2>/dev/null || true
    done
}

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
    local what=(-p probe -p vm-init --test kernel)
    [ "$1" != x86_64 ] || what+=(-p runner)
    # Runner and generator as they are in a package need no others beside them.
    [ -z "${package:-}" ] || what=(-p vm-init)
    cargo build --locked --manifest-path "$root/Cargo.toml" --target "$1-unknown-linux-musl" \
        "${what[@]}" --bins --message-format=json-render-diagnostics |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["target"]["kind"][0], message["executable"])'
}

# Makes what kernels of architecture $1 boot with: $work/$1/initrd and the disk's content, $work/$1/disk, but for its steps.
build() {
    local triple=$1-unknown-linux-musl guest=$work/$1 kind program name
    rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
    mkdir -p "$guest/init" "$guest/disk"
    programs "$1" >"$guest/programs"
    while read -r kind program; do
        name=$(basename "$program")
        # Cargo adds a hash to a test's name.
        [ "$kind" != test ] || name=probe-${name%-*}
        # Strip knows this machine's architecture only.
        strip -o "$guest/disk/$name" "$program" 2>/dev/null || cp "$program" "$guest/disk/$name"
    done <"$guest/programs"
    [ -z "${package:-}" ] || dpkg-deb -x "$package" "$guest/disk"
    mv "$guest/disk/vm-init" "$guest/init/init"
    (cd "$guest/init" && echo init | cpio -o -H newc --quiet) >"$guest/initrd"
}

# Makes the disk $2 of what the folder $1 has; what the program says of it goes to $3.
make_disk() {
    mke2fs -q -t ext4 -d "$1" "$2" "$(($(du -sm "$1" | cut -f1) + 96))M" >"$3"
}

# Boots kernel $2 of architecture $1 with the disk $4; the guest's console goes to $3.
boot() {
    local guest=$work/$1 machine console ends status=0
    if [ "$1" = x86_64 ]; then
        machine=(-M "q35,hpet=off" -cpu max -device "isa-debug-exit,iobase=0x501,iosize=1")
        # A kernel asks whether its timer ticks while it waits for a moment only, in which the emulator may not have had its turn.
        console='ttyS0 tsc=reliable no_timer_check' ends='33 35'
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
