#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How connections end, as the kernel at the other end shows it and as our own table tells it."""
import contextlib
import os
import random
import re
import socket
import time

import live

LISTEN = ("--listen", "80:http", "--listen", "7:echo", "--listen", "9:discard",
          "--listen", "19:chargen")
SMALL = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
ENDED = ("LISTEN", "TIME-WAIT")


def request(path, close=False):
    field = "Connection: close\r\n" if close else ""
    return f"GET {path} HTTP/1.1\r\nHost: live\r\n{field}\r\n".encode()


def only(states, time_wait=0):
    """Our table at the end: listeners, and so many in TIME-WAIT; nothing else."""
    live.equal({name: cnt for name, cnt in states.items() if name != "LISTEN"},
               {"TIME-WAIT": time_wait} if time_wait else {}, "our states at the end")


def stopped(server):
    live.equal(server.stop(), 0, "exit code")
    server.ledger()
    return server.states()


def half_close():
    "half-close, in both directions with data flowing the other way"
    live.new_net()
    with live.serve(*LISTEN, "--time-wait", "1s"):
        with live.case("the client half-closes first: FIN-WAIT-2 while 10 MB come on, then EOF"):
            with live.connect(options=[SMALL]) as s:
                s.sendall(request("/bytes/10485760"))
                s.shutdown(socket.SHUT_WR)
                live.wait_state(s, "FIN-WAIT-2")
                _, fields, got = live.read_response(s)
                live.equal(live.digest(got), live.digest(live.body(10485760)), "sha256")
                live.equal(s.recv(1), b"", "after the body")
            live.until(lambda: live.kernel_count("TIME-WAIT", 80) == 1,
                       "the kernel's socket in TIME-WAIT")
        with live.case("the server half-closes first: CLOSE-WAIT, and it reads on"):
            with live.connect() as s:
                s.sendall(request("/bytes/100", close=True))
                live.equal(live.read_response(s)[2], live.body(100), "body")
                live.equal(s.recv(1), b"", "after the body")
                live.equal(live.state(s), "CLOSE-WAIT", "kernel's state")
                s.sendall(bytes(300000))
                live.until(lambda: live.unacknowledged(s) == 0, "all is acknowledged")
                live.equal(live.state(s), "CLOSE-WAIT", "kernel's state")
            live.until(lambda: live.kernel_count("LAST-ACK", 80) == 0, "LAST-ACK has ended")
        with live.case("echo goes on in CLOSE-WAIT until all is back"):
            data = os.urandom(200000)
            with live.connect(port=7) as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
            live.until(lambda: live.kernel_count("TIME-WAIT", 7) == 1,
                       "the kernel's socket in TIME-WAIT")


def simultaneous_close():
    "a simultaneous close, with the FINs held on the wire until both are sent"
    with live.wired("--time-wait", "60s") as (server, wire):
        with live.case("both FINs cross: CLOSING at the kernel's end, then TIME-WAIT at both"):
            with live.connect() as s:
                s.sendall(request("/bytes/1"))
                live.read_response(s)
                wire.hold(1)
                s.sendall(request("/bytes/1", close=True))
                live.until(lambda: wire.kept_frames(1), "an answer with our FIN")
                wire.hold(0)
                s.shutdown(socket.SHUT_WR)
                live.wait_state(s, "FIN-WAIT-1")
                live.until(lambda: wire.kept_frames(0), "the kernel's FIN")
                wire.let_go(1)
                live.wait_state(s, "CLOSING")
                wire.let_go(0)
                live.until(lambda: live.kernel_count("TIME-WAIT", 80) == 1, "the kernel's TIME-WAIT")
                live.equal(live.read_response(s)[2], live.body(1), "body")
                live.equal(s.recv(1), b"", "after the body")
        with live.case("both ends wait in TIME-WAIT after it"):
            only(stopped(server), time_wait=1)


def resets():
    "resets, in both directions"
    live.new_net()
    with live.serve(*LISTEN, "--time-wait", "60s") as server:
        for version, address in (("IPv4", live.OURS4), ("IPv6", live.OURS6)):
            with live.case(f"a connect over {version} to a port without a listener is refused"):
                try:
                    live.connect(address, 81).close()
                except ConnectionRefusedError:
                    pass
                else:
                    raise AssertionError("it was accepted")
        with live.case("the kernel resets: an open connection is gone at once"):
            s = live.connect()
            s.sendall(request("/bytes/1"))
            live.read_response(s)
            live.abort(s)
        with live.case("the kernel resets in the middle of a download"):
            s = live.connect(options=[SMALL])
            s.sendall(request("/bytes/10485760"))
            live.read_exactly(s, 20000)
            live.abort(s)
        with live.case("the kernel closes with unread text, which is a reset"):
            s = live.connect(port=19)
            live.read_exactly(s, 1000)
            live.until(lambda: live.unread(s) > 0, "unread text")
            s.close()
        with live.case("the kernel resets while its own text is under way"):
            s = live.connect(port=9)
            s.sendall(bytes(100000))
            live.abort(s)
        with live.case("a new connection works after all of these"):
            with live.connect() as s:
                s.sendall(request("/bytes/5", close=True))
                live.equal(live.read_response(s)[2], live.body(5), "body")
        with live.case("nothing is left of them on our side but one TIME-WAIT of the last"):
            only(stopped(server), time_wait=1)
        with live.case("our ledger names the four resets, and balances"):
            live.equal(server.ledger().get("reset"), 4, "reset")
    with live.serve(*LISTEN, tap="leat1"):
        with live.case("a peer that sends on long after our FIN is reset, not before 5 s of it"):
            with live.connect() as s:
                began = time.monotonic()
                s.sendall(request("/bytes/1", close=True))
                live.read_response(s)
                live.equal(s.recv(1), b"", "after the body")
                live.until(lambda: refuses(s), "a reset")
                took = time.monotonic() - began
                live.check(took >= 5, f"reset after {took:.1f} s")


def refuses(s):
    """Send a little; was the connection reset before?"""
    try:
        s.send(b"more")
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


CONNECTIONS = 20


def exchange(close):
    """CONNECTIONS short exchanges; with close we wait for the server's FIN, else we close."""
    for _ in range(CONNECTIONS):
        with live.connect() as s:
            s.sendall(request("/bytes/700", close=close))
            live.equal(live.read_response(s)[2], live.body(700), "body")
            if close:
                live.equal(s.recv(1), b"", "after the body")
    live.until(lambda: not [c for c in live.kernel_connections()
                            if c[2] == 80 and c[0] not in ENDED], "all closed at the kernel's end")


def closes_first():
    "who closes first waits in TIME-WAIT"
    live.new_net()
    with live.serve("--time-wait", "60s") as server:
        with live.case("server first: the kernel has no connection in TIME-WAIT"):
            exchange(close=True)
            live.equal(live.kernel_count("TIME-WAIT", 80), 0, "kernel's in TIME-WAIT")
        with live.case(f"server first: we have all {CONNECTIONS} in TIME-WAIT"):
            only(stopped(server), time_wait=CONNECTIONS)
    with live.serve("--time-wait", "60s", tap="leat1") as server:
        with live.case(f"client first: the kernel has all {CONNECTIONS} in TIME-WAIT"):
            exchange(close=False)
            live.equal(live.kernel_count("TIME-WAIT", 80), CONNECTIONS, "kernel's in TIME-WAIT")
        with live.case("client first: we have none"):
            only(stopped(server))
    with live.serve("--time-wait", "300ms", tap="leat2") as server:
        with live.case("server first: none of ours is left after 2MSL"):
            exchange(close=True)
            time.sleep(2)  # 2MSL is the event, and it shows nowhere
            only(stopped(server))
        with live.case("our ledger says that they all expired"):
            live.equal(server.ledger().get("expired from TIME-WAIT"), CONNECTIONS, "expired")


def finished_from(port):
    """A connection from that port that our side closes first: in TIME-WAIT when this returns,
    not before what this returns."""
    with live.connect(source=port) as s:
        s.sendall(request("/bytes/1", close=True))
        live.read_response(s)
        live.equal(s.recv(1), b"", "after the body")
        closed_at = time.monotonic()
    live.until(lambda: not [c for c in live.kernel_connections() if c[1] == port],
               "the kernel has forgotten the connection")
    return closed_at


def served_from(port):
    """The kernel asks until it is accepted; when that was."""
    with live.connect(source=port) as s:
        accepted_at = time.monotonic()
        s.sendall(request("/bytes/9", close=True))
        live.equal(live.read_response(s)[2], live.body(9), "body")
    return accepted_at


def same_tuple():
    "a tuple rests for 2MSL"
    port, two_msl = 40123, 6
    live.new_net()
    with live.serve("--time-wait", f"{two_msl}s", "--time-wait-reuse", "off") as server:
        closed_at = finished_from(port)
        with live.case("the same tuple is accepted, and not before 2MSL"):
            took = served_from(port) - closed_at
            live.check(took >= two_msl,
                       f"accepted {took:.2f} s after the close, 2MSL is {two_msl} s")
        with live.case("only the second connection waits then"):
            only(stopped(server), time_wait=1)
        with live.case("the SYN that was challenged, and what helps, is said at the end"):
            live.check(re.search(r"^note .*time_wait_syn_old.*--time-wait-reuse.*--close client",
                                 server.out, re.M), server.out)


def reused_tuple():
    "a SYN with a newer timestamp ends TIME-WAIT (RFC 6191)"
    port = 40123
    live.new_net()
    with live.serve() as server:
        finished_from(port)
        with live.case("the same tuple is accepted in TIME-WAIT, as the newer timestamp says"):
            served_from(port)
        with live.case("the first connection ended as reused, the second waits"):
            only(stopped(server), time_wait=1)
            live.equal(server.ledger().get("reused from TIME-WAIT"), 1, "reused")


def bad_wire(chance, lost=0.0, twice=0.0, overtaken=0.0):
    """A rule for Wire.fate: what happens to TCP frames of IPv4, with these chances."""
    def fate(frame):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return 1, False
        copies = 0 if chance.random() < lost else 2 if chance.random() < twice else 1
        return copies, chance.random() < overtaken
    return fate


def losses():
    "loss on the wire between the kernel and us"
    with live.wired("--listen", "80:http", "--listen", "7:echo", "--time-wait", "1s") as (_, wire):
        wire.fate = bad_wire(random.Random(12345), lost=0.005)
        with live.case("10 MB come down whole with 0.5 % of the frames lost both ways"):
            with live.connect() as s:
                s.sendall(request("/bytes/10485760", close=True))
                live.equal(live.digest(live.read_response(s)[2]),
                           live.digest(live.body(10485760)), "sha256")
            live.check(wire.lost > 0, "nothing was lost")
        with live.case("10 MB go up and come back whole with 0.5 % of the frames lost both ways"):
            data = os.urandom(10485760)
            with live.connect(port=7) as s:
                thread = live.pour(s, data)
                live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
                thread.join(live.WAIT_S)
        with live.case("1 MB goes up and comes back whole, frames lost, doubled and overtaken"):
            wire.fate = bad_wire(random.Random(54321), lost=0.002, twice=0.1, overtaken=0.05)
            data = os.urandom(1 << 20)
            with live.connect(port=7) as s:
                thread = live.pour(s, data)
                live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
                thread.join(live.WAIT_S)


def one_of_many(chance):
    """A connection that does something and ends in one of many ways, or is left in the middle."""
    port = chance.choice((80, 80, 7, 9, 19))
    s = live.connect(chance.choice((live.OURS4, live.OURS6)), port)
    s.setblocking(False)
    for _ in range(chance.randrange(4)):
        text = request(f"/bytes/{chance.choice(live.SIZES)}", chance.random() < 0.3) \
            if port == 80 else bytes(chance.randrange(1, 50000))
        with contextlib.suppress(BlockingIOError, ConnectionError):
            s.send(text[:chance.choice((len(text), 10))])
        with contextlib.suppress(BlockingIOError, ConnectionError):
            s.recv(chance.randrange(1, 100000))
    if chance.random() < 0.5:
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
    return s


def crowd():
    "many connections that end in all ways"
    for what, seed, bends in (("a good wire", 1, {}), ("a bad wire", 2, {
            "lost": 0.02, "twice": 0.02, "overtaken": 0.02})):
        with live.case(f"300 connections end in all ways over {what} (seed {seed})"):
            with live.wired(*LISTEN, "--time-wait", "60s", "--grace", "10s") as (server, wire):
                wire.fate = bad_wire(random.Random(seed), **bends)
                chance, open_ones = random.Random(seed), []
                for _ in range(300):
                    open_ones.append(one_of_many(chance))
                    while len(open_ones) > chance.randrange(1, 40):
                        s = open_ones.pop(chance.randrange(len(open_ones)))
                        (live.abort if chance.random() < 0.4 else socket.socket.close)(s)
                for s in open_ones:
                    s.close()
                live.equal(server.stop(), 0, "exit code")
                server.ledger()
                left = set(server.states()) - {"LISTEN", "TIME-WAIT"}
                live.equal(left, set(), "other states at the end")


live.main([half_close, simultaneous_close, resets, closes_first, same_tuple, reused_tuple, losses,
           crowd],
          needs=live.NEEDS_TAP + (live.program("ethtool"),))
