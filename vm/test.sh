#!/bin/bash
# Tests the probe, and the runner as it is shipped, on stock kernels in a virtual machine:
# test.sh [--table | --package DEB] [KERNEL…]
#
# KERNEL is 6.1, 6.12, … or 6.12-arm64, as kernel.sh takes it. Builds static programs, puts them on a disk image, boots
# each kernel in software emulation, and reads back what the runner stored there. Counts are asserted, latencies never:
# those of an emulated processor mean nothing. On arm64 only the probe's own tests run.
#
# What each kernel's run says of each backend is kept as JSON lines in target/vm/; --table makes docs/kernels.md of them.
# With --package only the runner is tried, the one that is in a Debian package of the kernels' architecture.
set -euo pipefail
# shellcheck source=vm/machine.sh
. "$(dirname "$0")/machine.sh"

records=${CARGO_TARGET_DIR:-$root/target}/vm
table='' package=''
if [ "${1:-}" = --table ]; then
    table=$root/docs/kernels.md
    shift
elif [ "${1:-}" = --package ]; then
    package=$(realpath "$2")
    shift 2
fi
[ $# -gt 0 ] || set -- 6.1 6.12

# Writes what a guest of architecture $1 has to do: $work/$1/steps, and in disturbing what is done to the first one besides.
write_steps() {
    local guest=$work/$1 run='/disk/runner run scenarios/vm_counts.toml'
    if [ -n "$package" ]; then
        mkdir "$guest/disk/scenarios"
        cp "$root/vm/scenario.toml" "$guest/disk/scenarios/vm_counts.toml"
        echo 'shipped /disk/usr/bin/runner check quick' >"$guest/steps"
        echo 'run /disk/usr/bin/runner run vm_counts --probe kretprobe --runs-dir /disk/runs' >>"$guest/steps"
        return 0
    fi
    echo 'probe-kernel /disk/probe-kernel --test-threads=1 --nocapture' >"$guest/steps"
    [ -e "$guest/disk/runner" ] || return 0
    mkdir "$guest/disk/scenarios"
    cp "$root/vm/scenario.toml" "$guest/disk/scenarios/vm_counts.toml"
    echo "run $run --probe kretprobe --runs-dir /disk/runs" >>"$guest/steps"
    # What is done to the machine meanwhile, on the first kernel only; last what cannot be undone.
    cat >"$guest/disturbing" <<STEPS
cpu-offline /disk/disturb cpu 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/cpu
clock-set-back /disk/disturb clock 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/clock
lockdown-refused /disk/disturb lockdown 1 $run --probe kretprobe --runs-dir /disk/refused
lockdown-auto /disk/disturb lockdown 0 $run --probe auto --repetitions 1 --runs-dir /disk/locked
STEPS
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
    [ -n "$package" ] || rm -f "$records/$1.jsonl"
    kernel=$("$root/vm/kernel.sh" "$1") || return 1
    cp "$work/$architecture/steps" "$work/$architecture/disk/steps"
    [ -n "$disturbed" ] || [ "$architecture" != x86_64 ] ||
        cat "$work/$architecture/disturbing" >>"$work/$architecture/disk/steps"
    say "booting ${kernel##*/}"
    make_disk "$architecture" "$disk" "$console"
    if ! boot "$architecture" "$kernel" "$console" "$disk"; then
        passed=
        # An emulator that stands still, or a guest in it, gets a second chance: once, and never in silence.
        if ! grep -q '^guest: finished, ' "$console.text" || grep -q '^guest: step .*: hangs' "$console.text"; then
            cut -c 1-400 "$console.text" | tail -n 300
            say "kernel $1: did not get through ($(why "$console.text")); booting it once more"
            rm -f "$disk"
            make_disk "$architecture" "$disk" "$console"
            boot "$architecture" "$kernel" "$console" "$disk" && passed=yes
        fi
    fi
    if [ -n "$passed" ] && grep -q '^run ' "$work/$architecture/steps"; then
        check_runs "$disk" "$console.text" >"$work/run" 2>&1 || passed=
        cat "$work/run" >>"$console.text"
        disturbed=yes
    fi
    if [ -z "$package" ]; then
        python3 "$root/vm/backends.py" read "$1" "$console.text" "$root"/probe/objects/*-"$architecture"*.o \
            >"$work/records" || passed=
        cp "$work/records" "$records/$1.jsonl"
    fi
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
mkdir -p "$records"
for architecture in $(architectures "$@"); do
    build "$architecture"
    write_steps "$architecture"
done
failed='' disturbed=${package:+no}
for kernel; do
    test_kernel "$kernel" || failed="$failed $kernel ($(why "$work/console-$kernel.text" 2>/dev/null || echo 'was not booted'))"
done
[ -z "$table" ] || write_table "$@"
if [ -n "$failed" ]; then
    say "failed:$failed"
    exit 1
fi
