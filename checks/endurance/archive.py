"""What an archive of runs takes, by the runner and by duckdb: archive.py RUNNER RUNS

RUNS is a folder of runs of one scenario. Its newest is set aside first, to be the one that comes afterwards. Both have to give
the same figures, or no times are told. Processes are timed as a whole: the time that passed, and processor time, which says
more where others use the machine; memory is what one had most of at a time. The runner may not take a gibibyte. Files are in the
page cache for both: what is new is what the runner keeps beside the runs.
"""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
DUCKDB = pathlib.Path(os.environ["DUCKDB_PYTHON"])
ROUNDS = 3
MOST_MIB = 1024
SINCE = "2000-01-01"


def take(command):
    """Seconds, processor seconds and MiB of one process, and its standard output."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=complaints)
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        if process.returncode:
            complaints.seek(0)
            sys.exit(f"archive: {command} ended with {process.returncode}: {complaints.read().decode()[-500:]}")
    return (took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), said.decode()


class Bench:
    def __init__(self, runner, runs):
        self.runner, self.runs = runner, runs
        self.ids = sorted(entry.name for entry in runs.iterdir() if entry.name.startswith("2"))
        self.scenario = json.loads((runs / self.ids[0] / "manifest.json").read_text())["scenario"]["name"]
        # Least seconds of either kind, and most MiB, by what was done.
        self.taken = {}

    def do(self, what, command, rounds=1, before=lambda: None):
        for _ in range(rounds):
            before()
            found, said = take(command)
            known = self.taken.get(what, found)
            self.taken[what] = (min(found[0], known[0]), min(found[1], known[1]), max(found[2], known[2]))
        return said

    def by_runner(self, what, verb, *arguments, **how):
        return self.do(what, [self.runner, verb, "--runs-dir", self.runs, *arguments], **how)

    def by_duckdb(self, what, kind, *arguments, rounds=ROUNDS):
        return json.loads(self.do(f"{what}, by duckdb", [DUCKDB, HERE / "archive_by_duckdb.py", kind, *arguments], rounds))

    def forget(self):
        (self.runs / ".index.json").unlink(missing_ok=True)
        shutil.rmtree(self.runs / ".history", ignore_errors=True)


def lists(bench):
    """Cold, warm and by duckdb; the runs in which the two differ, and how many were compared."""
    bench.by_runner("list, no index yet", "list", rounds=ROUNDS, before=bench.forget)
    bench.by_runner("list", "list", rounds=ROUNDS)
    mine = json.loads(bench.by_runner("list, as JSON", "list", "--json", rounds=ROUNDS))["runs"]
    theirs = bench.by_duckdb("list", "list", bench.runs)
    keys = ("scenario", "label", "state", "started_at", "kernel", "backend", "trials")
    mine = [[run["id"], *(run["run"][key] for key in keys)] for run in mine]
    return sum(one != other for one, other in zip(mine, theirs)) + abs(len(mine) - len(theirs)), len(theirs)


def histories(bench):
    """The same of the medians of every run."""
    arguments = ["--scenario", bench.scenario, "--since", SINCE]
    bench.by_runner("history, nothing kept yet", "report", *arguments, before=bench.forget)
    bench.by_runner("history", "report", *arguments, rounds=ROUNDS)
    rows = csv.DictReader((bench.runs / ".history" / "figures.csv").open())
    mine = {(row["run"], row["cell"], row["syscall"]): float(row["value_ns"]) for row in rows}
    theirs = bench.by_duckdb("history", "history", bench.runs, bench.scenario)
    theirs = {(run, f"size={size} load={load}", syscall): value for run, size, load, syscall, value in theirs}
    return sum(mine.get(key) != theirs.get(key) for key in mine.keys() | theirs.keys()), len(theirs)


def diffs(bench):
    """The same of the quantiles of two runs."""
    pair = [bench.runs / bench.ids[0], bench.runs / bench.ids[-1]]
    metrics = ["p50", "p90", "p99"]
    words = [word for metric in metrics for word in ("--metric", metric)]
    mine = json.loads(bench.by_runner("diff of two", "diff", *pair, *words, "--format", "json", rounds=ROUNDS))
    theirs = bench.by_duckdb("diff of two", "diff", *pair)
    found = {}
    for size, load, syscall, vantage, *values in theirs:
        for place, metric in enumerate(metrics):
            found[size, load, syscall, vantage, metric] = values[2 * place:2 * place + 2]
    differ = 0
    for effect in mine["effects"]:
        cell = dict(zip(mine["factors"], effect["levels"]))
        key = (cell["size"], cell["load"], effect["syscall"], effect["vantage"], effect["metric"])
        differ += found.get(key) != [effect["base"]["value_ns"], effect["candidate"]["value_ns"]]
    return differ, len(mine["effects"])


def one_more(bench, aside):
    """What one run more costs, each time anew."""
    def away():
        if (bench.runs / aside.name).exists():
            (bench.runs / aside.name).rename(aside)
        take([bench.runner, "report", "--runs-dir", bench.runs, "--scenario", bench.scenario])
        aside.rename(bench.runs / aside.name)

    bench.by_runner("list, one run more", "list", rounds=ROUNDS, before=away)
    bench.by_runner("history, one run more", "report", "--scenario", bench.scenario, rounds=ROUNDS, before=away)


def check(bench):
    """A few of the runs are what runs are."""
    some = [bench.ids[place * (len(bench.ids) - 1) // 4] for place in range(5)]
    for run in some:
        bench.by_runner("verify", "verify", bench.runs / run)
    files = [path.lstat().st_blocks * 512 for run in bench.ids for path in (bench.runs / run).iterdir()]
    load = os.getloadavg()[0]
    print(f"{len(bench.ids)} runs of {sum(files) / len(bench.ids) / 1024:.0f} KiB, {sum(files) / 2**20:.0f} MiB in all; "
          f"{len(some)} of them verified; load of the machine {load:.1f}, {os.cpu_count()} CPUs")


def main():
    runner, runs = map(pathlib.Path, sys.argv[1:])
    bench = Bench(runner, runs)
    check(bench)
    aside = runs.parent / bench.ids[-1]
    (runs / bench.ids.pop()).rename(aside)
    wrong = False
    for what, compare in [("runs", lists), ("medians of runs", histories), ("quantiles of two runs", diffs)]:
        differ, compared = compare(bench)
        print(f"{compared} {what} compared, {differ} of them differ")
        wrong |= differ > 0 or compared == 0
    if wrong:
        sys.exit("archive: the runner and duckdb do not say the same")
    one_more(bench, aside)
    several = [bench.ids[place * (len(bench.ids) - 1) // 7] for place in range(8)]
    bench.by_runner("diff of eight", "diff", *several, rounds=ROUNDS)
    kept = [path.lstat().st_blocks * 512 for path in (runs / ".history" / "figures").iterdir()]
    print(f"kept beside them: an index of {(runs / '.index.json').stat().st_size / 2**20:.1f} MiB, "
          f"figures of {sum(kept) / 2**20:.0f} MiB")
    print("what                       | seconds | of processor |  MiB")
    for what, (seconds, processor, memory) in bench.taken.items():
        print(f"{what:26} | {seconds:7.2f} | {processor:12.2f} | {memory:4.0f}")
    for what in ("list, no index yet", "list", "history, nothing kept yet", "history", "diff of two"):
        theirs = bench.taken[what.partition(",")[0] + ", by duckdb"]
        passed, processor = (other / mine for mine, other in zip(bench.taken[what], theirs[:2]))
        print(f"{what}: duckdb takes {passed:.2f} times as long, and {processor:.2f} times the processor time")
    most = max(memory for what, (*_, memory) in bench.taken.items() if not what.endswith("by duckdb"))
    print(f"the runner takes at most {most:.0f} MiB; {MOST_MIB} are allowed")
    if most > MOST_MIB:
        sys.exit(1)


if __name__ == "__main__":
    main()
