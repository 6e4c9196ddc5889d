#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The hunt for mutants can fail, and does not where it must not.  Prints TAP.

usage: test_mutants.py PROGRAM-WITH-A-BUG THE-SAME-WITHOUT
"""
import sys
import tempfile
import time
import unittest
from pathlib import Path

import mutants
from test_tidy import Tap

ENTRY = "[a-bug]\nwhat: It is wrong.\nfile: lib/x.c\n a;\n-b;\n+c;\n"
TEXT = "x;\na;\nb;\ny;\n"
BAD, GOOD = sys.argv[1:3]
LONG_S = 600  # nothing takes so long, however busy the machine


def root(entry, text=TEXT):
    """A tree of one source and one list."""
    where = tempfile.TemporaryDirectory()
    for name, content in {mutants.LIST: entry, Path("lib/x.c"): text}.items():
        path = Path(where.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return where


def checked(entry, text=TEXT):
    with root(entry, text) as where:
        return mutants.check(Path(where))


def judged(script, seconds=LONG_S):
    return mutants.judge(["sh", "-c", script], seconds, ".")


class List(unittest.TestCase):
    def test_every_bug_fits_its_source_once(self):
        self.assertEqual(mutants.check(), [])
        self.assertGreaterEqual(len(mutants.read()), 40)

    def test_a_bug_replaces_its_lines(self):
        with root(ENTRY) as where:
            bug = mutants.read(Path(where))[0]
            self.assertEqual(mutants.source(bug, Path(where)), "x;\na;\nc;\ny;\n")
        self.assertEqual(checked(ENTRY), [])

    def test_a_bug_of_two_hunks_needs_both(self):
        two = ENTRY + "\n-y;\n+z;\n"
        self.assertEqual(checked(two), [])
        self.assertIn("fits lib/x.c 0 times", checked(two, "a;\nb;\n")[0])

    def test_a_bug_in_a_header_would_be_in_no_build(self):
        self.assertIn("is no source", checked(ENTRY.replace("lib/x.c", "lib/x.h"))[0])

    def test_old_text_that_is_gone_or_there_twice_is_stale(self):
        self.assertIn("fits lib/x.c 0 times", checked(ENTRY, "a;\n\tb;\n")[0])
        self.assertIn("fits lib/x.c 2 times", checked(ENTRY, TEXT * 2)[0])

    def test_an_entry_needs_a_name_of_its_own_a_sentence_and_a_change(self):
        self.assertIn("a name of its own", checked(ENTRY * 2)[0])
        self.assertIn("a sentence", checked(ENTRY.replace("wrong.", "wrong"))[0])
        self.assertEqual(len(checked(ENTRY.replace("c;", "b;"))), 1)

    def test_a_file_that_is_not_there_is_told(self):
        self.assertIn("lib/y.c", checked(ENTRY.replace("lib/x.c", "lib/y.c"))[0])


class Hunt(unittest.TestCase):
    def test_a_real_bug_is_found_by_the_test_of_its_module(self):
        self.assertIsNone(mutants.judge([GOOD], LONG_S, "."))
        self.assertIsNotNone(mutants.judge([BAD], LONG_S, "."))

    def test_what_passes_finds_nothing(self):
        self.assertIsNone(judged("echo ok 1 - a; echo '# seed 1'; echo 1..1"))

    def test_a_failing_case_and_a_failing_seed_are_findings(self):
        self.assertEqual(judged("echo not ok 2 - the wrap; exit 1"), "the wrap")
        self.assertEqual(judged("echo '# seed 7 fails: 14 buffers'"), "seed 7, 14 buffers")

    def test_an_exit_code_and_a_signal_are_findings(self):
        self.assertEqual(judged("echo ok 1; echo does not hold >&2; exit 3"), "does not hold")
        self.assertEqual(judged("echo last; kill -ABRT $$"), "last")

    def test_what_hangs_is_ended(self):
        began = time.monotonic()
        self.assertEqual(judged(f"echo ok 1 - a; sleep {LONG_S} & wait", 5),
                         "timeout after ok 1 - a")
        self.assertLess(time.monotonic() - began, LONG_S)

    def test_the_first_finding_ends_it(self):
        began = time.monotonic()
        self.assertEqual(judged(f"echo not ok 1 - a; sleep {LONG_S}"), "a")
        self.assertLess(time.monotonic() - began, LONG_S)


if __name__ == "__main__":
    del sys.argv[1:]
    cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{cases.countTestCases()}")
    sys.exit(0 if cases.run(Tap()).wasSuccessful() else 1)
