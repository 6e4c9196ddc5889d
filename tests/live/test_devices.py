#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat serve` on the devices of DPDK that need no hardware: af_packet, memif, net_ring, and what
it says of a device that is not there."""
import os
import re
import signal
import socket

import live

CLIENTS = (("IPv4", live.OURS4), ("IPv6", live.OURS6))


def get(address, octets):
    got = live.must("curl", "--silent", "--show-error", "--globoff",
                    live.url(address, f"/bytes/{octets}"))
    live.equal((len(got), live.digest(got)), (octets, live.digest(live.body(octets))),
               "octets and sha256")


def echo(address, octets):
    data = os.urandom(octets)
    with live.connect(address, 7) as s:
        thread = live.pour(s, data)
        live.equal(live.digest(live.read_all(s)), live.digest(data), "sha256")
        thread.join(live.WAIT_S)


def pair():
    """Two namespaces and an Ethernet between them; the test is in the far one."""
    near, far = live.new_net(), live.Net()
    near.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    live.veth_pair("near", "far", far)
    live.configure("far", far)
    far.enter()
    return near, far


def af_packet():
    "serve on af_packet"
    near, far = pair()
    options = ("--listen", "80:http", "--listen", "7:echo", "--time-wait", "1s")
    with live.Server("--vdev", "net_af_packet0,iface=near", *live.ADDRESSES, *options,
                     net=near.name) as server:
        server.wait_line(r"^ready")
        for version, address in CLIENTS:
            for octets in live.SIZES:
                with live.case(f"af_packet: curl gets {octets} octets over {version}"):
                    get(address, octets)
            for octets in live.SIZES:
                with live.case(f"af_packet: echo gives back {octets} octets over {version}"):
                    echo(address, octets)
        with live.case("af_packet: SIGTERM ends it in order, and the interface stays"):
            live.equal(server.stop(signal.SIGTERM), 0, "exit code")
            server.ledger()
            live.must("ip", "link", "show", "near", net=near.name)
    live.must("ethtool", "-K", "far", "tx", "on", net=far.name)
    with live.Server("--vdev", "net_af_packet0,iface=near", *live.ADDRESSES,
                     net=near.name) as server:
        server.wait_line(r"^ready")
        with live.case("af_packet: unfinished checksums of a peer are dropped under their name"):
            # The first ping finds the neighbour; the SYN was read when the second is answered.
            live.must("ping", "-c", 1, "-W", live.WAIT_S, live.OURS4)
            with socket.socket() as s:
                s.setblocking(False)
                s.connect_ex((live.OURS4, 80))
                live.must("ping", "-c", 1, "-W", live.WAIT_S, live.OURS4)
                live.equal(live.state(s), "SYN-SENT", "the kernel's state")
            live.equal(server.stop(), 0, "exit code")
            live.check(server.drops().get("drop_tcp_csum", 0) > 0,
                       f"rows of the table: {server.drops()}")
        with live.case("af_packet: what to do about it is said at the start and at the end"):
            live.check(re.search(r"^next .*ethtool -K", server.out, re.M), server.out)
            live.check(re.search(r"^note .*drop_tcp_csum.*ethtool -K", server.out, re.M),
                       server.out)
    live.must("ip", "link", "set", "far", "down", net=far.name)
    live.until(lambda: b"LOWER_UP" not in live.must("ip", "link", "show", "near", net=near.name),
               "the kernel takes the carrier from near")
    with live.Server("--vdev", "net_af_packet0,iface=near", *live.ADDRESSES,
                     net=near.name) as server:
        with live.case("af_packet: a link that is down is not called up"):
            server.wait_line(r"net_af_packet  down  198")
            server.wait_line(r"^ready")


def on_two_shards(device, server):
    for version, address in CLIENTS:
        with live.case(f"{device}, two shards: 40 connections over {version} are served"):
            for octets in range(40):
                get(address, octets)
        with live.case(f"{device}, two shards: 10 MB over {version} come down and are echoed"):
            get(address, 10485760)
            echo(address, 10485760)
    with live.case(f"{device}, two shards: SIGINT drains both, and the ledger balances"):
        live.equal(server.stop(), 0, "exit code")
        server.ledger()


def shards():
    "serve with two shards"
    options = ("--shards", "2", "--listen", "80:http", "--listen", "7:echo", "--time-wait", "1s")
    near, _ = pair()
    with live.Server("--vdev", "net_af_packet0,iface=near,qpairs=2", *live.ADDRESSES, *options,
                     net=near.name) as server:
        server.wait_line(r"^ready")
        on_two_shards("af_packet", server)
    if reason := live.tun():
        live.Tap.skip("TAP, two shards", reason)
        return
    live.new_net()
    with live.serve(*options) as server:
        on_two_shards("TAP", server)


def ping():
    "ping and packets of other sizes"
    live.new_net()
    with live.serve("--time-wait", "1s") as server:
        for version, address in CLIENTS:
            for octets in (0, 56, 1400):
                with live.case(f"ping of {octets} octets over {version} is answered, whole"):
                    live.must("ping", "-c", 3, "-i", "0.02", "-W", live.WAIT_S, "-s", octets,
                              "-p", "5a", address)
        with live.case("a ping to a neighbour that is not ours is not answered"):
            done = live.run("ping", "-c", 1, "-W", 1, "198.18.0.77")
            live.equal(done.returncode, 1, "exit code of ping")
        live.equal(server.stop(), 0, "exit code")
    for mtu, clients in ((576, CLIENTS[:1]), (1280, CLIENTS)):
        for version, address in clients:
            with live.case(f"--mtu {mtu}: 10 MB over {version} come down and are echoed"):
                addresses = live.ADDRESSES[:2] if len(clients) == 1 else live.ADDRESSES
                with live.Server("--tap", "leat1", "--mtu", mtu, "--listen", "80:http",
                                 "--listen", "7:echo", *addresses) as server:
                    server.wait_line(r"^ready")
                    live.must("ip", "link", "set", "leat1", "mtu", mtu)
                    live.configure("leat1", only4=len(clients) == 1)
                    get(address, 10485760)
                    echo(address, 10485760)


def self_contained():
    "serve on devices that reach nobody"
    live.new_net()
    path = live.directory() / "memif.sock"
    for name, device in (("memif", f"net_memif0,role=server,socket={path}"),
                         ("net_ring", "net_ring0"), ("net_null", "net_null0")):
        for number in (signal.SIGTERM, signal.SIGINT):
            with live.case(f"{name}: it is ready, and {number.name} ends it in order"):
                with live.Server("--vdev", device, *live.ADDRESSES) as server:
                    server.wait_line(r"^ready")
                    live.equal(server.stop(number), 0, "exit code")
                    server.ledger()


def memory():
    "serve takes its memory before it is ready"
    live.new_net()
    device = ("--vdev", "net_null0", *live.ADDRESSES)
    with live.case("what 200000 connections need is there when it is ready"):
        with live.Server(*device, "--connections", 200000) as server:
            server.wait_line(r"^ready")
            planned = int(re.search(r"up to (\d+) MiB", server.out)[1])
            there = live.resident(server.pid, "Anon") >> 20
            live.check(there > planned / 2, f"{there} of {planned} MiB are there")
    with live.case("memory that is not there: exit 3 before ready, with the numbers"):
        little = live.directory() / "meminfo"
        little.write_text("MemAvailable: 102400 kB\n")
        mount = f"mount --bind {little} /proc/meminfo && exec \"$@\""
        with live.Process([live.leat(), "serve", *device],
                          before=("unshare", "--mount", "sh", "-c", mount, "sh")) as process:
            live.equal(process.wait(), 3, "exit code")
            live.check(re.search(r"\d+ MiB are needed, 100 MiB are free", process.err),
                       repr(process.err))
            live.equal(process.out, "", "stdout")


def signalled():
    "a signal before serve is ready"
    live.new_net()
    with live.case("much memory is told of, and SIGTERM then ends it at once, with no files left"):
        # It works for seconds then, and this test goes first where both want a processor.
        server = live.Server("--vdev", "net_null0", *live.ADDRESSES, "--connections", 2000000,
                             before=("nice", "-n", "19"))
        live.until(lambda: "preparing" in server.err, "a line about the memory")
        live.equal(server.stop(signal.SIGTERM), 0, "exit code")
        live.equal(server.out, "", "stdout, which tells when it is ready")
        live.equal(server.runtime_directories(), [], "runtime directories")
        server.end()


def next_typed():
    "what serve proposes to type"
    for address, command in (("198.18.0.1/24", ["curl", "http://198.18.0.1/"]),
                             ("fd00:18::2/64", ["curl", "-g", "http://[fd00:18::2]/"])):
        net = live.new_net()
        net.sysctl("net.ipv6.conf.default.accept_dad", 0)
        with live.case(f"behind TAP, {address}: the commands it prints reach it"):
            with live.Process([live.leat(), "serve", "--tap", "leat0", "-a", address,
                               "--body", 5]) as server:
                server.wait_line(r"^ready")
                lines = server.lines["out"]
                at = next(i for i, line in enumerate(lines) if line.startswith("next"))
                live.must("sh", "-c", lines[at][len("next"):])
                live.equal(lines[at + 1].split(), command, "command")
                live.equal(live.must("sh", "-c", lines[at + 1] + " -sS"),
                           live.body(5), "body")
                server.signal(signal.SIGINT)
                live.equal(server.wait(), 0, "exit code")


def next_typed_both():
    "what serve proposes to type where it has addresses of both versions"
    net = live.new_net()
    net.sysctl("net.ipv6.conf.default.accept_dad", 0)
    with live.case("behind TAP, IPv4 and IPv6: a command for each, and both reach it"):
        with live.Process([live.leat(), "serve", "--device", "tap:leat0", "-a", "198.18.0.1/24",
                           "-a", "198.18.1.1/24", "-a", "fd00:18::2/64", "--body", 5]) as server:
            server.wait_line(r"^ready")
            live.until(lambda: "curl" in server.out, "the last line")
            typed = [line[len("next"):] for line in server.lines["out"] if line.startswith("next")]
            live.equal(len(typed), 2, "commands")
            for line in typed:
                live.must("sh", "-c", line)
            for at in ("198.18.0.1", "[fd00:18::2]"):
                live.equal(live.must("curl", "-gsS", f"http://{at}/"), live.body(5), "body")
            server.signal(signal.SIGINT)
            live.equal(server.wait(), 0, "exit code")


def refused(what, options, *words, before=(), net=None):
    """It ends with 4 after a sentence or two with all these words."""
    with live.case(f"{what}: a sentence, and exit 4"):
        with live.Process([live.leat(), "serve", *options, *live.ADDRESSES],
                          before=before, net=net) as process:
            live.equal(process.wait(), 4, "exit code")
            live.check(1 <= len(process.lines["err"]) <= 2, repr(process.err))
            live.equal(process.out, "", "stdout")
            for word in words:
                live.check(word in process.err, f"no `{word}` in {process.err!r}")


def absent():
    "what serve says of a device that cannot be had"
    net, _ = pair()
    net.enter()
    refused("an interface that does not exist", ("--vdev", "net_af_packet0,iface=none"),
            "there is no interface none")
    refused("af_packet on no interface", ("--vdev", "net_af_packet0"), "iface=")
    refused("a driver that does not exist", ("--vdev", "net_nothing0"), "no such driver")
    refused("a card that does not exist", ("--device", "0000:ff:1f.7"), "no PCI device")
    refused("a memif whose server is not there",
            ("--vdev", f"net_memif0,socket={live.directory() / 'none.sock'}"), "role=server")
    with live.case("and to try, of one that does not exist, too"):
        done = live.run(live.leat(), "try", "--client-vdev", "net_nothing0")
        live.equal(done.returncode, 4, "exit code")
        live.check(b"no such driver" in done.stderr, done.stderr)
    with live.case("try says that its link is down"):
        done = live.run(live.leat(), "try", "--seconds", 1, "--connections", 1, "--client-vdev",
                        f"net_memif0,role=server,socket={live.directory() / 'down.sock'}")
        live.check(b"net_memif0: the link is down" in done.stderr, done.stderr)
    with live.case("a plan for a card that does not exist says so"):
        done = live.run(live.leat(), "plan", "--device", "0000:ff:1f.7", *live.ADDRESSES)
        live.equal(done.returncode, 0, "exit code")
        live.check(b"there is no PCI device 0000:ff:1f.7" in done.stderr, done.stderr)
    for name, right, options in (
            ("TAP", "net_admin", ("--tap", "leat0")),
            ("af_packet", "net_raw", ("--vdev", "net_af_packet0,iface=near"))):
        refused(f"N227: {name} without its right", options, f"CAP_{right.upper()}",
                before=("setpriv", f"--bounding-set=-{right}", f"--inh-caps=-{right}"))
    for name, options in (("af_packet", ("--vdev", "net_af_packet0,iface=near")),
                          ("memif", ("--vdev", "net_memif0,role=server,socket="
                                     f"{live.directory() / 'mtu.sock'}"))):
        refused(f"{name} with a larger mtu than it takes", (*options, "--mtu", 9000),
                "takes an mtu from", "9000 was asked for")


def large():
    "an mtu that only some versions of the driver take"
    live.new_net()
    with live.case("TAP with --mtu 9000: it runs, or a sentence says what it takes, and exit 4"):
        with live.Process([live.leat(), "serve", "--tap", "leat0", "--mtu", 9000,
                           *live.ADDRESSES]) as process:
            live.until(lambda: "\nready" in process.out or process.popen.poll() is not None,
                       "ready, or its end")
            if process.popen.poll() is None:
                process.signal(signal.SIGINT)
                live.equal(process.wait(), 0, "exit code")
            else:
                live.equal(process.wait(), 4, "exit code")
                live.check("takes an mtu from" in process.err, repr(process.err))


def taken():
    "a name that is in use"
    live.new_net()
    with live.serve("--time-wait", "1s") as server:
        refused("N228: --tap with the name of another server's", ("--tap", "leat0"), "leat0 exists")
        with live.case("the other one serves on"):
            get(live.OURS4, 1000)
            live.check(server.popen.poll() is None, "it ended")
    near, _ = pair()
    device = ("--vdev", "net_af_packet0,iface=near")
    with live.Server(*device, *live.ADDRESSES, net=near.name) as server:
        server.wait_line(r"^ready")
        refused("N228: af_packet on another server's interface", device,
                "another leatd is on the interface near", net=near.name)
        with live.case("the other one serves on"):
            get(live.OURS4, 1000)
    with live.case("and once it has ended, the interface is free"):
        with live.Server(*device, *live.ADDRESSES, net=near.name) as server:
            server.wait_line(r"^ready")


def trial(client):
    """A client elsewhere reaches the server on the other end of its device; how many times."""
    with live.Process([live.leat(), "try", "--seconds", 1, "--connections", 16,
                       "--client-vdev", client]) as process:
        live.equal(process.wait(), 0, f"exit code; {process.out}{process.err}")
        opened = re.search(r"client opened ([\d,]+)", process.out)
        live.check(opened, process.out)
        return int(opened[1].replace(",", ""))


def taken_socket():
    "a socket that is in use"
    live.new_net()
    path = live.directory() / "taken.sock"
    device = ("--vdev", f"net_vhost0,iface={path}")
    ours = ("-a", "198.18.128.1/15")
    with live.Server(*device, *ours) as server:
        server.wait_line(r"^ready")
        refused("N228: vhost on another server's socket", device, str(path),
                "somebody listens on")
        with live.case("the other one serves on"):
            trial(f"net_virtio_user0,path={path}")
    path.write_text("a file of somebody's")
    refused("vhost on a file that is no socket", device, "is no socket")
    with live.case("which stays"):
        live.equal(path.read_text(), "a file of somebody's", "its text")
    path.unlink()
    with live.case("a socket that a server left behind when it was killed is taken"):
        server = live.Server(*device, *ours)
        server.wait_line(r"^ready")
        server.stop(signal.SIGKILL)
        server.end()
        live.check(path.is_socket(), "it left none")
        with live.Server(*device, *ours) as server:
            server.wait_line(r"^ready")
            trial(f"net_virtio_user0,path={path}")
    device = ("--vdev", f"net_memif0,role=server,socket={live.directory() / 'memif2.sock'}")
    with live.Server(*device, *ours, "--time-wait", "50ms") as server:
        server.wait_line(r"^ready")
        refused("N228: a second server of a memif", device, "another leatd is the server of memif")
        with live.case("the first one serves on"):
            trial(f"net_memif0,socket={live.directory() / 'memif2.sock'}")
        with live.case("as it does six more peers, one after the other, each with a card's address "
                       "of its own"):
            for _ in range(6):
                live.until(lambda: server.err.count("link down") == server.err.count("link up"),
                           "the end of the link before")
                # One that has to wait for a timeout opens 16, and another 16 when it is over.
                opened = trial(f"net_memif0,socket={live.directory() / 'memif2.sock'}")
                live.check(opened > 2 * 16, f"{opened} connections in a second")
            live.equal(server.stop(), 0, "exit code")
            server.ledger()


live.main([af_packet, shards, ping, self_contained, memory, absent, large, taken, taken_socket,
           signalled, next_typed, next_typed_both],
          needs=live.NEEDS_NET + (live.program("ethtool"), live.program("curl"),
                               live.program("ping")))
