#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat conns` asks a running instance for its connections, while it works."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import live
from stopped import Stopped

ASKING = 5  # seconds that somebody who asks nothing may hold a place
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


def unix(place, name=None):
    """A connection to the socket of this name, or the one there is."""
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(live.WAIT_S)
    end.connect(str(Path(place.dir, name or place.sockets()[0])))
    return end


def line(end):
    """One line, and not an octet more."""
    got = b""
    while not got.endswith(b"\n") and (octet := end.recv(1)):
        got += octet
    return got.decode()


def ended():
    "one looked up, ended, followed"
    place = Place()
    # The wire has them wait, so that on no machine TIME-WAIT is full, and events go on coming.
    with place.hold("--time-wait", "60s", "--connections", 64, "--loss", "1%") as process:
        live.until(lambda: place.rows("-s", "state all")[0]["states"]["time-wait"] > 100, "some")
        with live.case("get is a look into the flow table, and no scan"):
            row = place.rows("state time-wait limit 1")[0]
            out = place.told("get", row["local"], row["peer"]).splitlines()
            live.check(re.match(r"TIME-WAIT .* 2msl ", out[1]), out[1])
            live.check(out[2].startswith("1 of 1 that match, of 1 (scan "), out[2])
            none = place.ask("get", row["peer"], "203.0.113.1:9")
            live.equal(none.returncode, 3, "exit code of none")
            live.check(none.stdout.splitlines()[1].startswith("0 of 0 that match, of 0 (scan "), none)
            live.equal(place.ask("get", row["local"]).returncode, 1, "exit code")
        with live.case("one that is killed is gone, and no other is"):
            tuple_ = ("src", row["local"], "dst", row["peer"])
            for words, told in ((("--kill", *tuple_), "1 killed, of 1 looked at"),
                                (("kill", *tuple_), "0 killed, of 0 looked at")):
                # It is refused while a shard waits for a core.
                done = live.until(lambda w=words: (got := place.ask(*w)).returncode != 5 and got,
                                  "an answer")
                live.check(told in done.stdout, (words, done))
            live.equal(place.rows(*tuple_), [], "rows")
        with live.case("more than one are killed only with --yes, and never up to a limit"):
            done = place.ask("--kill", "state", "time-wait")
            live.equal((done.returncode, done.stdout), (1, ""), "exit, stdout")
            live.check(re.search(r"\d+ connections match; add --yes", done.stderr), done.stderr)
            done = place.ask("--kill", "--yes", "state", "time-wait", "limit", 3)
            live.equal((done.returncode, done.stdout), (1, ""), "exit, stdout")
            out = place.told("--kill", "--yes", "state", "time-wait", "dst", "198.18.0.0/25")
            killed = int(re.search(r"(\d+) killed, of \d+ looked at$", out)[1])
            live.check(killed > 1, out)
            live.equal(place.ask("--yes", "state", "time-wait").returncode, 1, "exit code")
        with live.case("who follows is told of each opened, each state and each end"):
            with unix(place) as end:
                end.sendall(b"follow form=json role server\n")
                live.equal(line(end), "ok\n", "first line")
                seen = [json.loads(line(end)) for _ in range(2000)]
            events = [event for event in seen if event["event"] != "lost"]
            live.check({"opened", "state"} <= {event["event"] for event in events}, events[:9])
            live.equal({event["role"] for event in events}, {"server"}, "role")
            live.equal({(e["from"], e["state"]) for e in events if e["event"] == "opened"},
                       {("listening", "syn-recv")}, "opened")
            # Of one tuple each arrow begins where the one before it ended.
            at = {}
            for event in seen:
                if event["event"] == "lost":
                    at.clear()
                    continue
                key = event["local"], event["peer"]
                if event["event"] == "state" and key in at:
                    live.equal(event["from"], at[key], event)
                at[key] = event["state"]
        with live.case("and of an end by an operator"):
            with unix(place) as end:
                end.sendall(b"follow form=json role server state time-wait\n")
                live.equal(line(end), "ok\n", "first line")
                place.told("--kill", "--yes", "state", "time-wait", "dst", "198.18.0.128/25")
                why = live.until(lambda: json.loads(line(end)).get("why"), "an end")
            live.equal(why, "killed by an operator", "why")
        with live.case("one follows at a time; another may when he has gone"):
            with unix(place) as first:
                first.sendall(b"follow\n")
                live.equal(line(first), "ok\n", "first line")
                with unix(place) as second:
                    second.sendall(b"follow\n")
                    live.check("somebody follows already" in line(second), "second")
            with unix(place) as third:
                third.sendall(b"follow\n")
                live.equal(line(third), "ok\n", "third")
        with live.case("ten may ask at one time, the eleventh is told so, and no place is lost"):
            done, since = None, -ASKING
            while time.monotonic() - since >= ASKING:  # one who asks nothing for so long is let go
                since = time.monotonic()
                with contextlib.ExitStack() as stack:
                    for _ in range(10):
                        stack.enter_context(unix(place))
                    with unix(place) as more:
                        told = line(more)
                    done = place.ask("limit", 1)
            live.check(told.startswith("no 3 - 10 ask already"), told)
            live.equal(done.returncode, 3, "exit code")
            live.check("10 ask already" in done.stderr, done.stderr)
            live.until(lambda: place.ask("limit", 1).returncode == 0, "a place")
        with live.case("who goes away in the middle of an answer harms nobody"):
            for _ in range(20):
                with unix(place) as end:
                    end.sendall(b"conns form=json detail state time-wait limit all\n")
                    end.recv(100)
            for garbage in (b"\n", b"conns form=\n", b"\0\xff\n", b"x" * 20000, b"kill yes (\n",
                            b"follow )\n", b"reload \x1f\x1f\n"):
                with unix(place) as end:
                    try:
                        end.sendall(garbage)
                        live.check(line(end)[:3] in ("no ", ""), garbage)
                    except OSError:
                        pass  # it had enough
            live.until(lambda: place.ask("limit", 1).returncode == 0, "an answer")
        with live.case("the ledger balances with what was ended"):
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
            live.check("balanced" in process.out, process.out)
            live.equal(place.sockets(), [], "sockets")
    shutil.rmtree(place.dir)


def still():
    "a shard that does not turn"
    place = Place()
    with place.hold("--shards", 1, "--connections", 64) as process:
        with live.case("who asks while it stands still is told, and it goes on"):
            with unix(place) as end:
                process.signal(signal.SIGSTOP)
                end.sendall(b"conns limit 1\n")
                process.signal(signal.SIGCONT)
                live.equal(line(end), "ok\n", "first line")
            live.check(place.told("limit", 1).startswith("State"), "rows")
        with live.case("one whose process is stopped is named, and nobody waits for it without an end"):
            process.signal(signal.SIGSTOP)
            for words in (("conns", "-s"), ("ctl", "info"), ("top", "-1")):
                done = live.run(live.leat(), *words, env=place.env, text=True)
                live.equal((done.returncode, done.stdout, done.stderr),
                           (5, "", f"leat {words[0]}: try: no answer; its process stands still: "
                            "is it stopped?\n"), words)
            process.signal(signal.SIGCONT)
            live.check(place.told("limit", 1).startswith("State"), "rows")
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
    with live.case("a trial without --hold says that it shows nothing, not that it is ending"):
        with live.Process([live.leat(), "try", "--seconds", 600], env=place.env) as process:
            process.wait_line(r"^ *1 s ")
            for words in (b"why\n", b"snapshot\n"):
                with unix(place) as end:
                    end.sendall(words)
                    live.check("try shows nothing of itself while it runs; with --hold it does"
                               in line(end), words)
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
    shutil.rmtree(place.dir)


def capture(place, words, name=None):
    """All that `capture` tells."""
    with unix(place, name) as end:
        end.sendall(b"capture " + words + b"\n")
        live.equal(end.recv(3, socket.MSG_WAITALL), b"ok\n", "answer")
        return b"".join(iter(lambda: end.recv(65536), b""))


def silent():
    "one of two shards that does not turn"
    place = Place()
    device = f"net_memif0,role=server,socket={place.dir}/m.sock"
    with live.Server("--vdev", device, "-a", "198.18.128.1/15", "--shards", 2,
                     env=place.env) as server:
        server.wait_line(r"^ready")
        pid = server.pid
        before = live.resident(pid, "Anon")
        with Stopped(pid, "worker"):
            with live.case("a listing says which shard is missing, in text and in JSON"):
                live.until(lambda: "note: shard 1 does not turn; its connections are missing\n" in
                           place.told("state all"), "the note")
                live.check('{"event":"silent","shard":1}\n' in place.told("-j", "state all"), "JSON")
            with live.case("so does who follows, before any event"):
                for words, note in ((b"follow\n", "note: shard 1 does not turn\n"),
                                    (b"follow form=json\n", '{"event":"silent","shard":1}\n')):
                    with unix(place) as end:
                        end.sendall(words)
                        live.equal(line(end), "ok\n", words)
                        while (got := line(end)) != note:  # the other one may wait for a core
                            live.check(got, "no note")
            with live.case("nothing is killed without --yes, as it may have more that match"):
                done = place.ask("--kill", "state", "established")
                live.equal((done.returncode, done.stdout), (5, ""), "exit, stdout")
                live.check(re.search(r"shard \d does not turn, .*; nothing was ended", done.stderr),
                           done.stderr)
            with live.case("a capture ends without it, and keeps its memory"):
                for _ in range(3):
                    capture(place, b"seconds=1 ring=32768")
                now = live.resident(pid, "Anon")
                live.check(now > before + (20000 << 10), (now, before))
        with live.case("which is given back when the shard turns again"):
            live.until(lambda: live.resident(pid, "Anon") < before + (5000 << 10),
                       "memory that is back")
        with live.case("and it captures, like the other one"):
            with place.hold("--shards", 2, "--client-vdev",
                            f"net_memif0,socket={place.dir}/m.sock"):
                for shard in range(2):
                    live.until(lambda s=shard: f"shard {s}  ".encode() in
                               capture(place, b"count=500 seconds=60", server.label + ".sock"),
                               f"a frame of shard {shard}")
        live.equal(server.stop(), 0, "exit code")
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
    with live.case("a new one removes what killed ones left, whatever their names, and no more"):
        with place.hold() as one, place.hold() as two:
            other = next(name for name in place.sockets() if name != "try.sock")
            Path(place.dir, "notes.sock").write_text("no socket\n")
            Path(place.dir, "notes").write_text("nor this\n")
            two.signal(signal.SIGKILL)
            two.wait()
            live.equal(place.sockets(), sorted((other, "notes.sock", "try.sock")), "sockets")
            live.check(place.told("limit", 1).startswith("State"), "the only one there is")
            with place.hold() as three:
                new = f"try-{three.pid}"
                live.equal(place.sockets(), sorted((new + ".sock", "notes.sock", "try.sock")),
                           "sockets")
                live.check(Path(place.dir, "notes").exists(), "what is no socket")
                for name in ("try", new):
                    live.check(place.told("-n", name, "limit", 1).startswith("State"), name)
                for process in (one, three):
                    process.signal(signal.SIGINT)
                    live.equal(process.wait(), 0, "exit code")
        Path(place.dir, "notes.sock").unlink()
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


live.main([asked, ended, still, silent, several, rights])
