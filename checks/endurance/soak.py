"""Very many trials in one run: memory and descriptors of the runner over its time, and what is left: soak.py RUNNER [TRIALS]

RUNNER is the folder with the binaries `runner` and `generator`.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import processes
from tally import Tally

HERE = pathlib.Path(__file__).parent
CELLS = 4
# What is allocated once, on the first trials, is not growth.
WARM_TRIALS = 0.05
GROWTH = 0.05


def stored(run):
    """Trials that are stored while the run is under way."""
    try:
        return len(os.listdir(run / ".parts"))
    except OSError:
        return None


def watch(runner, runs, trials):
    """Samples (trials, KiB, descriptors) until the parts are put together."""
    samples = []
    while runner.poll() is None:
        time.sleep(1)
        run = next((path for path in runs.glob("2*") if path.is_dir() and not path.is_symlink()), None)
        if run and json.loads((run / "manifest.json").read_text())["state"] == "complete":
            # All is there; drawing it is not what is asked here.
            runner.send_signal(signal.SIGINT)
        done = stored(run) if run else None
        sample = (done, processes.memory(runner.pid), processes.descriptors(runner.pid))
        # When all are there they are put together, and taken away.
        if None in sample or done >= trials or (samples and done < samples[-1][0]):
            continue
        samples.append(sample)
    return samples


def main():
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    tally, began = Tally("soak"), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        binaries, runs = folder / "bin", folder / "runs"
        processes.copy_binaries(sys.argv[1], binaries)
        before = processes.loaded()
        command = [binaries / "runner", "run", HERE / "soak.toml", "--quiet", "--runs-dir", runs]
        runner = subprocess.Popen([*command, "--repetitions", str(trials // CELLS)], stdout=subprocess.DEVNULL)
        samples = watch(runner, runs, trials)
        tally.check(runner.returncode in (0, 3, 130), "the run ends", runner.returncode)
        took = time.monotonic() - began
        settled = [sample for sample in samples if sample[0] >= WARM_TRIALS * trials]
        tally.check(len(settled) >= 10, "there are samples", len(settled))
        (first, kib, _), (last, last_kib, _) = settled[0], settled[-1]
        # A trial under way has some more; half of all samples are enough to meet the fewest.
        half = len(settled) // 2
        open_files, last_files = (min(sample[2] for sample in part) for part in (settled[:half], settled[half:]))
        most = max(sample[1] for sample in settled)
        print(f"soak: {trials} trials in {took:.0f} s; the runner's memory {kib} KiB after {first} trials, {last_kib} KiB after {last}, most {most} KiB; open files {open_files} and {last_files}")
        tally.check(most <= kib * (1 + GROWTH), f"memory grows by at most {GROWTH:.0%}", f"{kib} to {most} KiB")
        tally.check(last_files <= open_files, "descriptors do not add up", f"{open_files} to {last_files}")
        time.sleep(1)
        left = processes.of_folder(folder)
        tally.check(not left, "no process is left", left)
        tally.check(processes.none_more(before), "no program, map or link of BPF is left", f"{before}, {processes.loaded()}")
        verified = subprocess.run([binaries / "runner", "verify", "latest", "--runs-dir", runs], capture_output=True, text=True)
        tally.check(verified.returncode == 0, "the run verifies", verified.stdout[-400:])
        listed = subprocess.run([binaries / "runner", "list", "--runs-dir", runs], capture_output=True, text=True)
        tally.check(f"{trials} of {trials} trials" in listed.stdout, "every trial is there", listed.stdout)
    tally.end()


if __name__ == "__main__":
    main()
