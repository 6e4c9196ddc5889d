#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A run of leat load: when it begins, what it holds, what it says when its device goes, and whether
what it measured is what happened.

A machine that is busy with other things makes a generator late, which it says: a run that came out
well may end with 98.  So what is to be exact is asked of runs that call themselves good, and of
counters of all.
"""
import contextlib
import datetime
import json
import math
import os
import re
import select
import signal
import socket
import struct
import threading
import time

import live
from loads import (FAIL, GOOD, INCONCLUSIVE, LATE, OURS, PATIENT, RUN_S, Load, all_good,
                   over_tap, over_veth, pair, sums, to_server)

STALL_S = 0.1  # in each second
CLOCK_S = 0.0005  # that the shards' clock may be off the wall's in seconds: 50 ppm, and reading it


def wall(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# --- when it begins -------------------------------------------------------------------------------

def told_to_begin(client):
    """It says that everything is ready, and that it waits."""
    def said():
        live.check(not client.died(), "the load ended")
        return re.search(r"^paused +ready; leat ctl start -n \S+, or kill -USR1 \d+, begins it$",
                         client.err, re.M)
    live.until(said, "that it waits", RUN_S)


def ask(client, question):
    """What the instance answers on its socket."""
    path = str(live.directory() / "sockets" / (client.label + ".sock"))
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(live.WAIT_S)

        def listens():
            live.check(not client.died(), "the load ended")
            return s.connect_ex(path) == 0
        live.until(listens, "its socket", RUN_S)
        s.sendall(question.encode() + b"\n")
        return live.read_all(s).decode()


@contextlib.contextmanager
def sockets():
    """Instances that begin meanwhile have their sockets in a place of this test's."""
    place = live.directory() / "sockets"
    place.mkdir(exist_ok=True)
    os.environ["RUNTIME_DIRECTORY"] = str(place)
    try:
        yield
    finally:
        del os.environ["RUNTIME_DIRECTORY"]


def word():
    "--paused: it waits for the word"
    plan = ("-v", "--paused", "-c", "5", "--total", "50", *to_server())
    with live.case("SIGUSR1 begins it, and nothing began before"):
        with pair((), plan) as (server, client):
            told_to_begin(client)
            before = time.time()
            client.signal(signal.SIGUSR1)
            told = client.result()
            all_good(told, 50)
            live.check(wall(told["start"]) >= before, f"{told['start']}, told at {before}")
            live.equal(told["start"], told["planned_start"], "planned start")
            live.check(told["seconds"] < time.time() - before, "it counts the time before")
            live.equal(server.stop(), 0, "exit code of leat serve")
            live.equal(server.ledger()["opened"], 50, "opened at the server")
    with live.case("`start` on its socket begins it, once; at an instant, when it names one"):
        with sockets(), pair((), plan) as (_, client):
            told_to_begin(client)
            live.check(ask(client, "start yesterday").startswith("no 1 0 `yesterday` is no instant"),
                       "an instant that is none")
            live.check(ask(client, "start 2001-01-01T00:00:00Z").startswith("no 1 0 "), "the past")
            before = time.time()
            live.check(re.match(r"ok\nstarts at 20\d\d-.*Z\n$", ask(client, "start +2s")), "start")
            live.check(ask(client, "start").startswith("no 1 - it waits for its instant"),
                       "a second one")
            told = client.result()
            all_good(told, 50)
            live.check(before + 1.9 < wall(told["planned_start"]) < time.time(),
                       f"{told['planned_start']}, told at {before}")
    with live.case("info and why say that it is paused and what begins it, then at which instant"):
        with sockets(), pair((), plan) as (_, client):
            told_to_begin(client)
            info = ask(client, "info")
            live.check(f"\nstate      paused: leat ctl start -n {client.label}, or kill -USR1 "
                       f"{client.pid}, begins it\n" in info, info)
            live.equal(json.loads(ask(client, "info form=json")[3:])["state"], "paused", "state")
            live.equal(ask(client, "why"), "ok\nit is paused: leat ctl start begins it\n", "why")
            live.check(re.match(r"ok\nstarts at ", ask(client, "start +1h")), "start")
            live.until(lambda: re.search(r"\nstate      waits: it begins at 20\d\d-.*Z\n",
                                         ask(client, "info")), "its instant", RUN_S)
            live.equal(json.loads(ask(client, "info form=json")[3:])["state"], "waits", "state")
            live.check(re.match(r"ok\nit waits for its instant: it begins in 3[0-6]\d\d\.\d s\n$",
                                ask(client, "why")), "why")
            client.signal(signal.SIGTERM)
            client.result(INCONCLUSIVE)
    with live.case("a word that comes before it is ready is kept"):
        with sockets(), pair((), plan) as (_, client):
            live.equal(ask(client, "start"), "ok\nstarts now\n", "answer")
            all_good(client.result(), 50)
    with live.case("SIGTERM while it waits: nothing was begun, exit 98"):
        with pair((), plan) as (_, client):
            told_to_begin(client)
            client.signal(signal.SIGTERM)
            told = client.result(INCONCLUSIVE)
            live.equal((sums(told)["planned"], told["partial"]), (0, True), "planned, partial")


def counted(told):
    """The plan of a result, by its words alone: its whole is the sum of what each rate had."""
    plan, rates = told["plan"], [(0.0, told["plan"]["rate_per_s"])]
    rates += [(c["at_s"], c["rate_per_s"]) for c in plan["changes"]]
    ends = [at for at, _ in rates[1:]] + [plan["ramp_s"] + plan["duration_s"]]
    return sum(math.ceil((end - at) * rate - 1e-6) for (at, rate), end in zip(rates, ends))


def changed():
    "leat ctl rate: another rate while it runs"
    rate = ("--rate", "100/s", "-d", "8s", "-v", *LATE)
    with live.case("the plan goes on at the new rate from an instant on, and is carried out whole"):
        with sockets(), pair((), (*rate, *to_server()), shards=2) as (_, client):
            live.until(lambda: ask(client, "rate 400/s").startswith("ok\n400 /s from "), "a change")
            live.check(ask(client, "rate 50/s").startswith("ok\n50 /s from "), "a second one")
            at = int(time.time()) + 4
            live.check(ask(client, f"rate 200/s {at}").startswith("ok\n200 /s from "), "a third")
            live.check("is no rate" in ask(client, "rate many"), "no rate")
            live.check("is past" in ask(client, "rate 1/s 2001-01-01T00:00:00Z"), "the past")
            live.check(re.search("change later than that|is past", ask(client, f"rate 1/s {at}")),
                       "not behind the one before")
            live.check("the plan is over by then" in ask(client, "rate 1/s +1h"), "after the end")
            told = client.result()
        live.equal([c["rate_per_s"] for c in told["plan"]["changes"]], [400, 50, 200], "changes")
        c = sums(told)
        live.equal(c["planned"], counted(told), "planned")
        live.equal(told["plan"]["total"], c["planned"], "the whole plan")
        live.equal((c["completed"], c["not_started_all"], c["failed_all"]), (c["planned"], 0, 0),
                   "completed, not started, failed")
        columns, rows = told["series"]["columns"], told["series"]["rows"]
        live.equal(sum(row[columns.index("planned")] for row in rows), c["planned"],
                   "planned, summed over the seconds")
        path = live.directory() / "changed.json"
        path.write_text(json.dumps(told))
        html = live.directory() / "changed.html"
        live.must(live.leat(), "report", "html", path, "-o", html)
        live.check("by leat ctl rate" in html.read_text(), "the page does not tell of it")
    with live.case("two segments that are told the same rate and instant sum to one plan"):
        with sockets(), pair((), (*rate, "--paused", "--segment", "1/2", *to_server())) as one, \
                pair((), (*rate, "--paused", "--segment", "2/2", *to_server())) as two:
            clients = one[1], two[1]
            for client in clients:
                told_to_begin(client)
                live.check("no plan is under way" in ask(client, "rate 1/s"), "before the start")
            at = int(time.time()) + 3
            for client in clients:
                live.check(ask(client, f"start {at}").startswith("ok\n"), "start")
            for client in clients:
                live.until(lambda c=client: ask(c, f"rate 301/s {at + 3}").startswith("ok\n"),
                           "a change")
            runs = [client.result() for client in clients]
        files = [live.directory() / f"changed-{i}.json" for i in (1, 2)]
        for path, told in zip(files, runs):
            live.equal(told["plan"]["changes"],
                       [{"at_s": 3.0, "rate_per_s": 301, "concurrency": 0}], "changes")
            path.write_text(json.dumps(told))
        live.equal(sum(sums(told)["planned"] for told in runs), 300 + 1505, "planned in all")
        done = live.run(live.leat(), "report", "merge", *files, "-o", files[0], "--anyway", text=True)
        live.check(done.returncode in GOOD, done.stderr)
        merged = json.loads(files[0].read_text())
        live.equal((merged["connections"]["planned"], merged["plan"]["total"]), (1805, 1805),
                   "planned, of both")
    with live.case("more than its tuples can carry is refused, and nothing changes"):
        with sockets(), pair((), (*rate, "--source-ports", "2000-3999", "--closes", "client",
                                  "--time-wait", "2s", *to_server())) as (_, client):
            live.until(lambda: ask(client, "rate 5000/s").startswith("no 3 - "), "a refusal")
            told = client.result()
        live.equal((told["plan"]["changes"], sums(told)["planned"]), ([], 800), "changes, planned")
    with live.case("a closed load holds another number, at most what it began with"):
        with sockets(), pair((), ("-v", "-c", "8", "-d", "4s", "--think", "20ms", "--requests", "5",
                                  *to_server()), shards=2) as (_, client):
            live.until(lambda: ask(client, "rate 3") == "ok\nheld in flight: 3\n", "a change")
            live.check("room for 8 in flight" in ask(client, "rate 9"), "too many")
            live.check("is no number of connections" in ask(client, "rate 5/s"), "a rate")
            told = client.result()
        live.equal((told["plan"]["concurrency"], [c["concurrency"] for c in told["plan"]["changes"]]),
                   (3, [3]), "in flight")
        live.equal((told["steady"]["in_flight_min"], told["steady"]["in_flight_max"]), (3, 3),
                   "in flight at each look")
        sums(told)


def instant():
    "--start-at: it begins at an instant"
    rate = ("--rate", "200/s", "-d", "1s")
    with live.case("it begins at the instant, or says by how much it was late"):
        at = int(time.time()) + 4
        text = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
        with pair((), (*LATE, *rate, "--start-at", text.strftime("%Y-%m-%dT%H:%M:%SZ"),
                       *to_server())) as (_, client):
            told = client.result()
        all_good(told, 200)
        live.equal(wall(told["planned_start"]), at, "planned start")
        late = wall(told["start"]) - at
        live.check(abs(late - told["limits"]["start_late_s"]) < 0.001, f"late by {late}")
        live.check(late < 0.01 or told["verdict"] == "inconclusive", "late, and nothing is said")
    with live.case("two segments begin at one instant, and are together what one would be"):
        with sockets(), pair((), (*LATE, *rate, "-v", "--paused", "--segment", "1/2",
                                  *to_server())) as one, \
                pair((), (*LATE, *rate, "-v", "--paused", "--segment", "2/2",
                          *to_server())) as two:
            clients = one[1], two[1]
            for client in clients:
                told_to_begin(client)
            at = int(time.time()) + 3
            for client in clients:
                live.check(ask(client, f"start {at}").startswith("ok\n"), "start")
            runs = [client.result() for client in clients]
        files = [live.directory() / f"segment-{i}.json" for i in (1, 2)]
        for path, told in zip(files, runs):
            all_good(told, 100)
            live.equal(wall(told["planned_start"]), at, "planned start")
            path.write_text(json.dumps(told))
        done = live.run(live.leat(), "report", "merge", *files, "-o", files[0], "--anyway", text=True)
        live.check(done.returncode in GOOD, done.stderr)
        live.equal(json.loads(files[0].read_text())["connections"]["completed"], 200, "in all")
    with live.case("an instant that is past: planned starts count from it, and it is said"):
        at = time.time() - 3
        with pair((), (*LATE, *rate, "--start-at", f"{at:.3f}", *to_server())) as (_, client):
            told = client.result(INCONCLUSIVE)
        all_good(told, 200)
        live.check(told["limits"]["start_late_s"] > 2.9, f"{told['limits']}")
        live.check(re.match(r"it began \S+ s after the instant of --start-at", told["why"]),
                   told["why"])
        live.check(told["latency"]["late"]["min"] > 1.9, "a start that was not late")
    with live.case("what could not begin within --late-max of its planned start is not begun"):
        with pair((), ("--late-max", "1s", *rate, "--start-at", f"{time.time() - 9:.3f}",
                       *to_server())) as (_, client):
            c = sums(client.result(INCONCLUSIVE))
        live.equal((c["planned"], c["not_started"]["late"]), (200, 200), "planned, not started")
    for options, code, why in (
            (("--start-at", "2001-01-01T00:00:00Z"), 1, "is past, by"),
            (("--start-at", "noon"), 1, "`noon` is no instant: 2026-11-21T09:30:00Z, seconds"),
            (("--start-at", "+1s", "--paused"), 1, "--paused waits for a word")):
        with live.case(f"refused: {' '.join(options)}"):
            done = live.run(live.leat(), "load", "--vdev", "net_null0", "--address",
                            "198.18.0.9/24", *to_server(), *options, text=True)
            live.equal(done.returncode, code, "exit code")
            live.check(why in done.stderr, done.stderr)


# --- what it holds --------------------------------------------------------------------------------

def closed():
    "a closed load holds its number"
    for name, cnt, shards in (("one shard", 50, 1), ("two shards", 51, 2)):
        with live.case(f"{cnt} in flight at each look, 10 ms apart, of {name}"):
            # However fast the machine is, there is a port for each that is to begin.
            with pair((), ("-c", cnt, "-d", "3s", "--time-wait", "100ms", *to_server()),
                      shards=shards) as (_, client):
                told = client.result()
            sums(told)
            live.equal((told["steady"]["in_flight_min"], told["steady"]["in_flight_max"]),
                       (cnt, cnt), "the fewest and the most in flight")
            live.check(told["steady"]["in_flight_looks"] >= 20, f"{told['steady']}")


def rates():
    "the rate is the plan's, or the verdict says why not"
    with live.case("below saturation: within 0.1 % of the plan, in a run that passes"):
        for _ in range(5):
            with pair((), ("--rate", "500/s", "--ramp", "500ms", "-d", "4s",
                           *to_server())) as (_, client):
                told = client.result()
            c = sums(told)
            live.equal(c["planned"], 2125, "planned")
            if told["verdict"] == "pass":
                break
            live.check(told["why"] != "", "no pass, and no reason")
        if told["verdict"] == "pass":
            live.check(abs(told["rate_per_s"] - 500) <= 0.5, f"{told['rate_per_s']} a second")
            live.check(told["achieved"] >= 0.999, f"{told['achieved']}")
    with live.case("beyond the generator's saturation: never a pass, and the reason"):
        with pair((), ("--rate", "3M/s", "-d", "1s", "--closes", "server", "--late-max", "50ms",
                       "--grace", "60s", "-c", "20000", *to_server())) as (_, client):
            told = client.result(INCONCLUSIVE, FAIL)
        c = sums(told)
        live.check(c["not_started_all"] > 0 and told["limits"]["saturated"], f"{c}")
        live.check(re.search(r"busy|missed|buffer|--concurrency|room|not begun|late",
                             told["why"]), told["why"])
    with live.case("beyond the server's: never a pass, and the reason"):
        slow = ("--listen", "7000:program:expect 1; wait 100ms; send 1")
        with pair(slow, ("-p", "send 1; expect 1", "--rate", "1k/s", "-d", "2s", "-c", "20",
                         "--late-max", "200ms", "-v", *to_server(7000))) as (_, client):
            told = client.result(INCONCLUSIVE)
        live.check(told["connections"]["not_started"]["limit"] > 0, f"{told['connections']}")
        live.check("found --concurrency in flight" in told["why"], told["why"])
        live.check(re.search(r"^ +why: the peer is slow", client.err, re.M), client.err)


# --- its device -----------------------------------------------------------------------------------

@contextlib.contextmanager
def taker(ports=(80,), reached=None):
    """A kernel that takes connections, and closes them when the other end does."""
    with contextlib.ExitStack() as stack:
        live.must("ip", "link", "set", "lo", "up")
        poll, open_, stop = select.poll(), {}, threading.Event()
        listeners = {}
        for port in ports:
            s = stack.enter_context(socket.create_server(("", port), backlog=512))
            listeners[s.fileno()] = s
            poll.register(s, select.POLLIN)

        def run():
            while not stop.is_set():
                for fd, _ in poll.poll(50):
                    if fd in listeners:
                        s = listeners[fd].accept()[0]
                        if reached is not None:
                            reached.append(s.getsockname())
                        open_[s.fileno()] = s
                        poll.register(s, select.POLLIN)
                    else:
                        poll.unregister(fd)
                        open_.pop(fd).close()
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            for s in open_.values():
                s.close()


def targets():
    "thousands of targets"
    pairs = 256 * 16 * 5
    with live.case(f"{pairs} pairs on the link, from a file: each is reached once, then again"):
        live.new_net()
        reached, file = [], live.directory() / "targets.txt"
        file.write_text("# a block, and one more\n\n198.18.16.0-198.18.30.255:80-84\n"
                        "  198.18.31.0-198.18.31.255:80-84 # the last\n", encoding="ascii")
        with taker(range(80, 85), reached):
            options, ready = over_tap()
            with Load(*options, *PATIENT, "--address", "198.18.0.9/16", "--target", f"@{file}",
                      "-p", "connect-only", "-c", "64", "--total", pairs + 7,
                      "--source-ports", "40000-40063") as load:
                ready()
                live.must("ip", "route", "add", "local", "198.18.16.0/20", "dev", "lo")
                told = load.result()
        all_good(told, pairs + 7)
        live.equal(told["plan"]["tuples"], pairs * 64, "tuples")
        live.equal(len(set(reached)), pairs, "pairs that were reached")
        live.equal(len(reached), pairs + 7, "connections")
    for text, why in (("198.18.0.2:80\nnginx:80\n", ":2: `nginx:80` is no target"),
                      ("10.0.0.1", ":1: --target: `10.0.0.1` is in the prefix of no --address"),
                      ("# none\n", ":1: names no target"), (None, "cannot read")):
        with live.case(f"a file of targets that is wrong: {text!r}"):
            file = live.directory() / "targets.txt"
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text(text, encoding="ascii")
            done = live.run(live.leat(), "load", "--vdev", "net_null0", "--address",
                            "198.18.0.9/24", "--target", f"@{file}", text=True)
            live.equal(done.returncode, 2, "exit code")
            live.check(str(file) in done.stderr and why in done.stderr, done.stderr)


def begun(client):
    """It has told a second in which connections were completed."""
    def told():
        live.check(not client.died(), "the load ended")
        return re.search(r"^ +\d+ s +[1-9]", client.err, re.M)
    live.until(told, "a second", RUN_S)


def device():
    "a device whose link goes, and one that goes itself"
    endless = ("-v", "-p", "connect-only", "-c", "5", "--time-wait", "50ms", *OURS, "--target",
               live.KERNEL4)
    for name, over, link in (("TAP", over_tap, "leat0"), ("af_packet", over_veth, "ours")):
        called = "leat0" if name == "TAP" else "net_af_packet0"
        with live.case(f"{name} is deleted: the run ends at once, says so, exit 98"):
            live.new_net()
            with taker():
                options, ready = over()
                with Load(*options, *endless, "-d", "600s", "--timeout", "500s", "--grace",
                          "500s") as load:
                    ready()
                    begun(load)
                    live.must("ip", "link", "del", link)
                    told = load.result(INCONCLUSIVE)
            sums(told)
            live.equal(told["why"], f"{called}, the generator's device, is gone", "why")
            live.equal((told["partial"], told["limits"]["device_gone"]), (True, True), "partial")
            live.check(told["seconds"] < 400, "it waited")
            live.check(re.search(r": gone, after", load.err), load.err)
        with live.case(f"{name} is down for a while: the run goes on, but proves nothing"):
            live.new_net()
            with taker():
                options, ready = over()
                with Load(*options, *endless, "-d", "600s", *PATIENT) as load:
                    ready()
                    begun(load)
                    live.must("ip", "link", "set", link, "down")
                    live.until(lambda: re.search(r": link down, after", load.err), "down", RUN_S)
                    live.must("ip", "link", "set", link, "up")
                    live.until(lambda: re.search(r": link up, after", load.err), "up", RUN_S)
                    load.signal(signal.SIGTERM)
                    told = load.result(INCONCLUSIVE)
            sums(told)
            live.check(re.match(rf"the link of {called}, the generator's device, was down "
                                r"\d+ times?, for ", told["why"]), told["why"])
            live.check(told["limits"]["link_down_s"] > 0, f"{told['limits']}")
    with live.case("the other end of a memif dies: the run ends in time, and names the link"):
        wire = f"socket={live.directory() / 'memif-dies'}"
        with live.Process([live.leat(), "serve", "--name", f"live-{os.getpid()}-dies", "--vdev",
                           f"net_memif0,role=server,{wire}", "--address", live.OURS4 + "/24",
                           "--listen", "9:discard"]) as server:
            server.wait_line(r"^ready", live.PROCESS_S)
            with Load("--vdev", f"net_memif0,role=client,{wire}", "--address", "198.18.0.9/24",
                      "-v", "-p", "send 1; wait 1h", "-c", "5", "-d", "600s", "--grace", "1s",
                      *to_server(9)) as client:
                live.until(lambda: re.search(r"in flight +5 ", client.err), "5 in flight", RUN_S)
                server.expected = True
                server.popen.kill()
                live.until(lambda: re.search(r": link down, after", client.err), "down", RUN_S)
                client.signal(signal.SIGTERM)
                told = client.result(INCONCLUSIVE)
            sums(told)
            live.check(re.match(r"the link of net_memif0, .* was down 1 time", told["why"]),
                       told["why"])


# --- whether it is true ---------------------------------------------------------------------------

class Witness(threading.Thread):
    """What passes an interface of the kernel's, and when, by the kernel's own stamps: however late
    this thread reads them, they are of the instant at which the frame was there."""

    OUTGOING, STATISTICS, STAMP_NS = 4, 6, 35  # of packet(7), SO_TIMESTAMPNS

    def __init__(self, interface):
        super().__init__()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, live.SO_RCVBUFFORCE, 1 << 26)
        self.socket.setsockopt(socket.SOL_SOCKET, self.STAMP_NS, 1)
        self.socket.bind((interface, 0))
        self.socket.settimeout(0.05)
        # Of each connection, in the order of their SYNs: by what of it, the first instant.
        self.seen, self.ends = {}, threading.Event()

    def note(self, frame, outgoing, at):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return
        head = (frame[14] & 15) * 4 + 14
        ports, flags = struct.unpack_from("!HH", frame, head), frame[head + 13]
        text = struct.unpack_from("!H", frame, 16)[0] + 14 - head - (frame[head + 12] >> 4) * 4
        of = self.seen.setdefault(ports[outgoing], {})
        for kind, is_it in (("SYN", flags & 2), ("behind it", not flags & 2), ("text", text),
                            ("FIN", flags & 1)):
            if is_it:
                of.setdefault((kind, outgoing), at)

    def run(self):
        while True:
            try:
                frame, extra, _, address = self.socket.recvmsg(2048, 64)
            except TimeoutError:
                if self.ends.is_set():
                    return
                continue
            except OSError:  # the interface is gone, as its owner is; what it had is here still
                continue
            seconds, ns = struct.unpack("qq", extra[0][2][:16])
            self.note(frame, address[2] == self.OUTGOING, seconds + ns / 1e9)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()
        lost = struct.unpack("II", self.socket.getsockopt(263, self.STATISTICS, 8))[1]
        self.socket.close()
        live.equal(lost, 0, "frames that the witness did not see")

    def between(self, kind, after, planned):
        """How long after it was planned the kernel gave each connection what is of kind, and how
        long until that had been taken, as what followed shows."""
        return [sorted(of[what] - at for of, at in zip(self.seen.values(), planned))
                for what in ((kind, True), (after, False))]


class Staller(threading.Thread):
    """HTTP by the kernel's TCP, that stands still for a tenth of each second."""

    def __init__(self):
        super().__init__()
        self.listener = socket.create_server(("", 80), backlog=1024)
        self.ends = threading.Event()
        self.poll, self.open = select.poll(), {}

    def stall(self):
        into = time.time() % 1
        if into < STALL_S:
            time.sleep(STALL_S - into)

    @staticmethod
    def answer(s):
        if not s.recv(4096):
            return False
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    def run(self):
        self.poll.register(self.listener, select.POLLIN)
        while not self.ends.is_set():
            for fd, _ in self.poll.poll(20):
                self.stall()
                if fd == self.listener.fileno():
                    s = self.listener.accept()[0]
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.open[s.fileno()] = s
                    self.poll.register(s, select.POLLIN)
                elif not self.answer(self.open[fd]):
                    self.poll.unregister(fd)
                    self.open.pop(fd).close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()
        for s in self.open.values():
            s.close()
        self.listener.close()


def percentile(values, share):
    """By the nearest rank, as a histogram has it."""
    return values[max(math.ceil(len(values) * share) - 1, 0)]


def clocks_part():
    """How far the wall clock has gone from the one that nobody corrects, now."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


def agree(told, kind, least, most, clock_s):
    """Each percentile is not below that of what the kernel gave, nor above that of what it got back
    for it: 1 % is what a histogram cannot tell apart, clock_s what two clocks cannot."""
    for key, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        low, high = percentile(least, share), percentile(most, share)
        live.check(low * 0.99 - clock_s <= told[key] <= high * 1.01 + clock_s,
                   f"{kind} {key}: {told[key]}, not in {low} to {high} by {clock_s}")


def stalled(over, interface, name):
    """Truth as wrk2 has it: from the instant at which a connection should have begun until its
    answer was given, by the kernel's stamps of frames."""
    rate, seconds, in_flight = 200, 6, 8
    with live.case(f"a server that stalls 100 ms each second, over {name}: each percentile is that "
                   "of who should have come then, by the kernel's stamps"):
        live.new_net()
        options, ready = over()
        with sockets(), Staller(), Load(*options, *OURS, *LATE, *PATIENT, "--target", live.KERNEL4,
                                        "--rate", f"{rate}/s", "-d", f"{seconds}s", "-c", in_flight,
                                        "--paused", "-v") as load:
            ready()
            told_to_begin(load)
            with Witness(interface) as witness:
                at, apart = int(time.time()) + 2, clocks_part()
                live.check(ask(load, f"start {at}").startswith("ok\n"), "start")
                told = load.result()
                apart = abs(clocks_part() - apart)
        all_good(told, rate * seconds)
        live.equal((wall(told["planned_start"]), len(witness.seen)), (at, rate * seconds),
                   "planned start, connections")
        planned = [at + number / rate for number in range(rate * seconds)]
        latency = told["latency"]
        for kind, given, after in (("connect", "SYN", "behind it"), ("first_byte", "text", "FIN"),
                                   ("whole", "text", "FIN")):
            agree(latency[kind], kind, *witness.between(given, after, planned), CLOCK_S + apart)
        whole = witness.between("text", "FIN", planned)[0]
        live.check(latency["whole"]["p99"] > 0.8 * STALL_S,
                   f"p99 {latency['whole']['p99']} does not show the stall")
        # With so few in flight those that waited for their turn are not seen by the service time.
        live.check(sum(t > STALL_S / 4 for t in whole) > in_flight * (seconds - 1), "no stall")
        live.check(latency["service"]["p90"] <= latency["whole"]["p90"], f"{latency['service']}")


def stall_tap():
    "a slow server over TAP"
    stalled(over_tap, "leat0", "TAP")


def stall_veth():
    "a slow server over af_packet and veth"
    stalled(over_veth, "kernel", "af_packet and veth")


live.main([word, changed, instant, closed, rates, targets, device, stall_tap, stall_veth],
          needs=live.NEEDS_TAP + (live.program("ethtool"),))
