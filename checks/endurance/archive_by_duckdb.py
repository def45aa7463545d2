"""What `runner` says of an archive of runs by duckdb, as somebody would ask it who has the runs and not the runner: the beside
of a benchmark. archive_by_duckdb.py list RUNS | history RUNS SCENARIO | diff RUN RUN"""

import json
import sys

import duckdb

CELL = "factor_size, factor_load, syscall"
RUN = "parse_filename(parse_dirpath(filename))"


def listed(runs):
    """Every run with what a list says of it, oldest first."""
    return f"""
        select id, scenario.name, label, state, started_at, environment.kernel_release, probe.backend, plan.trials
        from read_json('{runs}/2*/manifest.json', columns = {{
            id: 'VARCHAR', scenario: 'STRUCT(name VARCHAR)', label: 'VARCHAR', state: 'VARCHAR', started_at: 'VARCHAR',
            environment: 'STRUCT(kernel_release VARCHAR)', probe: 'STRUCT(backend VARCHAR)', plan: 'STRUCT(trials INTEGER)'}})
        order by id"""


def history(runs, scenario):
    """The median over repetitions of each run's p50, by cell, as the kernel saw it where it did. The runs' scenario is in
    their names."""
    return f"""
        with figures as (
            select {RUN} as run, vantage, {CELL}, median(p50_ns) as p50_ns, count(p50_ns) = count(*) as is_whole
            from read_parquet('{runs}/2*-{scenario}-*/trials.parquet', union_by_name = true, filename = true)
            where status = 'ok' group by all)
        select run, {CELL}, arg_min(p50_ns, vantage) from figures where is_whole group by all order by run"""


def diff(one, other):
    """Quantiles of every trial out of its histogram, the medians of each cell, and the ratio of one run's to the other's."""
    quantiles = ", ".join(
        f"min(middle) filter (below >= ceil({q}::double * calls) and floor(calls * {1 - q} + 1e-6) >= 100) as {name}"
        for name, q in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)])
    sides = ", ".join(
        f"median({name}) filter (run = {place}) as {side}_{name}"
        for name in ("p50", "p90", "p99") for place, side in enumerate(("base", "candidate")))
    tables = lambda name: f"(select 0 as run, * from '{one}/{name}.parquet' union all by name select 1 as run, * from '{other}/{name}.parquet')"
    return f"""
        with slots as (
            select *, (lower_ns + upper_ns - 1) / 2 as middle, sum(count) over (partition by run, trial, syscall, vantage) as calls,
                sum(count) over (partition by run, trial, syscall, vantage order by lower_ns) as below
            from {tables("histograms")} where outcome = 'ok'),
        trials as (select run, trial, syscall, vantage, {quantiles} from slots group by all)
        select {CELL}, vantage, {sides} from trials join {tables("trials")} using (run, trial, syscall, vantage)
        where status = 'ok' group by all"""


def main():
    what, *arguments = sys.argv[1:]
    rows = duckdb.sql({"list": listed, "history": history, "diff": diff}[what](*arguments)).fetchall()
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
