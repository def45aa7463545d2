#!/bin/bash
# Holds what the probe says against two others: the callers' own view of the same calls, and strace, which watches the
# same program. Needs a probe, and strace for the second.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
runner=${CARGO_TARGET_DIR:-$root/target}/debug/runner
readers=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/readers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v strace >/dev/null || { echo "truth: strace is missing" >&2; exit 1; }
"$runner" run "$root/checks/truth.toml" --runs-dir "$work/callers" --quiet >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
"$root/checks/parquet.sh" "$work/callers/latest" --none-failed --calls getpid=50000 lseek=50000 futex=50000
# Watched from outside: strace stops a program at every call, so it misses none, and keeps a file for each thread.
mkdir "$work/observed"
strace -ff --seccomp-bpf --trace execve,getdents64,openat,close,statx,mmap,write --output "$work/observed/thread" \
    "$runner" run "$root/checks/observer.toml" --runs-dir "$work/observer" --quiet >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
"$root/checks/parquet.sh" "$work/observer/latest" --none-failed
PYTHONDONTWRITEBYTECODE=1 "$readers/bin/python" "$root/checks/truth.py" "$work/callers/latest" "$work/observer/latest" "$work/observed"
