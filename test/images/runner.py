"""unittest, with a last line that a script can read."""

import sys
import unittest

if __name__ == "__main__":
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(".")
    planned = suite.countTestCases()
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    # A test whose module could not be set up did not run, and did not pass; nor did one that was skipped.
    broken = {getattr(test, "test_case", test) for test, _ in result.failures + result.errors}
    passed = max(result.testsRun - len(broken) - len(result.skipped), 0)
    print(f"{passed} passed, {planned - passed} failed")
    sys.exit(passed != planned or not planned)
