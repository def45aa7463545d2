"""The figures of a run's cells by pandas, as somebody would write it who has its Parquet and not the runner: the beside of a
benchmark. Per trial, target and vantage: mean, quantiles out of the histogram, maximum; per cell their medians with 95 %
bootstrap intervals over repetitions."""

import json
import pathlib
import sys

import numpy
import pandas

RESAMPLES = 2000
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
KEY = ["trial", "syscall", "vantage"]


def quantiles(histograms):
    """A row for each trial, target and vantage: the middle of the slot that has the value of each rank."""
    slots = histograms[histograms.outcome == "ok"].sort_values([*KEY, "lower_ns"])
    groups = slots.groupby(KEY, sort=False)["count"]
    slots = slots.assign(below=groups.cumsum(), all=groups.transform("sum"), middle=(slots.lower_ns + slots.upper_ns - 1) / 2)
    columns = {}
    for name, q in QUANTILES.items():
        beyond = (slots["all"] * (1 - q) + 1e-6).astype(int)
        reached = slots[(slots.below >= numpy.ceil(q * slots["all"])) & (beyond >= 100)]
        columns[name] = reached.groupby(KEY).middle.first()
    return pandas.DataFrame(columns)


def interval(values, random):
    """The median of the repetitions and the percentiles of its bootstrap distribution."""
    values = values.to_numpy(dtype=float)
    if numpy.isnan(values).any():
        return None
    draws = random.choice(values, size=(RESAMPLES, len(values)))
    low, high = numpy.percentile(numpy.median(draws, axis=1), [2.5, 97.5])
    return numpy.median(values), low, high


def main():
    run = pathlib.Path(sys.argv[1])
    random = numpy.random.default_rng(1)
    trials = pandas.read_parquet(run / "trials.parquet")
    histograms = pandas.read_parquet(run / "histograms.parquet")
    trials = trials[trials.status == "ok"].set_index(KEY)
    trials = trials.assign(mean=trials.sum_ns / trials["count"], max=trials.max_ns)
    # In the order of the manifest, as the runner names cells.
    names = [factor["name"] for factor in json.loads((run / "manifest.json").read_text())["scenario"]["factors"]]
    factors = [f"factor_{name}" for name in names]
    figures = trials[[*factors, "mean", "max"]].join(quantiles(histograms)).reset_index()
    cells = figures.groupby([*factors, "syscall", "vantage"])
    metrics = ["mean", *QUANTILES, "max"]
    summary = {str(cell): {metric: interval(rows[metric], random) for metric in metrics} for cell, rows in cells}
    print(json.dumps(summary, default=float))


if __name__ == "__main__":
    main()
