#!/bin/bash
# Reads a run as docs/reading.md says, with pandas, polars, duckdb and R, a folder of runs as docs/archive.md says, and what
# `runner export` makes of a run, with prometheus_client among others: reading.sh RUN [RUNNER]. The Python packages are in an
# environment of their own.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
tools=$cache/reading
run=${1:-latest}
[ -e "$run/manifest.json" ] || run=${RUNNER_RUNS_DIR:-$here/../runs}/$run

if ! "$tools/bin/python" -c 'import duckdb, pandas, polars, prometheus_client, pyarrow' 2>/dev/null; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check duckdb pandas polars prometheus_client pyarrow >&2
fi
runner=${2:-$(cargo metadata --no-deps --format-version 1 --manifest-path "$here/../Cargo.toml" |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/runner}
PYTHONDONTWRITEBYTECODE=1 exec "$tools/bin/python" "$here/reading.py" "$here/../docs/reading.md" "$here/../docs/archive.md" "$run" "$runner"
