#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""http through TAP: what curl, wrk and a plain socket get of it."""
import re
import socket

import live

CLIENTS = (("IPv4", live.OURS4), ("IPv6", live.OURS6))
BUSY = ("--connections", "65536", "--time-wait", "250ms")


def curl(*arguments):
    return live.must("curl", "--silent", "--show-error", "--globoff", *arguments)


def check_file(path, octets):
    live.equal(live.digest(path.read_bytes()), live.digest(live.body(octets)),
               f"sha256 of the body of {octets} octets")


def get(address, octets, *more):
    path = live.directory() / f"body-{octets}"
    said = curl(*more, "--output", path, "--write-out", "%{http_code} %{size_download}",
                live.url(address, f"/bytes/{octets}"))
    live.equal(said.decode(), f"200 {octets}", "status and size")
    check_file(path, octets)


def get_all_in_one(address, *more):
    """All sizes in one run of curl; how many connections it made."""
    arguments, paths = [], [live.directory() / f"body-{octets}" for octets in live.SIZES]
    for path, octets in zip(paths, live.SIZES):
        arguments += ["--output", path, live.url(address, f"/bytes/{octets}")]
    said = curl(*more, "--write-out", "%{http_code} %{num_connects}\n", *arguments)
    for path, octets in zip(paths, live.SIZES):
        check_file(path, octets)
    rows = [line.split() for line in said.decode().splitlines()]
    live.equal([code for code, _ in rows], ["200"] * len(live.SIZES), "status")
    return sum(int(connects) for _, connects in rows)


def bodies():
    "curl and the bodies of http"
    live.new_net()
    with live.serve("--body", "777", "--time-wait", "1s"):
        for version, address in CLIENTS:
            for octets in live.SIZES:
                with live.case(f"curl gets {octets} octets over {version}"):
                    get(address, octets)
            with live.case(f"curl gets all sizes over one {version} connection"):
                live.equal(get_all_in_one(address), 1, "connections made")
            with live.case(f"curl gets all sizes over {version} with Connection: close"):
                live.equal(get_all_in_one(address, "--header", "Connection: close"),
                           len(live.SIZES), "connections made")
            with live.case(f"curl gets all sizes over {version} by HTTP/1.0"):
                live.equal(get_all_in_one(address, "--http1.0", "--header", "Connection: close"),
                           len(live.SIZES), "connections made")
            with live.case(f"the body of / over {version} has the size that was asked for"):
                live.equal(curl(live.url(address, "/")), live.body(777), "body")


def closers():
    "who closes first"
    for closer, connects in (("server", len(live.SIZES)), ("client", 1)):
        live.new_net()
        with live.serve("--close", closer, "--time-wait", "1s"):
            with live.case(f"curl gets all sizes when the {closer} closes first"):
                live.equal(get_all_in_one(live.OURS4), connects, "connections made")
        with live.case(f"curl gets all sizes when the {closer} closes first, over IPv6 and close"):
            live.new_net()
            with live.serve("--close", closer, "--time-wait", "1s", tap="leat1"):
                live.equal(get_all_in_one(live.OURS6, "--header", "Connection: close"),
                           len(live.SIZES), "connections made")


def request(path, method="GET", more=""):
    return f"{method} {path} HTTP/1.1\r\nHost: live\r\n{more}\r\n".encode()


def methods():
    "HEAD, POST, pipelining and what is refused"
    live.new_net()
    with live.serve("--time-wait", "1s"):
        with live.case("HEAD gives the length and no body"):
            head = curl("--head", live.url(live.OURS4, "/bytes/1460")).decode().lower()
            live.check("content-length: 1460" in head, f"no Content-Length in {head!r}")
            with live.connect() as s:
                s.sendall(request("/bytes/5", "HEAD") + request("/bytes/7"))
                got = b""
                while not got.endswith(live.body(7)):
                    part = s.recv(4096)
                    live.check(part, f"EOF after {got!r}")
                    got += part
                live.equal(got.count(b"\r\n\r\n"), 2, "heads")
                live.equal(got.split(b"\r\n\r\n")[1][:9], b"HTTP/1.1 ", "after the head of HEAD")
        with live.case("32 pipelined requests are answered in their order"):
            sizes = [n * 331 % 4099 for n in range(30)] + [200000, 3]
            with live.connect() as s:
                s.sendall(b"".join(request(f"/bytes/{n}") for n in sizes))
                for octets in sizes:
                    status, _, got = live.read_response(s)
                    live.equal((status, live.digest(got)), (200, live.digest(live.body(octets))),
                               f"response of {octets} octets")
        with live.case("a request that comes octet by octet is answered"):
            with live.connect() as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for octet in request("/bytes/12"):
                    s.send(bytes([octet]))
                live.equal(live.read_response(s)[2], live.body(12), "body")
        for octets in (0, 1, 1460, 100000, 3000000):
            with live.case(f"curl posts {octets} octets and gets its body"):
                path = live.directory() / "post"
                path.write_bytes(b"p" * octets)
                got = curl("--data-binary", f"@{path}", live.url(live.OURS4, "/bytes/1461"))
                live.equal(live.digest(got), live.digest(live.body(1461)), "sha256 of the body")
        with live.case("what is not there is 404, and the connection goes on"):
            with live.connect() as s:
                s.sendall(request("/nothing") + request("/bytes/3"))
                live.equal(live.read_response(s)[0], 404, "status")
                live.equal(live.read_response(s)[2], live.body(3), "body")
        with live.case("what is no HTTP is 400, and then the server closes"):
            with live.connect() as s:
                s.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
                live.equal(live.read_response(s)[0], 400, "status")
                live.equal(s.recv(1), b"", "after it")


def wrk(address, *more):
    """One wrk of 64 connections and 5 s: its requests, and no error of any kind."""
    said = live.must("wrk", "-t1", "-c64", "-d5s", "--timeout", f"{live.WAIT_S}s", *more,
                     live.url(address, "/")).decode()
    live.check("Socket errors" not in said, said)
    live.check("Non-2xx" not in said, said)
    return int(re.search(r"(\d+) requests in", said)[1])


def load():
    "wrk with 64 connections for 5 s"
    net = live.new_net()
    # With Connection: close each request takes a port, and a tuple rests as long as TIME-WAIT
    # lasts on the side that closed: many ports, a short 2MSL here, few resting ones there.
    net.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
    net.sysctl("net.ipv4.tcp_max_tw_buckets", 64)
    with live.serve(*BUSY):
        with live.case("wrk with keep-alive has no socket error"):
            live.check(wrk(live.OURS4) > 100, "fewer than 100 requests")
        with live.case("wrk with Connection: close has no socket error, the server closing first"):
            live.check(wrk(live.OURS4, "-H", "Connection: close") > 100,
                       "fewer than 100 requests")
    with live.serve("--close", "client", *BUSY) as server:
        with live.case("wrk with Connection: close has no socket error, the client closing first"):
            live.check(wrk(live.OURS6, "-H", "Connection: close") > 100,
                       "fewer than 100 requests")
        # What wrk left behind ends first: a server that drains would close it, and wait.
        live.until(lambda: all(state == "TIME-WAIT" for state, _, port in live.kernel_connections()
                               if port == 80), "the kernel's ends of wrk's connections")
        with live.case("none of those connections waited in TIME-WAIT on our side"):
            live.equal(server.stop(), 0, "exit code")
            live.equal(server.states().get("TIME-WAIT", 0), 0, "in TIME-WAIT")


live.main([bodies, closers, methods, load],
          needs=live.NEEDS_TAP + (live.program("curl"), live.program("wrk")))
