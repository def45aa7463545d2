"""What a merge takes, by trials and by parts, beside a plain copy of the same bytes: merge.py RUNNER [TRIALS [SHARDS]]

RUNNER is the program, with `generator` beside it. Ten repetitions are measured, very short trials; their trials are
put in the places that a plan of TRIALS trials has, by a tool among the tests of the store. Processes are timed as a whole;
memory is what a process had most of at a time.
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


def resampled(runner, folder, trials, shards):
    """The parts of a plan of so many trials."""
    scenario, kept = HERE / "soak.toml", folder / "kept"
    # A window of 5 ms on a busy machine may have nothing in it: 3.
    take([runner, "run", scenario, "--quiet", "--runs-dir", kept, "--repetitions", "10"], (0, 3))
    plans = []
    for shard in range(1, shards + 1):
        plan = [runner, "plan", scenario, "--repetitions", str(trials // CELLS), "--shard", f"{shard}/{shards}", "--json"]
        plans.append(folder / f"plan-{shard}.json")
        plans[-1].write_bytes(subprocess.run(plan, check=True, capture_output=True).stdout)
    tool = ["cargo", "test", "--quiet", "--locked", "--workspace", "--test", "store", "golden::made_up_parts", "--", "--ignored"]
    into = {"RESAMPLE_RUN": kept / "latest", "RESAMPLE_INTO": folder / "runs", "RESAMPLE_PLANS": " ".join(map(str, plans))}
    environment = {**os.environ, **{name: str(value) for name, value in into.items()}}
    subprocess.run(tool, check=True, cwd=HERE.parents[1], env=environment, stdout=subprocess.DEVNULL)
    return sorted(path for path in (folder / "runs").glob("2*") if path.is_dir())


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
        processes.copy_binaries(pathlib.Path(sys.argv[1]).parent, binaries)
        copies.mkdir()
        runner = binaries / "runner"
        parts = resampled(runner, folder, trials, shards)
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
