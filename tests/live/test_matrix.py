#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bulk both ways with the kernel, each combination of what both ends may offer.

Window scale, SACK and timestamps are on or off at our end by options, at the kernel's by sysctl in
the test's own namespace: 64 pairs over TAP, the same over veth on a wire that loses and reorders.
Echo carries a stream in each direction at the same time; both must come back octet by octet.
What was agreed is read from the SYNs on the wire and from the kernel's own account of it.
"""
import contextlib
import itertools
import os
import socket
import struct

import live

NAMES = ("window-scale", "sack", "timestamps")
SYSCTL = ("tcp_window_scaling", "tcp_sack", "tcp_timestamps")
KIND = (3, 4, 8)  # of the options in a SYN
TCPI = (4, 2, 1)  # TCPI_OPT_WSCALE, _SACK, _TIMESTAMPS
COMBINATIONS = tuple(itertools.product((True, False), repeat=len(NAMES)))
OCTETS = 200_000
BAD_WIRE = ("--loss", "1%", "--reorder", "2%", "--seed", "20261121")
ETH_P_ALL, SYN_AT = 3, 47


def text(combination):
    """What is on, in one word: "ws+sack"."""
    return "+".join(n for n, on in zip(("ws", "sack", "ts"), combination) if on) or "none"


class Ear:
    """Hears the SYNs on one interface of this namespace."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, live.SO_RCVBUFFORCE, 1 << 26)
        self.socket.bind((interface, 0))
        self.socket.setblocking(False)

    def offers(self, port):
        """Kinds of the options in the first SYN of that client's port, and in its answer."""
        asked = answered = None
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = self.socket.recv(256)
                if frame[12:14] != b"\x08\x00" or frame[23] != 6 or not frame[SYN_AT] & 2:
                    continue
                source, target = struct.unpack_from("!HH", frame, 34)
                if source == port and asked is None:
                    asked = kinds(frame)
                elif target == port and answered is None:
                    answered = kinds(frame)
        return asked, answered

    def forget(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(1)


def kinds(frame):
    """Kinds of the options in a segment without IP options."""
    options, found = frame[54:34 + (frame[46] >> 4) * 4], set()
    while options and options[0] != 0:
        found.add(options[0])
        options = options[1:] if options[0] == 1 else options[options[1]:]
    return tuple(kind in found for kind in KIND)


def transfer(ear, ours, theirs):
    ear.forget()
    data = os.urandom(OCTETS)
    with live.connect(live.OURS4, 7) as s:
        thread = live.pour(s, data)
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5]
        port = s.getsockname()[1]
        got = live.read_all(s)
        thread.join(live.WAIT_S)
    live.equal((len(got), live.digest(got)), (OCTETS, live.digest(data)), "octets and sha256")
    both = tuple(a and b for a, b in zip(ours, theirs))
    live.equal(tuple(bool(info & bit) for bit in TCPI), both, "agreed, as the kernel has it")
    asked, answered = ear.offers(port)
    live.equal((asked, answered), (theirs, both), "options of the SYN and of its answer")


def pairs(net, ear, ours):
    """The kernel's eight against one of ours."""
    for theirs in COMBINATIONS:
        for name, on in zip(SYSCTL, theirs):
            net.sysctl("net.ipv4." + name, int(on))
        with live.case(f"{text(ours)} here, {text(theirs)} there"):
            transfer(ear, ours, theirs)


def options(ours):
    words = [word for name, on in zip(NAMES, ours) for word in ("--" + name, "on" if on else "off")]
    return (*words, "--listen", "7:echo", "--time-wait", "250ms", "--connections", 64,
            "--send-buffer", "256KiB", "--receive-buffer", "256KiB")


def tap():
    "TAP, each of our combinations against each of the kernel's"
    for ours in COMBINATIONS:
        net = live.new_net()
        with live.serve(*options(ours)):
            ear = Ear("leat0")
            pairs(net, ear, ours)
        live.Net.remove_all()


def veth():
    "veth and af_packet, on a wire that loses and reorders what we receive"
    for ours in COMBINATIONS:
        net, far = live.new_net(), live.Net()
        live.veth_pair("veth0", "veth1", far)
        live.must("ip", "link", "set", "veth1", "up", net=far.name)
        live.configure("veth0", only4=True)
        with live.Server("--vdev", "net_af_packet0,iface=veth1", "--address",
                         live.OURS4 + "/24", *options(ours), *BAD_WIRE, net=far.name) as server:
            server.wait_line("^ready")
            ear = Ear("veth0")
            pairs(net, ear, ours)
        with live.case(f"{text(ours)} here: the wire was bad"):
            lost = [line for line in server.lines["out"] if "lost on the wire" in line]
            live.equal(len(lost), 1, "lines that tell of losses")
        live.Net.remove_all()


live.main([tap, veth], needs=live.NEEDS_TAP + (live.program("ethtool"),))
