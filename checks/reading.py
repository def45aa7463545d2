"""Carries out the examples of docs/reading.md on a run, those of docs/archive.md on a folder of runs, and reads what `runner
export` makes of the run: all have to agree."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import duckdb
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tally import Tally

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "store/tests/golden"
TABLES = ["trials", "histograms", "errors", "slowest", "generators", "responses", "monitor", "load"]


def export(runner, run, *arguments):
    """What `runner export` prints of the run."""
    command = [runner, "export", run, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def examples(page, language):
    """The examples of the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def expected(rows, vantage):
    """The medians of p99 by system call and load, by the standard library alone."""
    groups = {}
    for row in rows:
        if row["status"] == "ok" and row["vantage"] == vantage and row["p99_ns"]:
            groups.setdefault((row["syscall"], row["factor_load"]), []).append(float(row["p99_ns"]))
    return {key: statistics.median(values) for key, values in groups.items()}


def table(result):
    """An example's result as what `expected` gives; what is null is left out."""
    if hasattr(result, "rows"):
        rows = result.rows()
    elif hasattr(result, "fetchall"):
        rows = result.fetchall()
    else:
        rows = [(*key, value) for key, value in result.items()]
    return {(row[0], row[1]): row[2] for row in rows if row[2] is not None and row[2] == row[2]}


def with_r(example, runner, run, vantage):
    """The result of an example in R."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "example.R")
        quoted = [json.dumps(text) for text in (run, vantage, f"{folder}/trials.csv", f"{folder}/result.csv")]
        names = "RUN <- {}\nVANTAGE <- {}\nFILE <- {}\nRESULT <- {}\n".format(*quoted)
        script.write_text(names + example + "write.csv(result, RESULT, row.names = FALSE)\n")
        path = f"{pathlib.Path(runner).resolve().parent}:{os.environ['PATH']}"
        subprocess.run(["Rscript", "--vanilla", script], check=True, env={**os.environ, "PATH": path}, stdout=sys.stderr)
        rows = csv.DictReader(io.StringIO(pathlib.Path(folder, "result.csv").read_text()))
        return {(row["syscall"], row["factor_load"]): float(row["p99_ns"]) for row in rows}


def check_examples(tally, page, runner, run, rows):
    vantage = "kernel" if any(row["vantage"] == "kernel" for row in rows) else "user"
    wanted = expected(rows, vantage)
    tally.check(wanted, "the run has a p99")
    counts = [len(list(examples(page, language))) for language in ("python", "r")]
    tally.check(counts == [3, 1], "the page has examples for pandas, polars, duckdb and R", counts)
    for example in examples(page, "python"):
        names = {"RUN": run, "VANTAGE": vantage, "print": lambda *_: None}
        exec(example, names)
        name = example.split()[1]
        tally.check(table(names["result"]) == wanted, f"{name} reads what the export says", names["result"])
    for example in examples(page, "r"):
        found = with_r(example, runner, run, vantage)
        tally.check(found == wanted, "R reads what the export says", found)


def archive(runs, run):
    """A folder of runs that differ in scenario, columns, kernel and figures, and of what else there may be in one."""
    def copy(source, name, kernel):
        shutil.copytree(source, runs / name, ignore=shutil.ignore_patterns("report"))
        manifest = json.loads((source / "manifest.json").read_text())
        manifest["id"] = name
        manifest["environment"] = {**manifest["environment"], "kernel_release": kernel}
        (runs / name / "manifest.json").write_text(json.dumps(manifest))
        return manifest["scenario"]["name"]

    # Earlier versions had fewer columns: the first one by name is theirs, and so its columns are polars'.
    copy(GOLDEN / "first_columns", "2026-01-01T000000Z-first-aaaa", "5.10.0")
    copy(GOLDEN / "noise", "2026-01-02T000000Z-noise-aaaa", "6.1.0")
    for day, kernel in [(3, "5.10.0"), (4, "6.1.0"), (5, "6.1.0")]:
        scenario = copy(run, f"2026-01-0{day}T000000Z-run-aaaa", kernel)
    (runs / "latest").symlink_to("2026-01-05T000000Z-run-aaaa")
    (runs / ".2026-01-06T000000Z-run-aaaa.merging").mkdir()
    (runs / ".2026-01-06T000000Z-run-aaaa.merging" / "trials.parquet").write_text("half of one")
    return scenario


def same(one, other):
    close = lambda mine, theirs: mine == theirs or isinstance(mine, float) and abs(mine - theirs) <= 1e-12 * abs(mine)
    return len(one) == len(other) and all(map(close, one, other))


def check_archive(tally, page, runner, run, rows):
    vantage = "kernel" if any(row["vantage"] == "kernel" for row in rows) else "user"
    wanted = expected(rows, vantage)
    blocks = list(examples(page, "python"))
    tally.check(len(blocks) == 8, "the page has four examples for duckdb and polars each", len(blocks))
    with tempfile.TemporaryDirectory() as folder:
        runs = pathlib.Path(folder, "runs")
        runs.mkdir()
        scenario = archive(runs, pathlib.Path(run).resolve())
        syscall = next(iter(wanted))[0]
        given = {"RUNS": str(runs), "VANTAGE": vantage, "SYSCALL": syscall, "SCENARIO": scenario, "print": lambda *_: None}
        results = []
        for block in blocks:
            names = dict(given)
            exec(block, names)
            result = names["result"]
            results.append(result.rows() if hasattr(result, "rows") else result.fetchall())
        for place in range(0, len(blocks), 2):
            mine, theirs = results[place:place + 2]
            agree = len(mine) == len(theirs) and all(map(same, mine, theirs))
            tally.check(mine and agree, f"duckdb and polars agree, example {place // 2 + 1}", (mine, theirs))
        of_copies = [row for row in results[0] if "-run-" in row[0] and row[2] is not None]
        days = sorted({row[0] for row in of_copies})
        tally.check(len(days) == 3, "each copy is one run, and latest none", days)
        for day in days:
            found = {(syscall, row[1]): row[2] for row in of_copies if row[0] == day}
            own = {key: value for key, value in wanted.items() if key[0] == syscall}
            tally.check(found == own, "the p99 of a run is what the export says", found)
        counted = {(row[0], row[1]): row[2] for row in results[4]}
        tally.check(counted[("6.1.0", syscall)] == 2 and all(key[0] == "6.1.0" for key in counted), "two are of the kernel", counted)


def check_tables(tally, runner, run):
    """Every table as CSV has the cells of its Parquet."""
    for name in TABLES:
        text = export(runner, run, "--format", "csv", "--table", name)
        rows = list(csv.reader(io.StringIO(text)))
        kept = duckdb.sql(f"select * from '{run}/{name}.parquet'")
        tally.check(rows[0] == kept.columns, f"{name} has the same columns", rows[0])
        values = kept.fetchall()
        tally.check(len(values) == len(rows) - 1, f"{name} has as many rows", len(rows) - 1)
        same = all(
            cell_is(cell, value) for row, kept_row in zip(rows[1:], values) for cell, value in zip(row, kept_row, strict=True)
        )
        tally.check(same, f"{name} has the same cells")


def cell_is(cell, value):
    if value is None:
        return cell == ""
    return float(cell) == value if isinstance(value, (int, float)) else cell == value


def check_openmetrics(tally, runner, run):
    families = {it.name: it for it in text_string_to_metric_families(export(runner, run, "--format", "openmetrics"))}
    samples = families["syscall_lab_latency_seconds"].samples
    tally.check(families["syscall_lab_latency_seconds"].unit == "seconds", "latencies are in seconds")
    for outcome, count, total in [("ok", "count", "sum_ns"), ("error", "errors", "error_sum_ns")]:
        wanted = duckdb.sql(f"""
            select syscall, vantage, sum({count}), sum({total}) from '{run}/trials.parquet'
            where status = 'ok' and {count} is not null group by all""").fetchall()
        for syscall, vantage, calls, nanoseconds in wanted:
            mine = {"syscall": syscall, "vantage": vantage, "outcome": outcome}
            ours = [it for it in samples if mine.items() <= it.labels.items()]
            found = sum(it.value for it in ours if it.name.endswith("_count"))
            tally.check(found == calls, f"as many calls of {syscall} ({vantage}, {outcome})", found)
            seconds = sum(it.value for it in ours if it.name.endswith("_sum"))
            tally.check(abs(seconds - float(nanoseconds or 0) / 1e9) < 1e-9 * max(1, calls), f"as long a time in {syscall}", seconds)
            below = duckdb.sql(f"""
                select coalesce(sum(h.count), 0) from '{run}/histograms.parquet' h
                join '{run}/trials.parquet' t using (trial, syscall, vantage)
                where t.status = 'ok' and syscall = '{syscall}' and vantage = '{vantage}' and outcome = '{outcome}'
                and upper_ns <= 1024""").fetchall()[0][0]
            found = sum(it.value for it in ours if it.labels.get("le") and float(it.labels["le"]) == 1.024e-6)
            tally.check(found == below, f"as many calls of {syscall} below 1,024 ns", found)


def check_document(tally, runner, run):
    document = json.loads(export(runner, run, "--format", "json"))
    tally.check(document["format"] == "syscall_lab.export" and document["version"] == 1, "the document says what it is")
    measures = [measure for trial in document["trials"] for measure in trial["measures"]]
    slots = [slot for measure in measures for side in ("ok", "error") for slot in measure[side]["slots"]]
    kept = duckdb.sql(f"select count(*), sum(count), sum(lower_ns), sum(upper_ns) from '{run}/histograms.parquet'").fetchall()[0]
    found = (len(slots), sum(it[2] for it in slots), sum(it[0] for it in slots), sum(it[1] for it in slots))
    tally.check(found == kept, "the document has every slot", found)


def check_classic(tally, runner, run):
    lines = export(runner, run, "--format", "classic").splitlines()
    lines = [line for line in lines if not line.startswith("# ")]
    tally.check(lines and len(lines) % 5 == 0, "five lines a target", len(lines))
    for symbol, count, _, _, buckets in zip(*[iter(lines)] * 5):
        counts = [int(it) for it in buckets.split(" ")]
        tally.check(len(counts) == 16 and sum(counts) == int(count), f"16 counts of {symbol} add up", counts)


def main():
    page, of_archives, run, runner = sys.argv[1:]
    tally = Tally("reading")
    rows = list(csv.DictReader(io.StringIO(export(runner, run, "--format", "csv"))))
    check_examples(tally, pathlib.Path(page).read_text(), runner, run, rows)
    check_archive(tally, pathlib.Path(of_archives).read_text(), runner, run, rows)
    check_tables(tally, runner, run)
    check_openmetrics(tally, runner, run)
    check_document(tally, runner, run)
    check_classic(tally, runner, run)
    tally.end()


main()
