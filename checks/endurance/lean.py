"""What the runner spends on a trial besides warm-up and window, by phase: lean.py TIMELINE [TIMELINE OF LONG WINDOWS]

A timeline is what RUNNER_TIMELINE names: a line of JSON for each trial, phases in nanoseconds.
"""

import json
import pathlib
import statistics
import sys

WARMUP_NS = 5_000_000


def trials(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def spent(trial):
    """Phase → milliseconds; of the window what it took too long."""
    phases = dict(trial["phases"])
    phases["window"] -= trial["window_ns"] + WARMUP_NS
    return {phase: took / 1e6 for phase, took in phases.items()}


def row(name, values):
    ordered = sorted(values)
    print(f"{name:10} {statistics.median(values):8.2f} {ordered[len(ordered) * 9 // 10]:8.2f} {ordered[-1]:8.2f}")


def main():
    levels = {}
    for trial in trials(sys.argv[1]):
        levels.setdefault(trial["load"], []).append(spent(trial))
    for level, rows in sorted(levels.items()):
        print(f"{len(rows)} trials, load {level}; milliseconds besides warm-up and window\nphase        median      p90      max")
        for phase in rows[0]:
            row(phase, [phases[phase] for phases in rows])
        row("all", [sum(phases.values()) for phases in rows])
    for path in sys.argv[2:]:
        shares = [trial["cpu_ns"] / (trial["window_ns"] + WARMUP_NS) for trial in trials(path)]
        print(f"the runner's own processor time in {len(shares)} windows: {statistics.median(shares):.2%} of one CPU, most {max(shares):.2%}")


if __name__ == "__main__":
    main()
