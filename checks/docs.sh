#!/bin/bash
# Carries out every command of the documentation, and follows its links: docs.sh [PAGE…]. As root, for the probe.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
tools=$cache/docs

if ! "$tools/bin/python" -c 'import yaml' 2>/dev/null; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check pyyaml >&2
fi
programs=$(cargo metadata --no-deps --format-version 1 --manifest-path "$here/../Cargo.toml" |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
PYTHONDONTWRITEBYTECODE=1 exec "$tools/bin/python" "$here/docs.py" "$programs" "$@"
