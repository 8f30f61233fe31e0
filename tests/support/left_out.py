# SPDX-License-Identifier: GPL-3.0-or-later
"""unittest.main for tests that may lack a program, a module or a device: what was left out is named with its reason, and where nothing else is left the whole test
counts as skipped."""
import sys
import unittest
from pathlib import Path


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


class Runner(unittest.TextTestRunner):
    resultclass = Result


def main(*arguments, **more):
    result = unittest.main(*arguments, exit=False, testRunner=Runner, **more).result
    for test, reason in result.skipped:
        name = test.id().replace('__main__', Path(sys.argv[0]).stem)
        print(f'left out: {name}: {reason}', file=sys.stderr)
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(0 if result.passed > 0 else 77)
