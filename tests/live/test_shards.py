#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many shards on every kind of port, active opens on one end and passive on the other.

Of each run: no connection lost, no segment on a wrong shard, the ledger balanced per shard (leatd
says so on stderr if not) and in sum.  `test_shards.py matrix` runs 1, 2, 4, 8 and 16 shards on all
of them, with an lcore of its own for each shard; without it a part that shows every path once.
"""
import json
import os
import re
import signal

import live

COUNTS = (1, 2, 4, 8, 16)
VIRTIO_PAIRS = 8  # of queues; virtio-user of DPDK 22.11 takes no more
ENDS = ("client", "server")


def lcores(shards):
    """An lcore for each shard, however few processors there are."""
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join(f"{i}@{cpus[i % len(cpus)]}" for i in range(2 * shards))


def leatd():
    return os.environ.get("LEATD") or os.path.join(os.path.dirname(live.leat()), "../leatd/leatd")


def classic(shards):
    """leatd with EAL's own options, as who has more lcores than processors must give them."""
    return [leatd(), "--lcores", lcores(shards), "--no-huge", "-m", 1400, "--no-pci",
            "--no-telemetry", "--file-prefix", f"live-{os.getpid()}-shards",
            "--log-level=*:critical", "--", "try"]


def ends(server, client):
    return ("--server-vdev", server, "--client-vdev", client)


def rings(_shards):
    return ()


def memif(_shards):
    path = live.directory() / "memif.sock"
    path.unlink(missing_ok=True)
    return ends(f"net_memif0,role=server,socket={path}", f"net_memif1,role=client,socket={path}")


def vhost(shards):
    path = live.directory() / "vhost.sock"
    path.unlink(missing_ok=True)
    pairs = min(shards, VIRTIO_PAIRS)
    return ends(f"net_vhost0,iface={path},queues={pairs}",
                f"net_virtio_user0,path={path},queues={pairs}")


def veth():
    net = live.new_net()
    live.must("ip", "link", "add", "one", "type", "veth", "peer", "name", "other")
    for name in ("one", "other"):
        net.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        live.must("ethtool", "-K", name, "tx", "off")
        live.must("ip", "link", "set", name, "up")
    for name in ("one", "other"):
        live.bring_up(name)


def fanout(shards):
    veth()
    return ends(f"net_af_packet0,iface=one,qpairs={shards}",
                f"net_af_packet1,iface=other,qpairs={shards}")


def one_queue(_shards):
    veth()
    return ends("net_af_packet0,iface=one", "net_af_packet1,iface=other")


def tap(_shards):
    """Two TAP interfaces, there before the program joins them with its queues; what comes out of
    one goes into the other.  (A bridge would keep frames to the address of its own interface.)"""
    net = live.new_net()
    for name in ("one", "other"):
        live.must("ip", "tuntap", "add", "dev", name, "mode", "tap", "multi_queue")
        net.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        live.must("ip", "link", "set", name, "up")
    for name, to in (("one", "other"), ("other", "one")):
        live.must("tc", "qdisc", "add", "dev", name, "ingress")
        live.must("tc", "filter", "add", "dev", name, "parent", "ffff:", "protocol", "all", "u32",
                  "match", "u32", "0", "0", "action", "mirred", "egress", "redirect", "dev", to)
    return ends("net_tap0,iface=one", "net_tap1,iface=other")


KINDS = {"rings": rings, "memif": memif, "vhost-user and virtio-user": vhost,
         "af_packet, fanout": fanout, "af_packet, one queue": one_queue, "TAP": tap}


def some(process, connections):
    """Let it go on until it had so many, by its own seconds."""
    def cnt():
        seconds = [json.loads(line) for line in process.lines["out"]]
        starts = [0, *(each["t"] for each in seconds)]
        return sum(each["connections_per_second"] * (each["t"] - start)
                   for each, start in zip(seconds, starts))
    live.until(lambda: process.popen.poll() is not None or cnt() >= connections,
               f"{connections} connections")
    process.signal(signal.SIGINT)


def end_of(process):
    """What it told at its end."""
    live.equal(process.wait(), 0, "exit code")
    live.equal(process.complaints, "", "stderr")
    told = json.loads(process.lines["out"][-1])
    live.equal(told["schema"], "leat.try/1", "schema")
    return told


def check_end(told, shards):
    live.equal(told["shards"], shards, "shards")
    live.check(told["balanced"], "the ledger does not balance")
    live.equal(told["failed"], 0, "connections that failed")
    live.check(told["completed"] >= 10 * shards, f"only {told['completed']} connections")
    live.equal(told["client"]["opened"], told["server"]["opened"], "opened at the two ends")
    for end in ENDS:
        live.equal(told[end]["wrong_shard"], 0, f"segments on a wrong shard, {end}")
        live.equal(told[end]["move_dropped"], 0, f"frames dropped on the way, {end}")
        live.equal(told[end]["open"], 0, f"connections left open, {end}")


def moves(name, shards, told):
    """Frames move where, and only where, a queue is not its owner's."""
    for end in ENDS:
        moved, got = told[end]["moved"], told[end]["frames_received"]
        if shards == 1 or name in ("rings", "memif"):
            live.equal(moved, 0, f"frames moved, {end}")
        elif name.startswith("af_packet"):
            live.check(0 < moved < got, f"moved {moved} of {got}, {end}")


def trial(name, shards, own_lcores):
    with live.case(f"{name}: {shards} client and {shards} server shard{'s' * (shards > 1)}"
                   f"{', an lcore for each' * own_lcores}: all arrive where they belong"):
        options = KINDS[name](shards)
        begin = classic(shards) if own_lcores else [live.leat(), "try"]
        with live.Process([*begin, "--json", "--hold", "--time-wait", "50ms",
                           "--shards", shards, "--connections", max(64, 4 * shards),
                           *options]) as process:
            some(process, 20 * shards)
            told = end_of(process)
        check_end(told, shards)
        moves(name, shards, told)
    live.Net.remove_all()


def part():
    "shards on every kind of port"
    for name in KINDS:
        trial(name, 4, False)
    trial("rings", 1, True)
    trial("rings", 16, True)
    trial("af_packet, one queue", 16, True)
    trial("vhost-user and virtio-user", 8, True)


def matrix():
    "1 to 16 shards on every kind of port"
    for name in KINDS:
        for shards in COUNTS:
            for own in (False, True):
                trial(name, shards, own)


def processes():
    "two processes, one of which knows nothing of the other's key"
    path = live.directory() / "two.sock"
    with live.Server("--vdev", f"net_vhost0,iface={path},queues=4", "--shards", 4, "--address",
                     "198.18.128.1/15", "--time-wait", "1s") as server:
        server.wait_line(r"^ready")
        with live.case("vhost-user: checksums are left to the device, as it offers"):
            live.check(re.search(r"offloads .*received: .*TCP by the device; sent: .*TCP by the "
                                 r"device", server.out), server.out)
        with live.case("virtio-user, four queue pairs: a client alone, its server elsewhere"):
            with live.Process([live.leat(), "try", "--json", "--hold", "--shards", 4,
                               "--connections", 64, "--client-vdev",
                               f"net_virtio_user0,path={path},queues=4"]) as client:
                some(client, 200)
                told = end_of(client)
            live.check(told["balanced"] and told["completed"] > 100, f"{told}")
            live.equal(told["failed"], 0, "connections that failed")
            live.equal(told["client"]["wrong_shard"], 0, "segments on a wrong shard")
            live.check(told["client"]["moved"] > 0, "no frame moved, though keys differ")
        with live.case("the server says how many frames moved, and that none went astray"):
            live.equal(server.stop(signal.SIGINT), 0, "exit code")
            server.ledger()
            live.check(re.search(r"^steering +software; moved [1-9][\d,]* frames of .*"
                                 r"on a wrong shard 0$", server.out, re.M), server.out)


def kernel():
    "the kernel as the peer of five shards"
    for shards in (3, 5):  # TAP has four queues
        live.new_net()
        with live.serve("--shards", shards, "--time-wait", "1s") as server:
            for address in (live.OURS4, live.OURS6):
                with live.case(f"TAP, {shards} shards: 60 connections to {address} are served"):
                    for octets in range(60):
                        with live.connect(address) as s:
                            s.sendall(f"GET /bytes/{octets} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                            live.equal(live.read_response(s)[2], live.body(octets), "body")
            with live.case(f"TAP, {shards} shards: frames moved, and none was on a wrong shard"):
                live.equal(server.stop(), 0, "exit code")
                server.ledger()
                live.check(re.search(r"^steering +software; moved [1-9].*on a wrong shard 0$",
                                     server.out, re.M), server.out)
        live.Net.remove_all()


def said(what, options, *words, code=0):
    with live.case(what):
        with live.Process([live.leat(), "serve", *options, *live.ADDRESSES[:2]]) as process:
            if code == 0:
                process.wait_line(r"^ready")
                process.signal(signal.SIGINT)
            live.equal(process.wait(), code, "exit code")
            for word in words:
                live.check(word in process.out + process.err,
                           f"no `{word}` in {process.out}{process.err}")


def told():
    "what serve says of steering: N220, N221, N222"
    said("one shard: there is nothing to steer", ("--vdev", "net_null0,no-rx=1"),
         "one shard has all flows")
    said("a device with key and table: both are read back equal", (
        "--vdev", "net_null0,no-rx=1", "--shards", 4), "by the device", "read back equal")
    said("a device without a table: in software, and why", (
        "--vdev", "net_ring0", "--shards", 4), "in software", "no redirection table", "3 of 4 move")
    said("more shards than queues: said, and the others send through those that have one", (
        "--vdev", "net_ring0", "--shards", 20), "16 queues for 20 shards")
    veth()
    said("a port with queues that no shard reads is refused",
         ("--vdev", "net_af_packet0,iface=one,qpairs=4", "--shards", 2),
         "qpairs=4 with 2 shards", code=4)
    path = live.directory() / "more.sock"
    said("and so is one whose guest would use queues that no shard reads",
         ("--vdev", f"net_vhost0,iface={path},queues=4", "--shards", 2),
         "queues=4 with 2 shards", code=4)


def idle():
    "lcores and shards that do not fit (N222)"
    with live.case("lcores without a shard are named"):
        begin = classic(4)
        with live.Process([*begin, "--seconds", 1, "--connections", 64]) as process:
            live.equal(process.wait(), 0, "exit code")
            live.check("6 of 8 lcores have no shard" in process.err, process.err)


live.main([part, processes, kernel, told, idle] if "matrix" not in live.sys.argv[1:] else [matrix],
          needs=live.NEEDS_TAP + (live.program("ethtool"), live.program("tc")))
