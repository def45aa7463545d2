"""Kills runs at random moments, and looks at what is left of them: chaos.py RUNNER [KILLS [SEED]]

RUNNER is the folder with the binaries `runner` and `generator`. Each run is killed by SIGKILL; every third time what clears
up after it is killed as well. Then: no process is left, no finished trial is lost, `resume` completes the run, and
`verify` finds nothing.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import processes
from tally import Tally

HERE = pathlib.Path(__file__).parent
SCENARIO = HERE / "chaos.toml"
# stress-ng's workers look up every few seconds where nobody is left to kill them.
PATIENCE, LONG_PATIENCE = 3, 15


class Chaos:
    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, str(binaries)
        # Everything that belongs to a run is then known by where it is.
        self.environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "TMPDIR": str(folder / "temporary")}
        (folder / "temporary").mkdir()
        self.tally = Tally("chaos")
        self.longest = 0.0
        self.killed_in = {"before the first trial": 0, "between": 0, "after the last": 0}

    def runner(self, *arguments):
        command = [f"{self.binaries}/runner", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def start(self, runs, timeline):
        environment = {**self.environment, "RUNNER_TIMELINE": str(timeline)}
        command = [f"{self.binaries}/runner", "run", SCENARIO, "--quiet", "--runs-dir", runs]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def left(self):
        return processes.of_folder(self.folder)

    def await_end(self, patience):
        """Waits until nothing of the run is left; what is, after so many seconds."""
        began = time.monotonic()
        while (left := self.left()) and time.monotonic() - began < patience:
            time.sleep(0.01)
        self.longest = max(self.longest, time.monotonic() - began)
        return left

    def kill(self, number, after):
        """One run, killed so many seconds after its start; returns its folder, the trials that it had stored, and whether
        it had come to its end before."""
        runs, timeline = self.folder / f"runs-{number}", self.folder / f"timeline-{number}"
        runner = self.start(runs, timeline)
        try:
            runner.wait(timeout=after)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        helpers = [pid for pid, path in self.left().items() if path.endswith("/runner") and pid != runner.pid]
        for pid in [runner.pid] + (helpers if number % 3 == 2 else []):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        runner.wait()
        stored = timeline.read_text().splitlines() if timeline.exists() else []
        # The last line may be cut off.
        stored = [json.loads(line)["trial"] for line in stored if line.endswith("}")]
        return runs, stored, ended

    def examine(self, number, runs, stored, ended):
        check = self.tally.check
        left = self.await_end(LONG_PATIENCE if number % 3 == 2 else PATIENCE)
        check(not left, f"kill {number}: no process is left", left)
        names = [path.name for path in runs.glob("2*")] if runs.exists() else []
        if not names:
            check(not stored, f"kill {number}: a run whose trials are stored has a folder")
            self.killed_in["before the first trial"] += 1
            return
        shown = self.runner("report", "latest", "--format", "json", "--runs-dir", runs)
        kept = self.runner("list", "--runs-dir", runs).stdout
        count = int(kept.split(" of ")[0].split()[-1])
        check(shown.returncode == 0, f"kill {number}: what is there is reported", shown.stderr[-300:])
        check(count >= len(stored), f"kill {number}: every stored trial is kept", f"{len(stored)} stored, {kept}")
        where = "before the first trial" if count == 0 else "after the last" if ended or "12 of 12" in kept else "between"
        self.killed_in[where] += 1
        verified = self.runner("verify", "latest", "--runs-dir", runs)
        check(verified.returncode == 0, f"kill {number}: what is there verifies", verified.stdout[-300:])
        resumed = self.runner("resume", "latest", "--quiet", "--runs-dir", runs)
        check(resumed.returncode in (0, 3), f"kill {number}: the run is gone on with", resumed.stderr[-300:])
        kept = self.runner("list", "--runs-dir", runs).stdout
        check("complete" in kept and "12 of 12 trials" in kept, f"kill {number}: the plan is executed", kept)
        verified = self.runner("verify", "latest", "--runs-dir", runs)
        check(verified.returncode == 0, f"kill {number}: the whole run verifies", verified.stdout[-300:])
        shutil.rmtree(runs)


def main():
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1_000_000)
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        binaries = folder / "bin"
        processes.copy_binaries(sys.argv[1], binaries)
        shutil.copy(shutil.which("stress-ng"), binaries)
        chaos = Chaos(folder, binaries)
        before = processes.loaded()
        began = time.monotonic()
        whole = chaos.start(folder / "whole", folder / "timeline")
        whole.wait()
        length = time.monotonic() - began
        print(f"chaos: seed {seed}; a run takes {length:.1f} s; {kills} are killed within that time")
        for number in range(kills):
            chaos.examine(number, *chaos.kill(number, moments.uniform(0.0, length)))
        # Where nobody was left to clear up, the next start does.
        chaos.start(folder / "whole", folder / "timeline").wait()
        temporary = os.listdir(folder / "temporary")
        chaos.tally.check(not temporary, "no temporary folder is left", temporary)
        chaos.tally.check(processes.none_more(before), "no program, map or link of BPF is left", f"{before}, {processes.loaded()}")
        print("chaos: killed " + ", ".join(f"{count} {where}" for where, count in chaos.killed_in.items()))
        print(f"chaos: the last process of a killed run was gone after at most {chaos.longest:.2f} s")
    chaos.tally.end()


if __name__ == "__main__":
    main()
