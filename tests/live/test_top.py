#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat top`, /metrics and DPDK's telemetry look at an instance while it works."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import urllib.error
import urllib.request
from pathlib import Path

import live

OPENED = ("opened_active", "opened_passive")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3[0-7]m")
ENDED = ("time_wait last_ack reset refused aborted timeout fin_wait2_limit closed evicted reused "
         "gave_way killed").split()
LIVING = ("syn_sent", "syn_recv", "established", "fin_wait1", "fin_wait2", "close_wait", "closing",
          "last_ack", "time_wait")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# So many places in so short a 2MSL are enough for ten million connections a second, which no
# machine makes: it is ready.
NEVER_FULL = ("--time-wait", "100ms", "--time-wait-max", 1000000)


class Place:
    """A directory for the sockets of this test alone, and a port for its metrics."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="leat-top-")
        self.env = dict(os.environ, RUNTIME_DIRECTORY=self.dir, TERM="xterm-256color")
        self.env.pop("NO_COLOR", None)
        self.at = f"127.0.0.1:{free_port()}"

    def hold(self, *options):
        process = live.Process([live.leat(), "try", "--hold", "--metrics", self.at, *options],
                               env=self.env)
        process.wait_line(r"^ *1 s ")
        return process

    def top(self, *words):
        return live.run(live.leat(), "top", *words, env=self.env, text=True)

    def told(self, *words):
        done = self.top(*words)
        live.equal((done.returncode, done.stderr), (0, ""), f"top {words}")
        return done.stdout

    def raw(self):
        """One snapshot: {name: [value of each shard]}."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(next(Path(self.dir).glob("*.sock"))))
            s.sendall(b"snapshot\n")
            lines = live.read_all(s).decode().splitlines()
        live.equal((lines[0], lines[1], lines[-1]), ("ok", "leat.snapshot/1", "end"), "form")
        shards = next(int(line.split()[1]) for line in lines if line.startswith("shards "))
        rows = {line.split()[1]: [int(n) for n in line.split()[2:]] for line in lines
                if line.startswith("row ")}
        return shards, lambda name: rows.get(name, [0] * shards)

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://{self.at}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=live.WAIT_S) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers["Content-Type"], answer.read().decode()


def samples(text):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
            if line and not line.startswith("#")}


def seen():
    "snapshots of an instance under load"
    place = Place()
    with place.hold("--shards", 2, "--time-wait", "5s", "--connections", 64) as process:
        with live.case("nobody has asked: no stage was measured"):
            _, row = place.raw()
            live.equal(row("watched_ns"), [0] * 4, "watched")
        with live.case("in each snapshot every shard's ledger balances"):
            for _ in range(5):
                shards, row = place.raw()
                for i in range(shards):
                    opened = sum(row(name)[i] for name in OPENED)
                    ended = sum(row(f"ended.{name}")[i] for name in ENDED)
                    living = sum(row(f"present.{name}")[i] for name in LIVING)
                    live.equal(ended + living, opened, f"shard {i}")
                time.sleep(0.11)  # a fresh one
        with live.case("when TIME-WAIT ends is told of all that wait"):
            def spread():
                _, row = place.raw()
                due = sum(sum(row(f"due.{i}")) for i in range(64))
                return due > 1024 and due <= sum(row("time_wait.entered"))
            live.until(spread, "due")
        with live.case("-j has an object for each interval; stages are shares of the whole"):
            def moves():
                """An interval in which the trial, which answers before it begins, has begun."""
                one = json.loads(place.told("-1", "-j", "-i", "500ms"))
                return one if one["rates"]["opened_per_s"] > 0 else None
            one = live.until(moves, "a rate")
            live.check(one["interval_s"] >= 0.4, one["rates"])
            live.equal((one["two_msl_s"], one["two_msl_rfc_conformant"]), (5, True), "2MSL")
            live.equal([s["role"] for s in one["shards"]], ["client"] * 2 + ["server"] * 2, "roles")
            for s in one["shards"]:
                live.check(0 <= s["busy"] <= 1 and sum(s["stages"].values()) <= 1.01, s)
            live.check(any(sum(s["stages"].values()) > 0 for s in one["shards"]), "no stage")
            live.check(any(s["turn_p99_s"] > 0 for s in one["shards"]), "no turn")
        with live.case("who asks no more costs no more readings of the clock"):
            def same():
                first, second = place.raw()[1]("watched_ns"), None
                time.sleep(0.3)
                second = place.raw()[1]("watched_ns")
                return first == second and sum(first) > 0
            live.until(same, "watched no longer")
        with live.case("each page is a screen of text"):
            for page, word in (("shards", "TIME-WAIT"), ("timers", "2MSL ring"), ("drops", "not used"),
                               ("latency", "planned"), ("transitions", "LAST-ACK"),
                               ("connections", "Local")):
                out = place.told("-1", "-i", "200ms", "-p", page)
                live.equal(len(out.splitlines()), 24, page)
                live.check(word in out and "\x1b" not in out and " try " in out, out)
        with live.case("80 columns have the timer of each connection, what is left of it, and rtx"):
            rows = place.told("-1", "-i", "200ms", "-p", "connections").split(" why not faster?")[0]
            rows = rows.splitlines()[1:]
            live.equal(rows[0].split(), ["State", "Local", "Peer", "Timer", "Left", "Rtx"], "the head")
            for row in (row for row in rows[1:] if row[1:2].isupper()):
                live.check(re.fullmatch(r" [A-Z0-9-]+ +\S+:\S+ +\S+:\S+ +\S+ +\S+ +\d+", row), row)
        with live.case("--raw is read again by --from"):
            top = live.Process([live.leat(), "top", "--raw", "-i", "200ms"], env=place.env)
            live.until(lambda: top.out.count("\nend") >= 3, "three snapshots")
            top.signal(signal.SIGTERM)
            top.wait()
            path = Path(place.dir, "snap")
            path.write_text(top.out[:top.out.rindex("\nend")] + "\nend\n")
            live.check("conn/s" in place.told("-1", "--from", path), "frame")
            live.check(len(place.told("-j", "--from", path).splitlines()) >= 2, "objects")
        with live.case("the end of the instance is told, and is exit 5"):
            top = live.Process([live.leat(), "top", "-j", "-i", "100ms"], env=place.env)
            live.until(lambda: top.lines["out"], "an object")
            process.signal(signal.SIGINT)
            live.equal((top.wait(), "the instance ended" in top.err), (5, True), "exit, stderr")
            live.equal(process.wait(), 0, "exit code")
            live.equal(place.top("-1").returncode, 3, "nobody there")
    shutil.rmtree(place.dir)


def metrics():
    "what Prometheus gets"
    place = Place()
    with place.hold(*NEVER_FULL) as process:
        with live.case("the endpoint is said, and serves text 0.0.4"):
            live.check(f"http://{place.at}/metrics" in process.out, process.out)
            status, kind, text = place.get("/metrics")
            live.equal((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), "answer")
            live.check(samples(text)['leat_tcp_established_total{role="server",shard="1"}'] > 0, "rate")
        with live.case("counters never fall from one scrape to the next"):
            time.sleep(0.11)
            before, now = samples(text), samples(place.get("/metrics")[2])
            live.equal(before.keys(), now.keys(), "names")
            fell = [name for name in now if re.match(r"\w+_(total|bucket|count|sum)\b", name) and
                    now[name] < before[name]]
            live.equal(fell, [], "fell")
        with live.case("OpenMetrics when it is asked for, sums when they are"):
            _, kind, text = place.get("/metrics?shards=sum", Accept="application/openmetrics-text")
            live.equal(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8", "type")
            live.check(text.endswith("# EOF\n") and "shard=" not in text, text[-200:])
        with live.case("live and ready; what is not there is not"):
            live.equal(place.get("/livez")[::2], (200, "live\n"), "livez")
            live.equal(place.get("/readyz")[::2], (200, "ready\n"), "readyz")
            live.equal(place.get("/v0")[0], 404, "/v0")
            live.equal(place.get("/metrics?shards=1")[0], 400, "shards=1")
        with live.case("promtool refuses none of it" if shutil.which("promtool") else
                       "promtool refuses none of it # SKIP needs the program promtool"):
            if shutil.which("promtool"):
                done = subprocess.run(["promtool", "check", "metrics"], capture_output=True, text=True,
                                      input=place.get("/metrics")[2], check=False)
                live.equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool")
        with live.case("a port that is taken is told, and stops nothing"):
            other = live.Process([live.leat(), "try", "--hold", "--metrics", place.at], env=place.env)
            other.wait_line(r"^ *1 s ")
            live.check("metrics   none: " in other.out and "Address already in use" in other.err,
                       other.out + other.err)
            other.signal(signal.SIGINT)
            live.equal(other.wait(), 0, "exit code")
        with live.case("many at a time are answered"):
            with contextlib.ExitStack() as stack:
                asked = [stack.enter_context(socket.create_connection(place.at.split(":")))
                         for _ in range(8)]
                for s in asked:
                    s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                for s in asked:
                    live.check(re.match(rb"HTTP/1\.[01] 200 ", live.read_all(s)), "answer")
        process.signal(signal.SIGINT)
        live.equal(process.wait(), 0, "exit code")
    with live.case("without it nothing listens"):
        with live.Process([live.leat(), "try", "--hold", "--metrics", "off"], env=place.env) as quiet:
            quiet.wait_line(r"^ *1 s ")
            live.check("metrics" not in quiet.out, quiet.out)
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(place.at.split(":")).close()
                raise AssertionError("something listens")
            quiet.signal(signal.SIGINT)
            live.equal(quiet.wait(), 0, "exit code")
    shutil.rmtree(place.dir)


def telemetry():
    "what dpdk-telemetry.py gets"
    if not shutil.which("dpdk-telemetry.py"):
        with live.case("commands of /leat # SKIP needs the program dpdk-telemetry.py"):
            return
    place = Place()
    with place.hold(*NEVER_FULL) as process:
        prefix = next(p.parent.name for p in Path(place.dir, "dpdk").glob("*/dpdk_telemetry.v2"))

        def asked(*commands):
            done = subprocess.run(["dpdk-telemetry.py", "-f", prefix], env=place.env, check=False,
                                  capture_output=True, text=True, input="\n".join(commands) + "\n",
                                  timeout=live.WAIT_S)
            live.equal((done.returncode, done.stderr), (0, ""), "dpdk-telemetry.py")
            return [next(iter(json.loads(line).values())) for line in done.stdout.splitlines()
                    if '"/leat' in line]
        with live.case("each command is one flat dictionary of numbers"):
            commands = ("/leat/info", "/leat/states", "/leat/shard,0", "/leat/timers,1", "/leat/drops",
                        "/leat/latency")
            answers = asked(*commands)
            live.equal(len(answers), len(commands), "answers")
            for command, answer in zip(commands, answers):
                live.check(len(command) < 56 and 4 < len(answer) <= 256, (command, len(answer)))
                live.check(all(isinstance(v, int) for v in answer.values()), command)
            live.check(answers[0]["shards"] == 2 and answers[0]["ready"] == 1, answers[0])
            live.check(answers[1]["listen"] == 1 and answers[5]["connect_count"] > 0, answers[1])
        with live.case("a number of no shard, and none, are no answer"):
            live.equal(asked("/leat/shard,2", "/leat/shard", "/leat/timers,x"), [None] * 3, "answers")
        process.signal(signal.SIGINT)
        live.equal(process.wait(), 0, "exit code")
    shutil.rmtree(place.dir)


class Screen:
    """`leat top` on a terminal of its own."""

    def __init__(self, place, cols=100, rows=30, **env):
        self.master, slave = pty.openpty()
        self.resize(cols, rows)
        self.text = ""
        self.popen = subprocess.Popen([live.leat(), "top", "-i", "100ms"], stdin=slave, stdout=slave,
                                      stderr=slave, env=dict(place.env, **env), cwd=place.dir,
                                      start_new_session=True)
        os.close(slave)

    def resize(self, cols, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, cols, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.wait()
        os.close(self.master)

    def shows(self, word, keys=""):
        """Waits until word is drawn, after keys."""
        self.text = ""
        os.write(self.master, keys.encode())
        end = time.monotonic() + live.WAIT_S
        while word not in self.text:
            live.check(time.monotonic() < end, f"{word!r} was not drawn; {self.text[-2000:]!r}")
            if select.select([self.master], [], [], 1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"it ended before {word!r}: {self.text[-2000:]!r}") from None


def screen():
    "a terminal"
    place = Place()
    with place.hold() as process:
        with live.case("keys turn its pages, q ends it"), Screen(place) as s:
            s.shows("why not faster?")
            live.check(COLOUR.search(s.text), s.text)
            s.shows("2MSL ring:", "t")
            s.shows("not used", "d")
            s.shows("completed", "l")
            s.shows("how often", "x")
            s.shows("Local", "c")
            s.shows("frozen", "f")
            s.shows("leat-top.json", "j")
            os.write(s.master, b"q")
            live.until(lambda: s.popen.poll() is not None, "the end")
            live.equal(s.popen.returncode, 0, "exit code")
            live.equal(json.loads(Path(place.dir, "leat-top.json").read_text())["schema"], "leat.top/1",
                       "leat-top.json")
        with live.case("no colour with NO_COLOR"), Screen(place, NO_COLOR="1") as s:
            s.shows("why not faster?")
            live.check(not COLOUR.search(s.text), s.text)
        with live.case("a small terminal is told, a larger one is used"), Screen(place, 60, 20) as s:
            s.shows("at least 80x24")
            s.resize(120, 40)
            os.kill(s.popen.pid, signal.SIGWINCH)
            s.shows("why not faster?")
        with live.case("the end of the instance is told, and what it said last stays"):
            with Screen(place) as s:
                s.shows("why not faster?")
                process.signal(signal.SIGKILL)
                s.shows("the instance has ended")
                os.write(s.master, b"q")
                live.until(lambda: s.popen.poll() is not None, "the end")
                live.equal(s.popen.returncode, 5, "exit code")
        process.wait()
    shutil.rmtree(place.dir)


live.main([seen, metrics, telemetry, screen])
