# Recipes of Syscall Lab; `./justw RECIPE` does the same where just is not installed yet.
#
# Runs are kept in this folder's runs/, wherever a recipe is called from. Paths given to a recipe are relative to
# where it is called; a scenario's may also be relative to this folder.

set positional-arguments

root := justfile_directory()
manifest := quote(root / "Cargo.toml")
runner := "cargo run --quiet --locked --manifest-path " + manifest + " -p runner --"
export RUNNER_RUNS_DIR := env_var_or_default("RUNNER_RUNS_DIR", root / "runs")

# The first word as a program: one that is there already, or the runner built by the profile dev or release.
program := 'case $1 in
  */*) echo "$1" ;;
  dev) cargo build --locked -p runner --bins >&2 && echo "${CARGO_TARGET_DIR:-target}/debug/runner" ;;
  *) cargo build --locked --profile "$1" -p runner --bins >&2 && echo "${CARGO_TARGET_DIR:-target}/$1/runner" ;;
esac'

# What a recipe begins with that takes scenarios: those that are not here may be in this folder.
scenarios := 'for word; do
        shift
        case $word in
            *.toml) if [ ! -e "$word" ] && [ -f ' + quote(root) + '/"$word" ]; then word=' + quote(root) + '/$word; fi ;;
        esac
        set -- "$@" "$word"
    done'

# List the recipes
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# Measure SCENARIO and report it; the runner alone is started by sudo, for the probe
[no-cd]
[no-exit-message]
run SCENARIO *ARGS:
    #!/bin/sh
    set -eu
    {{ scenarios }}
    # The password is asked for before the build, while whoever started this is still looking. So the scenario is not
    # yet read by the runner: a line that says `probe = "user"` is taken at its word.
    elevate=
    asked=$(sed -n 's/^[[:space:]]*probe[[:space:]]*=[[:space:]]*["'\'']\([a-z_]*\)["'\''].*/ --probe \1/p' "$1" 2>/dev/null) || :
    case "$*" in *--probe*) asked= ;; esac
    case "$(id -u) $*$asked" in
        '0 '* | *' --probe user'* | *' --probe=user'*) ;;
        *)
            if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
                elevate=sudo
            elif command -v sudo >/dev/null && [ -t 0 ]; then
                echo "The probe needs root: sudo starts the runner, and nothing else, as root." >&2
                if sudo -v; then elevate=sudo; fi
            fi
            [ -n "$elevate" ] || echo "No root here: the kernel's side will not be measured." >&2
            ;;
    esac
    {{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} build
    programs=$(cargo metadata --no-deps --format-version 1 --manifest-path {{ manifest }} |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
    exec $elevate env RUNNER_RUNS_DIR="$RUNNER_RUNS_DIR" "$programs/runner" run "$@"

# Watch system calls now, as in `just trace --all --command ls -l`; the runner alone is started by sudo, for the probe
[no-cd]
[no-exit-message]
trace *ARGS: build
    #!/bin/sh
    set -eu
    elevate=
    [ "$(id -u)" = 0 ] || elevate=sudo
    programs=$(cargo metadata --no-deps --format-version 1 --manifest-path {{ manifest }} |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
    exec $elevate env RUNNER_RUNS_DIR="$RUNNER_RUNS_DIR" "$programs/runner" trace "$@"

# Show the figures of RUN (latest, latest~1, an id, NAME@latest or a path) and draw its HTML report anew
[no-cd]
[no-exit-message]
report *ARGS: build
    @{{ runner }} report "$@"

# Compare two runs
[no-cd]
[no-exit-message]
diff BASE CANDIDATE *ARGS: build
    @{{ runner }} diff "$@"

# List the runs
[no-cd]
[no-exit-message]
list *ARGS: build
    @{{ runner }} list "$@"

# Print every trial of SCENARIO in order and how long it will take; measures nothing
[no-cd]
[no-exit-message]
plan SCENARIO *ARGS: build
    #!/bin/sh
    set -eu
    {{ scenarios }}
    exec {{ runner }} plan "$@"

# Validate scenarios
[no-cd]
[no-exit-message]
check +SCENARIOS: build
    #!/bin/sh
    set -eu
    {{ scenarios }}
    exec {{ runner }} check "$@"

# Say what this machine can measure, and how to mend what it cannot
[no-cd]
doctor *ARGS: build
    @{{ runner }} doctor "$@"

# Build the programs `runner` and `generator`
build:
    @cargo build --locked --manifest-path {{ manifest }} -p runner --bins

# Put `runner` and `generator` on PATH, in cargo's own folder of programs
install: build
    cargo install --locked --debug --path runner

# Run the tests; those that need root say so and pass over without it
test *ARGS:
    #!/bin/sh
    # Those that measure mostly wait, for windows to pass and processes to end: more of them at a time than there are processors.
    export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(nproc) * 2))}"
    exec cargo test --workspace --locked "$@"

# Change scenarios at random for SECONDS and see that the reader neither panics nor hangs
fuzz-scenarios SECONDS="60":
    FUZZ_SECONDS="$1" cargo test --locked -p runner --bin runner changed_scenarios -- --ignored --nocapture

# Change runs at random for SECONDS and see that the readers neither panic nor hang, and stay within 4 GiB
fuzz-runs SECONDS="60":
    FUZZ_SECONDS="$1" cargo test --locked --workspace --lib changed_runs -- --ignored --nocapture
    FUZZ_SECONDS="$(($1 / 4))" cargo test --locked -p runner --bin runner changed_runs -- --ignored --nocapture

# Change assignments' and submissions' bundles at random for SECONDS and see that they are refused or read, and nothing else
fuzz-bundles SECONDS="60":
    FUZZ_SECONDS="$1" cargo test --locked --workspace --lib changed_bundles -- --ignored --nocapture

# Format the sources
fmt *ARGS:
    cargo fmt --all "$@"

# Run clippy over everything, with tests, examples and benchmarks
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Check the shell scripts, and this file's own form; needs shellcheck
scripts:
    git ls-files -z -- justw .ci/run '*.sh' | xargs -0 shellcheck
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --fmt --check --unstable

# Check that programs of this version read and write the runs that are kept as they were
golden:
    cargo test --locked --workspace --test store golden::

# Check the sources' form: rustfmt, clippy and shellcheck
lint: (fmt "--check") clippy scripts

# What is quick of all that a change has to pass, a minute or two: before `just ci`, not instead of it
ready: lint doc golden
    checks/shared_build.sh

# Render the sources' documentation
doc *ARGS:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked "$@"

# Make a book of docs/ in target/book; mdBook is fetched and built once (some minutes), into the cache
book:
    #!/bin/sh
    set -eu
    tools=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab
    if ! "$tools/bin/mdbook" --version 2>/dev/null | grep -q ' v0\.5'; then
        cargo install --quiet --locked --debug --root "$tools" --no-default-features --features search mdbook@0.5.4
    fi
    "$tools/bin/mdbook" build docs
    echo "target/book/index.html"

# Carry out every command of the documentation (or of the pages named) and follow its links; root, for the probe
docs *PAGES: build
    checks/docs.sh "$@"

# Write manual pages and completions for bash, zsh and fish below FOLDER, as in ~/.local/share
[no-cd]
manual FOLDER: build
    #!/bin/sh
    set -eu
    {{ runner }} man --out "$1/man/man1"
    mkdir -p "$1/bash-completion/completions" "$1/zsh/site-functions" "$1/fish/vendor_completions.d"
    {{ runner }} completions bash >"$1/bash-completion/completions/runner"
    {{ runner }} completions zsh >"$1/zsh/site-functions/_runner"
    {{ runner }} completions fish >"$1/fish/vendor_completions.d/runner.fish"

# Make a .deb, a wheel and an archive for x86_64 and aarch64, or those named, in dist/; --dev: quickly, of the development profile
dist *ARGS:
    packaging/build.sh "$@"

# Install what is in dist/ (with --dev: what is made for it now) in clean Debian systems and measure with it; needs root and debootstrap
check-dist *ARGS:
    checks/dist.sh "$@"

# Make what is in dist/ once more, in another folder, and compare the bytes
check-reproducible *ARCHITECTURES:
    checks/reproducible.sh "$@"

# Build the committed BPF objects anew, or with --check compare them with what their sources give
bpf *ARGS:
    probe/build-objects.sh "$@"

# Test the probe and the runner (or, --package DEB, a package's) on stock kernels (6.1 and 6.12, or those named) in a virtual machine
vm-test *KERNELS:
    vm/test.sh "$@"

# Count what the probe costs in instructions, beside empty programs of the same kind, on a stock kernel in an emulator
vm-bench-probe *ARGS:
    vm/cost.sh "$@"

# Test on 5.10 to 7.3 and on arm64, too, and make docs/kernels.md of what the kernels answered
vm-test-all:
    vm/test.sh --table 5.10 6.1 6.12 6.18 7.3 6.12-arm64

# Carry out docs/two_kernels.md with two stock kernels, BOOTS boots of each, in a virtual machine
vm-two-kernels A="6.1" B="6.12" BOOTS="4":
    vm/two_kernels.sh "$@"

# Read a run's Parquet with pyarrow and duckdb and its report with Chromium
[no-cd]
examine RUN="latest":
    @"{{ root }}/checks/run.sh" "$1"

# Hold the probe's counts and times against the callers' own view and against strace; needs root and strace
truth: build
    @"{{ root }}/checks/truth.sh"

# What the probe adds to a call, beside the floor and the peers that are installed; the benchmark alone is root
bench-probe *ARGS:
    #!/bin/sh
    set -eu
    # Built as `just run` builds the probe. Cargo hands the program to the one named as the runner.
    elevate=env
    [ "$(id -u)" = 0 ] || elevate=sudo
    exec cargo --config "target.'cfg(all())'.runner = '$elevate'" bench --locked --profile dev -p probe \
        --bench cost -- "$@"

# The generator's calls per second beside those of the same loops written in C; needs a C compiler
bench-generators *ARGS:
    #!/bin/sh
    set -eu
    loops=$(mktemp -d)
    trap 'rm -rf "$loops"' EXIT
    for source in generators/benches/against_c/*.c; do
        "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -pthread -o "$loops/$(basename "$source" .c)" "$source"
    done
    # Built as `just run` builds the generator.
    cargo bench --locked --profile dev -p generators --bench against_c -- --loops "$loops" "$@"

# What the runner itself spends on a trial, by phase, and on the processor while a window is open
bench-runner: build
    #!/bin/sh
    set -eu
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for scenario in lean window; do
        RUNNER_TIMELINE="$work/$scenario" "${CARGO_TARGET_DIR:-target}/debug/runner" run --quiet \
            --runs-dir "$work/runs" "checks/endurance/$scenario.toml" >"$work/said" || { cat "$work/said"; exit 1; }
    done
    python3 -B checks/endurance/lean.py "$work/lean" "$work/window"

# What reports and diffs take, by trials, beside the same figures by pandas, with a PROGRAM, or one built by the profile dev or release
bench-reports PROGRAM="release":
    #!/bin/sh
    set -eu
    runner=$({{ program }})
    readers=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/pandas
    if ! "$readers/bin/python" -c 'import pandas, pyarrow' 2>/dev/null; then
        python3 -m venv "$readers"
        "$readers/bin/pip" install -q --disable-pip-version-check pandas pyarrow
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$runner" run --quiet --runs-dir "$work" scenarios/mmap_sweep.toml
    sweep=$(readlink -f "$work/latest")
    for trials in 1050 10500; do
        RESAMPLE_RUN=$sweep RESAMPLE_INTO=$work RESAMPLE_AS=scaled-$trials RESAMPLE_TRIALS=$trials \
            cargo test --quiet --locked --workspace --test store golden::resample -- --ignored >"$work/said" || { cat "$work/said"; exit 1; }
    done
    PANDAS_PYTHON=$readers/bin/python python3 -B checks/endurance/reports.py "$runner" "$sweep" "$work"/scaled-1050 "$work"/scaled-10500

# An archive of RUNS made-up runs (some 2 GiB, removed afterwards): what lists, histories and diffs take beside duckdb
bench-archive PROGRAM="release" RUNS="10000":
    #!/bin/sh
    set -eu
    runner=$({{ program }})
    readers=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-lab/duckdb
    if ! "$readers/bin/python" -c 'import duckdb' 2>/dev/null; then
        python3 -m venv "$readers"
        "$readers/bin/pip" install -q --disable-pip-version-check duckdb
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/kept" "$work/runs"
    for _ in 1 2 3 4; do
        "$runner" run --quiet --runs-dir "$work/kept" checks/endurance/archive.toml >"$work/said" || { cat "$work/said"; exit 1; }
    done
    ARCHIVE_OF=$work/kept ARCHIVE_INTO=$work/runs ARCHIVE_RUNS=$2 \
        cargo test --quiet --locked --workspace --test store golden::archive -- --ignored >"$work/said" || { cat "$work/said"; exit 1; }
    DUCKDB_PYTHON=$readers/bin/python python3 -B checks/endurance/archive.py "$runner" "$work/runs"

# How long listing 5,000 made-up runs takes, with and without the index
bench-list RUNS="5000": build
    python3 -B checks/list.py "${CARGO_TARGET_DIR:-target}/debug/runner" store/tests/golden/everything "$1"

# What a merge of TRIALS short trials in SHARDS parts takes, beside a plain copy of the same bytes
bench-merge PROGRAM="release" TRIALS="10000" SHARDS="4":
    #!/bin/sh
    set -eu
    runner=$({{ program }})
    shift
    python3 -B checks/endurance/merge.py "$runner" "$@"

# One run of TRIALS short trials: does the runner's memory grow, and is anything left
soak TRIALS="10000": build
    python3 -B checks/endurance/soak.py "${CARGO_TARGET_DIR:-target}/debug" "$1"

# Kill KILLS runs at random moments: is a process left or a trial lost, and does every run come to its end
chaos KILLS="100" *SEED: build
    python3 -B checks/endurance/chaos.py "${CARGO_TARGET_DIR:-target}/debug" "$@"

# Pairs of equal runs and of runs slowed by 10 %: how often does a gate cross? Kept in AA_FOLDER (target/aa), gone on with
aa PAIRS="200" SLOWED="60" APART="60": build
    #!/bin/sh
    set -eu
    cargo build --quiet --locked -p reports --example share
    programs=${CARGO_TARGET_DIR:-target}/debug
    exec python3 -B checks/endurance/aa.py "$programs" "${AA_FOLDER:-${CARGO_TARGET_DIR:-target}/aa}" "$@" \
        --share "$programs/examples/share"

# Follow the shipped assignments' hand-outs from start to grade: right, forged, incomplete, without root; needs root
lab *ASSIGNMENTS: build
    @"{{ root }}/checks/lab.sh" "$@"

# A scenario over four shards on a real Slurm on loopback, two nodes killed in the middle, and by ssh; root, installs Slurm
fleet: build
    @"{{ root }}/checks/fleet.sh"

# Everything that a change has to pass
ci:
    .ci/run
