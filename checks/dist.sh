#!/bin/bash
# Installs what people install in clean Debian systems, and measures with it there: dist.sh [--dev] [FOLDER]
#
# FOLDER is what packaging/build.sh made (dist/ unless named). With --dev it is of the development profile, and made here,
# for this machine's architecture, unless named. For each suite (SUITES, or bookworm and trixie) debootstrap makes the smallest Debian
# there is, from the mirror that this machine's apt has: in one copy the .deb brings its dependencies along, in another
# pip installs the wheel and tar the archive, without a compiler and without a registry. `runner run quick` must come to
# its report within a minute, by the backend of this kernel. With --dev, what cargo installs from the sources is tried besides. As root.
#
# shellcheck disable=SC2016 # What stands between single quotes is for the shells in there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
architecture=$(uname -m)
minute=${DIST_SECONDS:-60}
passed=0

work=$(mktemp -d)
# Nothing is mounted here: see `inside`.
trap 'rm -rf --one-file-system "$work"' EXIT

say() { printf 'dist: %s\n' "$*"; }
die() { say "does not hold: $*"; exit 1; }
# holds WORDS COMMAND…: counts what is so, and ends where it is not.
holds() {
    local words=$1
    shift
    "$@" >"$work/said" 2>&1 || { tail -n 40 "$work/said"; die "$words"; }
    passed=$((passed + 1))
}

# The same of what is so of optimised programs alone.
optimised_holds() { [ -n "$dev" ] || holds "$@"; }

# What mounts what is needed, changes root and carries out "$@"; the first word is the tree.
enter='set -eu
    tree=$1
    shift
    mount -t proc proc "$tree/proc"
    mount -t sysfs sysfs "$tree/sys"
    mount --rbind /dev "$tree/dev"
    mount -t bpf bpf "$tree/sys/fs/bpf"
    ! grep -qw tracefs /proc/filesystems || mount -t tracefs tracefs "$tree/sys/kernel/tracing"
    export HOME=/root PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
    export SYSCALL_LAB_TURN='$$'
    exec chroot "$tree" "$@"'

# inside TREE COMMAND…: carries out a command in a tree, with an environment of its own. The mounts are in a namespace of
# their own, so they are gone with the command, however it or this script ends, and nobody else sees them.
inside() {
    timeout "${limit:-600}" env -i TERM=dumb unshare --mount --propagation private sh -c "$enter" enter "$@"
}

# The mirror of Debian that this machine's apt has; of its archive, not of security updates.
mirror() {
    # shellcheck disable=SC2016 # Apt expands.
    apt-get indextargets --format 'label=$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's,^label=Debian/Debian ,,p' | sed -n 1p
}

# Makes the smallest Debian of suite $1 in $work/base. Apt in there goes the same ways as this machine's.
make_base() {
    local from
    from=$(mirror)
    [ -n "$from" ] || die "apt here knows no mirror of Debian (is apt-get update due?)"
    say "making a clean $1"
    mkdir -p "$cache/debs"
    rm -rf --one-file-system "$work/base"
    holds "debootstrap makes $1" debootstrap --variant=minbase --cache-dir="$cache/debs" "$1" "$work/base" "$from"
    apt-config dump | grep -E '^Acquire::(http|https)::' >"$work/base/etc/apt/apt.conf.d/90machine" || :
    holds "apt in there has its lists" inside "$work/base" apt-get update -qq
}

# copy NAME FILE…: makes a tree of this name, with what is to be installed in its /dist.
copy() {
    local tree=$work/$1
    shift
    cp -a --reflink=auto "$work/base" "$tree"
    mkdir "$tree/dist"
    cp "$@" "$tree/dist"
}

# measures TREE RUNNER: a shipped scenario is found by its name, and comes to its report in a minute.
measures() {
    local tree=$1 runner=$2 began=$SECONDS run
    holds "$runner knows what is shipped" inside "$tree" "$runner" check quick
    holds "the generator is beside $runner" inside "$tree" "$(dirname "$runner")/generator" getpid --window 20ms
    mkdir -p "$tree/root/lab"
    limit=$minute holds "quick comes to its report within $minute s" \
        inside "$tree" sh -c 'cd /root/lab && rm -rf runs && "$0" run quick --quiet' "$runner"
    say "$(basename "$tree"): $runner run quick took $((SECONDS - began)) s to its report"
    run=$(readlink -f "$tree/root/lab/runs/latest")
    holds "the page is there" test -s "$run/report/index.html"
    holds "the run is whole" inside "$tree" "$runner" verify --runs-dir /root/lab/runs latest
    holds "others read it" "$here/parquet.sh" "$run" --none-failed --backend "$backend"
}

# The backend that `auto` has to find here.
backend=raw_tracepoint
[ ! -e /sys/bus/event_source/devices/kprobe ] || backend=kretprobe

try_deb() {
    local tree=$work/deb-$1
    copy "deb-$1" "$dist"/*_"$(dpkg --print-architecture)".deb
    holds "the package brings what it needs" inside "$tree" sh -c 'apt-get install -y -qq --no-install-recommends /dist/*.deb'
    holds "stress-ng came with it" inside "$tree" stress-ng --version
    measures "$tree" /usr/bin/runner
    holds "the manual is there" sh -c "gzip -dc '$tree/usr/share/man/man1/runner-run.1.gz' | grep -q '^\.TH'"
    holds "so are completions" inside "$tree" bash -n /usr/share/bash-completion/completions/runner
    holds "so are scenarios" test -s "$tree/usr/share/doc/syscall-lab/examples/scenarios/quick.toml"
    holds "files are as they were packed" inside "$tree" sh -c '[ -z "$(dpkg --verify syscall-lab)" ]'
    holds "and go again" inside "$tree" sh -c 'dpkg -L syscall-lab | while read -r path; do [ ! -f "$path" ] || echo "$path"; done >/dist/files
        grep -qx /usr/bin/generator /dist/files && apt-get purge -y -qq syscall-lab &&
        while read -r file; do [ ! -e "$file" ] || exit 1; done </dist/files'
    rm -rf --one-file-system "$tree"
}

try_others() {
    local tree=$work/others-$1
    copy "others-$1" "$dist"/*"$architecture"*
    holds "python3 and stress-ng are there" \
        inside "$tree" apt-get install -y -qq --no-install-recommends python3-venv stress-ng
    holds "no compiler is" inside "$tree" sh -c '! command -v cc && ! command -v cargo'
    holds "an environment is made" inside "$tree" python3 -m venv /opt/lab
    holds "pip installs the wheel" inside "$tree" sh -c '/opt/lab/bin/pip install --no-index --disable-pip-version-check /dist/*.whl'
    measures "$tree" /opt/lab/bin/runner
    holds "tar installs the archive" inside "$tree" sh -c 'tar -C /usr/local --strip-components=1 -xzf /dist/*.tar.gz'
    measures "$tree" /usr/local/bin/runner
    rm -rf --one-file-system "$tree"
}

# static FILE: a program that needs nothing but the kernel, and has no path of this machine in it.
static() {
    ! readelf -lW "$1" | grep -q INTERP && ! readelf -dW "$1" 2>/dev/null | grep -q NEEDED
}

# What can be said of packages without installing them, those of other architectures included.
look_at() {
    local package it tree=$work/unpacked wheel=$work/wheel
    holds "checksums are right" sh -c "cd '$dist' && sha256sum --check --strict --quiet SHA256SUMS"
    for package in "$dist"/*.deb; do
        case $package in *_amd64.deb) it=x86_64 ;; *) it=aarch64 ;; esac
        rm -rf "$tree" "$wheel"
        dpkg-deb -x "$package" "$tree"
        python3 -m zipfile -e "$dist"/*"$it"*.whl "$wheel"
        for program in runner generator; do
            # So what is executed of one of them is executed of all. Of the development profile each strips in its own way, or not.
            optimised_holds "$program is the same in the wheel for $it" \
                sh -c "cmp '$tree/usr/bin/$program' '$wheel'/*.data/scripts/$program"
            optimised_holds "$program is the same in the archive for $it" \
                sh -c "tar -xOzf '$dist'/*-$it-linux.tar.gz --wildcards '*/bin/$program' | cmp - '$tree/usr/bin/$program'"
            holds "$program of ${package##*/} is static" static "$tree/usr/bin/$program"
            optimised_holds "no path of this machine is in $program of ${package##*/}" \
                sh -c "! grep -aqF -e '${CARGO_HOME:-$HOME/.cargo}' -e '$root' '$tree/usr/bin/$program'"
        done
        say "${package##*/}: $(du -h "$package" | cut -f1), runner $(stat -c %s "$tree/usr/bin/runner") bytes, generator $(stat -c %s "$tree/usr/bin/generator")"
        optimised_holds "the runner is under 40 MB" test "$(stat -c %s "$tree/usr/bin/runner")" -lt 40000000
    done
}

# Cargo brings the generator along; by the development profile, of which everything is compiled already.
try_sources() {
    holds "cargo installs from the sources" \
        cargo install --quiet --locked --debug --path "$root/runner" --root "$work/installed"
    mkdir "$work/lab"
    holds "what cargo installed measures" env -C "$work/lab" PATH=/usr/bin:/bin "SYSCALL_LAB_TURN=$$" \
        "$work/installed/bin/runner" run quick --quiet --repetitions 1
    holds "with the generator beside it" sh -c "'$work/installed/bin/runner' doctor --json | grep -qF '$work/installed/bin/generator'"
}

dev=
if [ "${1:-}" = --dev ]; then
    dev=yes
    shift
fi
dist=${1:-$root/dist}
if [ -n "$dev" ] && [ -z "${1:-}" ]; then
    dist=$work/dist
    holds "packages can be made" "$root/packaging/build.sh" --dev --out "$dist" "$architecture"
fi
dist=$(realpath "$dist")
command -v debootstrap >/dev/null || die "debootstrap is not installed (Debian: debootstrap)"
look_at
[ -z "$dev" ] || try_sources
for suite in ${SUITES:-bookworm trixie}; do
    make_base "$suite"
    try_deb "$suite"
    try_others "$suite"
done
say "$passed passed, 0 failed"
