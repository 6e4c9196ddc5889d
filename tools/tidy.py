#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The style of this tree, as a test: sizes, banned tokens, names, dead code, deviations.

usage: tidy.py ROOT [BUILD_DIR]

Prints every finding as `file:line: what` and exits 1 if there is one.  With BUILD_DIR it looks at
the symbols of the archives there too.  Each rule has a case in test_tidy.py that makes it fail.
"""
import re
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from pathlib import Path

FUNCTION_LINES, PARAMETERS, NESTING = 70, 6, 4
FILE_LINES = {".c": 800, ".h": 400, ".talk": 60}
COLUMNS, TAB = 100, 8
PARAMETERS_OF = {"app/metrics/metrics_http.c": 8}  # a callback of libmicrohttpd has so many
MODULE_PAIRS = {"lib/tcp": 34}  # docs/decisions/0005; 24 for all others

C_DIRS = ("lib", "app", "bench", "tests")
TEXT = {".c", ".h", ".def", ".py", ".sh", ".build", ".md", ".talk", ".txt", ".golden", ".json",
        ".yaml", ".clang-format", ".editorconfig", ".gitignore", "LICENSE"}

# (where it is banned, where it is not, token, why).  Matched against code: no comments, no strings.
IN_LIB, TESTS, NEVER = r"lib/", r".*/test_[^/]*$|tests/", r"(?!)"
BANNED = [
    (IN_LIB, r"lib/base/base_(log|assert)\.|.*_print\.c|" + TESTS,
     r"\b(v?f?d?printf|f?puts|putchar|putc|perror)\s*\(", "printing belongs to base_log"),
    (IN_LIB, r"lib/nic/|" + TESTS,
     r"\b([mc]alloc|realloc|free|strn?dup|aligned_alloc|posix_memalign)\s*\(", "memory is given"),
    (r"lib/|app/", r"lib/shard/shard_clock\.",
     r"\b(rte_rdtsc\w*|rte_get_\w+_cycles|clock_gettime|gettimeofday|timespec_get|time)\s*\(",
     "the clock is read in lib/shard/shard_clock"),
    (r"lib/tcp/", r"lib/tcp/tcp_state\.c|" + TESTS,
     r"(->|\.)\s*state\s*=(?!=)", "only tcp_state.c assigns a state"),
    (r"", NEVER, r"\bvolatile\b", "volatile is not for threads, nor for us"),
    (r"", NEVER, r"\b(s?rand|rand_r|s?random|[delmn]rand48)\s*\(", "chance comes from base_prng"),
]
# Marks of undone work and of one person's machine, in any text.  Spelt not to find themselves.
WORDS = [
    (r"\b(TOD[O]|FIXM[E]|XX[X])\b", "undone work is an issue, not a comment"),
    (r"(?<![\w.])/(wor[k]|tm[p]/wt|home|root)(/|\b(?![-.\w]))|\bbash_job[s]\b",
     "a path of one machine"),
]
# Headers of the system that no include path can hide.
SYSTEM = [(r"numa\w*\.h|pthread\.h|threads\.h", r"lib/(nic|shard)/", "only in lib/nic, lib/shard")]

LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
TOKEN = re.compile(r"[A-Za-z_]\w*|\S")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)', re.M)
CONTROL = {"if", "for", "while", "switch"}


def blank(match):
    """Nothing, in as many lines; a string stays an empty string."""
    return match[0][0] * 2 * (match[0][0] in "\"'") + "\n" * match[0].count("\n")


def is_text(path):
    return {path.suffix, path.name} & TEXT or not path.suffix and path.read_bytes()[:2] == b"#!"


class Source:
    """One C file: its code without comments and literals, its macros, tokens and functions."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.bare = bare = LITERAL.sub(blank, text)
        self.macros = "\n".join(DIRECTIVE.findall(bare))
        code = DIRECTIVE.sub(blank, bare)
        starts = [0] + [m.end() for m in re.finditer("\n", code)]
        self.tokens = [(m[0], bisect_right(starts, m.start())) for m in TOKEN.finditer(code)]
        self.match = self.pairs()
        self.functions = []  # (name, is static, first line, last line, parameters, deepest)
        self.uses = Counter(re.findall(r"\w+", self.macros))
        if path.suffix == ".def":
            self.uses += Counter(re.findall(r"\w+", bare))
        self.scan()

    def pairs(self):
        """Index of the other one of each bracket."""
        match, stack = {}, []
        for i, (token, _) in enumerate(self.tokens):
            if token in "({":
                stack.append(i)
            elif token in ")}" and stack:
                match[i] = stack.pop()
                match[match[i]] = i
        return match

    def scan(self):
        begin, i = 0, 0
        while i < len(self.tokens):
            token = self.tokens[i][0]
            if token in ";}":
                begin = i + 1
            elif token == "(":
                i = self.match.get(i, i)
            elif token == "{" and [t for t, _ in self.tokens[begin:i]] == ["extern", '"', '"']:
                begin = i + 1  # extern "C" is no level
            elif token == "{":
                end = self.match.get(i, len(self.tokens) - 1)
                self.uses.update(t for t, _ in self.tokens[i:end])
                head = [t for t, _ in self.tokens[begin:i]]
                if head and head[-1] == ")" and "=" not in head:
                    self.function(begin, i, end)
                    begin = end + 1
                i = end
            i += 1

    def function(self, begin, body, end):
        close = body - 1
        while self.tokens[self.match[close] - 1][0] == "__attribute__":
            close = self.match[close] - 2
        opens = self.match[close]
        inside, commas, i = self.tokens[opens + 1:close], 0, opens + 1
        while i < close:
            token = self.tokens[i][0]
            commas += token == ","
            i = self.match[i] + 1 if token == "(" else i + 1
        count = 0 if [t for t, _ in inside] in ([], ["void"]) else commas + 1
        static = "static" in [t for t, _ in self.tokens[begin:opens]]
        self.functions.append((self.tokens[opens - 1][0], static, self.tokens[begin][1],
                               self.tokens[end][1], count, self.nesting(body, end)))

    def nesting(self, body, end):
        """(depth, line) of the deepest statement: `else if` is no level, a missing brace is."""
        deepest, stack, bare, i = (0, 0), [], 0, body + 1
        while i < end:
            (token, line), after = self.tokens[i], self.tokens[i + 1][0]
            if token in CONTROL and after == "(":
                i = self.match[i + 1]
                bare += self.tokens[i + 1][0] not in "{;"
            elif token == "else":
                bare += after not in ("{", "if")
            elif token == "{":
                stack.append((self.is_block(i) and all(b for b, _ in stack), bare))
            elif token == "}":
                _, bare = stack.pop()
                bare = bare if after == "else" else 0
            elif token == ";":
                bare = 0
            depth = sum(1 + outer for block, outer in stack if block) + bare
            deepest = max(deepest, (depth, -line))
            i += 1
        return deepest[0], -deepest[1]

    def is_block(self, i):
        """Does this brace hold statements?  Else it initialises."""
        before = self.tokens[i - 1][0]
        if before == ")":
            word = self.tokens[self.match[i - 1] - 1][0]
            return bool(re.match(r"[A-Za-z_]", word)) and word not in ("return", "sizeof")
        return before in ("else", "do", ";", "{", "}", ":")


class Tidy:
    def __init__(self, root, build=None):
        self.root, self.findings = Path(root), []
        self.texts = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root)
            ours = name.parts[0][:5] != "build" and not {".git", "__pycache__"} & {*name.parts}
            if ours and path.is_file() and is_text(path):
                self.texts[name] = path.read_text(encoding="utf-8", errors="replace")
        self.sources = {p: Source(p, t) for p, t in self.texts.items()
                        if p.parts[0] in C_DIRS and p.suffix in (".c", ".h", ".def")}
        for path, text in self.texts.items():
            self.text(path, text)
        for path, source in self.sources.items():
            self.banned(path, source)
            self.functions(path, source)
        for whole in (self.modules, self.deviations, self.dead_files, self.dead_functions):
            whole()
        if build:
            self.symbols(Path(build))

    def say(self, path, line, what):
        self.findings.append((str(path), line, what))

    def text(self, path, text):
        lines = text.split("\n")
        if lines[-1] != "" or text.endswith("\n\n"):
            self.say(path, len(lines), "end with one newline")
        for number, line in enumerate(lines, 1):
            columns = len(line.expandtabs(TAB))
            if line != line.rstrip():
                self.say(path, number, "trailing space")
            if path.suffix in (".c", ".h") and columns > COLUMNS:
                self.say(path, number, f"{columns} columns, {COLUMNS} at most")
            for pattern, why in WORDS:
                if found := re.search(pattern, line):
                    self.say(path, number, f"`{found[0]}`: {why}")
        count, limit = len(lines) - 1, FILE_LINES.get(path.suffix, len(lines))
        if count > limit:
            self.say(path, count, f"{count} lines, {limit} at most")
        script = text.startswith("#!")
        if (path.suffix in (".c", ".h", ".def", ".py", ".sh") or script) and \
                "SPDX-License-Identifier: BSD-3-Clause" not in "".join(lines[script:][:1]):
            self.say(path, 1 + script, "no SPDX line here")

    def banned(self, path, source):
        name, lines = path.as_posix(), source.bare.split("\n")
        for where, unless, pattern, why in BANNED:
            if re.match(where, name) and not re.match(unless, name):
                for number, line in enumerate(lines, 1):
                    if found := re.search(pattern, line):
                        self.say(path, number, f"`{found[0]}`: {why}")
        for found in INCLUDE.finditer(source.text):
            number = source.text.count("\n", 0, found.start()) + 1
            if name.startswith("lib/") and found[1] == '"' and "/" in found[2]:
                self.say(path, number, f"include {found[2]}: by name, not by path")
            for header, where, why in SYSTEM:
                if name.startswith("lib/") and re.fullmatch(header, found[2]) and \
                        not re.match(where, name):
                    self.say(path, number, f"include {found[2]}: {why}")

    def functions(self, path, source):
        for function, static, first, last, count, (depth, line) in source.functions:
            lines = last - first + 1
            if lines > FUNCTION_LINES:
                self.say(path, first, f"{function} is {lines} lines, {FUNCTION_LINES} at most")
            most = PARAMETERS_OF.get(str(path), PARAMETERS)
            if count > most:
                self.say(path, first, f"{function} has {count} parameters, {most} at most")
            if depth > NESTING:
                self.say(path, line, f"{function} nests {depth} deep, {NESTING} at most")
            if static and function.startswith("leat_"):
                self.say(path, first, f"{function} is static: no product prefix")

    def modules(self):
        pairs = {(p.parent, p.stem) for p in self.sources
                 if re.match(r"lib/\w+/(?!test_)\w+\.[ch]$", p.as_posix())}
        for module, count in sorted(Counter(module for module, _ in pairs).items()):
            most = MODULE_PAIRS.get(str(module), 24)
            if count > most:
                self.say(module, 0, f"{count} pairs of files, {most} at most")

    def deviations(self):
        listed, page = {}, Path("docs/deviations.md")
        for number, line in enumerate(self.texts.get(page, "").split("\n"), 1):
            if heading := re.match(r"##+ +`?([\w-]+)`?$", line):
                listed[heading[1]] = number
        found = {}
        for path, source in self.sources.items():
            for match in re.finditer(r"DEVIATION\(([\w-]+)\)", source.text):
                found.setdefault(match[1], (path, source.text.count("\n", 0, match.start()) + 1))
        for name in sorted(found.keys() - listed.keys()):
            self.say(*found[name], f"DEVIATION({name}) has no heading in {page}")
        for name in sorted(listed.keys() - found.keys()):
            self.say(page, listed[name], f"no DEVIATION({name}) in the code")

    def dead_files(self):
        builds = {p.parent: set(re.findall(r"[\w.]+", t))
                  for p, t in self.texts.items() if p.name == "meson.build"}
        included = {Path(name).name for source in self.sources.values()
                    for _, name in INCLUDE.findall(source.text)}
        for path in self.sources:
            words = set().union(*(builds.get(d, set()) for d in path.parents))
            if path.suffix == ".c":
                if not {path.name, path.stem.removeprefix("test_")} & words:
                    self.say(path, 1, "no meson.build names it")
            elif path.name not in included:
                self.say(path, 1, "nothing includes it")

    def dead_functions(self):
        uses, pasted = Counter(), set()
        for source in self.sources.values():
            uses += source.uses
            pasted.update(re.findall(r"(\w{4,})\s*##", source.macros))
        for path, source in self.sources.items():
            for name, static, first, *_ in source.functions:
                if not (static and path.suffix == ".c" or name == "main" or uses[name] or
                        name.startswith(tuple(pasted))):
                    self.say(path, first, f"nothing uses {name}")

    def symbols(self, build):
        archives = sorted(build.glob("lib/**/libleat_*.a"))
        if not archives:
            self.say(build.name, 0, "no archives: build first")
        for archive in archives:
            out = subprocess.check_output(["nm", "-g", "--defined-only", archive], text=True)
            for line in out.splitlines():
                word = line.split()
                if len(word) == 3 and not word[2].startswith(("leat_", "__odr_asan")):
                    self.say(archive.name, 0, f"symbol {word[2]} does not start with leat_")


def main():
    tidy = Tidy(*sys.argv[1:3])
    for path, line, what in tidy.findings:
        print(f"{path}:{line}: {what}")
    functions = sum(len(s.functions) for s in tidy.sources.values())
    print(f"{len(tidy.texts)} files, {functions} functions, {len(tidy.findings)} findings")
    return 1 if tidy.findings else 0


if __name__ == "__main__":
    sys.exit(main())
