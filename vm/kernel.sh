#!/bin/bash
# Prints the path of a stock Debian kernel, fetched into the cache on first use: kernel.sh SERIES[-arm64]
#
# SERIES is 6.1, 6.12, 7.3, …; the kernel is one for amd64 unless -arm64 follows. Nothing is installed: packages are
# only unpacked. A series that the machine's own apt does not offer is looked for by a private one, whose settings and
# lists are in the cache. It asks the mirror that the machine is configured for, and checks Debian's signatures.
set -euo pipefail

name=${1:?usage: kernel.sh SERIES[-arm64]}
series=${name%-arm64}
architecture=amd64
[ "$series" = "$name" ] || architecture=arm64
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/kernels
mkdir -p "$cache"

# What turns apt into the private one; empty for the machine's own.
settings=()

say() { printf 'kernel.sh: %s\n' "$*" >&2; }

# newest PATTERN: the newest cloud kernel of a series that is offered; they boot fast and have BPF, BTF and kprobes.
newest() {
    local kind packages=
    # Newer series have the kernel in linux-binary-*, of which linux-image-* is only the sum with its modules.
    for kind in binary image; do
        packages=$(apt-cache "${settings[@]}" --names-only search \
            "^linux-$kind-$1[.+].*-cloud-$architecture\$" | cut -d' ' -f1)
        [ -z "$packages" ] || break
    done
    sort -V <<<"$packages" | tail -n 1
}

# sources LABEL SUITE…: apt's lines for suites of the part of Debian's archive that has this label.
sources() {
    local label=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg options mirror suite
    shift
    # Without Debian's own keyring apt checks against the keys that the machine trusts.
    options="arch=$architecture"
    [ ! -r "$keyring" ] || options="$options signed-by=$keyring"
    # shellcheck disable=SC2016 # Apt expands.
    mirror=$(apt-get indextargets --format 'label=$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n "s,^label=Debian/$label ,,p" | sed -n 1p)
    [ -n "$mirror" ] || return 0
    for suite; do
        echo "deb [$options] $mirror $suite main"
    done
}

# From here on, apt is one of the wanted architecture with the suites that have other kernels than the machine's own.
use_private_apt() {
    local folder=$cache/apt-$architecture
    mkdir -p "$folder/state" "$folder/cache"
    touch "$folder/status"
    {
        sources Debian-Security bullseye-security bookworm-security trixie-security
        sources Debian trixie-backports
    } >"$folder/sources.list"
    if [ ! -s "$folder/sources.list" ]; then
        say "the configured suites do not tell of a mirror of Debian (is apt-get update due?)"
        return 0
    fi
    # It is read after the machine's settings, so that a proxy is still used; hooks are for the machine's own lists.
    cat >"$folder/apt.conf" <<END
#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Cache "$folder/cache";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$folder/state";
Dir::State::status "$folder/status";
END
    settings=(-c "$folder/apt.conf")
    # Offline, the lists of an earlier call are as good.
    apt-get "${settings[@]}" update -qq >&2 || say "the lists of other suites could not be brought up to date"
}

# fetch PACKAGE FILE: keeps the kernel that is in a package.
fetch() {
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && apt-get "${settings[@]}" download -qq -o APT::Sandbox::User=root "$1" >&2)
    dpkg -x "$work"/*.deb "$work/root"
    find "$work/root" -name 'vmlinuz*' -type f -exec mv {} "$work/kernel" \;
    mv "$work/kernel" "$2"
}

package=$(newest "${series//./\\.}")
if [ -z "$package" ]; then
    use_private_apt
    package=$(newest "${series//./\\.}")
fi
if [ -z "$package" ]; then
    # What an earlier call fetched is as good when the package lists are not there.
    kept=$(find "$cache" -maxdepth 1 -name "vmlinuz-${series}[.+]*-cloud-$architecture" | sort -V | tail -n 1)
    if [ -n "$kept" ]; then
        echo "$kept"
        exit 0
    fi
    # Backports go on to newer series.
    case $series in 7.*) package=$(newest '7\.[0-9]+') ;; esac
    if [ -z "$package" ]; then
        say "no cloud kernel $series for $architecture is offered (is apt-get update due?)"
        exit 1
    fi
    say "$series is not offered; taking $package, the newest 7.x"
fi

kernel=$cache/vmlinuz-${package#linux-*-}
[ -e "$kernel" ] || fetch "$package" "$kernel"
echo "$kernel"
