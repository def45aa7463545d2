"""Counts what held and what did not; every check of this folder ends with its line."""

import sys
import threading


class Tally:
    def __init__(self, subject):
        self.subject, self.passed, self.failed = subject, 0, 0
        self.one_at_a_time = threading.Lock()

    def check(self, holds, claim, evidence=""):
        """Counts one claim; a claim that does not hold is printed with the evidence against it."""
        with self.one_at_a_time:
            if holds:
                self.passed += 1
            else:
                self.failed += 1
                print(f"{self.subject}: does not hold: {claim}{f' ({evidence})' if evidence != '' else ''}")

    def end(self):
        """Prints the closing line and ends the program, with 1 if anything failed or nothing was checked."""
        print(f"{self.subject}: {self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)
