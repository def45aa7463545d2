"""What a merge takes, by trials and by parts, beside a plain copy of the same bytes: merge.py RUNNER [TRIALS [SHARDS]]

RUNNER is the folder with the binaries `runner` and `generator`. The parts are measured, not made up: very short trials, one part
after the other. Processes are timed as a whole; memory is what a process had most of at a time.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import processes
from tally import Tally

HERE = pathlib.Path(__file__).parent
CELLS = 4
# What a merge may take, however many trials: MiB.
MOST_MEMORY = 1024


def take(command, may_end_with=(0,)):
    """Seconds and MiB of one process."""
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in may_end_with:
        sys.exit(f"merge: {command} ended with {process.returncode}: {said.decode()[-500:]}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def measured(runner, runs, trials, shards):
    """The parts of a plan of so many trials."""
    command = [runner, "run", HERE / "soak.toml", "--quiet", "--runs-dir", runs, "--repetitions", trials // CELLS]
    for shard in range(1, shards + 1):
        # A window of 5 ms on a busy machine may have nothing in it: 3.
        take([*command, "--shard", f"{shard}/{shards}", "--label", f"part-{shard}"], (0, 3))
    # What a part's report takes is none of it.
    for report in runs.glob("*/report"):
        shutil.rmtree(report)
    return sorted(path for path in runs.glob("2*") if path.is_dir())


def copied(parts, into):
    began = time.monotonic()
    for part in parts:
        shutil.copytree(part, into / part.name)
    subprocess.run(["sync", "--file-system", into], check=True)
    return time.monotonic() - began


def main():
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    shards = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    tally = Tally("merge")
    print("load of the machine before: " + ", ".join(f"{load:.2f}" for load in os.getloadavg()))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        binaries, runs, copies = folder / "bin", folder / "runs", folder / "copies"
        processes.copy_binaries(sys.argv[1], binaries)
        copies.mkdir()
        runner = binaries / "runner"
        parts = measured(runner, runs, trials, shards)
        tally.check(len(parts) == shards, "every part is there", len(parts))
        print(f"{trials} trials in {shards} parts, {sum(map(size, parts)):.1f} MiB")
        rows = [("a plain copy, to the disk", (copied(parts, copies), None))]
        rows.append(("merge, its report included", take([runner, "merge", *parts, "--quiet", "--label", "whole", "--runs-dir", runs], (0, 3))))
        whole = (runs / "latest").resolve()
        rows.append(("the report alone", take([runner, "report", whole, "--format", "html", "--out", folder / "page"])))
        rows.append(("verify of the merged run", take([runner, "verify", whole])))
        print("what                       | seconds |  MiB")
        for name, (took, memory) in rows:
            print(f"{name:26} | {took:7.2f} | {'' if memory is None else format(memory, '4.0f')}")
        most = max(memory for _, (_, memory) in rows if memory)
        tally.check(most <= MOST_MEMORY, f"memory is at most {MOST_MEMORY} MiB", most)
        listed = subprocess.run([runner, "list", "--kind", "merged", "--runs-dir", runs], capture_output=True, text=True)
        tally.check(f"{trials} of {trials} trials" in listed.stdout and f"merged of {shards}" in listed.stdout, "every trial is there", listed.stdout)
    print("load of the machine after: " + ", ".join(f"{load:.2f}" for load in os.getloadavg()))
    tally.end()


if __name__ == "__main__":
    main()
