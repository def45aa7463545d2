"""How often `runner diff --gate` calls equal runs different, and how often it finds a slowdown: aa.py RUNNER FOLDER

RUNNER is the folder with the binaries `runner` and `generator`, FOLDER keeps every pair: what is there and complete is not
taken again. The runs of a pair are taken in alternation. Of PAIRS pairs both runs are of the same scenario; of SLOWED one
reads so many bytes at a time that `read` takes a bit more than twice the threshold longer. Of APART pairs both runs are of
the same scenario again, but one is taken after the other.
"""

import argparse
import csv
import json
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from tally import Tally

SCENARIO = pathlib.Path(__file__).parent / "aa.toml"
SIZE, PAGE = 96 << 10, 4096
THRESHOLD = 0.05
# What the slowdown is to be: a bit more than twice the threshold.
LEAST, MOST = 1.105, 1.15
FALSE_AT_MOST, FOUND_AT_LEAST = 0.05, 0.95
# Of short windows the host of a virtual machine may take most: then a cell lacks its figures.
LACKING_AT_MOST = 0.1


def complete(folder):
    """The runs of a folder that came to their end, in the order of their creation."""
    runs = []
    for manifest in sorted(folder.glob("2*/manifest.json")):
        try:
            content = json.loads(manifest.read_text())
        except (OSError, ValueError):
            continue
        if content["state"] == "complete":
            runs.append((content, manifest.parent))
    return runs


class Endurance:
    def __init__(self, arguments):
        self.binaries, self.folder = pathlib.Path(arguments.runner), pathlib.Path(arguments.folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def scenario(self, size):
        """The scenario with so many bytes to a read, as a file."""
        path = self.folder / f"size-{size}.toml"
        path.write_text(SCENARIO.read_text().replace('"96KiB"', f'"{size}B"').replace("../../schema", "schema"))
        return path

    def take(self, place, scenarios, name):
        """Runs that belong together, taken once, in the order that a pair's name draws; the runs' folders, the first scenario's first."""
        folder = self.folder / place
        if len(complete(folder)) != len(scenarios):
            shutil.rmtree(folder, ignore_errors=True)
            against = [part for scenario in scenarios[1:] for part in ("--against", scenario)]
            seed = ["--seed", str(zlib.crc32(name.encode()))]
            command = [self.binaries / "runner", "run", scenarios[0], *against, *seed, "--quiet", "--runs-dir", folder]
            runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            # What they report is not asked for here, and takes longer than some trials.
            while runner.poll() is None and len(complete(folder)) < len(scenarios):
                time.sleep(0.02)
            if runner.poll() is None:
                runner.send_signal(signal.SIGINT)
            told = runner.communicate()[1]
            if len(complete(folder)) != len(scenarios):
                sys.exit(f"aa: {place} did not come to its end (exit code {runner.returncode}):\n{told[-2000:]}")
        roles = {"baseline": 0, "candidate": 1}
        runs = [(roles[content["against"]["role"]] if "against" in content else 0, path) for content, path in complete(folder)]
        return [path for _, path in sorted(runs)]

    def pair(self, name, size):
        """Two runs taken in alternation."""
        return self.take(name, [self.scenario(SIZE), self.scenario(size)], name)

    def apart(self, name, size):
        """Two runs, one taken after the other."""
        return self.take(f"{name}-a", [self.scenario(SIZE)], name) + self.take(f"{name}-b", [self.scenario(size)], name)

    def diff(self, base, candidate):
        """The comparison, and whether the gate was crossed as its exit code says: not where it could not judge."""
        command = [self.binaries / "runner", "diff", base, candidate, "--gate", "--threshold", str(THRESHOLD)]
        done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True)
        if done.returncode not in (0, 4) and "gate cannot be judged" not in done.stderr:
            sys.exit(f"aa: {base} and {candidate} are not compared: {done.stderr}")
        return json.loads(done.stdout), done.returncode == 4

    def fastest(self, run):
        """The median of reads in the run's fastest trial: the one that the machine disturbed least."""
        told = subprocess.run([self.binaries / "runner", "export", run, "--format", "csv"], capture_output=True, text=True, check=True)
        rows = csv.DictReader(told.stdout.splitlines())
        return min(float(it["p50_ns"]) for it in rows if it["syscall"] == it["factor_call"] == "read" and it["vantage"] == "kernel" and it["p50_ns"])

    def ratio(self, name, size):
        """How much longer such reads take, by the fastest trials of both: not by what a gate compares, which is to be tried."""
        base, candidate = self.pair(name, size)
        return self.fastest(candidate) / self.fastest(base)

    def slower_size(self):
        """Bytes to a read at which its median rises by a bit more than 10 %: found once, page by page, and kept."""
        kept = self.folder / "slowed.json"
        if kept.exists():
            found = json.loads(kept.read_text())
            return found["size"], found["ratio"]
        size, ratio = SIZE, 1.0
        while ratio < LEAST:
            size += PAGE
            ratio = statistics.median(self.ratio(f"calibration-{size}-{again}", size) for again in range(3))
            print(f"aa: {size} bytes at a time are × {ratio:.3f}", flush=True)
        if ratio > MOST:
            sys.exit(f"aa: no size slows reads by a bit more than 10 % here; {size} bytes are × {ratio:.3f}")
        kept.write_text(json.dumps({"size": size, "ratio": ratio}))
        return size, ratio


def gated(comparison):
    return [effect for effect in comparison["effects"] if effect["gated"]]


def share_of(share, successes, trials):
    """Clopper and Pearson's interval, in words."""
    low, high = subprocess.run([share, str(successes), str(trials)], capture_output=True, text=True, check=True).stdout.split()
    return f"{successes / trials:.1%} [{low} %, {high} %]"


class Kind:
    """Pairs of one kind, and what became of them."""

    def __init__(self, name, size, is_slowed):
        self.name, self.size, self.is_slowed = name, size, is_slowed
        self.pairs, self.crossed, self.ratios, self.verdicts, self.covered, self.lacking = 0, 0, [], {}, 0, 0

    def add(self, comparison, is_crossed):
        self.pairs += 1
        effects = gated(comparison)
        self.lacking += comparison["without_figures"] > 0
        is_read_worse = any(it["syscall"] == "read" and it["verdict"] == "worse" for it in effects)
        # A slowdown is found where it is, not by chance elsewhere.
        self.crossed += is_crossed and (is_read_worse or not self.is_slowed)
        self.ratios += [it["ratio"]["ratio"] for it in effects if it["syscall"] == "read"]
        for effect in effects:
            self.verdicts[effect["verdict"]] = self.verdicts.get(effect["verdict"], 0) + 1
            self.covered += effect["ratio"]["interval"]["low"] <= 1 <= effect["ratio"]["interval"]["high"]

    @property
    def asked(self):
        return f"at least {FOUND_AT_LEAST:.0%}" if self.is_slowed else f"at most {FALSE_AT_MOST:.0%}"

    def holds(self):
        if self.is_slowed:
            return self.crossed >= FOUND_AT_LEAST * self.pairs
        return self.crossed <= FALSE_AT_MOST * self.pairs

    def row(self, share):
        verdicts = ", ".join(f"{count} {name}" for name, count in sorted(self.verdicts.items()))
        ratios = sorted(self.ratios)
        spread = f"× {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        return f"| {self.name} | {self.pairs} | {self.crossed} | {share_of(share, self.crossed, self.pairs)} | {self.asked} | {self.lacking} | {spread} | {verdicts} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runner")
    parser.add_argument("folder")
    parser.add_argument("pairs", type=int, nargs="?", default=200)
    parser.add_argument("slowed", type=int, nargs="?", default=60)
    parser.add_argument("apart", type=int, nargs="?", default=60)
    parser.add_argument("--share", required=True, help="the program that gives a share's interval")
    arguments = parser.parse_args()
    endurance, tally, began = Endurance(arguments), Tally("aa"), time.monotonic()
    size, ratio = endurance.slower_size() if arguments.slowed else (SIZE, 1)
    slowed = f"read slowed by × {ratio:.2f} ({size} bytes instead of {SIZE}), in alternation"
    kinds = [
        ("same", Kind("equal, in alternation", SIZE, False), arguments.pairs, endurance.pair),
        ("slowed", Kind(slowed, size, True), arguments.slowed, endurance.pair),
        ("apart", Kind("equal, one after the other", SIZE, False), arguments.apart, endurance.apart),
    ]
    for name, kind, count, take in kinds:
        for number in range(count):
            comparison, is_crossed = endurance.diff(*take(f"{name}-{number:03}", kind.size))
            kind.add(comparison, is_crossed)
            if is_crossed != kind.is_slowed:
                print(f"aa: {name} {number}: {comparison['headline']}", flush=True)
    print(f"aa: {(time.monotonic() - began) / 60:.0f} minutes\n")
    print("| runs | pairs | gate crossed | share, 95 % | asked for | lack figures | ratio of read's p50, median and range | verdicts |\n|---|---|---|---|---|---|---|---|")
    taken = [kind for _, kind, _, _ in kinds if kind.pairs]
    for kind in taken:
        print(kind.row(arguments.share))
    print()
    for kind in taken:
        tally.check(kind.lacking <= LACKING_AT_MOST * kind.pairs, f"{kind.name}: pairs have figures", f"{kind.lacking} lack some")
        tally.check(kind.holds(), f"{kind.name}: {kind.asked} of pairs cross the gate", f"{kind.crossed} of {kind.pairs}")
        if not kind.is_slowed:
            effects = sum(kind.verdicts.values())
            print(f"{kind.name}: of {effects} ratios {kind.covered} have 1 in their interval: {share_of(arguments.share, kind.covered, effects)}")
    tally.end()


if __name__ == "__main__":
    main()
