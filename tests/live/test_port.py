#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Links that fall and rise under `leat serve`, and an lcore that stands still."""
import contextlib
import os
import re
import select
import signal
import time
from pathlib import Path

import live
from stopped import Stopped

ECHO = ("--listen", "7:echo", "--listen", "80:http", "--time-wait", "1s")


def cpu_seconds(pid):
    """What the process and all its threads have used of the processor."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def spins(pid, seconds):
    """The share of a processor that it takes while these seconds pass."""
    used, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)  # nothing to wait for: that nothing happens is the point
    return (cpu_seconds(pid) - used) / (time.monotonic() - began)


def said(server, pattern):
    """A line on stderr, waited for."""
    return live.until(lambda: re.search(pattern, server.err, re.M), f"`{pattern}` on stderr")


AFTER = r", after ([\d.]+) (\w+)$"
UNIT = {"s": 1, "ms": 1e-3, "us": 1e-6}


def after(found):
    """The seconds that AFTER found, by the server's own clock."""
    return float(found[1]) * UNIT[found[2]]


def answers(s, data):
    s.sendall(data)
    live.equal(live.read_exactly(s, len(data)), data, "echo")


def link():
    "TAP whose link goes down and up"
    live.new_net()
    with live.serve(*ECHO) as server:
        s = live.connect(port=7)
        pouring = live.connect(port=7)
        with live.case("N208: link down: it is told, text waits, nobody spins"):
            answers(s, b"before")
            began = time.monotonic()
            live.must("ip", "link", "set", "leat0", "down")
            said(server, r"net_tap0: link down, after")
            # The text is in the kernel's buffer: its route is gone.
            live.check(spins(server.pid, 1) < 0.5, "half a processor while idle")
        with live.case("N208: link up after a second: the connection goes on where it was"):
            live.configure("leat0")
            down = after(said(server, r"net_tap0: link up" + AFTER))
            live.check(1 <= down <= time.monotonic() - began, f"down for {down} s")
            answers(s, b"after")
        with live.case("N208: ten flaps a second: connections survive, in order and whole"):
            data = live.body(3000000)
            thread = live.pour(pouring, data)
            for _ in range(10):
                live.must("ip", "link", "set", "leat0", "down")
                time.sleep(0.05)
                live.configure("leat0")
                time.sleep(0.05)
            live.equal(live.digest(live.read_all(pouring)), live.digest(data), "sha256")
            thread.join(live.WAIT_S)
            answers(s, b"still there")
        s.close()
        pouring.close()
        with live.case("N208: at the end it is told how often, and the ledger balances"):
            live.until(lambda: re.findall(r"link (up|down), after", server.err)[-1] == "up", "up")
            live.equal(server.stop(), 0, "exit code")
            server.ledger()
            downs = int(re.search(r"^port +link up; down (\d+) times", server.out, re.M)[1])
            live.check(downs >= 2, server.out)


def told_in_time():
    "a link that falls while serve runs for so long only"
    net = live.new_net()
    with live.case("N208: how long the link was up is told, however long serve is to run"):
        began = time.monotonic()
        with live.Process([live.leat(), "try", "--tap", "--seconds", 3600],
                          net=net.name) as server:
            server.wait_line(r"^ready")
            live.must("ip", "link", "set", "leat0", "down")
            up = after(said(server, r"net_tap0: link down" + AFTER))
            live.check(up <= time.monotonic() - began, f"up for {up} s")
            server.signal(signal.SIGINT)
            live.equal(server.wait(), 0, "exit code")


def carrier():
    "af_packet whose carrier goes away under a transfer"
    near, far = live.new_net(), live.Net()
    live.veth_pair("near", "far", far)
    live.configure("far", far)
    far.enter()
    with live.Server("--vdev", "net_af_packet0,iface=near", *live.ADDRESSES, *ECHO,
                     net=near.name) as server:
        server.wait_line(r"^ready")
        with live.case("N208: no carrier for three seconds under a transfer: it is whole"):
            s = live.connect(port=80)
            octets = 40000000
            s.sendall(b"GET /bytes/%d HTTP/1.0\r\n\r\n" % octets)
            got = s.recv(100000)
            live.must("ip", "link", "set", "near", "down", net=near.name)
            said(server, r"net_af_packet0: link down")
            live.check(spins(server.pid, 3) < 0.5, "half a processor while down")
            live.must("ip", "link", "set", "near", "up", net=near.name)
            got += live.read_all(s)
            head, text = got.split(b"\r\n\r\n", 1)
            live.check(head.startswith(b"HTTP/1.1 200"), head)
            live.equal((len(text), live.digest(text)),
                       (octets, live.digest(live.body(octets))), "octets and sha256")
            said(server, r"net_af_packet0: link up")
            s.close()
        with live.case("N208: the ledger balances after it"):
            live.equal(server.stop(), 0, "exit code")
            server.ledger()


def removed():
    "an interface that is deleted under us"
    for name in ("TAP", "af_packet"):
        near, far = live.new_net(), live.Net()
        live.veth_pair("near", "far", far)
        live.configure("far", far)
        device = ("--tap", "leat0") if name == "TAP" else ("--vdev", "net_af_packet0,iface=near")
        with live.Process([live.leat(), "serve", "--name", f"live-{os.getpid()}-{name}", *device,
                           *live.ADDRESSES, *ECHO], net=near.name) as server:
            server.wait_line(r"^ready")
            if name == "TAP":
                live.configure("leat0")
            else:
                far.enter()
            with live.case(f"N209: {name} is gone: told, connections given up, exit 4"):
                s = live.connect(port=7)
                answers(s, b"while it is there")
                live.must("ip", "link", "del", device[-1].split("=")[-1], net=near.name)
                live.equal(server.wait(), 4, "exit code")
                live.check(re.search(r": gone, after", server.err), server.err)
                live.check(re.search(r"^port +gone;", server.out, re.M), server.out)
                live.check(re.search(r"^ledger .*aborted 1.* balanced", server.out, re.M),
                           server.out)
                s.close()


def removed_while_draining():
    "an interface that is deleted while connections finish"
    net = live.new_net()
    with live.Process([live.leat(), "serve", "--name", f"live-{os.getpid()}-drain", "--tap",
                       "leat0", *live.ADDRESSES, *ECHO, "--grace", "1h"],
                      net=net.name) as server:
        server.wait_line(r"^ready")
        live.configure("leat0")
        with live.case("N209: gone while it drains: it ends without the grace, says why, exit 4"):
            s = live.connect(port=7)
            answers(s, b"open")
            server.signal(signal.SIGINT)
            server.wait_line(r"^draining: .* 1 open")
            live.must("ip", "link", "del", "leat0", net=net.name)
            live.equal(server.wait(), 4, "exit code")
            live.check(re.search(r"net_tap0 is gone: 1 that are open are cut without a wait$",
                                 server.out, re.M), server.out)
            live.check(re.search(r"0 connections finished, 1 cut", server.out), server.out)
            live.check(re.search(r"^ledger .*aborted 1.* balanced", server.out, re.M), server.out)
            s.close()


def moved():
    "a TAP interface that is moved to another network"
    net, other = live.new_net(), live.Net()
    with live.Server("--tap", "leat0", *live.ADDRESSES, *ECHO, net=net.name) as server:
        server.wait_line(r"^ready")
        with live.case("TAP moved to another namespace and renamed: it serves there"):
            live.must("ip", "link", "set", "leat0", "netns", other.name, "name", "there")
            live.configure("there", other)
            other.enter()
            for _ in range(10):
                with live.connect(port=7) as s:
                    answers(s, b"moved")
                time.sleep(0.05)
            # Moving takes it down: a look at that very moment may tell, and the next that it is up.
            link = r"net_tap0: link (down|up), after"
            live.until(lambda: (["up"] + re.findall(link, server.err))[-1] == "up", "link up")
            live.equal([line for line in server.complaints.splitlines()
                        if not re.search(link, line)], [], "stderr")
        live.equal(server.stop(), 0, "exit code")
        server.ledger()


LULL_S = 3


def readable(sockets):
    """Those that get an answer: all, or until there has been none for LULL_S."""
    got = set()
    while len(got) < len(sockets):
        ready, _, _ = select.select([s for s in sockets if s not in got], [], [], LULL_S)
        if not ready:
            break
        got.update(ready)
    return got


OTHERS = "its connections wait, and so do frames of other shards in its queue"
ALONE = "its connections wait"


def behind_veth(*options):
    """Forty connections to two shards behind af_packet, whose steering is in software."""
    near, far = live.new_net(), live.Net()
    live.veth_pair("near", "far", far)
    live.configure("far", far)
    far.enter()
    vdev = ",".join(("net_af_packet0,iface=near", *options))
    return live.Server("--vdev", vdev, *live.ADDRESSES, *ECHO, "--shards", "2", net=near.name)


def standing(server, sockets, lcore, text, warning):
    """Which connections are answered while that lcore stands still; afterwards all are."""
    def warnings():
        return re.findall(rf"lcore {lcore} on cpu \d+ has not turned for ([\d.]+) s; (.*)$",
                          server.err, re.M)
    before = len(warnings())
    with Stopped(server.pid, "worker" if lcore else None):
        for s in sockets:
            s.sendall(text)
        got = readable(sockets)
        live.until(lambda: len(warnings()) > before, "a warning")
        seconds, why = warnings()[-1]
        live.check(float(seconds) >= 1, f"warned after {seconds} s")
        live.equal(why, warning, "warning")
        for s in got:
            live.equal(live.read_exactly(s, len(text)), text, "echo")
            for _ in range(5):
                answers(s, os.urandom(100))
    for s in sockets:
        if s not in got:
            live.equal(live.read_exactly(s, len(text)), text, "echo")
        answers(s, b"after it")
    return got


def at_the_end(server, sockets):
    for s in sockets:
        s.close()
    live.equal(server.stop(), 0, "exit code")
    server.ledger()
    live.check(re.search(r"^turns +the longest \d.*, [1-9]\d* of 10 ms or more, [1-9]",
                         server.out, re.M), server.out)


def connected(server):
    server.wait_line(r"^ready")
    sockets = [live.connect(port=7) for _ in range(40)]
    for s in sockets:
        answers(s, b"first")
    return sockets


def stall():
    "an lcore that stands still, where steering is in software"
    if len(os.sched_getaffinity(0)) < 2:
        live.Tap.skip("N207: a stalled lcore", "needs two processors")
        return
    with behind_veth() as server:
        sockets = connected(server)
        with live.case("N207: one without a queue stands still: only its own connections wait"):
            # Which are its own the hash decides: each time the same.
            one = standing(server, sockets, 1, b"second", ALONE)
            live.check(0 < len(one) < len(sockets), f"{len(one)} answered")
            live.check(standing(server, sockets, 1, b"third", ALONE) == one, "not the same")
        with live.case("N207: the one with the only queue stands still: all wait, and it is told"):
            live.equal(len(standing(server, sockets, 0, b"fourth", OTHERS)), 0, "answered")
        with live.case("N207: no connection was lost; the longest turn is told; it balances"):
            said(server, r"lcore 0 on cpu \d+ turns again, after \d")
            at_the_end(server, sockets)
    live.Net.remove_all()
    with behind_veth("qpairs=2") as server:
        sockets = connected(server)
        with live.case("N207: two queues: those are answered whose queue and shard both turn"):
            # A flow is of a shard and, by the kernel's own hash, of a queue.
            one = standing(server, sockets, 1, b"second", OTHERS)
            two = standing(server, sockets, 0, b"third", OTHERS)
            live.check(one and two, f"{len(one)} and {len(two)} answered")
            live.check(not one & two, f"{len(one & two)} answered whichever stands still")
            live.check(len(one | two) < len(sockets), "no flow arrived at the other's queue")
        with live.case("N207: two queues: no connection was lost, and the ledger balances"):
            at_the_end(server, sockets)


def ran_ns(pid, pattern):
    """How long the thread whose name matches has run."""
    return next((int((path / "schedstat").read_text().split()[0])
                 for path in Path(f"/proc/{pid}/task").iterdir()
                 if re.search(pattern, (path / "comm").read_text())), 0)


def pending(pid, number):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^ShdPnd:\s+(\w+)", status, re.M)[1], 16) >> (number - 1) & 1


def stall_at_the_end():
    "an lcore that stands still when the server is to end"
    if len(os.sched_getaffinity(0)) < 2:
        live.Tap.skip("a stalled lcore at the end", "needs two processors")
        return
    server = live.Server("--vdev", "net_null0", *live.ADDRESSES, "--shards", "2")
    with contextlib.ExitStack() as stack:
        stack.callback(server.end)
        server.wait_line(r"^ready")
        live.until(lambda: ran_ns(server.pid, "worker") > 10_000_000, "the lcore turns")
        stopped = Stopped(server.pid, "worker").__enter__()
        stack.callback(stopped.reap)
        stack.callback(server.popen.kill)
        said(server, r"lcore 1 on cpu \d+ has not turned for")
        with live.case("a second signal ends it, though an lcore stands still"):
            server.expected = True
            server.signal(signal.SIGINT)
            live.until(lambda: not pending(server.pid, signal.SIGINT), "the first is taken")
            server.signal(signal.SIGINT)
            stopped.reap()
            live.equal(server.wait(live.WAIT_S), 5, "exit code")
            said(server, r"lcore 1 on cpu \d+ does not turn; ended without its counts")


def seconds(trial):
    """The lines of a trial that tell of a second."""
    return re.findall(r"^ +\d+ s +[\d,]+ ", trial.out, re.M)


def stall_of_a_trial():
    "an lcore of `leat try` that stands still"
    if len(os.sched_getaffinity(0)) < 2:
        live.Tap.skip("a stalled lcore of a trial", "needs two processors")
        return
    with live.Process([live.leat(), "try", "--hold", "--connections", 64]) as trial:
        trial.wait_line(r"^ +1 s +[\d,]+ ")
        with live.case("a shard that does not answer is named, and the seconds are told all the same"):
            with Stopped(trial.pid, "worker"):
                found = said(trial, r"shard (\d+) did not answer for [1-9][\d.]* s; its counts are "
                                    r"those of before$")
                seen = len(seconds(trial))
                live.until(lambda: len(seconds(trial)) > seen + 2, "seconds without it")
            said(trial, rf"shard {found[1]} answers again, after")
        with live.case("afterwards it counts on, and the ledger balances"):
            trial.signal(signal.SIGINT)
            live.equal(trial.wait(), 0, "exit code")
            live.check(trial.out.count("balanced") and "NOT BALANCED" not in trial.out, trial.out)


live.main([link, told_in_time, carrier, removed, removed_while_draining, moved, stall,
           stall_of_a_trial, stall_at_the_end],
          needs=live.NEEDS_TAP + (live.program("ethtool"),))
