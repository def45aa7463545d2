"""Two views of the same calls, held against each other: truth.py CALLERS OBSERVER OBSERVED

CALLERS is a run of checks/truth.toml, OBSERVER one of checks/observer.toml, and OBSERVED the folder in which strace kept
a file for each thread meanwhile.
"""

import json
import pathlib
import re
import sys

import duckdb

from tally import Tally

# The difference between caller and kernel may be this many times what the calibration makes of it, for the calls are
# others. It may be any part of it: the calibration takes means, which a busy machine raises, and these are medians.
AT_MOST = 2.5

BECAME = re.compile(r'execve\((?P<path>"[^"]*"),.*= 0$')
CALL = re.compile(r"(?P<name>[a-z0-9_]+)\(")


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
        tally.check(0 < ratio <= AT_MOST, f"{syscall}: the caller sees more, and not more than can be explained", f"× {ratio:.2f}")


def observed(folder, name):
    """What strace wrote of the process that became the program with this name: call → number."""
    counts = {}
    for path in pathlib.Path(folder).iterdir():
        is_it = False
        for line in path.read_text(errors="replace").splitlines():
            if BECAME.match(line):
                is_it = json.loads(BECAME.match(line)["path"]).rsplit("/", 1)[-1] == name
            elif is_it and (call := CALL.match(line)):
                counts[call["name"]] = counts.get(call["name"], 0) + 1
    return counts


def check_observer(tally, run, folder):
    counts = observed(folder, "ls")
    tally.check(counts, "the observer saw the program")
    rows = duckdb.execute(f"SELECT syscall, returned FROM '{trials(run)}' ORDER BY syscall").fetchall()
    tally.check(len(rows) == 6, "six targets were seen", rows)
    for syscall, returned in rows:
        print(f"truth: {syscall}: {returned} calls by the probe, {counts.get(syscall, 0)} by strace")
        tally.check(returned == counts.get(syscall, 0), f"the probe counts the calls of {syscall} that the observer counts")


def main():
    callers, observer, folder = sys.argv[1:]
    tally = Tally("truth")
    check_callers(tally, callers)
    check_observer(tally, observer, folder)
    tally.end()


if __name__ == "__main__":
    main()
