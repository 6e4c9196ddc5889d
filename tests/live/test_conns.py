#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat conns` asks a running instance for its connections, while it works."""
import json
import os
import re
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import live

STATES = {"listening", "syn-sent", "syn-recv", "established", "fin-wait-1", "fin-wait-2",
          "close-wait", "closing", "last-ack", "time-wait", "closed"}


class Place:
    """A directory for the sockets of this test alone."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="leat-conns-")
        self.env = dict(os.environ, RUNTIME_DIRECTORY=self.dir)

    def sockets(self):
        return sorted(p.name for p in Path(self.dir).glob("*.sock"))

    def hold(self, *options):
        """A `leat try --hold` that has begun and can be asked."""
        process = live.Process([live.leat(), "try", "--hold", *options], env=self.env)
        process.wait_line(r"^ *1 s ")
        return process

    def ask(self, *words):
        return live.run(live.leat(), "conns", *words, env=self.env, text=True)

    def rows(self, *words):
        return [json.loads(line) for line in self.told("-j", *words).splitlines()]

    def told(self, *words):
        done = self.ask(*words)
        live.equal((done.returncode, done.stderr), (0, ""), f"conns {words}")
        return done.stdout


def port(row):
    return int(row["peer"].rpartition(":")[2])


def asked():
    "an instance under load"
    place = Place()
    with place.hold("--shards", 2, "--time-wait", "30s", "--connections", 64) as process:
        live.until(lambda: place.rows("-s", "state all")[0]["states"]["time-wait"] > 4096,
                   "more in TIME-WAIT than are asked for")
        with live.case("rows have what was asked for, and the last line says of how many"):
            out = place.told("state", "time-wait", "limit", 5).splitlines()
            live.check(re.match(r"State +Recv-Q +Send-Q +Local +Peer +Shard +Timer +Left +Rtx$",
                                out[0]), out[0])
            live.equal(len(out), 7, "lines")
            for row in out[1:6]:
                live.check(re.match(r"TIME-WAIT +0 +0 198\.18\.128\.1:80 +198\.18\.\d+\.\d+:\d+ "
                                    r"+\d +2msl +[\d.]+(ms|s) +\d+$", row), row)
            shown, match, of, shards = re.match(
                r"(\d+) of (\d+) that match, of (\d+) \(scan \d+ ms, (\d) shards\)$",
                out[6]).groups()
            live.equal((shown, shards), ("5", "4"), "shown, shards")
            live.check(5 < int(match) <= int(of), out[6])
        with live.case("each row of JSON meets the filter, and every shard has its own"):
            rows = place.rows("state time-wait dst 198.18.0.0/16 left < 30s limit 2k")
            live.equal(len(rows), 2048, "rows")
            for row in rows:
                live.equal((row["state"], row["role"], row["timer"]),
                           ("time-wait", "server", "2msl"), "row")
                live.check(0 <= row["left_s"] < 30, row)
            for shard in range(4):
                # All of a shard may have come to their end in one burst.
                of = live.until(lambda: place.rows(f"shard = {shard} limit 3"), "rows of a shard")
                live.equal({row["shard"] for row in of}, {shard}, "shard")
                live.equal({row["role"] for row in of}, {"client" if shard < 2 else "server"},
                           "role")
        with live.case("sorted rows are in order, the first of all"):
            left = [row["left_s"] for row in place.rows("state time-wait sort left limit 50")]
            live.equal((len(left), left), (50, sorted(left)), "left")
            # Time passes between two answers; ports stay what they are.
            first, last = ([port(row) for row in place.rows(f"state time-wait sort dport {way} limit 50")]
                           for way in ("asc", "desc"))
            live.equal((first, last), (sorted(first), sorted(last, reverse=True)), "ports")
            live.check(first[-1] < last[-1], (first[-1], last[-1]))
        with live.case("one tuple is one row"):
            row = place.rows("state time-wait sort left desc limit 1")[0]
            again = place.rows("src", row["local"], "dst", row["peer"])
            live.equal([(r["local"], r["peer"]) for r in again], [(row["local"], row["peer"])],
                       "rows")
        with live.case("-s counts them by state"):
            live.check(re.match(r"Total \d+   client \d+, server \d+\n", place.told("-s")), "-s")
            total = place.rows("-s", "state all")[0]
            live.equal(set(total["states"]), STATES, "states")
            live.equal(sum(total["states"].values()), total["total"], "states")
            live.equal(sum(total["time_wait_left"].values()), total["states"]["time-wait"], "left")
        with live.case("the forms of ss and of ipvsadm"):
            for line in place.told("-o", "ss", "state time-wait limit 3").splitlines():
                live.check(re.match(r"TIME-WAIT +0 +0 +\S+ +\S+ timer:\(timewait,[\d.]+(sec|ms),0\)",
                                    line), line)
            out = place.told("-o", "ipvs", "state time-wait limit 3").splitlines()
            live.equal(out[0], "pro expire state       source             destination", "head")
            for line in out[1:]:
                live.check(re.match(r"TCP \d\d:\d\d  TIME_WAIT   \S+ +198.18.128.1:80$", line), line)
        with live.case("a wrong word is pointed at, and nothing is printed"):
            done = place.ask("state", "time-weit")
            live.equal((done.returncode, done.stdout), (1, ""), "exit, stdout")
            live.equal(done.stderr.splitlines()[:2], ["  state time-weit", "        ^"], "stderr")
            live.check("did you mean `time-wait`?" in done.stderr, done.stderr)
        with live.case("who asks nothing, or in another tongue, is told or left, and others served"):
            path = str(Path(place.dir, place.sockets()[0]))
            with socket.socket(socket.AF_UNIX) as idle, socket.socket(socket.AF_UNIX) as odd:
                odd.connect(path)
                odd.sendall(b"sing\n")
                live.check(live.read_all(odd).startswith(b"no 1 - this leatd does not know"), "sing")
                idle.connect(path)
                idle.shutdown(socket.SHUT_WR)
                live.equal(live.read_all(idle), b"", "silence")
            place.told("limit", 1)
        with live.case("its end takes the socket away"):
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
            live.equal(place.sockets(), [], "sockets")
            done = place.ask()
            live.equal(done.returncode, 3, "exit code")
            live.check("no instance of this user runs" in done.stderr, done.stderr)
    shutil.rmtree(place.dir)


def several():
    "instances of one user"
    place = Place()
    with live.case("what a killed one left behind is no instance, and is taken over"):
        with place.hold() as process:
            process.signal(signal.SIGKILL)
            process.wait()
        live.equal(place.sockets(), ["try.sock"], "sockets")
        live.equal(place.ask().returncode, 3, "exit code")
    with live.case("two of one name are told apart, and must be named"):
        with place.hold() as one, place.hold() as two:
            live.check("try.sock" in place.sockets(), place.sockets())
            other = next(name for name in place.sockets() if name != "try.sock")
            live.check(re.match(r"try-\d+\.sock$", other), other)
            done = place.ask()
            live.equal(done.returncode, 3, "exit code")
            live.check("several run; name one with -n: try, try-" in done.stderr, done.stderr)
            live.check(place.told("-n", "try", "limit", 1).startswith("State"), "try")
            live.check(place.told("-n", other.removesuffix(".sock")).startswith("State"), other)
            for process in (one, two):
                process.signal(signal.SIGINT)
                live.equal(process.wait(), 0, "exit code")
        live.equal(place.sockets(), [], "sockets")
    shutil.rmtree(place.dir)


def rights():
    "who may ask"
    place = Place()
    with live.case("the socket is its user's alone"):
        with place.hold() as process:
            path = Path(place.dir, "try.sock")
            live.equal(path.stat().st_mode & 0o777, 0o600, "mode")
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
    shutil.rmtree(place.dir)


live.main([asked, several, rights])
