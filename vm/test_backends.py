"""What is made of a console: consoles of kernels that behave, and of those that do not."""

import unittest

from backends import KNOWN, cell, judge

PRESENT = ["kprobe", "kretprobe", "raw_tp/sys_enter", "fentry"]
WITHOUT_FENTRY = PRESENT[:3]
BOTH = "with raw_tracepoint\nwith kretprobe"


def console(*tests, status="0", failed=0):
    """A console on which these tests printed these lines."""
    body = "\n".join(f"test {name} ... {lines}" for name, lines in tests)
    return (
        f"guest: kernel 6.1.0-1 x86_64\nguest: step probe-kernel\n{body}\n\nfailures:\n    one\n\n"
        f"test result: whatever\n\nguest: step probe-kernel: exit status: {status}\nguest: finished, {failed} failed"
    ).splitlines()


def states(records):
    return {record["backend"]: record["state"] for record in records}


class Judged(unittest.TestCase):
    def test_all_is_well(self):
        records, faults = judge("6.1", console(("one", f"{BOTH}\nok"), ("two", f"{BOTH}\nok")), WITHOUT_FENTRY)
        self.assertEqual(faults, [])
        self.assertEqual(states(records), {"kretprobe": "works", "fentry": "no programs", "raw_tracepoint": "works"})
        self.assertEqual(cell(records[0], None), "works; exact in its 2 tests")

    def test_silence_is_a_fault_where_there_are_programs(self):
        records, faults = judge("6.1", console(("one", f"{BOTH}\nok")), PRESENT)
        self.assertEqual(faults, ["fentry: no test ran with it, and none says why"])
        self.assertEqual(states(records)["fentry"], "silent")

    def test_a_refusal_has_to_be_expected(self):
        lines = console(("one", f"{BOTH}\nskipped: fentry: error 524\nok"))
        records, faults = judge("6.1", lines, PRESENT)
        self.assertEqual(faults, ["fentry is expected to work here: error 524"])
        records, faults = judge("6.1-arm64", lines, PRESENT)
        self.assertEqual((faults, cell(records[1], None)), ([], "refused: error 524"))

    def test_a_test_that_passes_itself_over_is_a_fault(self):
        _, faults = judge("6.1", console(("one", f"skipped: not as root\n{BOTH}\nok")), WITHOUT_FENTRY)
        self.assertEqual(faults, ["one was skipped: not as root"])

    def test_a_backend_that_does_not_attach_is_refused(self):
        lines = console(("one", "with raw_tracepoint\n\nthread 'one' panicked at x.rs:1:\nkretprobe: no such thing\nFAILED"),
                        status="101", failed=1)
        records, faults = judge("6.1", lines, WITHOUT_FENTRY)
        self.assertEqual(states(records)["kretprobe"], "refused")
        self.assertTrue(records[2]["exact"])
        self.assertIn("kretprobe is expected to work here: no such thing", faults)

    def test_wrong_counts_are_laid_to_the_backend_under_way(self):
        wrong = ("many", "with raw_tracepoint\n\nthread panicked at x.rs:1:\nassertion failed\nFAILED")
        lines = console(("one", f"{BOTH}\nok"), wrong, status="101", failed=1)
        records, faults = judge("6.1", lines, WITHOUT_FENTRY)
        self.assertEqual(faults, ["raw_tracepoint: many went wrong"])
        self.assertEqual(cell(records[0], None), "works; exact in its only test")
        self.assertEqual(cell(records[2], 3), "works; wrong counts in 1 of its 2 tests [3]")

    def test_what_is_known_of_a_backend_excuses_losses_that_were_counted(self):
        lines = console(("one", f"with raw_tracepoint\nmissed with raw_tracepoint: 3 of 9 calls of x\nwith kretprobe\nok"))
        self.assertIn(("7.3", "raw_tracepoint"), KNOWN)
        records, faults = judge("7.3", lines, WITHOUT_FENTRY)
        self.assertEqual(faults, [])
        self.assertEqual(cell(records[2], 1), "works; exact in its only test, but for what the kernel itself said it missed (3 of 9 calls of x) [1]")
        self.assertEqual(judge("6.1", lines, WITHOUT_FENTRY)[1], ["raw_tracepoint: lost calls"])

    def test_what_is_known_of_a_backend_excuses_no_test(self):
        lines = console(("one", "with raw_tracepoint\nFAILED"), ("two", f"{BOTH}\nok"), status="101", failed=1)
        self.assertEqual(judge("7.3", lines, WITHOUT_FENTRY)[1], ["raw_tracepoint: one went wrong"])

    def test_a_step_that_fails_is_a_fault(self):
        lines = console(("one", f"{BOTH}\nok"), failed=1)
        self.assertEqual(judge("6.1", lines, WITHOUT_FENTRY)[1], ["1 steps failed, of which 0 say how"])
        lines.insert(-1, "guest: step run: exit status: 3")
        self.assertEqual(judge("6.1", lines, WITHOUT_FENTRY)[1], ["step run: exit status: 3"])

    def test_lost_calls_are_told(self):
        lines = console(("one", f"{BOTH}\nok")) + ["missed with kretprobe: 9 of 10 calls of futex"]
        self.assertEqual(judge("6.1", lines, WITHOUT_FENTRY)[1], ["kretprobe: lost calls"])
        records, _ = judge("6.1", lines, WITHOUT_FENTRY)
        self.assertEqual(cell(records[0], None), "works; exact in its only test, but for what the kernel itself said it missed (9 of 10 calls of futex)")
        self.assertFalse(records[0]["exact"])

    def test_nothing_is_made_of_half_a_console(self):
        self.assertEqual(judge("6.1", console(("one", BOTH))[:4], PRESENT), ([], ["the tests did not come to their end"]))


if __name__ == "__main__":
    unittest.main()
