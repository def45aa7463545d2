#!/bin/bash
# Reads a run's Parquet with pyarrow and duckdb, from an environment of their own in the cache: parquet.sh RUN [OPTION…]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
readers=$cache/readers

if ! "$readers/bin/python" -c 'import blake3, duckdb, pyarrow' 2>/dev/null; then
    rm -rf "$readers"
    python3 -m venv "$readers"
    "$readers/bin/pip" install -q --disable-pip-version-check pyarrow duckdb blake3 >&2
fi
PYTHONDONTWRITEBYTECODE=1 exec "$readers/bin/python" "$here/parquet.py" "$@"
