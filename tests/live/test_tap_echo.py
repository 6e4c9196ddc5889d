#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""echo, discard and chargen through TAP, by plain sockets of the kernel."""
import os
import socket

import live

LISTEN = ("--listen", "7:echo", "--listen", "9:discard", "--listen", "19:chargen")
CLIENTS = (("IPv4", live.OURS4), ("IPv6", live.OURS6))


def echo_back(address, data, port=7):
    with live.connect(address, port) as s:
        thread = live.pour(s, data)
        got = live.read_all(s)
        thread.join(live.WAIT_S)
    live.equal((len(got), live.digest(got)), (len(data), live.digest(data)), "octets and sha256")


def echo():
    "echo gives back what it gets"
    live.new_net()
    with live.serve(*LISTEN, "--time-wait", "1s"):
        for version, address in CLIENTS:
            for octets in live.SIZES:
                with live.case(f"echo gives back {octets} octets over {version}, then EOF"):
                    echo_back(address, os.urandom(octets))
        with live.case("echo gives back before the end of what it gets"):
            with live.connect(port=7) as s:
                for octets in (1, 1460, 30000):
                    data = os.urandom(octets)
                    s.sendall(data)
                    live.equal(live.digest(live.read_exactly(s, octets)), live.digest(data),
                               f"sha256 of {octets} octets")
                s.shutdown(socket.SHUT_WR)
                live.equal(s.recv(1), b"", "after our FIN")
        with live.case("8 connections echo 1 MB each at the same time"):
            data = [os.urandom(1 << 20) for _ in range(8)]
            sockets = [live.connect(port=7) for _ in data]
            threads = [live.pour(s, d) for s, d in zip(sockets, data)]
            for s, sent in zip(sockets, data):
                live.equal(live.digest(live.read_all(s)), live.digest(sent), "sha256")
                s.close()
            for thread in threads:
                thread.join(live.WAIT_S)
        with live.case("echo stops reading when nobody reads its answers, and loses nothing"):
            data = os.urandom(8 << 20)
            with live.connect(port=7, options=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),
                                               (socket.SOL_SOCKET, socket.SO_SNDBUF, 4096))) as s:
                s.setblocking(False)
                sent = fill(s, data)
                live.check(sent < len(data), f"all of {sent} octets went nowhere")
                s.settimeout(live.WAIT_S)
                thread = live.pour(s, data[sent:])
                live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
                thread.join(live.WAIT_S)


def fill(s, data):
    """Send until nothing has been taken for a second; how many octets were."""
    sent = 0
    while sent < len(data):
        try:
            sent += s.send(data[sent:sent + 65536])
        except BlockingIOError:
            if not live.writable(s, 1):
                break
    return sent


def discard():
    "discard reads all and says nothing"
    live.new_net()
    with live.serve(*LISTEN, "--time-wait", "1s"):
        for version, address in CLIENTS:
            for octets in live.SIZES:
                with live.case(f"discard takes {octets} octets over {version}, then EOF"):
                    with live.connect(address, 9) as s:
                        thread = live.pour(s, bytes(octets))
                        live.equal(live.read_all(s), b"", "what it says")
                        thread.join(live.WAIT_S)


def lines(octets):
    """The first octets of RFC 864's pattern: lines of 72, each one character further."""
    ring = bytes(range(32, 127)) * 3
    text = b"".join(ring[i % 95:i % 95 + 72] + b"\r\n" for i in range(95))
    return (text * (octets // len(text) + 1))[:octets]


def chargen():
    "chargen sends its lines until the peer closes"
    live.new_net()
    with live.serve(*LISTEN, "--time-wait", "1s"):
        for version, address in CLIENTS:
            with live.case(f"chargen sends its lines over {version} until we close, then EOF"):
                with live.connect(address, 19) as s:
                    got = live.read_exactly(s, 2000000)
                    live.equal(live.digest(got), live.digest(lines(2000000)), "sha256")
                    s.shutdown(socket.SHUT_WR)
                    rest = got + live.read_all(s)
                    live.equal(live.digest(rest), live.digest(lines(len(rest))),
                               "sha256 of all to EOF")


live.main([echo, discard, chargen], needs=live.NEEDS_TAP)
