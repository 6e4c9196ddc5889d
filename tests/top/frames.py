#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The screens of `leat top`, drawn from recorded snapshots, cell by cell as they should be.

usage: frames.py [--write] LEAT

try.snap is what `leat top --raw` wrote of a trial; golden/PAGE-COLSxROWS.txt and golden/top.json are
what must come of it.  --write writes them: look at the difference.  Prints TAP.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = ("shards", "timers", "drops", "latency", "transitions", "connections")
SIZES = ("80x24", "200x60")
done = []


def top(*words, **kwargs):
    return subprocess.run([sys.argv[-1], "top", *words], capture_output=True, text=True, check=False,
                          encoding="utf-8", timeout=120,
                          env={**os.environ, "LC_ALL": "C", **kwargs})


def case(name, good, why=""):
    done.append(good)
    print(f"{'' if good else 'not '}ok {len(done)} - {name}")
    for line in str(why).splitlines() if not good else ():
        print("#", line)


def first_difference(want, got):
    for n, (a, b) in enumerate(zip(want.splitlines(), got.splitlines()), 1):
        if a != b:
            return f"line {n}\nwant {a}\ngot  {b}"
    return f"{len(want.splitlines())} lines wanted, {len(got.splitlines())} got"


def golden(name, text):
    path = HERE / "golden" / name
    if "--write" in sys.argv:
        path.write_text(text, encoding="utf-8")
    want = path.read_text(encoding="utf-8")
    case(f"{name} is as it was", want == text, first_difference(want, text))


def frames():
    for page in PAGES:
        for size in SIZES:
            out = top("--from", HERE / "try.snap", "-1", "--page", page, "--size", size)
            cols, rows = map(int, size.split("x"))
            lines = out.stdout.splitlines()
            golden(f"{page}-{size}.txt", out.stdout)
            case(f"{page} fits {size}", out.returncode == 0 and len(lines) == rows and
                 max(map(len, lines)) <= cols, out.stderr)


def smaller():
    for size in ("79x24", "80x23", "1x1", "321x24", "80x121"):
        out = top("--from", HERE / "try.snap", "-1", "--size", size)
        case(f"{size} is refused, and the limits said", out.returncode == 1 and not out.stdout and
             "from 80x24 to 320x120" in out.stderr, out)


def waiting():
    with tempfile.TemporaryDirectory() as scratch:
        of = Path(scratch, "of")
        for roles, said in (("0 0 1 1", "TIME-WAIT 302k of 504k, client  "),
                            ("1 0 1 0", "TIME-WAIT 153k of 504k, server  "),
                            ("1 1 1 1", "TIME-WAIT 302k of 1.0M  "), ("0 0 0 0", "TIME-WAIT 302k of 1.0M  ")):
            text = (HERE / "try.snap").read_text()
            of.write_text(text.replace("\nrow role 1 1 0 0\n", f"\nrow role {roles}\n"))
            out = top("--from", of, "-1", "--size", "80x24").stdout
            case(f"roles {roles}: {said.strip()}", f"\n {said}" in out, out)


def reasons():
    text = (HERE / "try.snap").read_text()
    with tempfile.TemporaryDirectory() as scratch:
        of = Path(scratch, "of")
        of.write_text(text[:text.rindex("\nend\n")] + "\nrow no_port 0 0 0 5\nend\n")
        for size, rows in (("80x24", ["why not faster?  tuples exhausted: TIME-WAIT has most; more sources or",
                                      "                 targets, or a shorter 2MSL"]),
                           ("200x60", ["why not faster?  tuples exhausted: TIME-WAIT has most; more sources or "
                                       "targets, or a shorter 2MSL"])):
            for page in PAGES:
                lines = top("--from", of, "-1", "--page", page, "--size", size).stdout.splitlines()
                case(f"{page} of {size} has all of a long reason", len(lines) == int(size[-2:]) and
                     [line[1:] for line in lines[-1 - len(rows):-1]] == rows, "\n".join(lines[-4:]))


def as_json():
    out = top("--from", HERE / "try.snap", "-j").stdout
    objects = [json.loads(line) for line in out.splitlines()]
    case("-j gives an object a line, from the second snapshot on", len(objects) == 4, len(objects))
    for o in objects:
        case("its states are the sum of its shards", all(
            o["states"][k] == sum(s["states"][k] for s in o["shards"]) for k in o["states"]), o["states"])
    last = objects[-1]
    for group in ("ended", "time_wait"):  # words may come to be more
        last[group] = {k: v for k, v in last[group].items() if v}
    golden("top.json", json.dumps(last, indent=1) + "\n")


def wrong():
    with tempfile.TemporaryDirectory() as scratch:
        cut = Path(scratch, "cut")
        whole = (HERE / "try.snap").read_text()
        first = whole.index("\nend\n") + 5
        for name, text, why in (
                ("a file of something else", "root:x:0:0:root:/:/bin/sh\nend\n", "octet 0: no snapshot"),
                ("an empty file", "", "octet 0: no snapshot"),
                ("a snapshot cut off", whole[:100], "octet 0: the snapshot that begins here has no end"),
                ("one cut off behind a whole one", whole[:first + 100], f"octet {first}: the snapshot"),
                ("a word behind a whole one", whole[:first] + "x\nend\n", f"octet {first}: no snapshot")):
            cut.write_text(text)
            for how in (("-1",), ("-1", "-j"), ("-j",)):
                out = top("--from", cut, *how)
                case(f"{name} is refused with {' '.join(how)}", out.returncode == 2 and not out.stdout and
                     f"{cut}: {why}" in out.stderr, out)
        out = top("--from", Path(scratch, "none"), "-1")
        case("a file that is not there is named", out.returncode == 5 and "none" in out.stderr, out)
    for words, why in ((("--from", "x"), "without -1 or -j"), (("--raw", "-1"), "leave one of them out"),
                       (("--every", "99ms"), "100ms"), (("--size", "80"), "80x24"),
                       (("--page", "shard"), "shards")):
        out = top(*words)
        case(f"{' '.join(words)} is refused", out.returncode == 1 and why in out.stderr, out.stderr)


frames()
smaller()
reasons()
waiting()
as_json()
wrong()
print(f"1..{len(done)}")
sys.exit(0 if all(done) else 1)
