"""Two views of the same calls, held against each other: truth.py CALLERS OBSERVER OBSERVED

CALLERS is a run of checks/truth.toml, OBSERVER one of checks/observer.toml, and OBSERVED what `perf trace --summary`
printed meanwhile. Ends with 3 where that saw fewer calls than the probe, and all else holds.
"""

import json
import pathlib
import re
import sys

import duckdb

from tally import Tally

# The difference between caller and kernel may be this many times more or less than the calibration makes of it: the
# calls are others, and the machine is not at rest.
ABOUT = 2.5

PROGRAM = re.compile(r"^ (?P<name>\S+) \((?P<pid>\d+)\), \d+ events")
ROW = re.compile(r"^   (?P<call>[a-z0-9_]+) +(?P<calls>\d+) +\d+ ")


def trials(run):
    return (pathlib.Path(run) / "trials.parquet").as_posix()


def check_callers(tally, run):
    """A caller sees more than the probe: its way into the kernel and back, its clock, and what of the probe is outside of
    the probe's own reading. The calibration has seen the same with the null call."""
    manifest = json.loads((pathlib.Path(run) / "manifest.json").read_text())
    calibrations = manifest["probe"]["calibrations"]
    tally.check(len(calibrations) == 1, "the run is calibrated", calibrations)
    if len(calibrations) != 1:
        return
    found = calibrations[0]
    expected = found["bare_ns"] + found["added_ns"]["value"] - found["reads_ns"]["value"]
    print(f"truth: by the calibration, {found['backend']} reads {expected:.0f} ns less than the caller of a null call")
    rows = duckdb.execute(
        "SELECT syscall, median(p50_ns) FILTER (vantage = 'kernel'), median(p50_ns) FILTER (vantage = 'user')"
        f" FROM '{trials(run)}' GROUP BY syscall ORDER BY syscall"
    ).fetchall()
    tally.check(len(rows) == 3, "three targets were seen", rows)
    for syscall, kernel, user in rows:
        ratio = (user - kernel) / expected
        print(f"truth: {syscall}: p50 {kernel:.0f} ns in the kernel, {user:.0f} ns to its caller: {user - kernel:.0f} ns more, × {ratio:.2f}")
        tally.check(1 / ABOUT <= ratio <= ABOUT, f"{syscall}: the difference is about what was calibrated", f"× {ratio:.2f}")


def observed(text, name):
    """What perf counted of the program with this name: call → number."""
    counts, is_it = {}, False
    for line in text.splitlines():
        if program := PROGRAM.match(line):
            is_it = program["name"] == name
        elif is_it and (row := ROW.match(line)):
            counts[row["call"]] = counts.get(row["call"], 0) + int(row["calls"])
    return counts


def check_observer(tally, run, path):
    counts = observed(pathlib.Path(path).read_text(), "ls")
    tally.check(counts, "the observer saw the program")
    rows = duckdb.execute(f"SELECT syscall, returned FROM '{trials(run)}' ORDER BY syscall").fetchall()
    tally.check(len(rows) == 6, "six targets were seen", rows)
    for syscall, returned in rows:
        print(f"truth: {syscall}: {returned} calls by the probe, {counts.get(syscall, 0)} by perf trace")
        tally.check(returned >= counts.get(syscall, 0), f"the observer counted no call of {syscall} that the probe did not")
    return any(returned > counts.get(syscall, 0) for syscall, returned in rows)


def main():
    callers, observer, path = sys.argv[1:]
    tally = Tally("truth")
    check_callers(tally, callers)
    saw_fewer = check_observer(tally, observer, path)
    if saw_fewer and not tally.failed:
        # Not for the probe to answer for; whoever called asks once more.
        sys.exit(3)
    tally.end()


if __name__ == "__main__":
    main()
