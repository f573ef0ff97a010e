"""Runs a module's tests and ends with the line that tests/run adds up."""

import sys
import unittest


def main() -> None:
    outcome = unittest.main(exit=False, verbosity=2).result
    # A test with several failed subtests is one failed test.
    unwell = [test for test, _ in outcome.failures + outcome.errors]
    failed = len({getattr(test, "test_case", test).id() for test in unwell})
    print(f"{max(outcome.testsRun - failed, 0)} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)
