#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""N233: a program that is killed and starts again within 2MSL, with the addresses it had."""
import json
import re
import signal
import socket
import struct

import live

PORTS = range(20000, 20020)
PORT_CNT = 64512 // 4


class Listen:
    """The timestamps of SYN,ACKs that come from port 80, by the port that they go to."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, live.SO_RCVBUFFORCE, 1 << 26)
        self.socket.bind((interface, 0))
        self.socket.setblocking(False)

    def close(self):
        """What was heard."""
        heard = {}
        while True:
            try:
                frame = self.socket.recv(2048)
            except BlockingIOError:
                self.socket.close()
                return heard
            tcp = frame[14 + (frame[14] & 15) * 4:]
            if frame[23] != 6 or tcp[13] & 0x3f != 0x12 or tcp[:2] != b"\0P":
                continue
            options, port = tcp[20:(tcp[12] >> 4) * 4], int.from_bytes(tcp[2:4], "big")
            while options and options[0] != 0:
                if options[0] == 8:
                    heard[port] = struct.unpack_from(">I", options, 2)[0]
                options = options[options[1] if options[0] != 1 else 1:]


def served(port):
    with live.connect(source=port) as s:
        s.sendall(b"GET /bytes/9 HTTP/1.1\r\nHost: live\r\nConnection: close\r\n\r\n")
        live.equal(live.read_response(s)[2], live.body(9), "body")
        live.equal(s.recv(1), b"", "after the body")


def all_served():
    """From each of the ports once; our side closes first.  The timestamps of its SYN,ACKs."""
    listen = Listen("leat0")
    try:
        for port in PORTS:
            served(port)
    finally:
        heard = listen.close()
    live.equal(sorted(heard), list(PORTS), "ports that were answered with timestamps")
    return heard


def passive():
    "a server that is killed"
    record = live.directory() / "runs"
    options = ("--close", "server", "--boot-record", record)
    live.new_net()
    with live.case("the first run says that the record begins with it"):
        server = live.serve(*options)
        live.check(re.search(r"^ +restart +run 1 by .*, which begins with it; listening at once$",
                             server.out, re.M), server.out)
        before = all_served()
        open_still = live.connect(source=PORTS[-1] + 1)
        server.signal(signal.SIGKILL)
        server.wait()
        server.end()
    with live.serve(*options) as server:
        with live.case("the second one says that numbers go on, and listens at once"):
            live.check(re.search(r"^ +restart +run 2 by .*, sequence numbers and timestamps go on; "
                                 r"listening at once$", server.out, re.M), server.out)
            after = all_served()
        with live.case("its timestamps did not go back, for any of the ports"):
            for port in PORTS:
                live.check(0 < (after[port] - before[port]) % (1 << 32) < 1 << 31,
                           f"{before[port]}, then {after[port]}")
        with live.case("who knows a connection of the first run is told with a reset"):
            open_still.sendall(b"GET / HTTP/1.1\r\n")
            try:
                live.equal(open_still.recv(1), None, "instead of a reset")
            except ConnectionResetError:
                pass
            finally:
                open_still.close()
        with live.case("a third one beside it may not have the record"):
            done = live.run(live.leat(), "serve", "--vdev", "net_null0", "--address", "10.0.0.1/24",
                            "--name", server.label + "b", "--boot-record", record)
            live.equal(done.returncode, 3, "exit code")
            live.check(b"in use by another run" in done.stderr, done.stderr)


def closed():
    "a server whose stdout is closed"
    live.new_net()
    record = live.directory() / "unheard"
    options = ("--vdev", "net_null0", "--address", "10.0.0.1/24", "--boot-record", record)
    with live.case("it says that its report could not be written, exit 5"):
        server = live.Server(*options, before=("sh", "-c", 'exec "$@" >&-', "sh"))
        asked = (live.leat(), "ctl", "--name", server.label, "info")
        live.until(lambda: live.run(*asked).returncode == 0, "an answer")
        live.equal(server.stop(), 5, "exit code")
        live.check("could not be written: Bad file descriptor" in server.err, server.err)
        server.end()
    with live.case("the record has the run and no word of the report: the next is the second"):
        with live.Server(*options) as server:
            server.wait_line(r"run 2 by")
            server.wait_line(r"^ready")


def active():
    "a client that is killed"
    record = live.directory() / "client"
    net = live.new_net()
    live.must("ip", "link", "add", "one", "type", "veth", "peer", "name", "other")
    for name in ("one", "other"):
        net.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        live.must("ip", "link", "set", name, "up")
    for name in ("one", "other"):
        live.bring_up(name)
    with live.Server("--vdev", "net_af_packet0,iface=other", "--address", "198.18.128.1/15",
                     "--close", "client") as server:
        server.wait_line(r"^ready")
        def begin(*more):
            return live.Process([live.leat(), "try", "--connections", 8, "--close", "client",
                                 "--time-wait", "60s", "--client-vdev", "net_af_packet0,iface=one",
                                 "--boot-record", record, *more])
        with live.case("the first run has a quarter of the ports, and is killed"):
            with begin("--hold") as client:
                first = client.wait_line(r"restart +run 1 by .*, ports (\d+) to (\d+)$")
                client.wait_line(r"^ +1 s ")
                client.signal(signal.SIGKILL)
                client.wait()
            live.equal(int(first[2]) - int(first[1]) + 1, PORT_CNT, "ports")
        with live.case("the second one has others, and none of its connections fails"):
            with begin("--seconds", 1, "--json") as client:
                live.equal(client.wait(), 0, "exit code")
                told = json.loads(client.lines["out"][-1])
            live.check(told["completed"] > 0 and told["failed"] == 0, told)
            live.equal((told["restart"]["run"], told["restart"]["known"], told["restart"]["quiet"]),
                       (2, True, 0), "what it knew")
            live.check(told["restart"]["port_from"] > int(first[2]) or
                       told["restart"]["port_to"] < int(first[1]), told)
        with live.case("--quiet-time is kept: nothing is opened before it is over"):
            with begin("--seconds", 1, "--json", "--quiet-time", "60s") as client:
                live.equal(client.wait(), 5, "exit code")
                told = json.loads(client.lines["out"][-1])
            live.equal((told["client"]["opened"], told["restart"]["quiet"]), (0, 60), "opened, quiet")


live.main([passive, closed, active], needs=live.NEEDS_TAP)
