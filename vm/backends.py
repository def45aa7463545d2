"""What a guest's console says of the probe's backends.

    backends.py read KERNEL CONSOLE OBJECT…    prints a JSON line for each backend; fails where one is not as expected,
                                               and prints none when the tests did not come to their end
    backends.py table RECORDS…                 prints such lines of several kernels as the document docs/kernels.md

The tests say `with BACKEND` before they run with it, and `skipped: BACKEND: REASON` where the kernel refuses it. Counts
are exact when every test that ran with the backend passed, for that is what the tests compare.
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

# Each backend, and how the sections of its programs in the BPF objects begin.
BACKENDS = {"kretprobe": "kretprobe", "fentry": "fentry", "raw_tracepoint": "raw_tp"}

# What a kernel may refuse, with its reason. Every other backend that the probe has programs for must work.
MAY_REFUSE = {"5.10": {"fentry"}, "6.1-arm64": {"fentry"}}

# What a kernel is known to do to a backend's counts, and how it comes about. Nothing may be lost anywhere else.
INTERRUPTED = (
    "this kernel may interrupt the programs, and until they go on it leaves them out for all other threads of that CPU."
    " It counts that, and so does the ledger; it shows with many more threads than CPUs"
)
KNOWN = {
    ("6.18", "fentry"): INTERRUPTED,
    ("7.3", "fentry"): INTERRUPTED,
    ("7.3", "raw_tracepoint"): INTERRUPTED,
}

NAMES = "|".join(BACKENDS)
KERNEL = re.compile(r"^guest: kernel (?P<release>\S+) (?P<architecture>\S+)$")
STEP = re.compile(r"^guest: step (?P<name>\S+): (?P<outcome>.*)$")
FINISHED = re.compile(r"^guest: finished, (?P<failed>\d+) failed$")
TEST = re.compile(r"^test (?P<name>\S+) \.\.\. ?")
WITH = re.compile(rf"\bwith (?P<backend>{NAMES})$")
SKIPPED = re.compile(rf"\bskipped: (?:(?P<backend>{NAMES}): )?(?P<reason>.*)$")
# A backend that does not attach, though it should, ends the test with this message.
REFUSED = re.compile(rf"^(?P<backend>{NAMES}): (?P<reason>.*)$")
FAILED = re.compile(r"(?:^|\.\.\. )FAILED$")
ENDED = re.compile(r"^test result: ")
# What the tests say of calls that were lost and counted as such.
LOST = re.compile(r"\bmissed with (?P<backend>\S+): (?P<calls>.*)$")


class Console:
    """What was read so far, line by line."""

    def __init__(self, lines):
        self.release = self.architecture = None
        self.ended = False
        self.steps, self.failed_steps, self.lost = {}, None, {}
        self.ran = {backend: set() for backend in BACKENDS}
        self.refused = {backend: [] for backend in BACKENDS}
        self.wrong = {backend: [] for backend in BACKENDS}
        # What no backend answers for.
        self.faults = []
        self.test = self.under_way = self.refusal = None
        for line in lines:
            self.read(line.rstrip())

    def read(self, line):
        if kernel := KERNEL.search(line):
            self.release, self.architecture = kernel["release"], kernel["architecture"]
        elif step := STEP.search(line):
            self.steps[step["name"]] = step["outcome"]
        elif finished := FINISHED.search(line):
            self.failed_steps = int(finished["failed"])
        elif lost := LOST.search(line):
            self.lost.setdefault(lost["backend"], []).append(lost["calls"])
        self.ended = self.ended or bool(ENDED.search(line))
        if test := TEST.search(line):
            self.test, self.under_way, self.refusal = test["name"], None, None
        if begun := WITH.search(line):
            self.under_way = begun["backend"]
            self.ran[self.under_way].add(self.test)
        elif skipped := SKIPPED.search(line):
            self.skip(skipped["backend"], skipped["reason"])
        elif refused := REFUSED.search(line):
            self.refusal = refused
        elif FAILED.search(line):
            self.fail()

    def skip(self, backend, reason):
        if backend:
            self.refused[backend].append(reason)
        else:
            self.faults.append(f"{self.test} was skipped: {reason}")

    def fail(self):
        """The test failed: a backend did not attach, or what was under way went wrong."""
        if self.refusal:
            self.skip(self.refusal["backend"], self.refusal["reason"])
        elif self.under_way:
            self.wrong[self.under_way].append(self.test)
        else:
            self.faults.append(f"{self.test} failed")

    def record(self, kernel, backend, has_programs):
        """The machine-readable line of a backend."""
        ran, refused, wrong = self.ran[backend], self.refused[backend], self.wrong[backend]
        if ran:
            state = "works"
        elif refused:
            state = "refused"
        else:
            state = "silent" if has_programs else "no programs"
        return {
            "kernel": kernel, "release": self.release, "architecture": self.architecture, "backend": backend,
            "state": state, "exact": not wrong and backend not in self.lost if ran else None, "tests": len(ran),
            "of_tests": len(set().union(*self.ran.values())), "wrong": wrong, "lost": self.lost.get(backend, []),
            "refusals": len(refused), "reason": refused[0] if refused else None,
        }


def failed_steps(console):
    """What of the guest's steps is not as it has to be; which tests failed is looked at apart."""
    failed = {name: outcome for name, outcome in console.steps.items() if outcome != "exit status: 0"}
    if console.failed_steps != len(failed):
        return [f"{console.failed_steps} steps failed, of which {len(failed)} say how"]
    # What the tests exit with when one went wrong; which, is looked at apart.
    excused = {"exit status: 101"} if any(console.wrong.values()) else set()
    return [f"step {name}: {outcome}" for name, outcome in failed.items() if outcome not in excused]


def against(record):
    """What of a record is not as it has to be."""
    kernel, backend = record["kernel"], record["backend"]
    if record["state"] == "silent":
        return [f"{backend}: no test ran with it, and none says why"]
    faults = []
    if record["refusals"] and backend not in MAY_REFUSE.get(kernel, ()):
        faults.append(f"{backend} is expected to work here: {record['reason']}")
    if record["refusals"] and not record["reason"]:
        faults.append(f"{backend} was refused without a reason")
    faults += [f"{backend}: {test} went wrong" for test in record["wrong"]]
    if record["lost"] and (kernel, backend) not in KNOWN:
        faults.append(f"{backend}: lost calls")
    return faults


def sections(objects):
    """The names of all sections of the objects."""
    listing = subprocess.run(["readelf", "-SW", *objects], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^ *\[ *\d+\] (\S+)", listing, re.MULTILINE)


def judge(kernel, lines, present):
    """The records that the console of a kernel gives, and what of them is not as it has to be. Pure."""
    console = Console(lines)
    if not console.release or not console.ended:
        return [], ["the tests did not come to their end"]
    records = [
        console.record(kernel, backend, any(name.startswith(prefix) for name in present))
        for backend, prefix in BACKENDS.items()
    ]
    faults = console.faults + failed_steps(console)
    return records, faults + [fault for record in records for fault in against(record)]


def read(kernel, path, *objects):
    lines = pathlib.Path(path).read_text(errors="replace").splitlines()
    records, faults = judge(kernel, lines, sections(objects))
    for record in records:
        print(json.dumps(record))
        if (kernel, record["backend"]) in KNOWN and record["exact"] and record["tests"] == record["of_tests"]:
            print(f"kernel {kernel}: {record['backend']} was exact, in spite of what is known of it", file=sys.stderr)
    for fault in faults:
        print(f"kernel {kernel}: {fault}", file=sys.stderr)
    return 1 if faults else 0


def counted(tests):
    return "only test" if tests == 1 else f"{tests} tests"


def cell(record, note):
    """A backend on a kernel, for people."""
    state = record["state"]
    if state == "refused":
        return f"refused: {record['reason']}"
    if state != "works":
        return {"silent": "not tested", "no programs": "–"}[state]
    wrong, tests = len(record["wrong"]), record["tests"]
    parts = [f"works; wrong counts in {wrong} of its {counted(tests)}" if wrong else f"works; exact in its {counted(tests)}"]
    if record["lost"]:
        parts[0] += f", but for what the kernel itself said it missed ({'; '.join(record['lost'])})"
    if record["refusals"]:
        parts.append(f"refused {record['refusals']} times: {record['reason']}")
    return "; ".join(parts) + (f" [{note}]" if note else "")


def table(*paths):
    records = [json.loads(line) for path in paths for line in pathlib.Path(path).read_text().splitlines()]
    notes = []
    print("# Which backend works on which kernel\n")
    print("| kernel | architecture | " + " | ".join(f"`{backend}`" for backend in BACKENDS) + " |")
    print("|---" * (2 + len(BACKENDS)) + "|")
    for kernel in dict.fromkeys(record["kernel"] for record in records):
        found = {record["backend"]: record for record in records if record["kernel"] == kernel}
        cells = []
        for backend in BACKENDS:
            note = KNOWN.get((kernel, backend))
            if note and note not in notes:
                notes.append(note)
            cells.append(cell(found[backend], note and notes.index(note) + 1).replace("|", "\\|"))
        print(f"| {found['kretprobe']['release']} | {found['kretprobe']['architecture']} | " + " | ".join(cells) + " |")
    print("""
A backend has the tests that concern it: what only kretprobes can lose is tested with those alone.

`just vm-test-all` makes this table of what the kernels answered; what is changed by hand is lost. The kernels are
Debian's own, unchanged, in an emulator that does the processor's work in software: counts were tested, latencies were
not, for there they mean nothing. The tests are those of `probe/tests/kernel`, each with one backend after the other: as
many calls are counted as were issued, none is lost, no window leaks into another. On x86_64 the runner then executes
`vm/scenario.toml` with kretprobes, and what it stores must be exact, too.""")
    if any(record["state"] == "no programs" for record in records):
        print("\n–: the probe has no programs for it.")
    if notes:
        print()
    for number, note in enumerate(notes, 1):
        print(textwrap.fill(f"{number}. {note[0].upper()}{note[1:]}.", 118, subsequent_indent="   "))
    return 0


if __name__ == "__main__":
    sys.exit({"read": read, "table": table}[sys.argv[1]](*sys.argv[2:]))
