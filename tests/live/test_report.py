#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The files of real runs, and what leat report makes of them.

`leat load --report` runs against `leat serve`, in another process over a memif.  Its files are read
by others than who wrote them: the schema, a decoder of HdrHistogram, sums of the seconds.  A plan cut
into segments, run by three generators at three servers, is merged, and must be the whole plan.
"""
import contextlib
import csv
import json
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import live
from loads import (FAIL, GOOD, INCONCLUSIVE, LATE, PASS, PATIENT, RUN_S, Load, schema, sums,
                   to_server)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/report"))
import files as others  # noqa: E402  pylint: disable=wrong-import-position

FILES = ["config", "env.json", "latency.hlog", "report.html", "report.json", "series.csv"]
PLAN = (*to_server(), *PATIENT, *LATE, "--rate", "150/s", "-d", "3s", "--seed", "7", "--requests",
        "2", "--body", "exp:100-20KiB")
PLANNED = 450
# What every generator of a plan does alike, whatever the time it takes.
SUMS = ("planned", "started", "established", "completed", "stopped", "responses", "octets_in",
        "octets_out", "failed_all", "not_started_all")
BAD_FILES = 2
READY_S = 10  # three generators are ready; one that is not begins late, and makes up for it


# --- runs ---------------------------------------------------------------------------------------

@contextlib.contextmanager
def server():
    """`leat serve` at a memif; gives what the options of its client are."""
    path = live.directory() / f"memif-{live.Server.made}"
    with live.Server("--vdev", f"net_memif0,role=server,socket={path}", "--address",
                     live.OURS4 + "/24") as process:
        process.wait_line(r"^ready", live.PROCESS_S)
        yield ("--vdev", f"net_memif0,role=client,socket={path}", "--address", "198.18.0.9/24")


def folder(name):
    return live.directory() / "runs" / name


def read(path):
    told = json.loads((path / "report.json").read_text())
    live.equal(schema.difference(told), None, f"difference of {path.name} to the schema")
    live.check(told["balanced"], f"{path.name} does not add up")
    return told


def run(client, name, *options, codes=GOOD):
    """A run to its end: what it printed, and its report.json."""
    with Load(*client, *options, "--report", folder(name), json_too=False) as load:
        code = load.wait(RUN_S)
        live.check(code in codes, f"exit code {code}: {load.err}\n{load.out[-2000:]}")
    return load.out, read(folder(name))


def report(*words, codes=(PASS, INCONCLUSIVE)):
    done = live.run(live.leat(), "report", *words)
    out, err = done.stdout.decode(), done.stderr.decode()
    live.check(done.returncode in codes, f"report {words[0]}: exit {done.returncode}: {err}\n{out}")
    return out, err


def refused(reason, *words):
    out, err = report(*words, codes=(BAD_FILES,))
    live.equal(out, "", "stdout")
    live.check(re.search(reason, err), f"no {reason!r} in {err!r}")


# --- the files ----------------------------------------------------------------------------------

def histograms_add_up(path, told):
    """The lines of each kind, decoded and added, are the histogram of the run."""
    whole = {kind: {} for kind in others.KINDS}
    for line in (path / "latency.hlog").read_text().splitlines()[4:]:
        tag, _, _, _, text = line.split(",")
        slots = whole[tag.removeprefix("Tag=")]
        for slot, cnt in others.decode(text).items():
            slots[slot] = slots.get(slot, 0) + cnt
    for kind, slots in whole.items():
        hist = told["latency"][kind]
        live.equal(slots, dict(map(tuple, hist["slots"])), f"{kind} of all seconds")
        live.equal(others.decode(hist["hdr"]), slots, f"{kind} as HdrHistogram has it")
        live.equal(sum(slots.values()), hist["count"], f"count of {kind}")


def seconds_add_up(path, told):
    with open(path / "series.csv", newline="", encoding="ascii") as file:
        names, *rows = csv.reader(file)
    live.equal(names, told["series"]["columns"], "columns")
    live.equal([[float(v) for v in row] for row in rows], told["series"]["rows"], "rows")
    c = sums(told)
    for name, whole in (("planned", c["planned"]), ("started", c["started"]),
                        ("established", c["established"]), ("completed", c["completed"]),
                        ("failed", c["failed_all"]), ("not_started", c["not_started_all"]),
                        ("octets_in", c["octets_in"]), ("octets_out", c["octets_out"])):
        live.equal(sum(int(row[names.index(name)]) for row in rows), whole, f"seconds of {name}")


def page_is_of(path, told):
    page = (path / "report.html").read_text()
    for word in (told["verdict"].upper(), told["name"], "198.18.0.2:80", told["environment"]["cpu"]):
        live.check(word in page, f"no {word} in the page")
    live.equal((page.count("<svg"), "http" + "://" in page, "<script" in page), (5, False, False),
               "plots, addresses, scripts")
    same_again(path)


def same_again(path):
    """Page and JSON, made again of the file, are those of the run, octet for octet."""
    for words, name in ((("html",), "report.html"), (("show", "-j"), "report.json")):
        again, written = report(*words, path, codes=(*GOOD, FAIL))[0], (path / name).read_text()
        differ = [(a, b) for a, b in zip(again.splitlines(), written.splitlines()) if a != b]
        live.equal((differ, again == written), ([], True), f"{name} again")


def shown_as_printed(path, out, codes=GOOD):
    """What show says is what the run said between its seconds and its ledger, octet for octet."""
    shown, _ = report("show", path, codes=codes)
    live.check(shown in out, f"not what it printed:\n{shown}\nbut\n{out}")
    live.check(shown.startswith("\nlive-") and shown.splitlines()[-1].startswith("  verdict  "),
               shown)


def files():
    "leat load --report DIR"
    with server() as client:
        with live.case("every format is there, reads back and adds up to the run"):
            out, told = run(client, "all", *PLAN)
            path = folder("all")
            live.equal(sorted(os.listdir(path)), FILES, "files")
            live.check(f"written  {path}/{{" in out, "not told where")
            live.equal(told["connections"]["planned"], PLANNED, "planned")
            histograms_add_up(path, told)
            seconds_add_up(path, told)
            page_is_of(path, told)
            live.equal(json.loads((path / "env.json").read_text())["environment"],
                       told["environment"], "env.json")
            live.equal((path / "config").read_text(), told["environment"]["config"], "config")
        with live.case("leat report show says what the run said, octet for octet"):
            shown_as_printed(path, out)
        with live.case("of a closed load, too, with the number in flight in text and page"):
            out, closed = run(client, "closed", *to_server(), *PATIENT, "-c", "5", "-d", "2s",
                              "--time-wait", "10ms")
            shown_as_printed(folder("closed"), out)
            page_is_of(folder("closed"), closed)
            live.check(re.search(r"^  in flight +5 +5 +at \d+ looks", out, re.M), out)
            live.check("<td>in flight</td><td>5</td>" in (folder("closed") / "report.html")
                       .read_text(), "no number in flight in the page")
        with live.case("the command in it repeats the run: the same plan, the same octets"):
            words = shlex.split(told["environment"]["command"])
            words = [live.leat(), *words[1:], "--report", folder("again")]
            live.check(live.run(*words, seconds=RUN_S).returncode in GOOD, "exit code")
            again = read(folder("again"))
            live.equal(again["environment"]["config_hash"], told["environment"]["config_hash"],
                       "config hash")
            for name in SUMS:
                live.equal(again["connections"][name], told["connections"][name], name)
        with live.case("a directory that has a report is refused before anything begins"):
            with Load(*client, *PLAN, "--report", path, json_too=False) as load:
                live.equal(load.wait(RUN_S), BAD_FILES, "exit code")
            live.check("has a report.json already" in load.err, load.err)
            live.equal(read(path), told, "the report that was there")
        with live.case("--formats writes those that it names, and no other"):
            run(client, "two", *PLAN, "--formats", "json,csv")
            live.equal(sorted(os.listdir(folder("two"))), ["report.json", "series.csv"], "files")
        with live.case("what failed is in the files, too"):
            out, told = run(client, "fail", "-t", live.OURS4 + ":81", *LATE, "--rate", "50/s", "-d",
                            "2s", codes=(FAIL,))
            live.equal(told["connections"]["failed"]["refused"], 100, "refused")
            seconds_add_up(folder("fail"), told)
            histograms_add_up(folder("fail"), told)
            page = (folder("fail") / "report.html").read_text()
            live.check("no connection was established" in page and "100 refused" in page, "page")
            shown_as_printed(folder("fail"), out, codes=(FAIL,))
            same_again(folder("fail"))
        with live.case("a generator that was killed leaves a report that says so"):
            with Load(*client, *to_server(), "--rate", "50/s", "-d", "600s", "--report",
                      folder("killed"), json_too=False) as load:
                live.until((folder("killed") / "report.json").exists, "a first report", RUN_S)
                load.expected = True
                load.signal(signal.SIGKILL)
                load.wait()
            told = read(folder("killed"))
            live.equal((told["partial"], told["verdict"]), (True, "inconclusive"), "partial")
            live.check((folder("killed") / "latency.hlog.partial").exists(), "no log of so far")
            live.equal({told["latency"][kind]["count"] for kind in others.KINDS}, {0},
                       "latencies, which docs/report.md says it has not")
            shown, _ = report("show", folder("killed"), codes=(INCONCLUSIVE,))
            live.check("PARTIAL" in shown, shown)


# --- comparing and merging ----------------------------------------------------------------------

def comparing():
    "leat report diff"
    with server() as client:
        for name in ("old1", "old2", "new1", "new2"):
            run(client, name, *PLAN, "--formats", "json")
        run(client, "more", *PLAN, "--rate", "200/s", "--formats", "json")
    with live.case("a run does not differ from itself"):
        out, _ = report("diff", folder("old1"), folder("old1"), codes=(0,))
        rows = [line for line in out.splitlines() if re.match(r"  \w.* p99 ", line)]
        live.check(rows and all(row.endswith("same") for row in rows), out)
    with live.case("repeated runs of one plan: what was achieved, failed and not started is the same"):
        out, _ = report("diff", f"{folder('old1')},{folder('old2')}",
                        f"{folder('new1')},{folder('new2')}", codes=(0,))
        for name in ("achieved", "failed", "not started"):
            live.check(re.search(rf"^  {name} .* same$", out, re.M), f"{name}:\n{out}")
        live.check("note" not in out and "one run each" not in out, out)
        live.check(re.search(r"^  verdict .* \d (pass|inconclusive)", out, re.M), out)
    with live.case("runs of different plans are compared with a note of what differs"):
        out, _ = report("diff", folder("old1"), folder("more"), codes=(0,))
        live.check(out.startswith("note      they have different "), out)
    with live.case("what is no run is refused by its place"):
        (folder("bent")).mkdir()
        text = (folder("old1") / "report.json").read_text()
        (folder("bent") / "report.json").write_text(text.replace('"planned":', '"planned":-', 1))
        refused(r"bent: connections\.planned", "diff", folder("old1"), folder("bent"))


def merged(*words):
    """What leat report merge writes, and whether it had to be told --anyway."""
    path = folder("merged.json")
    done = live.run(live.leat(), "report", "merge", "-o", path, *words)
    anyway = done.returncode == BAD_FILES
    if anyway:
        live.check(b"in common" in done.stderr, done.stderr.decode())
        report("merge", "--anyway", "-o", path, *words, codes=(INCONCLUSIVE, FAIL))
    told = json.loads(path.read_text())
    live.equal(schema.difference(told), None, "difference of the merged run to the schema")
    live.equal((told["partial"], told["segment"]), (anyway, "1/1"), "partial, segment")
    return told


def run_segments(clients):
    """One generator for each segment, all from one instant."""
    at = int(time.time()) + READY_S
    with contextlib.ExitStack() as stack:
        for number, client in enumerate(clients, 1):
            part = f"{number}/{len(clients)}"
            stack.enter_context(Load(*client, *PLAN, "--segment", part, "--report",
                                     folder(f"part{number}"), "--start-at", at,
                                     json_too=False))
        loads = [p for p in live.Process.all if isinstance(p, Load)]
        for load in loads:
            code = load.wait(RUN_S)
            live.check(code in GOOD, f"exit code {code}: {load.err}")
    return [folder(f"part{number}") for number in range(1, len(clients) + 1)]


def same_as_whole(told, whole, parts):
    for name in SUMS:
        live.equal(told["connections"][name], whole["connections"][name], f"{name} of the whole")
    for kind in others.KINDS:
        slots = {}
        for part in parts:
            for slot, cnt in part["latency"][kind]["slots"]:
                slots[slot] = slots.get(slot, 0) + cnt
        hist = told["latency"][kind]
        live.equal(dict(map(tuple, hist["slots"])), slots, f"{kind} of the segments")
        live.equal(others.decode(hist["hdr"]), slots, f"{kind} as HdrHistogram has it")
        live.equal(hist["count"], whole["latency"][kind]["count"], f"count of {kind}")
    live.equal(len(told["segments"]), len(parts), "segments")
    sums(told)


def merging():
    "leat report merge"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server()) for _ in range(3)]
        with live.case("three segments, run by three generators, are the whole plan: every "
                       "connection, response and octet"):
            _, whole = run(clients[0], "whole", *PLAN)
            paths = run_segments(clients)
            parts = [read(path) for path in paths]
            live.equal(len({part["environment"]["config_hash"] for part in parts}), 1, "hashes")
            same_as_whole(merged(*paths), whole, parts)
            same_as_whole(merged(*reversed(paths)), whole, parts)
        with live.case("the merged run is shown and drawn as any other"):
            shown, _ = report("show", folder("merged.json"))
            live.check(re.search(rf"^  connections +{PLANNED} +{PLANNED} ", shown, re.M), shown)
            page, _ = report("html", folder("merged.json"))
            live.check("<h2>Segments</h2>" in page, "no table of segments")
        with live.case("a segment that is missing, or there twice, is refused by its name"):
            refused(r"3/3 is missing", "merge", *paths[:2])
            refused(r"2/3", "merge", *paths, paths[1])
        with live.case("segments of another plan are refused, whatever is said"):
            run(clients[1], "other", *PLAN, "--body", "300", "--segment", "2/3")
            for word in ((), ("--anyway",)):
                refused(r"config_hash|config", "merge", *word, paths[0], folder("other"), paths[2])
        with live.case("segments that ran one after the other are refused; --anyway adds them, as "
                       "inconclusive"):
            run(clients[1], "later", *PLAN, "--segment", "2/3")
            words = (paths[0], folder("later"), paths[2])
            refused(r"nothing of .* in common", "merge", *words)
            report("merge", "--anyway", "-o", folder("apart.json"), *words, codes=(INCONCLUSIVE,))
            told = json.loads(folder("apart.json").read_text())
            live.equal((told["partial"], told["connections"]["planned"]), (True, PLANNED),
                       "partial, planned")


live.main([files, comparing, merging], needs=live.NEEDS_NET)
