#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server that closes first, and the kernel's client that comes back from the same ports."""
import re
from pathlib import Path

import live

FIRST, PORTS, FLIGHT = 10000, 28000, 64
AGAIN = 8000    # connections after all ports were used once
LIMITS_NOTHING = "nothing here"
TRIED = 200     # of those, with reuse off
SYNS, ONCE = 6, 1  # how often one that is not answered goes again


def reconnect(first, ports, total, flight=FLIGHT, again=SYNS, port=80):
    """What the client says: done, refused, other.  The kernel has forgotten those of before."""
    live.until(lambda: not [c for c in live.kernel_connections() if c[2] == port],
               "the last ACK of each connection")
    done = live.run(live.of_environment("RECONNECT", "build/tests/live/reconnect"), live.OURS4, port,
                    first, ports, total, flight, again, seconds=live.PROCESS_S)
    live.equal((done.returncode, done.stderr), (0, b""), "exit code and stderr of reconnect")
    return {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", done.stdout.decode())}


def outcomes(server):
    """What the server's report says became of TIME-WAIT."""
    text = re.search(r"^TIME-WAIT ((?:.*\n)(?: {10}.*\n)*)", server.out + "\n", re.M)[1]
    return {name: int(n.replace(",", ""))
            for name, n in re.findall(r"([A-Za-z][A-Za-z -]*) ([\d,]*\d)", text)}


def kernel_counter(name):
    """Of the namespace, from /proc/net/netstat."""
    names, values = [line.split()[1:] for line in
                     Path("/proc/thread-self/net/netstat").read_text().splitlines()
                     if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))[name])


def why(server):
    """What `leat ctl why` says of it."""
    return live.must(live.leat(), "ctl", "why", "-n", server.label).decode()


def readyz():
    """Status and text of the server's endpoint of HTTP, in this namespace."""
    done = live.must("curl", "-s", "-m", live.WAIT_S, "-w", "%{http_code}",
                     "http://127.0.0.1:9464/readyz").decode()
    return int(done[-3:]), done[:-3]


def served(*options):
    """A server of ours behind a TAP interface, whose client has so many ports and no more."""
    net = live.new_net()
    net.sysctl("net.ipv4.ip_local_port_range", f"{FIRST} {FIRST + PORTS - 1}")
    return live.serve("--close", "server", "--time-wait", "60s", *options)


def reused():
    "reuse by timestamps: the kernel's client never fails"
    with served() as server:
        with live.case(f"{PORTS} ports, and {AGAIN} of them again: each connection is served"):
            live.equal(reconnect(FIRST, PORTS, PORTS + AGAIN),
                       {"done": PORTS + AGAIN, "refused": 0, "other": 0}, "the client")
            live.equal(server.stop(), 0, "exit code")
            server.ledger()
        with live.case("each came to TIME-WAIT, and who came again ended one by its timestamp"):
            was = outcomes(server)
            live.equal(was["entered"], PORTS + AGAIN, "entered")
            live.check(was["reused by timestamp"] >= AGAIN - was.get("expired", 0), was)
            live.equal(was["reused by timestamp"] + was.get("expired", 0) +
                       server.states().get("TIME-WAIT", 0), PORTS + AGAIN, "reused, expired, waiting")
            live.equal([name for name in was if name in ("reuse rejected", "RST obeyed", "aborted")],
                       [], "what else became of them")


def kept_out():
    "reuse off: who is refused, and why, is as the rules say"
    with served("--time-wait-reuse", "off") as server:
        with live.case(f"{PORTS} ports once: each connection is served"):
            live.equal(reconnect(FIRST, PORTS, PORTS),
                       {"done": PORTS, "refused": 0, "other": 0}, "the client")
        again = kernel_counter("TCPSynRetrans")
        with live.case("the ports that were used last again: none is served"):
            live.equal(reconnect(FIRST + PORTS - TRIED, TRIED, TRIED, TRIED, ONCE),
                       {"done": 0, "refused": TRIED, "other": 0}, "the client")
        syns = TRIED + kernel_counter("TCPSynRetrans") - again
        with live.case("why says so, also seconds after the last SYN; new ones are welcome"):
            live.until(lambda: "TIME-WAIT rejects SYNs: " in why(server), "why")
            live.equal(readyz(), (200, "ready\n"), "readyz")
        with live.case("as many others: each is served"):
            live.equal(reconnect(FIRST - TRIED, TRIED, TRIED),
                       {"done": TRIED, "refused": 0, "other": 0}, "the client")
            live.equal(server.stop(), 0, "exit code")
            server.ledger()
        with live.case("each SYN of theirs was kept out by TIME-WAIT, which no reset ended"):
            was = outcomes(server)
            live.equal((was["entered"], was["reuse rejected"]), (PORTS + TRIED, syns),
                       "entered and rejected")
            live.check(was["RST ignored"] > 0, was)
            live.equal(server.drops().get("time_wait_syn_off"), syns, "time_wait_syn_off")
            live.equal(was["entered"], was.get("expired", 0) + server.states()["TIME-WAIT"],
                       "expired and waiting")
        with live.case("the reason is said, and what helps"):
            live.check(re.search(r"^note .*time_wait_syn_off.*--time-wait-reuse", server.out, re.M),
                       server.out)


def by_listener():
    "TIME-WAIT as each listener has it"
    own = ("--listen", "80:http", "--listen", "81:http", "--listen", "82:http", "--time-wait-at",
           "80:reuse=off", "--time-wait-at", "81:reuse=off,length=1ms", "--time-wait-at", "82:rst=obey")
    with served(*own) as server:
        with live.case("what differs is said at the start, and that 1 ms is not RFC-conformant"):
            live.equal(re.findall(r"^ +listening +(:\d+ .*)$", server.out, re.M),
                       [":80 http, reuse off", ":81 http, 2MSL 1 ms (not RFC-conformant: MSL below "
                        "1 s; the default of serve is 60 s), reuse off", ":82 http, a reset is obeyed"],
                       "listeners")
        with live.case("reuse off at one, a short 2MSL at another, reuse by timestamps at a third"):
            for port, served_again in ((80, False), (81, True), (82, True)):
                live.equal(reconnect(FIRST, 8, 8, 8, port=port),
                           {"done": 8, "refused": 0, "other": 0}, f"the client at port {port}")
                live.equal(reconnect(FIRST, 8, 8, 8, SYNS if served_again else ONCE, port),
                           {"done": 8 * served_again, "refused": 8 * (not served_again), "other": 0},
                           f"the client again at port {port}")
            live.equal(server.stop(), 0, "exit code")
            was = outcomes(server)
            live.check(re.search(r"^2MSL +60 s\n +:81 1 ms \(not RFC-conformant", server.out, re.M),
                       server.out)
            live.equal((was["entered"], was["expired"], was["reused by timestamp"]), (40, 16, 8),
                       "entered, expired, reused")


def full():
    "no place in TIME-WAIT is left"
    places, more = 300, 40
    for how, said in (("refuse", "new connections are refused"),
                      ("evict", "the one that has waited longest gives way")):
        with served("--time-wait-max", places, "--time-wait-full", how, "--time-wait-reuse", "off") as server:
            with live.case(f"{how}: the places are said at the start, and each is taken"):
                live.check(f"  TIME-WAIT     {places} places on each shard; when full: {said}\n" in server.out,
                           server.out)
                live.equal(reconnect(FIRST, places, places),
                           {"done": places, "refused": 0, "other": 0}, "the client")
            again = kernel_counter("TCPSynRetrans")
            served_too = how == "evict"
            with live.case(f"{how}: {more} more are {'served' if served_too else 'not answered'}"):
                live.equal(reconnect(FIRST + places, more, more, more, SYNS if served_too else ONCE),
                           {"done": more * served_too, "refused": more * (not served_too), "other": 0},
                           "the client")
            syns = more + kernel_counter("TCPSynRetrans") - again
            with live.case(f"{how}: {'nothing' if served_too else 'it'} is said by why, and /readyz agrees"):
                live.until(lambda text=(LIMITS_NOTHING if served_too else "TIME-WAIT is full: shard 0: "
                                        f"{places} of {places};"): text in why(server), "why")
                live.until(lambda: readyz() == ((200, "ready\n") if served_too else
                                                (503, "not ready: TIME-WAIT full\n")), "readyz")
            with live.case(f"{how}: it is counted, and the rest waits on"):
                live.equal(server.stop(), 0, "exit code")
                server.ledger()
                live.equal(server.states()["TIME-WAIT"], places, "those that wait")
                counted = dict(re.findall(r"(gave way|refused), the table was full ([\d,]+)", server.out))
                live.equal(counted, {"gave way": str(more)} if served_too else {"refused": str(syns)},
                           "the outcome")
                live.equal(outcomes(server).get("expired"), None, "expired")
                live.equal(bool(re.search(r"^note .*--time-wait-max", server.out, re.M)), not served_too,
                           "a note says what helps")


live.main([reused, kept_out, by_listener, full], needs=live.NEEDS_TAP)
