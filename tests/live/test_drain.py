#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How `leat serve` stops: signals, drain, what it says at the end, and what a new one finds."""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket

import live
from loads import FAIL, INCONCLUSIVE, pair, to_server

SMALL = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
TGKILL = ctypes.CDLL(None).tgkill
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LISTEN = ("--listen", "80:http", "--listen", "7:echo", "--listen", "9:discard",
          "--listen", "19:chargen")


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: live\r\n\r\n".encode()


def drained(server):
    return server.wait_line(r"^draining")


def idle():
    "drain with idle connections"
    live.new_net()
    for number in SIGNALS:
        with live.serve(*LISTEN, "--time-wait", "60s") as server:
            with live.case(f"{number.name}: idle connections of every service see EOF, no reset"):
                sockets = [live.connect(port=port) for port in (80, 80, 7, 9)]
                sockets[1].sendall(request("/bytes/10"))
                live.read_response(sockets[1])
                sockets[2].sendall(b"hello")
                live.equal(live.read_exactly(sockets[2], 5), b"hello", "echo")
                server.signal(number)
                for s in sockets:
                    live.equal(s.recv(1), b"", "after the signal")
                    s.close()
            with live.case(f"{number.name}: it ends with 0, and says what it left"):
                live.equal(server.wait(), 0, "exit code")
                live.equal(server.states(), {"LISTEN": 4, "TIME-WAIT": 4}, "states")
                live.check("stopped." in server.out, "no last line")
            with live.case(f"{number.name}: the interface is gone"):
                live.check("leat0" not in dict(socket.if_nameindex()).values(), "it is there")


def under_way():
    "drain with a download under way"
    live.new_net()
    for number in SIGNALS:
        with live.serve("--time-wait", "60s", "--grace", "3600s") as server:
            with live.case(f"{number.name}: a download of 10 MB under way comes whole, then EOF"):
                with live.connect(options=[SMALL]) as s:
                    s.sendall(request("/bytes/10485760"))
                    begin = live.read_exactly(s, 100000)
                    server.signal(number)
                    drained(server)
                    live.until(lambda: live.unread(s) > 0, "more of it")
                    live.check(server.popen.poll() is None, "it ended before the download did")
                    rest = live.read_all(s)
                head, got = (begin + rest).split(b"\r\n\r\n", 1)
                live.check(b"200 OK" in head, f"head {head!r}")
                live.equal(live.digest(got), live.digest(live.body(10485760)), "sha256")
                live.equal(server.wait(), 0, "exit code")
    with live.serve("--time-wait", "60s", "--grace", "3600s") as server:
        with live.case("while it drains, a new connection is neither accepted nor refused"):
            with live.connect(options=[SMALL]) as s, live.connect() as idle_one:
                s.sendall(request("/bytes/10485760"))
                live.read_exactly(s, 1000)
                server.signal(signal.SIGINT)
                live.equal(idle_one.recv(1), b"", "of an idle connection")
                try:
                    live.connect(seconds=0.5).close()
                except TimeoutError:
                    pass
                else:
                    raise AssertionError("it was accepted")
                live.read_all(s)
            live.equal(server.wait(), 0, "exit code")
        with live.case("the table of drops names the SYN that was not accepted"):
            live.check(server.drops().get("accept_refused", 0) >= 1, "no row accept_refused")


def second_signal():
    "a second signal"
    live.new_net()
    for number in SIGNALS:
        # Nobody reads: but for the second signal it would take as long as the grace.
        with live.serve("--time-wait", "60s", "--grace", "3600s") as server:
            with live.case(f"{number.name} (N232): a second one cuts what is under way, at once"):
                with live.connect(options=[SMALL]) as s:
                    s.sendall(request("/bytes/10485760"))
                    live.read_exactly(s, 1000)
                    server.signal(number)
                    drained(server)
                    server.signal(number)
                    live.equal(server.wait(), 0, "exit code")
                    live.wait_state(s, "CLOSED")
            with live.case(f"{number.name}: it says that one connection was cut"):
                live.check("1 cut" in server.out, "no such line")
                live.equal(server.ledger().get("aborted"), 1, "aborted")
    with live.serve("--grace", "300ms") as server:
        with live.case("when the grace is over, it cuts by itself"):
            with live.connect(options=[SMALL]) as s:
                s.sendall(request("/bytes/10485760"))
                live.read_exactly(s, 1000)
                live.equal(server.stop(), 0, "exit code")
                live.wait_state(s, "CLOSED")


def in_state(server, state, cnt):
    """Has the server so many connections in a state now?"""
    told = live.run(live.leat(), "conns", "-n", server.label, "-s", "-j", "state all", text=True)
    live.equal(told.returncode, 0, told.stderr)
    return json.loads(told.stdout)["states"][state] >= cnt


def busy():
    "a signal in the middle of much work (N231)"
    middle = {
        "a flood of handshakes, many of them half open":
            (("--time-wait", "1s"),
             ("-p", "connect-only", "--rate", "3000/s", "--impair-in", "loss=40%", "--timeout",
              "1s", "--time-wait", "1s", *to_server()), ("syn-recv", 100)),
        "bulk transfer":
            (("--listen", "9:discard"),
             ("-p", "loop 1000000 { send 65536 }", "-c", "20", *to_server(9)),
             ("established", 20)),
        "thousands in TIME-WAIT":
            (("--time-wait", "60s"), ("--closes", "server", "-c", "100", *to_server()),
             ("time-wait", 2000)),
    }
    for what, (serve, load, many) in middle.items():
        with live.case(f"{what}: it drains, and every connection has an end"):
            with pair(("--grace", "1s", *serve), ("-v", "-d", "600s", *load)) as (server, client):
                live.until(lambda s=server, m=many: in_state(s, *m), f"so many: {many}")
                server.signal(signal.SIGTERM)
                live.equal(server.wait(), 0, "exit code")
                live.check("draining" in server.out and "stopped." in server.out, server.out)
                ledger, states = server.ledger(), server.states()
                live.check(ledger["opened"] > 10, ledger)
                live.equal(set(states) - {"LISTEN", "TIME-WAIT"}, set(), "states at the end")
                if what == "bulk transfer":
                    # That does not end by itself: it was the end of the grace that ended it.
                    live.check("connections finished, 20 cut;" in server.out, server.out)
                client.signal(signal.SIGTERM)
                client.signal(signal.SIGINT)
                client.result(FAIL, INCONCLUSIVE)


def flood_of_what_is_wrong():
    "frames that are wrong, one after the other (N234)"
    with live.case("each is counted by its reason, and none of them makes a line"):
        with pair((), ("--impair-out", "corrupt=50%", "-c", "500", "-d", "4s",
                            "--abort-at-end", *to_server())) as (server, client):
            client.result(*range(100))
            live.equal(server.stop(), 0, "exit code")
            wrong = {name: cnt for name, cnt in server.drops().items() if "csum" in name}
        live.check(sum(wrong.values()) > 200, wrong)
        talk = [line for line in server.complaints.splitlines()
                if not re.search(": link (up|down), ", line)]
        live.equal(talk, [], "what it said")


def crash_of_one_core(server):
    """SIGSEGV, as if an lcore's thread had done it: the process ends, with all that it knows."""
    lcores = [int(task.name) for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir()
              if "-worker" in (task / "comm").read_text()]  # rte-worker-1, dpdk-worker1
    live.equal(len(lcores), 1, "threads of lcores beside the main one")
    live.equal(TGKILL(server.pid, lcores[0], signal.SIGSEGV), 0, "tgkill")
    live.check(server.wait() not in (0, 98, 99), "exit code of a crash")


def killed():
    "a server that was killed, and one of whose cores crashed"
    live.new_net()
    for what, kill in (("SIGKILL", lambda server: server.stop(signal.SIGKILL)),
                       ("a crash of one core", crash_of_one_core)):
        first = live.serve("--shards", 2)
        with live.connect() as old:
            old.sendall(request("/bytes/1"))
            live.read_response(old)
            kill(first)
            first.end()
            with live.serve():
                with live.case(f"N232: after {what} a new one starts at once and serves"):
                    with live.connect() as s:
                        s.sendall(request("/bytes/10"))
                        live.equal(live.read_response(s)[2], live.body(10), "body")
                with live.case(f"after {what} text of an old connection is answered with a reset"):
                    old.sendall(request("/bytes/1"))
                    try:
                        live.equal(old.recv(1), "a reset", "answer")
                    except ConnectionResetError:
                        pass


def leftovers():
    "what a server leaves behind"
    live.new_net()
    with live.case("no runtime directory of a server that stopped is left"):
        with live.serve() as server:
            where = server.runtime_directories()
            live.equal(len(where), 1, "runtime directories while it runs")
        live.check(not where[0].exists(), f"{where[0]} is left")


def namespaces():
    "instances of one name in several pid namespaces"
    live.new_net()
    label = f"live-{os.getpid()}-same"
    own_pids = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

    def server(before=()):
        made = live.Server("--vdev", "net_null0", *live.ADDRESSES, label=label, before=before)
        made.wait_line(r"^ready")
        return made

    def names():
        return {path.name for path in first.runtime_directories()}
    first = server(own_pids)
    with live.case("two with the same process id have a directory each"):
        second = server(own_pids)
        live.equal(names(), {label + "-1", label + "-2"}, "directories")
    third = server()
    with live.case("a third one outside does not remove what they use"):
        live.equal(len(names()), 3, "directories")
    first.expected = True
    inside = live.children(first.pid)
    first.signal(signal.SIGKILL)
    first.wait()
    live.until(lambda: all(map(live.gone, inside)), "what it was the parent of ends, too")
    fourth = server()
    with live.case("but that of one that was killed"):
        live.equal(names() & {label + "-1", label + "-2"}, {label + "-2"}, "directories")
        live.equal(len(names()), 3, "directories")
    for each in (fourth, third):
        live.equal(each.stop(), 0, "exit code")
    second.expected = True
    for each in (second, fourth, third, first):
        each.end()


live.main([idle, under_way, second_signal, busy, flood_of_what_is_wrong, killed, leftovers, namespaces],
          needs=live.NEEDS_TAP)
