#!/bin/bash
# Makes what people install: build.sh [--dev] [--out FOLDER] [ARCHITECTURE…]
#
# For x86_64 and aarch64, unless some are named: a Debian package, a wheel for pip and an archive, each with the same two
# static programs, and SHA256SUMS, in dist/ or FOLDER. The same sources, compilers and packaging tools give the same
# bytes, whatever folder they are in. --dev packs programs of the development profile, which takes minutes instead of
# half an hour: to try the packages, not to measure with.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
tools=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
cargo_deb=3.8.0 maturin=1.16.0
out=$root/dist profile=release folder=release strip=--no-strip architectures=()

say() { printf 'dist: %s\n' "$*" >&2; }

while [ $# -gt 0 ]; do
    case $1 in
        --dev) profile=dev folder=debug strip=--strip ;;
        --out)
            mkdir -p "$2"
            out=$(cd "$2" && pwd)
            shift
            ;;
        x86_64 | aarch64) architectures+=("$1") ;;
        *)
            sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
    shift
done
# Manual and completions are printed by the program of this machine, so its architecture comes first, always.
native=$(uname -m)
[ ${#architectures[@]} -gt 0 ] || architectures=(x86_64 aarch64)
mapfile -t architectures < <(printf '%s\n' "$native" "${architectures[@]}" | awk '!seen[$0]++')

# What packs, in versions of our choice: other ones may give other bytes.
fetch_tools() {
    if ! "$tools/bin/cargo-deb" --version 2>/dev/null | grep -qx "cargo-deb $cargo_deb"; then
        say "building cargo-deb (once)"
        # Without its own compression, which takes a C library: the system's xz does it.
        cargo install --quiet --locked --debug --root "$tools" --no-default-features "cargo-deb@$cargo_deb"
    fi
    if ! "$tools/maturin/bin/maturin" --version 2>/dev/null | grep -qx "maturin $maturin"; then
        say "fetching maturin (once)"
        python3 -m venv --clear "$tools/maturin"
        "$tools/maturin/bin/pip" install -q --disable-pip-version-check "maturin==$maturin"
    fi
}

# No path of this machine, and no time but that of the sources, gets into what is made.
be_reproducible() {
    local sysroot commit flags
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || {
        say "git does not tell the time of the last commit: say SOURCE_DATE_EPOCH, in seconds"
        exit 1
    }
    export SOURCE_DATE_EPOCH
    # It is for those who pack. Were the compilers told it, half of all dependencies would be compiled anew for each commit;
    # those of C are told one time of ours, for code that says when it was compiled. Of the development profile it is none, so that
    # what was compiled for other reasons is as good.
    local told=SOURCE_DATE_EPOCH=315532800
    [ "$profile" = release ] || told='-u SOURCE_DATE_EPOCH'
    mkdir "$work/bin"
    printf '#!/bin/sh\nexec env %s %q "$@"\n' "$told" "$(command -v cargo)" >"$work/bin/cargo"
    chmod +x "$work/bin/cargo"
    export PATH=$work/bin:$PATH
    [ "$profile" = release ] || return 0
    sysroot=$(rustc --print sysroot)
    commit=$(rustc --version --verbose | sed -n 's/^commit-hash: //p')
    # Of several that fit the last counts. Where the standard library's sources are installed, their paths are this
    # machine's as well.
    printf -v flags '%s\x1f' "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
        "--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit" \
        "--remap-path-prefix=$root=/syscall-lab" "--remap-path-prefix=$target=/syscall-lab/target"
    export CARGO_ENCODED_RUSTFLAGS=${flags%$'\x1f'}
    # Rust's own linker, which is the same wherever the compiler is.
    export "CARGO_TARGET_${native^^}_UNKNOWN_LINUX_MUSL_LINKER=rust-lld"
}

# Names the compiler of what is C among the dependencies (zstd and blake3) for architecture $1, and the linker.
cross_compile() {
    local triple=$1-unknown-linux-musl compiler=musl-gcc package=musl-tools
    [ "$1" = "$native" ] || compiler=$1-linux-gnu-gcc package=gcc-${1/_/-}-linux-gnu
    command -v "$compiler" >/dev/null || {
        say "missing: $compiler (Debian: $package)"
        exit 1
    }
    [ "$1" != "$native" ] || return 0
    # There need not be a linker for it.
    export "CARGO_TARGET_${1^^}_UNKNOWN_LINUX_MUSL_LINKER=rust-lld"
    # The C library's headers are glibc's, and musl is what it is linked with: nothing that only glibc has may be used.
    export "CC_${triple//-/_}=$compiler" "AR_${triple//-/_}=$1-linux-gnu-ar"
    export "CFLAGS_${triple//-/_}=-U_FORTIFY_SOURCE -fno-stack-protector$([ "$1" != aarch64 ] || echo ' -mno-outline-atomics')"
}

# Builds the programs for architecture $1.
build() {
    local triple=$1-unknown-linux-musl
    rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
    cross_compile "$1"
    say "building for $1"
    cargo build --locked --profile "$profile" --target "$triple" -p runner --bins
}

# Writes manual pages and completions with the program of this machine, and the licences of what is in it.
write_share() {
    local runner=$target/$native-unknown-linux-musl/$folder/runner share=$root/packaging/share
    rm -rf "$share"
    mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,doc/syscall-lab}
    "$runner" man --out "$share/man/man1" >/dev/null
    "$runner" completions bash >"$share/bash-completion/completions/runner"
    "$runner" completions zsh >"$share/zsh/site-functions/_runner"
    "$runner" completions fish >"$share/fish/vendor_completions.d/runner.fish"
    # Debian wants one in its own form; what changed is in CHANGELOG.md.
    printf 'syscall-lab (%s-1) unstable; urgency=medium\n\n  * What changed is told in CHANGELOG.md.\n\n -- %s  %s\n' "$version" \
        "$(sed -n 's/^maintainer = "\(.*\)"$/\1/p' runner/Cargo.toml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" \
        >"$share/doc/syscall-lab/changelog"
    # The same for both architectures: what is linked into one of them only is named in the other's as well.
    python3 -B packaging/notices.py {x86_64,aarch64}-unknown-linux-musl >"$share/doc/syscall-lab/NOTICES"
}

# Packs architecture $1's archive, to be unpacked in /usr/local or ~/.local.
pack_archive() {
    local name=syscall-lab-$version-$1-linux programs=$target/$1-unknown-linux-musl/$folder
    local tree=$work/$name
    mkdir -p "$tree/bin"
    cp "$programs"/{runner,generator} "$tree/bin"
    [ "$profile" = release ] || strip "$tree"/bin/* 2>/dev/null || say "not stripped: strip knows this machine's architecture only"
    cp -r packaging/share/. "$tree/share"
    cp -r scenarios LICENSE LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$tree/share/doc/syscall-lab"
    cp packaging/copyright "$tree/share/doc/syscall-lab"
    tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --format=gnu -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
}

# Packs what there is of architecture $1.
pack() {
    local triple=$1-unknown-linux-musl
    "$tools/bin/cargo-deb" --manifest-path runner/Cargo.toml --locked --target "$triple" --profile "$profile" --no-build \
        "$strip" --output "$out" >&2
    # It finds the programs built, as it builds them the same way. Being static, they are as good where Python is
    # glibc's as where it is musl's.
    "$tools/maturin/bin/maturin" build --locked --profile "$profile" --target "$triple" \
        --compatibility manylinux_2_17 musllinux_1_1 --out "$out" >&2
    pack_archive "$1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
rm -f "$out"/syscall-lab* "$out"/syscall_lab* "$out/SHA256SUMS"
be_reproducible
for architecture in "${architectures[@]}"; do
    build "$architecture"
done
fetch_tools
write_share
for architecture in "${architectures[@]}"; do
    pack "$architecture"
done
cd "$out"
sha256sum syscall-lab* syscall_lab* >SHA256SUMS
ls -l syscall-lab* syscall_lab*
