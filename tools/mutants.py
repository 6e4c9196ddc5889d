#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the tests find bugs?  Builds each bug of tests/mutants/mutants.txt and sees what notices it.

usage: mutants.py [NAME...] [--sim-only | --suites-only] [--jobs N] [--table FILE]
       mutants.py --check                 does every bug still fit its source?
       mutants.py --file NAME             which source is it in?
       mutants.py --copy NAME OUTPUT      write that source with the bug in it

Without NAME all of them, after the build without any, which nothing may find.  Each is built by
-Dmutant=NAME, in build-mutants-1 to -N.  First the suites look for it, the cheapest first, until one finds
it; then the simulator alone, which is all that --sim-only runs and --suites-only leaves out.  The last line is `N found, N
survived`; exit 1 and their names when any did.
"""
import argparse
import fcntl
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path("tests/mutants/mutants.txt")
OPTIONS = ["-Doptimization=2", "-Ddebug=false", "-Dcheck=true", "-Dwerror=false", "-Dlive_tests=false"]
SECONDS = 120  # ends what hangs; nothing needs a tenth of it
# What the simulator looks for, cheapest first; its digests only tell that something changed.
SIM = [["--packets"], ["--starve"], ["--strangers"], ["--long"], ["--floor"], ["--every", "5"],
       ["--smoke"], ["--seeds", "200..1999"]]
NOT_OK = re.compile(r"not ok \d+ - (.*)|# (seed \d+) fails: (.*)")


LIVE = set()  # what was started and must not outlive us


class Stale(Exception):
    """An entry that does not fit."""


class Mutant:
    def __init__(self, name, line):
        self.name, self.line, self.what, self.path, self.hunks = name, line, "", "", []

    def module(self):
        return Path(self.path).parts[1]


def read(root=ROOT):
    """The entries of the list, in its order."""
    mutants, hunk = [], None
    for number, line in enumerate((root / LIST).read_text().splitlines(), 1):
        if heading := re.fullmatch(r"\[([a-z0-9-]+)\]", line):
            mutants.append(Mutant(heading[1], number))
            hunk = None
        elif line[:1] in ("-", "+", " "):
            if hunk is None:
                mutants[-1].hunks.append(hunk := [])
            hunk.append(line)
        elif entry := re.fullmatch(r"(what|file): (.+)", line):
            setattr(mutants[-1], {"what": "what", "file": "path"}[entry[1]], entry[2])
        elif line and not line.startswith("#"):
            raise Stale(f"{LIST}:{number}: what is this?")
        else:
            hunk = None
    return mutants


def mutate(mutant, text):
    """text with the bug; each hunk's old lines must stand there exactly once."""
    for hunk in mutant.hunks:
        old = "".join(line[1:] + "\n" for line in hunk if line[0] in "- ")
        new = "".join(line[1:] + "\n" for line in hunk if line[0] in "+ ")
        at = [m.start() for m in re.finditer("^" + re.escape(old), text, re.M)]
        if len(at) != 1 or old == new:
            raise Stale(f"{LIST}:{mutant.line}: {mutant.name} fits {mutant.path} {len(at)} times")
        text = text[:at[0]] + new + text[at[0] + len(old):]
    return text


def source(mutant, root=ROOT):
    return mutate(mutant, (root / mutant.path).read_text())


def copy(mutant):
    return f'#line 1 "{mutant.path}"\n' + source(mutant)


def check(root=ROOT):
    """What is wrong with the list."""
    wrong, seen = [], set()
    for m in read(root):
        try:
            if not m.what.endswith(".") or not m.hunks or m.name in seen:
                raise Stale(f"{LIST}:{m.line}: {m.name} needs a name of its own, a sentence, a hunk")
            if not m.path.endswith(".c"):
                raise Stale(f"{LIST}:{m.line}: {m.name}: {m.path} is no source, so that no build has it")
            source(m, root)
        except (OSError, Stale) as e:
            wrong.append(str(e))
        seen.add(m.name)
    return wrong


def end(pid):
    """Ends the group of a child, which may have ended by itself."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def judge(command, seconds, where):
    """What the command found: None, or a line that says it.  It is ended at the first finding."""
    env = os.environ | {"CMOCKA_MESSAGE_OUTPUT": "TAP"}
    child = subprocess.Popen(command, cwd=where, env=env, text=True, errors="replace",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    LIVE.add(child.pid)
    late = []
    timer = threading.Timer(seconds, lambda: (late.append(True), end(child.pid)))
    timer.start()
    try:
        last = ""
        for line in child.stdout:
            if found := NOT_OK.match(line):
                return ", ".join(filter(None, found.groups())).strip()
            last = line.strip() or last
        if late:
            return f"timeout after {last}"
        return last or "it failed" if child.wait() else None
    finally:
        timer.cancel()
        end(child.pid)
        child.stdout.close()
        child.wait()
        LIVE.discard(child.pid)


class Hunter:
    """One build directory, and what is run in it."""

    def __init__(self, build, where):
        self.build, self.where, self.before = build, where, None

    def units(self, module):
        return [(p.stem, [self.build / "lib" / p.stem], SECONDS)
                for p in sorted((ROOT / "lib" / module).glob("test_*.c"))]

    def simulator(self):
        return [(" ".join(["sim", *args]), [self.build / "tests/sim/sim", *args], SECONDS)
                for args in SIM]

    def suites(self, module):
        """(name, command, seconds): the cheapest first."""
        talk, scripts = self.build / "tests/talk", ROOT / "tests/talk"
        others = [] if module == "stack" else self.units("stack")
        return self.units(module) + [
            ("talk", [talk / "talk", scripts], SECONDS),
            ("every", [talk / "every", scripts / "golden"], SECONDS),
            ("chance", [talk / "chance", "1", "3000"], SECONDS)] + self.simulator() + others

    def configure(self, name):
        how = ["configure", self.build] if (self.build / "build.ninja").exists() else \
              ["setup", self.build, ROOT]
        run(["meson", *how, *OPTIONS, f"-Dmutant={name}"])

    def make(self, stages):
        programs = dict.fromkeys(str(command[0].relative_to(self.build)) for _, command, _ in stages)
        run(["ninja", "-C", self.build, "-j1", *programs])

    def look(self, stages):
        """Which of the stages finds what is built, and what it says; None: none does."""
        for stage in stages:
            self.make([stage])
            name, command, seconds = stage
            if found := judge(command, seconds, self.where):
                return f"{name}: {found}"
        return None

    def honest(self, modules, sim_only):
        """Without a bug nothing may be found."""
        self.configure("")
        stages = self.simulator()
        if not sim_only:
            stages += [stage for module in modules for stage in self.suites(module)]
        self.make(stages)
        if by := self.look({stage[0]: stage for stage in stages}.values()):
            sys.exit(f"without any bug in it: {by}")

    def hunt(self, mutant, args):
        """(mutant, found by, found by the simulator alone, seconds)"""
        began = time.monotonic()
        if not self.before or self.before.path != mutant.path:
            self.configure(mutant.name)
        # Between two bugs of one source the copy alone differs: that saves half of the time.
        (self.build / "lib" / f"mutant_{Path(mutant.path).name}").write_text(copy(mutant))
        self.before = mutant
        by = sim = None
        if not args.sim_only:
            by = self.look(self.suites(mutant.module()))
            sim = by if by and by.startswith("sim") else None
        if not args.suites_only and not sim:
            sim = self.look(self.simulator())
        row = (mutant, by or sim, sim, time.monotonic() - began)
        print(f"{mutant.name:<32} {row[3]:4.0f} s  {by or sim or 'SURVIVED'}" +
              (f"\n{'':<40}not by the simulator" if by and not sim and not args.suites_only else ""), flush=True)
        return row


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{' '.join(map(str, command))}: exit {done.returncode}")


def cell(text):
    """One line of a table, without what Markdown would take for its own."""
    text = "-" if text is None else re.sub(r"\S*/(?=\w+\.[ch]:)", "", text)
    text = text if len(text) <= 90 else text[:89] + "…"
    return re.sub(r"([|*_<`])", r"\\\1", text)


def page(rows, args):
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    call = " ".join(["tools/mutants.py", *args.names, *["--sim-only"] * args.sim_only])
    out = ["# Bugs that the tests must find", "",
           f"Written by `{call} --table`, of commit {commit}; why: [decision 0006]"
           "(decisions/0006-mutants-are-a-table.md).", "",
           "Each is a line or two of `tests/mutants/mutants.txt`. The suites look for it, the",
           "cheapest first, until one finds it; then the simulator alone does.", "",
           "| bug | what is wrong | in | found by | the simulator alone | s |",
           "|---|---|---|---|---|--:|"]
    for m, by, sim, seconds in rows:
        out.append(f"| {m.name} | {cell(m.what) if len(m.what) < 90 else m.what} | "
                   f"{Path(m.path).name} | {cell(by)} | {cell(sim)} | {seconds:.0f} |")
    return "\n".join(out + ["", total(rows), ""])


def total(rows):
    survived = sum(by is None for _, by, _, _ in rows)
    alone = sum(sim is not None for _, _, sim, _ in rows)
    return (f"{alone} of {len(rows)} by the simulator alone; "
            f"{len(rows) - survived} found, {survived} survived")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("names", nargs="*")
    for option in ("--check", "--sim-only", "--suites-only"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--file"), parser.add_argument("--table")
    parser.add_argument("--copy", nargs=2)
    args = parser.parse_args()
    if args.check:
        print(*(wrong := check()), f"{len(read())} mutants, {len(wrong)} stale", sep="\n")
        return bool(wrong)
    known = {m.name: m for m in read()}
    wanted = [args.file] if args.file else args.copy[:1] if args.copy else args.names or known
    if missing := [name for name in wanted if name not in known]:
        sys.exit(f"{LIST} has no {', '.join(missing)}")
    mutants = [known[name] for name in wanted]
    if args.file:
        print(mutants[0].path)
    elif args.copy:
        Path(args.copy[1]).write_text(copy(mutants[0]))
    else:
        return hunt_all(mutants, args)
    return 0


def end_all(*_):
    for pid in list(LIVE):
        end(pid)
    os._exit(1)


def hunt_all(mutants, args):
    signal.signal(signal.SIGTERM, end_all)
    signal.signal(signal.SIGINT, end_all)
    lock = (ROOT / LIST).open()
    fcntl.flock(lock, fcntl.LOCK_EX)  # two in one build directory would tear each other's files
    sources = {}
    for m in mutants:
        sources.setdefault(m.path, []).append(m)
    hunters = queue.SimpleQueue()

    def one(of_source):
        hunter = hunters.get()
        rows = [hunter.hunt(m, args) for m in of_source]
        hunters.put(hunter)
        return rows

    with tempfile.TemporaryDirectory() as where, ThreadPoolExecutor(args.jobs) as pool:
        for i in range(args.jobs):
            hunters.put(Hunter(ROOT / f"build-mutants-{i + 1}", where))
        first = hunters.get()
        first.honest(dict.fromkeys(m.module() for m in mutants), args.sim_only)
        hunters.put(first)
        longest = sorted(sources.values(), key=len, reverse=True)
        rows = {row[0].name: row for rows in pool.map(one, longest) for row in rows}
    rows = [rows[m.name] for m in mutants]
    if args.table:
        Path(args.table).write_text(page(rows, args))
    for m, by, _, _ in rows:
        if by is None:
            print(f"survived: {m.name}")
    print(total(rows))
    return any(by is None for _, by, _, _ in rows)


if __name__ == "__main__":
    sys.exit(main())
