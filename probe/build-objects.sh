#!/usr/bin/env bash
# Builds the BPF objects that the loader embeds, byte for byte the same in every folder.
#
#   build-objects.sh            writes objects/probe-ARCH.o
#   build-objects.sh --check    builds into a temporary folder and compares with the committed objects
#
# Debian's rustc is used where it has a `core` for BPF (packages rustc-web and libstd-rust-web-dev-bpf), else a nightly
# toolchain with rust-src, which builds `core` itself. The object depends on the compiler's version, so --check with
# another compiler than the one in objects/COMPILER says so and ends with 2.
set -euo pipefail

probe=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$probe")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
linker_version=0.13.0
architectures="x86_64 aarch64"
target_dir=${CARGO_TARGET_DIR:-$cache}/bpf

# The linker is built against the libLLVM that the installed toolchain has anyway.
find_linker() {
    PATH="$cache/bin:$PATH"
    if ! bpf-linker --version 2>/dev/null | grep -qF "$linker_version"; then
        local sysroot library
        sysroot=$(cd "$root" && rustc --print sysroot)
        library=$(find "$sysroot/lib" -maxdepth 1 -name 'libLLVM.so.*' | sort | head -n 1)
        local major=${library##*libLLVM.so.}
        major=${major%%.*}
        mkdir -p "$cache/llvm/lib"
        ln -sf "$library" "$cache/llvm/lib/libLLVM.so"
        ln -sf "$library" "$cache/llvm/lib/$(basename "$library")"
        (cd "$root" && LLVM_PREFIX="$cache/llvm" cargo install bpf-linker --version "$linker_version" --locked \
            --root "$cache" --no-default-features --features "llvm-$major")
    fi
}

find_compiler() {
    if [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/bpfel-unknown-none" ]; then
        export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=aya_ebpf
        build=(cargo build)
    else
        export RUSTUP_TOOLCHAIN=nightly
        build=(cargo build -Z build-std=core)
        RUSTC=$(rustup which rustc)
        export RUSTC
    fi
    compiler=$("$RUSTC" --version)
}

find_strip() {
    strip=$(command -v llvm-strip || find /usr/bin -name 'llvm-strip-*' | sort -V | tail -n 1)
    [ -n "$strip" ] || { echo "build-objects.sh: llvm-strip is missing (package llvm)" >&2; exit 1; }
    objcopy=${strip/llvm-strip/llvm-objcopy}
}

# build_for ARCH OUT
build_for() {
    local folder=$target_dir/$1
    # Separated by 0x1f, as cargo wants them.
    local flags=(
        --cfg "bpf_target_arch=\"$1\"" -Cdebuginfo=2 -Clinker=bpf-linker -Clink-arg=--btf
        "--remap-path-prefix=$root=" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
        "--remap-path-prefix=$folder=target"
    )
    (
        cd "$probe/ebpf"
        CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")
        export CARGO_ENCODED_RUSTFLAGS
        export CARGO_CFG_BPF_TARGET_ARCH=$1
        "${build[@]}" --release --locked --target bpfel-unknown-none --target-dir "$folder"
    )
    "$strip" -g "$folder/bpfel-unknown-none/release/probe" -o "$2.named"
    # Names of functions end in a number made of, among others, the folder. They are as long without it, and the table
    # of names, which is sorted, is made anew.
    LC_ALL=C sed -i -E 's/17h[0-9a-f]{16}E/17h0000000000000000E/g' "$2.named"
    "$objcopy" "$2.named" "$2"
    rm "$2.named"
}

find_linker
find_compiler
find_strip

case ${1:-} in
    "")
        mkdir -p "$probe/objects"
        for architecture in $architectures; do
            build_for "$architecture" "$probe/objects/probe-$architecture.o"
        done
        echo "$compiler" >"$probe/objects/COMPILER"
        ;;
    --check)
        built=$(mktemp -d)
        trap 'rm -rf "$built"' EXIT
        for architecture in $architectures; do
            build_for "$architecture" "$built/probe-$architecture.o"
        done
        if [ "$compiler" != "$(cat "$probe/objects/COMPILER")" ]; then
            echo "build-objects.sh: built with $compiler, committed objects with $(cat "$probe/objects/COMPILER"):" \
                "bytes are not compared" >&2
            exit 2
        fi
        for architecture in $architectures; do
            cmp "$built/probe-$architecture.o" "$probe/objects/probe-$architecture.o"
        done
        ;;
    *)
        echo "usage: build-objects.sh [--check]" >&2
        exit 64
        ;;
esac
