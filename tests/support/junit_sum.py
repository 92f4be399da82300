#!/usr/bin/env python3
"""Sums up JUnit files.

    junit_sum.py [--broken N] FILE…   prints `N passed, N failed`, alone on the last line; 1 when any failed or none
                                      passed
    junit_sum.py --failed FILE        0 when the file is there and holds a failure

--broken counts runs that failed without a failure in their file, such as a program that died.
"""

import argparse
import sys
import xml.etree.ElementTree as xml


def count(path):
    """(passed, failed, skipped) of one file; an unreadable file counts as nothing."""
    try:
        cases = list(xml.parse(path).iter("testcase"))
    except (OSError, xml.ParseError):
        return 0, 0, 0
    # ctest also tells by an attribute: `fail`, `disabled`, `notrun`.
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None
                 or case.get("status") == "fail")
    skipped = sum(1
                  for case in cases if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"))
    return len(cases) - failed - skipped, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--broken", type=int, default=0)
    parser.add_argument("--failed", action="store_true")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    counts = [count(path) for path in arguments.files]
    passed, failed, skipped = (sum(column) for column in zip(*counts))
    if arguments.failed:
        return 0 if failed > 0 else 1
    failed += arguments.broken
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
