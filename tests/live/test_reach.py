#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where a client may be: in a VLAN of the kernel's, behind a router, behind a balancer's VIP."""
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import struct
import threading

import live

TUNSETIFF, TAP_NO_INFO = 0x400454ca, 0x1002
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4

VIP, CLIENT = "203.0.113.80", "192.0.2.7"
OPTIONS = ("--listen", "80:http", "--listen", "7:echo", "--time-wait", "1s")


def get(address, octets):
    got = live.must("curl", "--silent", "--show-error", "--globoff",
                    live.url(address, f"/bytes/{octets}"))
    live.equal(live.digest(got), live.digest(live.body(octets)), f"sha256 of {octets} octets")


def echo(address, octets):
    data = os.urandom(octets)
    with live.connect(address, 7) as s:
        thread = live.pour(s, data)
        live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
        thread.join(live.WAIT_S)


class Tagger:
    """Between an interface whose frames are tagged and one of the kernel's whose are not; it takes
    and gives tags by code of its own, since not every kernel has VLANs."""

    def __init__(self, outer, name, number):
        self.tci, self.number = struct.pack("!HH", 0x8100, number), number
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_NO_INFO))
        self.outer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.outer.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.outer.setsockopt(socket.SOL_SOCKET, live.SO_RCVBUFFORCE, 1 << 26)
        self.outer.bind((outer, 0))
        self.untagged = 0
        self.stopped, self.stop = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.outer, self.tun, self.stopped], [], [])
            if self.stopped in ready:
                return
            # An interface that is not up yet takes nothing, which a wire may lose.
            with contextlib.suppress(OSError):
                if self.outer in ready:
                    self.inward()
                if self.tun in ready:
                    frame = os.read(self.tun, 4096)
                    self.outer.send(frame[:12] + self.tci + frame[12:])

    def inward(self):
        """The kernel takes the tag out of a frame and tells it beside."""
        frame, told, _, source = self.outer.recvmsg(4096, 256)
        if source[2] == socket.PACKET_OUTGOING:
            return
        tags = [struct.unpack("=IIIHHHH", data[:20])[5] for level, kind, data in told
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA)
                and struct.unpack("=I", data[:4])[0] & TP_STATUS_VLAN_VALID]
        if tags and tags[0] & 0xfff == self.number:
            os.write(self.tun, frame)
        else:
            self.untagged += 1

    def end(self):
        os.write(self.stop, b".")
        self.thread.join(live.WAIT_S)
        for fd in (self.tun, self.stopped, self.stop):
            os.close(fd)
        self.outer.close()


def reaches(name):
    for address in (live.OURS4, live.OURS6):
        with live.case(f"{name}: 1 MB over {address} down and echoed, ping"):
            get(address, 1000000)
            echo(address, 1000000)
            live.must("ping", "-c", 2, "-i", "0.02", "-W", live.WAIT_S, "-s", 1400, address)


def vlan():
    "a VLAN"
    net = live.new_net()
    net.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    with live.Server("--tap", "leat0", "--vlan", "7", *live.ADDRESSES, *OPTIONS) as server:
        server.wait_line(r"VLAN 7")
        server.wait_line(r"^ready")
        live.bring_up("leat0")
        net.sysctl("net.ipv6.conf.default.disable_ipv6", 0)
        tagger = Tagger("leat0", "inside", 7)
        live.configure("inside")
        reaches("TAP, VLAN 7")
        with live.case("no frame of ours was without the tag"):
            live.equal(tagger.untagged, 0, "frames")
        tagger.end()
        tagger = Tagger("leat0", "other", 8)
        live.configure("other")
        with live.case("another VLAN reaches nobody, and is counted by name"):
            live.equal(live.run("ping", "-c", 1, "-W", 1, live.OURS4).returncode, 1, "ping")
            tagger.end()
            # What is behind it on the wire was read: so was it.
            tagger = Tagger("leat0", "again", 7)
            live.configure("again")
            live.must("ping", "-c", 1, "-W", live.WAIT_S, live.OURS4)
            tagger.end()
            live.equal(server.stop(), 0, "exit code")
            live.check(server.drops().get("drop_vlan", 0) > 0, f"rows: {server.drops()}")
    near, far = live.new_net(), live.Net()
    live.veth_pair("near", "far", far)
    live.bring_up("far", far.name)
    far.enter()
    if live.run("ip", "link", "add", "link", "far", "name", "v7", "type", "vlan", "id",
                "7").returncode:
        live.Tap.skip("af_packet against the kernel's VLAN", "this kernel has none")
        return
    live.configure("v7")
    with live.Server("--vdev", "net_af_packet0,iface=near", "--vlan", "7", *live.ADDRESSES,
                     *OPTIONS, net=near.name) as server:
        server.wait_line(r"^ready")
        reaches("af_packet, the kernel's VLAN 7")
        live.equal(server.stop(), 0, "exit code")
        server.ledger()


def routed():
    """Ours, the router and the client each in a namespace; the test is the client."""
    near, router, far = live.new_net(), live.Net(), live.Net()
    live.must("ip", "link", "add", "near", "netns", near.name, "type", "veth", "peer", "name",
              "r0", "netns", router.name)
    live.must("ip", "link", "add", "r1", "netns", router.name, "type", "veth", "peer", "name",
              "c0", "netns", far.name)
    for net, name in ((near, "near"), (router, "r0"), (router, "r1"), (far, "c0")):
        live.must("ethtool", "-K", name, "tx", "off", net=net.name)
        live.must("ip", "link", "set", name, "up", net=net.name)
    for net, name in ((near, "near"), (router, "r0"), (router, "r1"), (far, "c0")):
        live.bring_up(name, net.name)
    for name, address in (("r0", f"{live.KERNEL4}/24"), ("r1", "192.0.2.1/24")):
        live.must("ip", "addr", "add", address, "dev", name, net=router.name)
    for name, address in (("r0", f"{live.KERNEL6}/64"), ("r1", "fd00:2::1/64")):
        live.must("ip", "addr", "add", address, "dev", name, "nodad", net=router.name)
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        router.sysctl(key, 1)
    far.enter()
    live.must("ip", "addr", "add", CLIENT + "/24", "dev", "c0")
    live.must("ip", "addr", "add", "fd00:2::7/64", "dev", "c0", "nodad")
    live.must("ip", "route", "add", "default", "via", "192.0.2.1")
    live.must("ip", "route", "add", "default", "via", "fd00:2::1")
    return near, router


def gateway():
    "a client behind a router, and a VIP"
    near, router = routed()
    device = ("--vdev", "net_af_packet0,iface=near", *live.ADDRESSES, *OPTIONS)
    with live.Server(*device, "--gateway", live.KERNEL4, "--gateway", live.KERNEL6,
                     net=near.name) as server:
        server.wait_line(r"^ready")
        for address in (live.OURS4, live.OURS6):
            with live.case(f"behind a router: 1 MB over {address} down and echoed, ping"):
                get(address, 1000000)
                echo(address, 1000000)
                live.must("ping", "-c", 2, "-i", "0.02", "-W", live.WAIT_S, address)
        with live.case("the router changes its station: connections go on"):
            with live.connect(live.OURS4, 7) as s:
                s.sendall(b"one")
                live.equal(live.read_exactly(s, 3), b"one", "echo")
                live.must("ip", "link", "set", "r0", "address", "02:00:00:00:77:01",
                          net=router.name)
                live.must("ping", "-c", 1, "-W", live.WAIT_S, live.OURS4, net=router.name)
                s.sendall(b"two")
                live.equal(live.read_exactly(s, 3), b"two", "echo")
        live.equal(server.stop(signal.SIGTERM), 0, "exit code")
        server.ledger()
    with live.Server(*device, "--gateway", live.KERNEL4, "--vip", VIP, "--answer-arp-for-vips",
                     "no", net=near.name) as server:
        server.wait_line(r"VIP 203.0.113.80 \(ARP left to the balancer\)")
        server.wait_line(r"^ready")
        with live.case("a VIP that is not ours to tell: who asks for it hears nothing"):
            live.must("ip", "route", "add", VIP, "dev", "r0", net=router.name)
            live.equal(live.run("ping", "-c", 1, "-W", 1, VIP, net=router.name).returncode, 1,
                       "exit code of ping")
            live.must("ip", "route", "del", VIP, net=router.name)
        with live.case("what a balancer sends on to it is served, and answered by the gateway"):
            # Direct routing: to the VIP, with the station of our own address.
            live.must("ip", "route", "add", VIP, "via", live.OURS4, net=router.name)
            get(VIP, 1000000)
            echo(VIP, 100000)
        live.equal(server.stop(), 0, "exit code")
        server.ledger()
    with live.Server(*device, "--gateway", live.KERNEL4, "--vip", VIP, net=near.name) as server:
        server.wait_line(r"^ready")
        with live.case("a VIP of ours alone is told to who asks"):
            live.must("ip", "route", "replace", VIP, "dev", "r0", net=router.name)
            live.must("ip", "neigh", "flush", "dev", "r0", net=router.name)
            get(VIP, 1000)
        with live.case("another station with our address is told of at the end"):
            live.must("ip", "addr", "add", live.OURS4 + "/32", "dev", "r0", net=router.name)
            # It asks for somebody, and says who it is.
            live.run("ping", "-c", 1, "-W", 1, "-I", live.OURS4, "198.18.0.77", net=router.name)
            live.must("ip", "addr", "del", live.OURS4 + "/32", "dev", "r0", net=router.name)
            get(VIP, 1000)  # what was before it on the wire was read
            live.equal(server.stop(), 0, "exit code")
            live.check(re.search(r"^note +own_address_seen: [1-9]\d* frames", server.out, re.M),
                       server.out)


live.main([vlan, gateway], needs=live.NEEDS_TAP + (live.program("ethtool"), live.program("curl"),
                                                  live.program("ping")))
