#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every MUST and SHOULD of RFC 9293: where the code does it, which tests show it, or why not.

usage: rfc_ledger.py --check ROOT          every one has a test or a deviation, and the page is so
       rfc_ledger.py --write ROOT          write docs/rfc-ledger.md
       rfc_ledger.py --list-missing ROOT   those that have neither

Reads tools/rfc_ids.txt, comments of lib and app that name an ID (MUST-13, MUST-30 to -33), the
comments of tests, and docs/deviations.md.
"""
import re
import sys
from pathlib import Path

NAMED = re.compile(r"\b(MUST|SHLD)-(\d+)(?:\s+to\s+(?:MUST|SHLD)?-(\d+))?")
LISTED = re.compile(r"cmocka_unit_test\w*\(\s*(\w+)[^)]*\)")
FUNCTION = re.compile(r"^(?:static |_Noreturn )*\w[\w *]*?\b(\w+)\(", re.M)
HEAD = """# RFC 9293, requirement by requirement

What Appendix B of RFC 9293 asks for: where the code says it does it, the tests that show it, or the
heading of [deviations.md](deviations.md) that says why not. Written by `ninja ledger` from comments
and `tools/rfc_ids.txt`; a test fails when a row has neither test nor deviation.

"""


class Ledger:
    IDS, PAGE, TARGET = "tools/rfc_ids.txt", "docs/rfc-ledger.md", "ledger"

    def __init__(self, root):
        self.root, self.errors = Path(root), []
        self.texts, self.tests, self.code, self.deviations = {}, {}, {}, {}
        self.read_ids()
        for path in sorted(p for d in ("lib", "app") for p in self.root.glob(d + "/**/*.*")):
            self.source(path)
        for path in sorted(self.root.glob("tests/**/*")):
            if path.suffix == ".talk" and path.parent.name != "wrong":
                self.note(self.tests, path.read_text().split("\n", 1)[0], path.stem)
            elif path.suffix in (".c", ".py"):
                self.note_functions(path)
        for part in re.split(r"^## +", self.file("docs/deviations.md"), flags=re.M)[1:]:
            self.note(self.deviations, part, part.split("\n", 1)[0])
        for name, given in self.given.items():
            for test in given:
                self.add(self.tests, name, self.given_test(name, test))

    def ids_in(self, text):
        """(ID, place) of all that text names; `MUST-30 to -33` names four."""
        for match in NAMED.finditer(text):
            for n in range(int(match[2]), int(match[3] or match[2]) + 1):
                yield f"{match[1]}-{n}", match.start()

    def file(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def read_ids(self):
        self.given, name = {}, None
        for line in self.file(self.IDS).splitlines():
            if line.startswith(" "):
                self.given[name].append(line.split("+ ", 1)[1])
            elif line and line[0] != "#":
                name, self.texts[line.split()[0]] = line.split()[0], line.split(None, 1)[1]
                self.given[name] = []

    def add(self, table, name, site):
        if name not in self.texts:
            self.errors.append(f"{site}: there is no {name}")
        elif site not in table.setdefault(name, []):
            table[name].append(site)

    def note(self, table, text, site):
        for name, _ in self.ids_in(text):
            self.add(table, name, site)

    def source(self, path):
        if path.name.startswith("test_"):
            self.note_functions(path)
        elif path.suffix in (".c", ".h", ".def"):
            self.note(self.code, path.read_text(encoding="utf-8"), f"`{path.name}`")

    def note_functions(self, path):
        """A comment in a unit test speaks of the test it stands in or over; elsewhere, as at its
        head or over what several use, of the whole file.  The list of tests says nothing."""
        text = path.read_text(encoding="utf-8")
        if not path.name.startswith("test_"):
            if any(self.ids_in(text)):
                self.note(self.tests, text, self.program(path))
            return
        starts = [(m.start(), m[1]) for m in FUNCTION.finditer(text)]
        tests = set(LISTED.findall(text))
        for name, place in self.ids_in(LISTED.sub(lambda m: " " * len(m[0]), text)):
            ends = [m.end() for m in re.finditer(r"^}", text, re.M) if m.end() <= place]
            inside = [f for at, f in starts if (ends[-1] if ends else 0) <= at <= place]
            behind = [f for at, f in starts if at > place]
            function = (inside[-1:] or behind[:1] or [None])[0]
            known = function in tests or path.suffix != ".c"
            self.add(self.tests, name, function if known else path.stem.removeprefix("test_"))

    def given_test(self, name, test):
        if test.startswith("never "):
            _, where, word = test.split()
            if any(word in p.read_text() for p in (self.root / where).rglob("*.[ch]")):
                self.errors.append(f"{name}: {where} has {word}")
            return f"no `{word}` in {where}"
        path, _, function = test.partition(":")
        if not (self.root / path).exists():
            self.errors.append(f"{name}: there is no {path}")
        elif function and not re.search(rf"\b{function}\(", self.file(path)):
            self.errors.append(f"{name}: there is no {function} in {path}")
        return function if Path(path).name.startswith("test_") else self.program(self.root / path)

    def program(self, path):
        """What one can run: of talk_wire.c it is talk, of session_user.c fuzz_session."""
        if path.suffix != ".c" or path.stem.startswith("fuzz_"):
            return path.stem
        name, build = path.stem.split("_")[0], self.file(path.parent / "meson.build")
        if (path.parent / f"fuzz_{name}.c").exists():
            return f"fuzz_{name}"
        if f"{name} = executable('{name}'" not in build:
            self.errors.append(f"{path}: {path.parent} has no program {name}")
        return name

    def missing(self):
        return [n for n in self.texts if n not in self.tests and n not in self.deviations]

    def page(self):
        rows = ["| id | what | code | tests | deviation |", "|---|---|---|---|---|"]
        for name, text in self.texts.items():
            deviations = [f"[{d}](deviations.md#{d})" for d in self.deviations.get(name, [])]
            rows.append(f"| {name} | {text} | {', '.join(self.code.get(name, []))} | "
                        f"{', '.join(self.tests.get(name, []))} | {', '.join(deviations)} |")
        return HEAD + "\n".join(rows) + "\n"


def main(kind=Ledger, usage=__doc__):
    if len(sys.argv) != 3 or sys.argv[1] not in ("--check", "--write", "--list-missing"):
        print(usage.split("\n\n")[1], file=sys.stderr)
        return 2
    ledger = kind(sys.argv[2])
    page = ledger.root / ledger.PAGE
    if sys.argv[1] == "--write":
        page.write_text(ledger.page(), encoding="utf-8")
    for name in ledger.missing():
        print(f"{name}: {ledger.texts[name]}: neither test nor deviation")
    for error in ledger.errors:
        print(error)
    stale = sys.argv[1] == "--check" and (not page.exists() or page.read_text() != ledger.page())
    if stale:
        print(f"{ledger.PAGE} is not what the tree says: ninja {ledger.TARGET}")
    return 1 if (ledger.missing() and sys.argv[1] == "--check") or ledger.errors or stale else 0


if __name__ == "__main__":
    sys.exit(main())
