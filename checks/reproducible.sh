#!/bin/bash
# Makes the packages once more, from a copy of the sources in another folder, and compares them with those in dist/, byte
# by byte: reproducible.sh [ARCHITECTURE…]. Takes as long as `just dist` does with nothing compiled.
set -euo pipefail
cd "$(dirname "$0")/.."

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
first=$PWD/dist
[ -s "$first/SHA256SUMS" ] || { echo "reproducible: dist/ has no packages: make them by \`just dist\`" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/a/folder/of/another/length
mkdir -p "$copy"
git ls-files -z | tar --null --files-from=- -cf - | tar -C "$copy" -xf -
env -u CARGO_TARGET_DIR "$copy/packaging/build.sh" --out "$work/second" "$@"
cd "$work/second"
same=0 differ=0
for package in syscall*; do
    if cmp "$package" "$first/$package"; then
        same=$((same + 1))
    else
        differ=$((differ + 1))
    fi
done
echo "reproducible: $same passed, $differ failed"
[ "$differ" = 0 ]
