#!/bin/bash
# Looks at a run as strangers to the code would: its Parquet with pyarrow and duckdb, its report with Chromium.
# run.sh [RUN [OPTION OF parquet.py…]]; RUN is a folder or the name of one in runs/, by default latest.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
run=${1:-latest}
[ $# -eq 0 ] || shift
[ -e "$run/manifest.json" ] || run=${RUNNER_RUNS_DIR:-$root/runs}/$run

status=0
"$root/checks/parquet.sh" "$run" "$@" || status=1
PYTHONDONTWRITEBYTECODE=1 python3 "$root/checks/report.py" "$run" \
    --pictures "${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/artifacts" || status=1
exit $status
