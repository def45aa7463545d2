"""Holds the editors' schema against the reader: both must say the same of the same scenarios, where a schema can know.

The cases are a scenario that is valid with one value set to something else. jsonschema judges the document, `runner plan
--set` the file; where only the reader can know (what holds between values, what the machine has), the schema may accept.
taplo, which editors use, must accept what is shipped and refuse a mistake in it.

And holds the schema of reports in JSON against the reports of kept runs, those of earlier versions among them: every
report has to be valid, and nothing in it may be unknown to the schema. The same for traces, which take root.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import tomllib

import jsonschema
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent

BASE = """schema = 1
name = "base"
[measure]
syscalls = ["mmap", "munmap"]
[plan]
[generators.g]
workload = "mmap"
size = "64KiB"
[load.l]
cpu = 1
"""

# Refused by both.
REFUSED = """
schema = 2
schema = "1"
name = "../x"
name = ""
name = "a b"
name = 3
nmae = "x"
summary = 3
measure.windwo = "1s"
measure.window = "400"
measure.window = 400
measure.window = "-1s"
measure.window = "1 day"
measure.window = "1e3s"
measure.warmup = true
measure.syscalls = []
measure.syscalls = "mmap"
measure.syscalls = [9]
measure.syscalls = ["mmap", "mmap"]
measure.probe = "kprobe"
measure.scope = "all"
measure.scope = "$size"
measure.loss_limit = 1.5
measure.loss_limit = -0.1
measure.loss_limit = "0.1"
measure.keep_slowest = 33
measure.keep_slowest = -1
plan.repetitions = 0
plan.repetitions = 2.5
plan.repetitions = "3"
plan.repetitions = 10001
plan.order = "random"
plan.seed = -1
plan.ramp = 1
plan.zip = "size"
plan.zip = ["size"]
plan.zip = [["size"]]
plan.exclude = "size"
plan.exclude = [{}]
plan.exclude = [{ size = {} }]
factors.size = []
factors.size = 4
factors.size = [[1]]
factors.size = ["a/b"]
factors.size = [1, 1]
factors."a,b" = [1]
generators.g.workload = "nmap"
generators.g.workload = 3
generators.g.threads = 0
generators.g.threads = 4097
generators.g.threads = "2"
generators.g.threads = [1]
generators.g.size = "4K"
generators.g.size = 0
generators.g.size = -4096
generators.g.size = "64KIB"
generators.g.touch = "false"
generators.g.rate = 0
generators.g.rate = -1.5
generators.g.operations = 0
generators.g.treads = 2
generators."a/b".workload = "getpid"
load.l.vm = -1
load.l.vm = 1.5
load.l.vm = false
load.l.vm = "--exec"
load.l.vm = "/x"
load.l.c = 1
load.l.VM = 1
load."a/b".cpu = 1
load = {}
load = 3
"""

# Accepted by both.
ACCEPTED = """
name = "größe_ὕψος-3"
summary = "two\\nlines"
measure.window = "1.5s"
measure.window = " 2 m "
measure.window = ".5s"
measure.warmup = "0"
measure.probe = "user"
measure.scope = "system"
measure.loss_limit = 0
measure.loss_limit = 1
measure.keep_slowest = 32
measure.syscalls = ["munmap"]
plan.repetitions = 10000
plan.seed = 9223372036854775807
plan.order = "sequential"
plan.zip = []
plan.exclude = []
generators.g.threads = 4096
generators.g.size = 4096
generators.g.size = "4096"
generators.g.size = "0.5MiB"
generators.g.size = "4 MB"
generators.g.touch = true
generators.g.rate = 20.5
generators.g.operations = 1
load.l.vm-bytes = "40%"
load.l.vm-bytes = "40% memory"
load.l.cpu = "50% cpus"
load.l.aggressive = true
load.none = {}
"""

# What only the reader can know: what holds between values, and names beyond the schema's.
READER_ALONE = """
measure.syscalls = ["mmap", "read"]
measure.syscalls = ["mmmap"]
measure.window = "0s"
measure.window = "48h"
measure.warmup = "0.1ns"
factors.colour = [1]
generators.g.size = "$size"
measure.window = "$window"
load.l.cpu = "$workers"
plan.zip = [["size", "load"]]
plan.exclude = [{ load = "l" }]
generators.g.workload = "getpid"
generators.h = { workload = "getpid", operations = 5 }
load.l.timeout = "10s"
load.l.vm = "100% cores"
summary = "\\u001b[31m"
"""


def merged(document, change):
    """The document with the values of another in the place of its own."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(document.get(key), dict) and value:
            merged(document[key], value)
        else:
            document[key] = value
    return document


def closed(schema):
    """The schema, but for the manifest's part, as one that refuses what it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: closed(value) for key, value in schema.items()}
    if isinstance(copy.get("properties"), dict):
        copy.setdefault("additionalProperties", False)
    return copy


class Documents:
    """A schema of ours, which documents are held against."""

    def __init__(self, tally, name):
        schema = json.loads((ROOT / "schema" / f"{name}.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        self.tally = tally
        self.validators = {"valid": jsonschema.Draft7Validator(schema), "known": jsonschema.Draft7Validator(closed(schema))}

    def check(self, command, what, changes):
        """What the command prints is described by the schema, and with any of the changes is not."""
        made = subprocess.run(command, capture_output=True, text=True)
        self.tally.check(made.returncode == 0, f"there is {what}", made.stderr)
        if made.returncode != 0:
            return
        document = json.loads(made.stdout)
        for name, validator in self.validators.items():
            found = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]
            self.tally.check(not found, f"everything in {what} is {name}", found[:3])
        for change in changes:
            self.tally.check(not self.validators["valid"].is_valid({**document, **change}), f"{what} has no {change}")


def check_reports(tally, runner, runs):
    documents = Documents(tally, "report")
    changes = {"version": 2}, {"kind": "comparison"}, {"cells": None}, {"answer": "words"}
    for run in runs:
        documents.check([runner, "report", run, "--format", "json"], f"a report of {run.name}", changes)


def check_traces(tally, runner):
    if os.geteuid() != 0:
        print("skipped: traces take root")
        return
    documents = Documents(tally, "trace")
    changes = {"version": 2}, {"kind": "summary"}, {"targets": None}, {"ended": "never"}
    for options in (
        ["--all", "--every", "5ms", "--command", "sh", "-c", "ls / /nowhere; sleep 0.1"],
        ["--syscall", "getppid", "--system", "--for", "30ms"],
    ):
        documents.check([runner, "trace", "--format", "json", *options], f"a trace with {options[0]}", changes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runner", type=pathlib.Path)
    parser.add_argument("runs", type=pathlib.Path, nargs="*", help="more runs whose reports are checked")
    parser.add_argument("--taplo", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    tally = Tally("schema")
    schema = json.loads((ROOT / "schema" / "scenario.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)

    golden = (it for it in sorted((ROOT / "store" / "tests" / "golden").iterdir()) if (it / "manifest.json").exists())
    check_reports(tally, arguments.runner, [*golden, *arguments.runs])
    check_traces(tally, arguments.runner)

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "base.toml")
        path.write_text(BASE)

        def verdicts(change):
            document = merged(tomllib.loads(BASE), tomllib.loads(change))
            read = subprocess.run([arguments.runner, "plan", path, "--set", change], capture_output=True, text=True)
            return validator.is_valid(document), read.returncode == 0, read.stderr

        for cases, schema_says, reader_says in (
            (REFUSED, False, False), (ACCEPTED, True, True), (READER_ALONE, True, False),
        ):
            for change in cases.strip().splitlines():
                by_schema, by_reader, words = verdicts(change)
                tally.check(by_schema == schema_says, f"the schema takes `{change}`: {schema_says}")
                tally.check(by_reader == reader_says, f"the reader takes `{change}`: {reader_says}", words)

        shipped = sorted((ROOT / "scenarios").glob("*.toml"))
        for scenario in shipped:
            tally.check(validator.is_valid(tomllib.loads(scenario.read_text())), f"{scenario.name} is valid")
        lint = [arguments.taplo, "lint"]
        taken = subprocess.run([*lint, *shipped], capture_output=True, text=True, cwd=ROOT)
        tally.check(taken.returncode == 0, "taplo takes the shipped scenarios", taken.stderr)
        wrong = pathlib.Path(folder, "wrong.toml")
        directive = f"#:schema {(ROOT / 'schema' / 'scenario.json').as_uri()}\n"
        for change, refused in (("window", False), ("windwo", True)):
            wrong.write_text(directive + BASE.replace("[plan]", f'{change} = "1s"\n[plan]'))
            said = subprocess.run([*lint, wrong], capture_output=True, text=True, cwd=folder)
            tally.check((said.returncode != 0) == refused, f"taplo refuses `{change}`: {refused}", said.stderr)
    tally.end()


if __name__ == "__main__":
    main()
