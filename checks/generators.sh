#!/bin/bash
# How fast the generator's loops are beside the same loops in C, by turns: checks/generators.sh [ROUNDS] [SECONDS].
# Needs a C compiler, and a machine at rest for its figures to mean anything.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
generator=${CARGO_TARGET_DIR:-$root/target}/debug/generator
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v cc >/dev/null || { echo "bench-generators: a C compiler is missing (Debian: gcc, libc6-dev)" >&2; exit 1; }
cc -O2 -pthread -Wall -Wextra -Werror -o "$work/loops" "$root/checks/generators.c"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/checks/generators.py" "$generator" "$work/loops" "$@"
