#!/bin/bash
# Holds what the probe says against two others: the callers' own view of the same calls, and perf trace, which watches
# the same program. Needs a probe, and perf for the second.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
runner=${CARGO_TARGET_DIR:-$root/target}/debug/runner
readers=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/readers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v perf >/dev/null || { echo "truth: perf is missing (Debian: linux-perf)" >&2; exit 1; }
"$runner" run "$root/checks/truth.toml" --runs-dir "$work/callers" --quiet >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
"$root/checks/parquet.sh" "$work/callers/latest" --none-failed --calls getpid=50000 lseek=50000 futex=50000
# Watched from outside: perf counts for each thread, by its name. It pairs entries and returns in the order in which it
# reads them, which is not that in which they came where a thread changes its CPU, and then drops some: so on one CPU, and
# once more where it saw fewer.
for attempt in 1 2 3; do
    rm -rf "$work/observer"
    perf trace --summary --mmap-pages 8192 --output "$work/observed" -- taskset -c 0 \
        "$runner" run "$root/checks/observer.toml" --runs-dir "$work/observer" --quiet >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
    "$root/checks/parquet.sh" "$work/observer/latest" --none-failed
    status=0
    PYTHONDONTWRITEBYTECODE=1 "$readers/bin/python" "$root/checks/truth.py" "$work/callers/latest" "$work/observer/latest" "$work/observed" || status=$?
    [ "$status" = 3 ] || exit "$status"
    echo "truth: perf trace saw fewer calls than the probe in attempt $attempt"
done
exit 1
