#!/bin/bash
# Carries out docs/two_kernels.md in a virtual machine, from the first boot to the comparison: two_kernels.sh [A [B [BOOTS]]]
#
# Kernels A and B are booted BOOTS times each, in the order a b b a, with a disk that stays. Latencies are those of an emulated
# processor; what is asserted is that each run has all its boots and blocks, and that the comparison takes the boot for its unit.
set -euo pipefail
# shellcheck source=vm/machine.sh
. "$(dirname "$0")/machine.sh"

first=${1:-6.1} second=${2:-6.12} boots=${3:-4}
disk=$work/disk.ext4 repetitions=2
scenario=scenarios/vm_counts.toml

# Boots kernel $1, whose run has the label $2, for the time $3: the first begins the run, the others add blocks to it.
measure() {
    local kernel append=(--label "$2") console=$work/console
    [ "$3" = 1 ] || append=(--append "$2")
    kernel=$("$root/vm/kernel.sh" "$1")
    echo "measure /disk/runner run $scenario --repetitions $repetitions --runs-dir /disk/runs ${append[*]}" >"$work/steps"
    debugfs -w -R 'rm /steps' "$disk" >"$work/debugfs" 2>&1 || true
    debugfs -w -R "write $work/steps /steps" "$disk" >>"$work/debugfs" 2>&1
    if ! boot x86_64 "$kernel" "$console" "$disk" || ! grep -q '^guest: finished, 0 failed' "$console.text"; then
        tail -n 100 "$console.text" | cut -c 1-400
        say "kernel $1, boot $3: failed"
        exit 1
    fi
    say "kernel $1, boot $3: ${append[*]}"
}

does_not_hold() {
    say "does not hold: $1"
    exit 1
}

check_tools "$first" "$second"
build x86_64
mkdir "$work/x86_64/disk/scenarios"
cp "$root/vm/scenario.toml" "$work/x86_64/disk/$scenario"
make_disk "$work/x86_64/disk" "$disk" "$work/made"
for boot in $(seq "$boots"); do
    # Who begins changes, so that what drifts falls on both alike.
    if [ $((boot % 2)) = 1 ]; then
        measure "$first" kernel_a "$boot"
        measure "$second" kernel_b "$boot"
    else
        measure "$second" kernel_b "$boot"
        measure "$first" kernel_a "$boot"
    fi
done
debugfs -R "rdump /runs $work" "$disk" 2>/dev/null
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p runner --bins
export RUNNER_RUNS_DIR=$work/runs PATH=${CARGO_TARGET_DIR:-$root/target}/debug:$PATH
for label in kernel_a kernel_b; do
    runner verify "$label"
    runner export "$label" --format csv >"$work/$label.csv"
    python3 - "$work/$label.csv" "$boots" "$repetitions" <<'CHECK' || does_not_hold "each boot of $label has its blocks"
import csv, sys
path, boots, repetitions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
blocks = {}
for row in csv.DictReader(open(path)):
    blocks.setdefault(row["boot"], set()).add(int(row["block"]))
print(f"{len(blocks)} boots, blocks {sorted(map(sorted, blocks.values()))}")
sys.exit([sorted(it) for it in sorted(map(sorted, blocks.values()))] != [list(range(n * repetitions, (n + 1) * repetitions)) for n in range(boots)])
CHECK
done
runner diff kernel_a kernel_b | tee "$work/diff"
grep -q 'The unit is the boot' "$work/diff" || does_not_hold "the boot is the unit of the comparison"
grep -q "$(sed -n 's/.*vmlinuz-//p' <<<"$("$root/vm/kernel.sh" "$second")")" "$work/diff" || does_not_hold "the kernels are named"
say "two kernels, $boots boots each: compared"
