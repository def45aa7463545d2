#!/bin/bash
# Tests the probe, and the runner as it is shipped, on stock kernels in a virtual machine:
# test.sh [--table | --package DEB] [KERNEL…]
#
# KERNEL is 6.1, 6.12, … or 6.12-arm64, as kernel.sh takes it. Builds static programs, puts them on a disk image, boots
# each kernel in software emulation, and reads back what the runner stored there. Counts are asserted, latencies never:
# those of an emulated processor mean nothing. On arm64 only the probe's own tests run. Two kernels run at a time, for one
# guest hardly keeps more than one processor busy.
#
# What each kernel's run says of each backend is kept as JSON lines in target/vm/; --table makes docs/kernels.md of them.
# With --package only the runner is tried, the one that is in a Debian package of the kernels' architecture.
set -euo pipefail
# shellcheck source=vm/machine.sh
. "$(dirname "$0")/machine.sh"

records=${CARGO_TARGET_DIR:-$root/target}/vm
table='' package='' programs=disk
if [ "${1:-}" = --table ]; then
    table=$root/docs/kernels.md
    shift
elif [ "${1:-}" = --package ]; then
    package=$(realpath "$2") programs=disk/usr/bin
    shift 2
fi
[ $# -gt 0 ] || set -- 6.1 6.12

# On whose behalf the runner is root.
invoker=65534

# The backends that programs are traced with on architecture $1: 6.1 has no fentry on arm64.
traced() { [ "$1" = x86_64 ] && echo kretprobe fentry || echo kretprobe; }

# Writes what a guest of architecture $1 has to do: $work/$1/steps, and in `switched` and `locked` what is done besides to the
# machine of some kernels, while the runner measures.
write_steps() {
    local guest=$work/$1 run="/$programs/runner run vm_counts"
    [ -n "$package" ] ||
        echo 'probe-kernel /disk/probe-kernel --test-threads=1 --nocapture' >"$guest/steps"
    [ -e "$guest/$programs/runner" ] || return 0
    mkdir "$guest/disk/scenarios"
    cp "$root/vm/scenario.toml" "$guest/disk/scenarios/vm_counts.toml"
    # As sudo starts it: root on behalf of a user, by whose rights files are opened. Disturbed, it is root on its own.
    install -d -o "$invoker" -g "$invoker" "$guest/disk/runs"
    local sudo="SUDO_UID=$invoker SUDO_GID=$invoker"
    echo "run $sudo $run --probe kretprobe --runs-dir /disk/runs" >>"$guest/steps"
    local backend
    for backend in $(traced "$1"); do
        echo "trace-$backend $sudo /$programs/runner trace --probe $backend --syscall getpid,openat --quiet --format json" \
            "--out /disk/runs/trace-$backend.json --command /$programs/generator getpid --operations 5000 --warmup 0s" >>"$guest/steps"
    done
    cat >"$guest/switched" <<STEPS
cpu-offline /disk/disturb cpu 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/cpu
clock-set-back /disk/disturb clock 0 $run --probe kretprobe --repetitions 1 --runs-dir /disk/clock
STEPS
    # Cannot be undone, so these are a guest's last.
    cat >"$guest/locked" <<STEPS
lockdown-refused /disk/disturb lockdown 1 $run --probe kretprobe --runs-dir /disk/refused
lockdown-auto /disk/disturb lockdown 0 $run --probe auto --repetitions 1 --runs-dir /disk/locked
STEPS
}

# Whether the trace $1 has every call of its program, and by backend $2. A program has a few calls of its own besides.
check_trace() {
    python3 - "$1" "$2" <<'CHECK'
import json, sys
trace = json.load(open(sys.argv[1]))
ledgers = {target["syscall"]: target["ledger"] for target in trace["targets"]}
entered = ledgers["getpid"]["entered"]
held = trace["backend"] == sys.argv[2] and 5000 <= entered <= 5010 and not any(it["lost"] for it in ledgers.values())
print(f"parquet: {'' if held else 'does not hold: '}a trace by {trace['backend']} has {entered} calls of getpid, {ledgers}")
sys.exit(not held)
CHECK
}

# Checks the counts of what the guest with console $2 left on disk $1: traces and an undisturbed run, and where $3 has `switched`
# those whose CPU went offline and whose clock was set back, where it has `locked` one whose kernel was locked down.
check_runs() {
    local back=$1.back folder run options folders=(runs:'--backend kretprobe --trials 4')
    [[ $3 != *switched* ]] || folders+=(cpu:'--backend kretprobe --trials 2' clock:'--backend kretprobe --trials 2')
    [[ $3 != *locked* ]] || folders+=(locked:'--backend user --trials 2')
    mkdir "$back"
    for folder in "${folders[@]}"; do
        options=${folder#*:} folder=${folder%%:*}
        debugfs -R "rdump /$folder $back" "$1" 2>/dev/null
        run=$(find "$back/$folder" -maxdepth 1 -mindepth 1 -type d -name '2*' | head -n 1)
        # shellcheck disable=SC2086 # the options are words
        "$root/checks/parquet.sh" "$run" $options --nothing-lost \
            --calls getpid=1000 read=500 lseek=500 openat=300 close=300 mmap=200 munmap=200 futex=700 || return 1
    done
    for folder in $(traced "$architecture"); do
        check_trace "$back/runs/trace-$folder.json" "$folder" || return 1
    done
    # Debugfs gives files and folders their owners, and links none.
    folder=$(find "$back/runs" ! -uid "$invoker" ! -type l)
    [ -z "$folder" ] || { echo "parquet: does not hold: not the invoking user's: $folder"; return 1; }
    [[ $3 = *locked* ]] || return 0
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

# Boots kernel $1, disturbed as $2 says, checks what comes back, and keeps what it says of each backend.
test_kernel() {
    local disturbed=$2 architecture kernel console=$work/console-$1 disk=$work/disk-$1.ext4 began=$SECONDS passed=yes
    local content=$work/content-$1 said=$work/said-$1
    architecture=$(architecture "$1")
    [ -n "$package" ] || rm -f "$records/$1.jsonl"
    kernel=$("$root/vm/kernel.sh" "$1") || return 1
    cp -al "$work/$architecture/disk" "$content"
    cp "$work/$architecture/steps" "$content/steps"
    local how
    for how in $disturbed; do cat "$work/$architecture/$how" >>"$content/steps"; done
    say "booting ${kernel##*/}"
    make_disk "$content" "$disk" "$console"
    if ! boot "$architecture" "$kernel" "$console" "$disk"; then
        passed=
        # An emulator that stands still, or a guest in it, gets a second chance: once, and never in silence.
        if ! grep -q '^guest: finished, ' "$console.text" || grep -q '^guest: step .*: hangs' "$console.text"; then
            cut -c 1-400 "$console.text" | tail -n 300
            say "kernel $1: did not get through ($(why "$console.text")); booting it once more"
            rm -f "$disk"
            make_disk "$content" "$disk" "$console"
            boot "$architecture" "$kernel" "$console" "$disk" && passed=yes
        fi
    fi
    if [ -n "$passed" ] && [ -e "$content/${programs#disk}/runner" ]; then
        check_runs "$disk" "$console.text" "$disturbed" >"$said" 2>&1 || passed=
        cat "$said" >>"$console.text"
    fi
    if [ -z "$package" ]; then
        python3 "$root/vm/backends.py" read "$1" "$console.text" "$root"/probe/objects/*-"$architecture"*.o \
            >"$records/$1.jsonl" || passed=
    fi
    rm -rf "$disk" "$disk.back" "$content"
    if [ -z "$passed" ]; then
        cut -c 1-400 "$console.text" | tail -n 300
        say "kernel $1: failed: $(why "$console.text")"
        return 1
    fi
    grep -E '^(guest: |test |test result: |parquet: )' "$console.text"
    say "kernel $1: passed in $((SECONDS - began)) s"
}

# Waits for the test of kernel $1, whose process is $2, and shows all that it said.
finish() {
    local status=0
    wait "$2" || status=$?
    cat "$work/output-$1"
    [ "$status" = 0 ] ||
        failed="$failed $1 ($(why "$work/console-$1.text" 2>/dev/null || echo 'was not booted'))"
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
failed='' first='' last=''
running=()
# One after the other: they are fetched by an apt that is alone. One that cannot be had is told where it is to boot.
for kernel; do
    "$root/vm/kernel.sh" "$kernel" >/dev/null || true
done
# One kernel has its machine switched about, another has it locked, so that neither takes much longer than the rest. That needs
# the runner, which is built for one architecture.
for kernel; do
    if [ -z "$package" ] && [ "$(architecture "$kernel")" = x86_64 ]; then
        first=${first:-$kernel} last=$kernel
    fi
done
for kernel; do
    disturbed=
    [ "$kernel" != "$first" ] || disturbed=switched
    [ "$kernel" != "$last" ] || disturbed="$disturbed locked"
    test_kernel "$kernel" "$disturbed" >"$work/output-$kernel" 2>&1 &
    running+=("$kernel $!")
    if [ ${#running[@]} -ge 2 ]; then
        # shellcheck disable=SC2086 # A name and a number.
        finish ${running[0]}
        running=("${running[@]:1}")
    fi
done
for kernel in "${running[@]}"; do
    # shellcheck disable=SC2086 # A name and a number.
    finish $kernel
done
[ -z "$table" ] || write_table "$@"
if [ -n "$failed" ]; then
    say "failed:$failed"
    exit 1
fi
