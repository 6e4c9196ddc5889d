#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Say how the tests of some build directories ended, case by case.

usage: test_count.py BUILD_DIR...

A test that speaks TAP counts once per case, any other once.  Failures are shown with what they
said, skips with their reason, and the last line is `N passed, N failed, N skipped`.
"""
import json
import re
import sys
from pathlib import Path

CASE = re.compile(r"(not )?ok\b\s*\d*\s*(?:- )?([^#]*?)\s*(?:#\s*(skip\S*|todo)\b\s*(.*))?$", re.I)
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.I)
BAD = ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS")
TAIL_LINES = 100  # of what a failed program said; testlog.txt has it all


def tail(test):
    said = (test["stdout"] + test.get("stderr", "")).rstrip().splitlines()
    cut = len(said) - TAIL_LINES
    return [f"({cut} lines before in meson-logs/testlog.txt)"] * (cut > 0) + said[-TAIL_LINES:]


def cases(test):
    """Yield (result, case name, lines) for each case of one test as meson logged it."""
    found, failed, planned = 0, 0, None
    lines = test["stdout"].splitlines()
    for i, line in enumerate(lines):
        if plan := PLAN.match(line):
            planned = int(plan[1])
            if planned == 0:
                yield "skipped", "", [plan[2] or "no reason given"]
        elif (case := CASE.match(line)) and planned != 0:
            found += 1
            if (case[3] or "").lower().startswith("skip"):
                yield "skipped", case[2], [case[4] or "no reason given"]
            elif case[1] and not case[3]:
                failed += 1
                # cmocka and our own players explain below the case, as TAP has it.
                why = []
                for said in lines[i + 1:]:
                    if not said.startswith("#"):
                        break
                    why.append(said.lstrip("# "))
                yield "failed", case[2], why
            else:
                yield "passed", case[2], []
    ends_badly = test["result"] in BAD
    if ends_badly and failed == 0:
        yield "failed", f"({test['result'].lower()}, exit {test['returncode']})", tail(test)
    elif planned is None and found == 0:
        if test["result"] == "SKIP":
            yield "skipped", "", tail(test)[-1:] or ["no reason given"]
        else:
            yield "passed", "", []


def main():
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for build in map(Path, sys.argv[1:]):
        log = build / "meson-logs" / "testlog.json"
        tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        if not tests:
            count["failed"] += 1
            print(f"failed   {build.name}: no test ran")
        for test in tests:
            for result, name, lines in cases(test):
                count[result] += 1
                where = f"{build.name}: {test['name'].split(':', 1)[-1]}" + (name and f": {name}")
                if result == "skipped":
                    print(f"skipped  {where}: {lines[0]}")
                elif result == "failed":
                    print(f"failed   {where}")
                    print("".join(f"         {line}\n" for line in lines), end="")
    print(", ".join(f"{n} {result}" for result, n in count.items()))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
