"""How fast the generator's loops are beside the same loops in C: generators.py GENERATOR LOOPS [ROUNDS] [SECONDS]

In each round each side runs each workload once, by turns and in alternating order, each time in a new process. The
figure is the median over rounds of the ratio of operations per second, with a 95 % interval from the order of the
rounds' ratios (binomial). The target is 0.98 or more.
"""

import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

WORKLOADS = ["getpid", "futex", "read", "openat", "mmap"]
TARGET = 0.98


def operations(command):
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(said.split()[0])


def interval(ratios):
    """The narrowest pair of ordered values, equally far from both ends, that holds the median in 95 % of cases."""
    ordered, count = sorted(ratios), len(ratios)
    rank, outside = 0, 0.0
    while True:
        outside += 2 * math.comb(count, rank) / 2**count
        if outside > 0.05:
            break
        rank += 1
    return (ordered[rank - 1], ordered[-rank]) if rank > 0 else None


def main(generator, loops, rounds=11, seconds=0.5):
    ratios = {workload: [] for workload in WORKLOADS}
    # Where the generator puts its files as well, so that both open paths of about one length in one file system.
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(int(rounds)):
            for workload in WORKLOADS:
                window = f"{round(float(seconds) * 1000)}ms"
                ours = [generator, workload, "--window", window, "--warmup", "200ms", "--scratch", scratch]
                theirs = [loops, workload, str(seconds), str(pathlib.Path(scratch) / "generator-1234-0")]
                if number % 2 == 0:
                    rust, c = operations(ours), operations(theirs)
                else:
                    c, rust = operations(theirs), operations(ours)
                ratios[workload].append(rust / c if c else math.nan)
    print(f"{'workload':<10} {'generator / C':>14}   95 % interval      target {TARGET}")
    missed = False
    for workload, found in ratios.items():
        median, bounds = statistics.median(found), interval(found)
        words = f"[{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "too few rounds"
        # Slower for certain, not only in this run's middle.
        slower = bounds is not None and bounds[1] < TARGET
        missed |= slower
        print(f"{workload:<10} {median:>14.3f}   {words:<18} {'missed' if slower else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
