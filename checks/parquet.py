"""Reads the Parquet files of a run with pyarrow and duckdb, as somebody who never saw Syscall Lab's code would.

What is checked: the columns are the documented ones, both readers see the same rows, each histogram adds up to the
figures of its row, the ledger balances, quantiles lie in the slot that holds their rank, and the checksums are right.
"""

import argparse
import json
import pathlib
from datetime import datetime

import blake3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tally import Tally

TEXT, COUNT, SIGNED, REAL = "text", "count", "signed", "real"

COLUMNS = {
    "trials": {
        "trial": COUNT, "block": COUNT, "position": COUNT, "repetition": COUNT, "syscall": TEXT, "vantage": TEXT,
        "status": TEXT, "reason": TEXT, "count": COUNT, "errors": COUNT, "returned": COUNT, "sum_ns": COUNT,
        "min_ns": COUNT, "max_ns": COUNT, "p50_ns": REAL, "p90_ns": REAL, "p99_ns": REAL, "p999_ns": REAL,
        "entered": COUNT, "censored": COUNT, "lost": SIGNED, "missed": COUNT, "compat": COUNT, "window_ns": COUNT, "started_at": TEXT, "boot": TEXT,
        "ops": COUNT, "factor_load": TEXT,
    },
    "histograms": {
        "trial": COUNT, "syscall": TEXT, "vantage": TEXT, "outcome": TEXT, "lower_ns": COUNT, "upper_ns": COUNT,
        "count": COUNT,
    },
    "errors": {
        "trial": COUNT, "syscall": TEXT, "vantage": TEXT, "errno": COUNT, "name": TEXT, "count": COUNT,
    },
    "slowest": {
        "trial": COUNT, "syscall": TEXT, "rank": COUNT, "latency_ns": COUNT, "at_ns": COUNT, "pid": COUNT, "tid": COUNT,
        "cpu_entry": COUNT, "cpu_return": COUNT, "arg0": COUNT, "arg1": COUNT, "arg2": COUNT, "arg3": COUNT,
        "arg4": COUNT, "arg5": COUNT, "value": SIGNED, "switches": COUNT, "stack": TEXT,
    },
    "generators": {
        "trial": COUNT, "generator": TEXT, "workload": TEXT, "rate_per_second": REAL, "operations": COUNT, "late": COUNT,
        "responses": COUNT, "response_sum_ns": COUNT, "response_min_ns": COUNT, "response_max_ns": COUNT, "response_p50_ns": REAL,
        "response_p90_ns": REAL, "response_p99_ns": REAL, "response_p999_ns": REAL,
    },
    "responses": {
        "trial": COUNT, "generator": TEXT, "workload": TEXT, "lower_ns": COUNT, "upper_ns": COUNT, "count": COUNT,
    },
    "monitor": {
        "trial": COUNT, "at_ns": COUNT, "cpu_busy": REAL, "memory_used_bytes": COUNT, "context_switches": COUNT,
        "interrupts": COUNT,
    },
    "load": {
        "block": COUNT, "level": TEXT, "stressor": TEXT, "instances": COUNT, "bogo_ops": COUNT,
        "bogo_ops_per_second": REAL,
    },
}

IS_KIND = {
    TEXT: lambda it: pa.types.is_string(it) or pa.types.is_large_string(it) or str(it) == "string_view",
    COUNT: pa.types.is_unsigned_integer,
    SIGNED: pa.types.is_signed_integer,
    REAL: pa.types.is_floating,
}

# Claims on the data: each query gives the rows that contradict its claim.
CLAIMS = {
    "a trial × syscall × vantage has one row":
        "SELECT trial, syscall, vantage FROM trials GROUP BY ALL HAVING count(*) <> 1",
    "a status is ok, failed or invalid":
        "SELECT trial, status FROM trials WHERE status NOT IN ('ok', 'failed', 'invalid')",
    "what is not ok has a reason, and only that":
        "SELECT trial, status, reason FROM trials WHERE (status = 'ok') <> (reason IS NULL)",
    "what is ok has counts":
        "SELECT trial FROM trials WHERE status = 'ok' AND (count IS NULL OR errors IS NULL OR returned IS NULL)",
    "returned is count and errors together":
        "SELECT trial, syscall, vantage FROM trials WHERE returned <> count + errors",
    "the ledger balances: entered = returned + censored + lost":
        "SELECT trial, syscall, entered, returned, censored, lost FROM trials"
        " WHERE entered IS NOT NULL AND entered::HUGEINT <> returned::HUGEINT + censored + lost",
    "the kernel's vantage has a ledger, and it alone":
        "SELECT trial, syscall, vantage FROM trials"
        " WHERE count IS NOT NULL AND (vantage = 'kernel') <> (entered IS NOT NULL)",
    "generators' operations are the trial's":
        "SELECT trial FROM trials LEFT JOIN (SELECT trial, sum(operations) AS all_of FROM generators GROUP BY trial)"
        " USING (trial) WHERE status <> 'failed' AND ops <> coalesce(all_of, 0)",
    "each response is in a slot":
        "SELECT trial, generator, workload FROM generators LEFT JOIN"
        " (SELECT trial, generator, workload, sum(count) AS in_slots FROM responses GROUP BY ALL)"
        " USING (trial, generator, workload) WHERE coalesce(responses, 0) <> coalesce(in_slots, 0)",
    "what is late is an operation":
        "SELECT trial, generator FROM generators WHERE late > operations",
    "extremes and sum agree with the count":
        "SELECT trial, syscall, vantage FROM trials WHERE count > 0 AND NOT coalesce(min_ns <= max_ns"
        " AND sum_ns::HUGEINT BETWEEN count::HUGEINT * min_ns AND count::HUGEINT * max_ns, false)",
    "without a call there is no figure":
        "SELECT trial, syscall, vantage FROM trials"
        " WHERE count = 0 AND coalesce(sum_ns, min_ns, max_ns, p50_ns) IS NOT NULL",
    "quantiles do not fall":
        "SELECT trial, syscall, vantage FROM trials WHERE p50_ns > p90_ns OR p90_ns > p99_ns OR p99_ns > p999_ns"
        " OR p50_ns < min_ns OR p999_ns > max_ns",
    "a slot counts something":
        "SELECT * FROM histograms WHERE count = 0",
    "slots are exact below 128 ns and at most 1/64 wide above":
        "SELECT * FROM histograms WHERE CASE WHEN lower_ns < 128 THEN upper_ns <> lower_ns + 1"
        " ELSE upper_ns <= lower_ns OR (upper_ns - lower_ns) * 64 > lower_ns END",
    "slots do not overlap":
        "SELECT * FROM (SELECT *, lead(lower_ns) OVER (PARTITION BY trial, syscall, vantage, outcome"
        " ORDER BY lower_ns) AS following FROM histograms) WHERE following < upper_ns",
    "every histogram belongs to a row":
        "SELECT DISTINCT trial, syscall, vantage FROM histograms ANTI JOIN trials USING (trial, syscall, vantage)",
    "the slots add up to count and errors":
        "SELECT trial, syscall, vantage, count, errors, ok, error FROM trials"
        " LEFT JOIN sums USING (trial, syscall, vantage)"
        " WHERE count IS NOT NULL AND (count <> coalesce(ok, 0) OR errors <> coalesce(error, 0))",
    "the sum lies within its slots' bounds":
        "SELECT trial, syscall, vantage FROM trials JOIN sums USING (trial, syscall, vantage)"
        " WHERE max_ns < 1099511627776 AND sum_ns NOT BETWEEN least_ns AND greatest_ns",
    "min and max lie in the first and the last slot":
        "SELECT trial, syscall, vantage FROM trials JOIN sums USING (trial, syscall, vantage) WHERE count > 0 AND"
        " (min_ns < first_ns OR max_ns < last_ns OR (max_ns < 1099511627776 AND max_ns >= end_ns))",
    "the median lies in the slot that holds its rank":
        "SELECT trial, syscall, vantage, p50_ns FROM trials JOIN ranks USING (trial, syscall, vantage)"
        " WHERE p50_ns IS NOT NULL AND upto >= ceil(0.5 * trials.count)"
        " AND upto - ranks.count < ceil(0.5 * trials.count) AND NOT p50_ns BETWEEN lower_ns AND upper_ns",
    "p99 lies in the slot that holds its rank":
        "SELECT trial, syscall, vantage, p99_ns FROM trials JOIN ranks USING (trial, syscall, vantage)"
        " WHERE p99_ns IS NOT NULL AND upto >= ceil(0.99 * trials.count)"
        " AND upto - ranks.count < ceil(0.99 * trials.count) AND NOT p99_ns BETWEEN lower_ns AND upper_ns",
    "error numbers add up to the errors":
        "SELECT trial, syscall, vantage, errors, failed FROM trials LEFT JOIN (SELECT trial, syscall, vantage,"
        " sum(errors.count) AS failed FROM errors GROUP BY ALL) USING (trial, syscall, vantage)"
        " WHERE errors <> coalesce(failed, 0)",
    "an error number belongs to a row and has a count":
        "SELECT trial, syscall, vantage, errno FROM errors ANTI JOIN trials USING (trial, syscall, vantage)"
        " UNION ALL SELECT trial, syscall, vantage, errno FROM errors WHERE count = 0",
    "callers see no restarts of the kernel":
        "SELECT * FROM errors WHERE vantage = 'user' AND errno BETWEEN 512 AND 516",
    "slow calls are ranked from 1, the slowest first":
        "SELECT * FROM (SELECT *, row_number() OVER ranked AS place, lag(latency_ns) OVER ranked AS slower FROM slowest"
        " WINDOW ranked AS (PARTITION BY trial, syscall ORDER BY rank)) WHERE rank <> place OR slower < latency_ns",
    "a slow call is one of the kernel's and lies within its window":
        "SELECT slowest.* FROM slowest LEFT JOIN trials ON slowest.trial = trials.trial"
        " AND slowest.syscall = trials.syscall AND vantage = 'kernel'"
        " WHERE NOT coalesce(latency_ns <= greatest(max_ns, error_max_ns) AND latency_ns <= at_ns"
        " AND at_ns <= window_ns, false)",
    "shares of the monitor are between 0 and 1":
        "SELECT * FROM monitor WHERE cpu_busy NOT BETWEEN 0 AND 1",
    "a sample belongs to a trial":
        "SELECT DISTINCT trial FROM monitor ANTI JOIN trials USING (trial)",
    "stress-ng's figures of a stressor are there together or not at all":
        "SELECT block, level, stressor FROM load WHERE (bogo_ops IS NULL) <> (bogo_ops_per_second IS NULL)"
        " OR (bogo_ops IS NULL) <> (wall_seconds IS NULL)",
    "a load level is one of the trials'":
        "SELECT DISTINCT level FROM load ANTI JOIN trials ON level = factor_load",
}

VIEWS = """
CREATE VIEW sums AS SELECT trial, syscall, vantage,
    coalesce(sum(count) FILTER (outcome = 'ok'), 0) AS ok,
    coalesce(sum(count) FILTER (outcome = 'error'), 0) AS error,
    sum(lower_ns::HUGEINT * count) FILTER (outcome = 'ok') AS least_ns,
    sum(upper_ns::HUGEINT * count) FILTER (outcome = 'ok') AS greatest_ns,
    min(lower_ns) FILTER (outcome = 'ok') AS first_ns,
    max(lower_ns) FILTER (outcome = 'ok') AS last_ns,
    max(upper_ns) FILTER (outcome = 'ok') AS end_ns
    FROM histograms GROUP BY trial, syscall, vantage;
CREATE VIEW ranks AS SELECT *, sum(count) OVER (PARTITION BY trial, syscall, vantage ORDER BY lower_ns) AS upto
    FROM histograms WHERE outcome = 'ok';
"""


def check_tables(tally, run, manifest, db):
    """Both readers open every table and see the documented columns and the same rows."""
    for name, columns in COLUMNS.items():
        path = run / f"{name}.parquet"
        table = pq.read_table(path)
        metadata = {key.decode(): value.decode() for key, value in (pq.read_metadata(path).metadata or {}).items()}
        version = metadata.get("syscall_lab.format_version")
        tally.check(version == str(manifest["format_version"]), f"{name} carries the format version", version)
        for column, kind in columns.items():
            found = table.schema.field(column).type if column in table.column_names else None
            tally.check(found is not None and IS_KIND[kind](found), f"{name} has {column} ({kind})", found)
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        rows = db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        tally.check(rows == table.num_rows, f"duckdb and pyarrow see the same rows of {name}", rows)
        for column in table.column_names:
            nulls = db.execute(f'SELECT count(*) - count("{column}") FROM {name}').fetchone()[0]
            tally.check(nulls == table[column].null_count, f"both see the nulls of {name}.{column}", nulls)
    tally.check(db.execute("SELECT count(*) FROM trials").fetchone()[0] > 0, "there are trials")
    tally.check(db.execute("SELECT count(*) FROM histograms").fetchone()[0] > 0, "there are histograms")


def check_claims(tally, db):
    db.execute(VIEWS)
    for claim, query in CLAIMS.items():
        against = db.execute(query).fetchmany(3)
        tally.check(not against, claim, against)


def check_manifest(tally, run, manifest, db):
    """The manifest and the tables tell of the same run."""
    tally.check(manifest["id"] == run.name, "the manifest names its folder", manifest["id"])
    tally.check(manifest["state"] == "complete", "the run is complete", manifest["state"])
    trials = db.execute("SELECT count(DISTINCT trial) FROM trials").fetchone()[0]
    tally.check(trials == manifest["plan"]["trials"], "every planned trial has a row", trials)
    names = [row[0] for row in db.execute("SELECT DISTINCT syscall FROM trials").fetchall()]
    tally.check(set(names) == set(manifest["scenario"]["syscalls"]), "the targets are the scenario's", names)
    for factor in manifest["scenario"]["factors"]:
        query = f'SELECT DISTINCT "factor_{factor["name"]}" FROM trials'
        found = {row[0] for row in db.execute(query).fetchall()}
        tally.check(found == {level["label"] for level in factor["levels"]}, f"levels of {factor['name']}", found)
    for moment, in db.execute("SELECT DISTINCT started_at FROM trials").fetchall():
        aware = datetime.fromisoformat(moment.replace("Z", "+00:00")).tzinfo is not None
        tally.check(aware, "a trial's start has its time zone", moment)
    tally.check(set(manifest["checksums"]) >= {f"{name}.parquet" for name in COLUMNS}, "every table has a checksum")
    for name, sum_ in manifest["checksums"].items():
        actual = blake3.blake3((run / name).read_bytes()).hexdigest()
        tally.check(actual == sum_, f"the checksum of {name} is right", actual)


def check_expectations(tally, manifest, db, expected):
    """What the caller knows of this run."""
    if expected.backend:
        backend = manifest["probe"]["backend"]
        tally.check(backend == expected.backend, f"the backend is {expected.backend}", backend)
        if expected.backend != "user":
            seen = db.execute("SELECT sum(count) FROM trials WHERE vantage = 'kernel'").fetchone()[0]
            tally.check(seen, "the kernel's vantage saw calls", seen)
    if expected.trials:
        trials = manifest["plan"]["trials"]
        tally.check(trials == expected.trials, f"{expected.trials} trials were planned", trials)
    if expected.none_failed:
        failed = db.execute("SELECT trial, status, reason FROM trials WHERE status <> 'ok'").fetchmany(3)
        tally.check(not failed, "every trial is ok", failed)
    if expected.nothing_lost:
        lost = db.execute(
            "SELECT trial, syscall, lost, censored FROM trials WHERE lost <> 0 OR censored <> 0"
        ).fetchmany(3)
        tally.check(not lost, "nothing is lost or censored", lost)
    for call in expected.calls:
        syscall, calls = call.split("=")
        rows = db.execute(
            "SELECT trial, vantage, returned, errors, entered FROM trials WHERE syscall = ?", [syscall]
        ).fetchall()
        vantages = {row[1] for row in rows}
        wanted = {"user"} if expected.backend == "user" else {"kernel", "user"}
        tally.check(vantages == wanted, f"{' and '.join(sorted(wanted))} saw {syscall}", vantages)
        for trial, vantage, returned, errors, entered in rows:
            exact = returned == int(calls) and errors == 0 and entered in (None, int(calls))
            evidence = f"returned {returned}, errors {errors}, entered {entered}"
            tally.check(exact, f"trial {trial}, {vantage}: {calls} calls of {syscall}", evidence)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--backend", help="the backend that the run must have used")
    parser.add_argument("--trials", type=int, help="the trials that were planned")
    parser.add_argument("--none-failed", action="store_true")
    parser.add_argument("--nothing-lost", action="store_true")
    parser.add_argument("--calls", nargs="*", default=[], help="SYSCALL=N: calls of every trial")
    expected = parser.parse_args()

    run = expected.run.resolve()
    manifest = json.loads((run / "manifest.json").read_text())
    tally, db = Tally("parquet"), duckdb.connect()
    check_tables(tally, run, manifest, db)
    check_claims(tally, db)
    check_manifest(tally, run, manifest, db)
    check_expectations(tally, manifest, db, expected)
    tally.end()


if __name__ == "__main__":
    main()
