#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hard cases of the state machine and the data path, and which tests show how each comes out.

usage: catalogue.py --check ROOT          every one has a test, and the page is so
       catalogue.py --write ROOT          write docs/catalogue.md
       catalogue.py --list-missing ROOT   those that have none, also those known to have none

Reads tools/catalogue_ids.txt, the first comment of conversations and the comments and names of
other tests: N112, or n112_ as the beginning of a function's name.
"""
import re
import sys

from rfc_ledger import Ledger, main

NAMED = re.compile(r"(?<![0-9A-Za-z])[Nn](\d{3})(?![0-9A-Za-z])")
HEAD = """# Hard cases, and the tests that show them

What is known to break other TCPs, or what the RFCs leave open: what happens, what must come of it, and the tests that show
it does. Written by `ninja catalogue` from the tests and `tools/catalogue_ids.txt`; a test fails when a row has none.

"""


class Catalogue(Ledger):
    IDS, PAGE, TARGET = "tools/catalogue_ids.txt", "docs/catalogue.md", "catalogue"

    def ids_in(self, text):
        for match in NAMED.finditer(text):
            if "N" + match[1] in self.texts:
                yield "N" + match[1], match.start()

    def read_ids(self):
        self.given, self.outcome, self.known_missing, name = {}, {}, set(), None
        for line in self.file(self.IDS).splitlines():
            mark, text = line.strip()[:2], line.strip()[2:]
            if not line.startswith(" "):
                if line and line[0] != "#":
                    name, self.texts[line.split()[0]] = line.split(None, 1)
                    self.given[name] = []
            elif mark == "= ":
                self.outcome[name] = text
            elif mark == "+ ":
                self.given[name].append(text)
            elif line.strip() == "missing":
                self.known_missing.add(name)

    def missing(self):
        """What has no test and is not known to have none; a known one that has one is an error."""
        bare = [n for n in self.texts if n not in self.tests]
        for name in sorted(self.known_missing - set(bare)):
            self.errors.append(f"{name} has a test: strike `missing` in {self.IDS}")
        self.known_missing &= set(bare)
        if "--list-missing" in sys.argv:
            return bare
        return [n for n in bare if n not in self.known_missing]

    def page(self):
        rows = ["| id | what happens | what must come of it | tests |", "|---|---|---|---|"]
        for name, text in self.texts.items():
            tests = ", ".join(self.tests.get(name, ["none yet"]))
            rows.append(f"| {name} | {text} | {self.outcome[name]} | {tests} |")
        return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main(Catalogue, __doc__))
