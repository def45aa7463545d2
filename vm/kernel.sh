#!/bin/bash
# Prints the path of a stock Debian kernel of the named series (6.1, 6.12, …), fetched into the cache on first use.
# Nothing is installed: the package is only unpacked.
set -euo pipefail

series=${1:?usage: kernel.sh SERIES}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/kernels
mkdir -p "$cache"

# The newest cloud kernel of the series that the configured suites offer; they boot fast and have BPF and kprobes.
package=$(apt-cache --names-only search "^linux-image-${series//./\\.}[.+].*-cloud-amd64\$" |
    cut -d' ' -f1 | sort -V | tail -n 1)
if [ -z "$package" ]; then
    # What an earlier call fetched is as good when the package lists are not there.
    newest=$(find "$cache" -name "vmlinuz-$series*" | sort -V | tail -n 1)
    [ -n "$newest" ] && { echo "$newest"; exit 0; }
    echo "kernel.sh: no cloud kernel $series in the configured suites (is apt-get update due?)" >&2
    exit 1
fi

kernel=$cache/vmlinuz-${package#linux-image-}
if [ ! -e "$kernel" ]; then
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2)
    dpkg -x "$work"/*.deb "$work/root"
    mv "$work"/root/boot/vmlinuz-* "$kernel"
fi
echo "$kernel"
