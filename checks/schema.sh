#!/bin/bash
# Holds the editors' schema against the reader: jsonschema's verdicts and `runner plan`'s on the same scenarios, and
# taplo, which is what editors use, on those that are shipped; and the schema of reports against reports. From an
# environment of their own in the cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
tools=$cache/schema

if ! "$tools/bin/python" -c 'import jsonschema, tomllib' 2>/dev/null || [ ! -x "$tools/bin/taplo" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check jsonschema taplo==0.9.3 >&2
fi
[ $# -gt 0 ] || set -- "$(cargo metadata --no-deps --format-version 1 --manifest-path "$here/../Cargo.toml" |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/runner"
PYTHONDONTWRITEBYTECODE=1 exec "$tools/bin/python" "$here/schema.py" --taplo "$tools/bin/taplo" "$@"
