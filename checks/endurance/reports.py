"""What reports take, beside the same summary by pandas: reports.py RUNNER RUN SCALED…

RUNNER is the binary; RUN is a run of the shipped sweep, each SCALED one of the same cells with more trials. Processes are timed
as a whole, each figure the least of several in turns; memory is what a process had most of at a time.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROUNDS = 5
PANDAS = pathlib.Path(os.environ["PANDAS_PYTHON"])


def take(command):
    """Seconds and MiB of one process."""
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"reports: {command} ended with {process.returncode}: {said.decode()[-500:]}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def least(commands, rounds):
    """Name → least seconds and MiB of the commands, which take turns."""
    best = {}
    for _ in range(rounds):
        for name, command in commands.items():
            took, memory = take(command)
            before = best.get(name, (took, memory))
            best[name] = (min(took, before[0]), min(memory, before[1]))
    return best


def trials(run):
    return json.loads((run / "manifest.json").read_text())["plan"]["trials"]


def answer(command):
    return json.loads(subprocess.run([str(word) for word in command], capture_output=True, check=True).stdout)


def disagreements(runner, run):
    """Medians of cells that the two have different."""
    theirs = answer([PANDAS, HERE / "summary_by_pandas.py", run])
    document = answer([runner, "report", run, "--format", "json"])
    factors = [factor["name"] for factor in document["manifest"]["scenario"]["factors"]]
    differ = compared = 0
    for cell in document["cells"]:
        for measure in cell["measures"]:
            levels = tuple(cell["factors"][factor] for factor in factors)
            same = theirs[str((*levels, measure["syscall"], measure["vantage"]))]
            for metric, figure in measure["figures"].items():
                pair = (figure and figure["value_ns"], same[metric] and same[metric][0])
                compared += 1
                differ += pair != (None, None) and (None in pair or abs(pair[0] - pair[1]) > 1e-9 * pair[1])
    return differ, compared


def main():
    runner, *runs = map(pathlib.Path, sys.argv[1:])
    differ, compared = disagreements(runner, runs[0])
    print(f"{compared} medians compared, {differ} of them differ")
    if differ:
        sys.exit("reports: what is timed is not the same")
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        print("run of      | what                        | seconds |  MiB")
        for place, run in enumerate(runs):
            commands = {
                "report (figures, as JSON)": [runner, "report", run, "--format", "json"],
                "the same figures by pandas": [PANDAS, HERE / "summary_by_pandas.py", run],
                "report (page and pictures)": [runner, "report", run, "--format", "html", "--out", f"{folder}/{place}"],
                "diff": [runner, "diff", run, run],
            }
            for name, (took, memory) in least(commands, ROUNDS if place == 0 else 2).items():
                seconds[place, name] = took
                print(f"{trials(run):6} trials | {name:27} | {took:7.2f} | {memory:4.0f}")
    figures, pandas = "report (figures, as JSON)", "the same figures by pandas"
    for place, run in enumerate(runs):
        print(f"{trials(run)} trials: pandas takes {seconds[place, pandas] / seconds[place, figures]:.1f} times as long for the figures")
    for place in range(1, len(runs)):
        times = trials(runs[place]) / trials(runs[place - 1])
        for name in figures, "report (page and pictures)", "diff":
            print(f"{times:.1f} times the trials: {name} takes {seconds[place, name] / seconds[place - 1, name]:.1f} times as long")


if __name__ == "__main__":
    main()
