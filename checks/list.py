"""How long `runner list` takes over many runs, with and without the index: list.py RUNNER RUN [RUNS]

Of RUN, a kept run, as many are made as are wanted, each with its own manifest: names, scenarios, labels and kernels differ.
Only manifests are made, for nothing else is read of a run that is complete.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPETITIONS = 5


def make(runs, manifest, number):
    seconds = number % 60, number // 60 % 60, number // 3600 % 24, 1 + number // 86400 % 28
    name = "2026-10-{3:02}T{2:02}{1:02}{0:02}Z".format(*seconds)
    scenario = f"scenario_{number % 20}"
    manifest["id"] = f"{name}-{scenario}-{number:04}"
    manifest["state"] = "complete"
    manifest["started_at"] = "2026-10-{3:02}T{2:02}:{1:02}:{0:02}Z".format(*seconds)
    manifest["scenario"]["name"] = scenario
    manifest["label"] = f"label_{number % 7}"
    manifest["environment"]["kernel_release"] = f"6.{number % 5}.0"
    folder = runs / manifest["id"]
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))


def took(runner, runs, *arguments):
    began = time.perf_counter()
    done = subprocess.run([runner, "list", "--runs-dir", runs, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - began, done.stdout


def main():
    runner, run = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    manifest = json.loads((run / "manifest.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        runs = pathlib.Path(folder)
        for number in range(count):
            make(runs, manifest, number)
        said = {}
        for what, arguments, is_kept in [
            ("without the index", ["--no-index"], True),
            ("making the index", [], False),
            ("with the index", [], True),
            ("with it, filtered and sorted", ["--scenario", "scenario_3", "--sort", "kernel"], True),
        ]:
            times = []
            for _ in range(REPETITIONS):
                if not is_kept:
                    (runs / ".index.json").unlink(missing_ok=True)
                seconds, said[what] = took(runner, runs, *arguments)
                times.append(seconds)
            print(f"{what:30} {statistics.median(times) * 1e3:8.0f} ms  ({min(times) * 1e3:.0f} to {max(times) * 1e3:.0f})")
        lists = {said[what] for what in ("without the index", "making the index", "with the index")}
        lines = len(said["with the index"].splitlines())
        filtered = len(said["with it, filtered and sorted"].splitlines())
        print(f"{count} runs: {lines} listed, {filtered} of one scenario")
        if len(lists) != 1 or lines != count or filtered != len(range(3, count, 20)):
            sys.exit("list: with and without the index differ")


main()
