#!/bin/bash
# Checks that `just run` and `just test` compile every dependency with the same features, so that what one compiled
# serves the other: a feature that only a test turns on would have polars compiled twice.
set -euo pipefail

# features OPTION…: package, version and features of each dependency, a line each.
features() {
    cargo tree --locked --prefix none -f '{p} [{f}]' "$@" | sed 's/ (\*)$//' | LC_ALL=C sort -u
}

alone=$(LC_ALL=C comm -23 <(features -p runner -e normal,build) \
    <(features --workspace -e normal,build,dev))
if [ -n "$alone" ]; then
    printf 'compiled anew for the tests, with other features (see the end of runner/Cargo.toml):\n%s\n' "$alone" >&2
    exit 1
fi
