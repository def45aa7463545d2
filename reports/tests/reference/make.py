"""Figures of scipy, statsmodels and numpy that the statistics of reports are held against: make.py FILE.json

The cases are drawn from a fixed seed; the committed file was made once with the versions that it states.
"""

import itertools
import json
import math
import pathlib
import sys

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

random = np.random.default_rng(20261125)
ALPHA = 0.05


def rounded(values):
    """As they are written, so that both sides compute with the same numbers."""
    return [float(f"{value:.8g}") for value in values]


def skewed(n, spread=0.05, at=1000.0):
    """Lifelike: skewed, with an outlier now and then."""
    shift = random.standard_t(3, n) * spread
    return rounded(at * np.exp(shift))


def coarse(n, at=12.0):
    """Values in common, as slots of a histogram give them."""
    return [float(value) for value in np.round(at + random.normal(0, 2, n))]


def slot_middle(ns):
    """64 slots per power of two, exact below 128."""
    if ns < 128:
        return float(ns)
    width = 1 << (int(ns).bit_length() - 7)
    lower = ns // width * width
    return (lower + lower + width - 1) / 2


def quantiles():
    cases = []
    for n in (1, 7, 100, 1001, 4000):
        values = [int(value) for value in np.exp(random.normal(6.5, 1.0, n))]
        middles = np.clip([slot_middle(value) for value in values], min(values), max(values))
        shares = [0.5, 0.9, 0.99, 0.999]
        found = [float(np.quantile(middles, q, method="inverted_cdf")) for q in shares]
        cases.append({"values": values, "shares": shares, "quantiles": found})
    return cases


def tail(n):
    return stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))


def ends(medians, level):
    """The first value up to which more than `level` has been passed, from below and from above."""
    medians = np.sort(medians)
    place = math.floor(level * len(medians))
    return float(medians[place]), float(medians[len(medians) - 1 - place])


def bootstrap_exact():
    cases = []
    for n in (3, 4, 5, 6, 7):
        values = skewed(n)
        resamples = np.array(list(itertools.product(values, repeat=n)))
        low, high = ends(np.median(resamples, axis=1), tail(n))
        cases.append({"boots": [values], "low": low, "high": high})
    return cases


def bracket(drawn, level):
    """What an end may be that was drawn as well, so far out that few draws are there: at two fifths and 2.5 times the level."""
    (low_least, high_most), (low_most, high_least) = ends(drawn, level * 0.4), ends(drawn, level * 2.5)
    return {"low": [low_least, low_most], "high": [high_least, high_most]}


def resampled(boots, draws):
    """Medians over boots, drawn first, and blocks within them."""
    medians = np.empty(draws)
    for index in range(draws):
        chosen = random.integers(0, len(boots), len(boots))
        medians[index] = np.median(np.concatenate([random.choice(boots[boot], len(boots[boot])) for boot in chosen]))
    return medians


def bootstrap_hierarchical():
    """The level is that of the boots. Of so many that it is not beyond what can be drawn."""
    cases = []
    for boots in (7, 8, 10):
        values = [skewed(6, at=1000.0 * math.exp(random.normal(0, 0.04))) for _ in range(boots)]
        cases.append({"boots": values, **bracket(resampled(values, 40_000), tail(boots))})
    return cases


def bootstrap_ratios():
    """Of so many boots that the level is not beyond what can be drawn."""
    cases = []
    for base_boots, candidate_boots in ((1, 1), (8, 8), (10, 7)):
        base = [skewed(9) for _ in range(base_boots)]
        candidate = [skewed(9, at=1100.0) for _ in range(candidate_boots)]
        ratios = resampled(candidate, 40_000) / resampled(base, 40_000)
        units = 9 if base_boots == 1 else min(base_boots, candidate_boots)
        cases.append({"base": base, "candidate": candidate, **bracket(ratios, tail(units))})
    return cases


def bootstrap_pairs():
    cases = []
    for n in (8, 12):
        base = np.array(skewed(n))
        candidate = np.array(rounded(base * 1.07 * np.exp(random.normal(0, 0.01, n))))
        drawn = random.integers(0, n, (40_000, n))
        ratios = np.median(candidate[drawn], axis=1) / np.median(base[drawn], axis=1)
        cases.append({"pairs": list(zip(base.tolist(), candidate.tolist())), **bracket(ratios, tail(n))})
    return cases


def mann_whitney():
    cases = []
    for n, m in ((1, 1), (3, 4), (5, 5), (7, 7), (10, 10), (12, 9), (20, 20), (50, 50)):
        a, b = skewed(n), skewed(m, at=1040.0)
        p = stats.mannwhitneyu(a, b, alternative="two-sided", method="exact").pvalue
        cases.append({"a": a, "b": b, "p": float(p), "ties": "none"})
    for n, m in ((4, 4), (5, 6), (7, 7), (6, 8)):
        a, b = coarse(n), coarse(m, at=14.0)
        centre = n * (n + m + 1) / 2

        def distance(a, b, axis=-1):
            ranks = stats.rankdata(np.concatenate([a, b], axis=-1), axis=-1)
            return np.abs(ranks[..., :n].sum(axis=-1) - centre)

        found = stats.permutation_test((a, b), distance, alternative="greater", n_resamples=np.inf, vectorized=True)
        cases.append({"a": a, "b": b, "p": float(found.pvalue), "ties": "enumerated"})
    for n, m in ((40, 30), (60, 80), (300, 250)):
        a, b = coarse(n), coarse(m, at=12.5)
        p = stats.mannwhitneyu(a, b, alternative="two-sided", method="asymptotic", use_continuity=True).pvalue
        cases.append({"a": a, "b": b, "p": float(p), "ties": "approximated"})
    return cases


def shift_intervals():
    """Every shift is tried, just between the differences, where p changes."""
    cases = []
    for n, m in ((4, 4), (5, 5), (7, 7), (10, 8), (12, 12)):
        a, b = skewed(n), skewed(m, at=1080.0)
        differences = np.sort((np.array(b)[:, None] - np.array(a)[None, :]).ravel())
        between = (differences[1:] + differences[:-1]) / 2
        p = [stats.mannwhitneyu(a, np.array(b) - shift, method="exact").pvalue for shift in between]
        kept = [index for index, value in enumerate(p) if value > ALPHA]
        low, high = float(differences[kept[0]]), float(differences[kept[-1] + 1])
        cases.append({"a": a, "b": b, "difference": float(np.median(differences)), "low": low, "high": high})
    return cases


def distance_of_sum(d, axis=-1):
    return np.abs(np.sum(d, axis=axis))


def flip_p(differences):
    found = stats.permutation_test(
        (differences,), distance_of_sum, permutation_type="samples", alternative="greater", n_resamples=np.inf, vectorized=True
    )
    return float(found.pvalue)


def sign_flips():
    cases = []
    for n in (2, 4, 6, 8, 10, 12):
        differences = rounded(random.normal(0.02, 0.03, n))
        cases.append({"differences": differences, "p": flip_p(differences)})
    for n in (6, 9):
        differences = [float(value) for value in random.integers(-2, 5, n)]
        cases.append({"differences": differences, "p": flip_p(differences)})
    return cases


def flip_intervals():
    """The shift at which p crosses 5 %, by bisection from without."""
    cases = []
    for n in (6, 7, 9, 10):
        differences = np.array(rounded(random.normal(0.05, 0.03, n)))

        def crossing(outside, inside):
            for _ in range(50):
                middle = (outside + inside) / 2
                if flip_p(differences - middle) <= ALPHA:
                    outside = middle
                else:
                    inside = middle
            return (outside + inside) / 2

        mean, reach = float(differences.mean()), float(np.ptp(differences)) + 0.1
        low, high = crossing(mean - reach, mean), crossing(mean + reach, mean)
        cases.append({"differences": differences.tolist(), "mean": mean, "low": low, "high": high})
    return cases


def families():
    cases = []
    for n in (1, 3, 10, 45):
        p = rounded(random.beta(0.4, 2.0, n))
        holm, bh = (multipletests(p, ALPHA, method=method)[1].tolist() for method in ("holm", "fdr_bh"))
        cases.append({"p": p, "holm": holm, "bh": bh})
    p = [0.01, 0.01, 0.02, 0.02, 0.02, 1.0, 1.0]
    holm, bh = (multipletests(p, ALPHA, method=method)[1].tolist() for method in ("holm", "fdr_bh"))
    return cases + [{"p": p, "holm": holm, "bh": bh}]


def shares():
    cases = []
    for successes, trials in ((0, 60), (60, 60), (57, 60), (0, 200), (3, 200), (10, 200), (200, 200), (1, 2), (1234, 5000)):
        interval = stats.binomtest(successes, trials).proportion_ci(method="exact")
        cases.append({"successes": successes, "trials": trials, "low": interval.low, "high": interval.high})
    return cases


def order_ranks():
    """The rank k from 1 of the interval's lower end; 0 for none."""
    cases = []
    for n in (5, 6, 7, 12, 31, 100, 1000, 2001, 5000):
        for confidence in (0.95, 0.99):
            rank = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
            while rank > 0 and 2 * stats.binom.cdf(rank - 1, n, 0.5) > (1 - confidence) * (1 + 1e-9):
                rank -= 1
            while 2 * stats.binom.cdf(rank, n, 0.5) <= (1 - confidence):
                rank += 1
            cases.append({"n": n, "confidence": confidence, "rank": rank})
    return cases


PARTS = [
    quantiles, bootstrap_exact, bootstrap_hierarchical, bootstrap_ratios, bootstrap_pairs, mann_whitney, shift_intervals,
    sign_flips, flip_intervals, families, shares, order_ranks,
]


def main():
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}
    document = {"made_by": "make.py", "versions": versions}
    document.update((part.__name__, part()) for part in PARTS)
    lines = [f'  {json.dumps(key)}: ' + (json.dumps(value) if not isinstance(value, list) else
             "[\n    " + ",\n    ".join(json.dumps(case) for case in value) + "\n  ]") for key, value in document.items()]
    pathlib.Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
