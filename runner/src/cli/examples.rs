//! What stands below the options in `--help`, in the manual and in `docs/commands.md`: headings with lines below them.
//! Every line of an "Examples" is carried out by `checks/docs.py`.

pub(super) const RUNNER: &str = "\
Examples:
  runner run quick                # a first look, by a scenario that is shipped; ends by naming the report
  runner new openat               # writes a commented scenario, openat.toml
  runner run openat.toml          # measures that
  runner run openat.toml          # and once more, after a change
  runner diff latest~1 latest     # did it change?

Exit codes:
  0    done
  1    failed, or a gate that could not be judged
  2    usage, an invalid scenario, or a run that is not there
  3    some trials failed or are invalid
  4    a gate was crossed: something is worse
  75   not yet: ask again (fleet status)
  130  interrupted; what was finished is kept

Environment:
  RUNNER_RUNS_DIR  where runs are kept, unless --runs-dir says otherwise
  TMPDIR           where temporary files and the folders of programs are made
  NO_COLOR         anything: no colours on a terminal

Files:
  runs/latest                        the run that was created last
  runs/RUN/manifest.json             what was measured, where, and how far it came
  runs/RUN/*.parquet                 its figures
  runs/RUN/report/index.html         its report
  /run/syscall-lab/settings.json     settings that a run has changed, until it restores them";

pub(super) const RUN: &str = "\
Examples:
  runner run quick                # a name: quick.toml here, or in scenarios/, or the shipped one
  runner run openat.toml
  runner run openat.toml --set measure.window=1s --repetitions 6 --label long
  runner run openat.toml --against-set generators.caller.threads=2 --repetitions 12
  runner run openat.toml --append before --repetitions 2";

pub(super) const TRACE: &str = "\
Examples:
  runner trace --all --command ls -l
  runner trace --syscall openat,read --system --for 2s --plain
  runner trace --all --pid 1 --for 2s --format json --out trace.json";

pub(super) const RESUME: &str = "\
Examples:
  runner resume                   # goes on with the run that was created last";

pub(super) const PLAN: &str = "\
Examples:
  runner plan openat.toml
  runner plan openat.toml --repetitions 12 --like before";

pub(super) const CHECK: &str = "\
Examples:
  runner check *.toml
  runner check quick";

pub(super) const REPORT: &str = "\
Examples:
  runner report
  runner report before --format markdown --out report.md
  runner report --scenario openat --since 4w --metric p99";

pub(super) const DIFF: &str = "\
Examples:
  runner diff before after
  runner diff before after --metric p50 --metric p99 --threshold 10%
  runner diff before after --gate --format markdown --out comment.md";

pub(super) const DOCTOR: &str = "\
Examples:
  runner doctor
  runner doctor --explain
  sudo \"$(command -v runner)\" doctor --restore";

pub(super) const VERIFY: &str = "\
Examples:
  runner verify before";

pub(super) const EXPORT: &str = "\
Examples:
  runner export before --format csv --out trials.csv
  runner export before --format csv --table histograms --out histograms.csv
  runner export before --format openmetrics --out metrics.txt";

pub(super) const LIST: &str = "\
Examples:
  runner list
  runner list --scenario openat --state complete --since 7d --sort kernel";

pub(super) const NEW: &str = "\
Examples:
  runner new first                # writes first.toml
  runner run first.toml
  runner new --list
  runner new sweep --from mmap_sweep";

pub(super) const SCHEMA: &str = "\
Examples:
  runner schema > scenario.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions && runner completions bash > ~/.local/share/bash-completion/completions/runner
  mkdir -p ~/.zfunc && runner completions zsh > ~/.zfunc/_runner            # a folder of $fpath
  mkdir -p ~/.config/fish/completions && runner completions fish > ~/.config/fish/completions/runner.fish";

pub(super) const MAN: &str = "\
Examples:
  runner man diff | man -l -
  runner man --out ~/.local/share/man/man1             # man looks there if ~/.local/bin is on PATH: man runner-diff";

pub(super) const FLEET: &str = "\
Examples:
  runner fleet slurm openat.toml --repetitions 8 --shards 4 --print       # shows scripts and commands, submits nothing";
