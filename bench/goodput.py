#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What of a stream gets through a bad link, with us and with the kernel as its sender.

    goodput.py race [--octets N] [--runs N] [--lanes N] [--SETTING N]...

Both serve the same body behind the same emulated link (tests/live/link_emu.c) to the same reader,
the kernel's TCP in another namespace; they take turns.  The kernel sends with CUBIC and SACK.  LEAT
and LINK_EMU name the programs; needs root.
"""
import argparse
import hashlib
import json
import os
import socket
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "live"))
import live  # noqa: E402  pylint: disable=wrong-import-position

PORT = 80
RATE, DELAY_US, QUEUE = 100_000_000, 25_000, 625_000  # 50 ms, one product of rate and RTT
RACE = {"rate": RATE, "delay": DELAY_US, "queue": QUEUE, "loss": 10_000, "reorder": 20_000,
        "extra": 10_000}
BUFFER = 4 << 20  # what each end may hold, ours and the kernel's
SYSCTLS = {"net.ipv4.tcp_sack": 1,
           "net.ipv4.tcp_rmem": f"4096 131072 {2 * BUFFER}",
           "net.ipv4.tcp_wmem": f"4096 131072 {BUFFER}", "net.ipv4.tcp_no_metrics_save": 1,
           "net.ipv6.conf.all.disable_ipv6": 1}


# --- the peers, in processes of their own ---------------------------------------------------------

def peer_serve():
    """One response of /bytes/N for each connection, by the kernel."""
    with socket.create_server(("", PORT)) as listener:
        # Not by sysctl: a kernel may keep CUBIC from being the default of a namespace.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        print("ready", flush=True)
        while True:
            s, _ = listener.accept()
            with s:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += s.recv(4096)
                octets = int(head.split()[1].rsplit(b"/", 1)[1])
                s.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n".encode())
                period = live.body(89 * 4096)
                for at in range(0, octets, len(period)):
                    s.sendall(period[:octets - at])
                s.shutdown(socket.SHUT_WR)
                info = s.recv(1)
                del info


def peer_get(octets):
    """The seconds a body takes, and what it is."""
    begin = time.monotonic()
    with live.connect(live.OURS4, PORT, seconds=120) as s:
        s.sendall(f"GET /bytes/{octets} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        left, digest = octets, hashlib.sha256()
        while left:
            part = s.recv(min(left, 1 << 18))
            if not part:
                sys.exit(f"EOF, {left} octets before the end")
            digest.update(part)
            left -= len(part)
        seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "sha256": digest.hexdigest()}), flush=True)


# --- one lane: a link of its own ------------------------------------------------------------------

class Lane:
    """The reader's namespace, the link, and the sender's namespace."""

    def __init__(self, settings):
        self.near, self.far = live.Net(), live.Net()
        for net in (self.near, self.far):
            for name, value in SYSCTLS.items():
                net.sysctl(name, value)
        words = [str(word) for pair in settings.items() for word in pair]
        self.emu = live.Process([os.environ["LINK_EMU"], live.NETNS_DIR / self.near.name, "a0",
                                 live.NETNS_DIR / self.far.name, "b0", *words], seconds=4000)
        self.emu.wait_line("^ready")
        live.configure("a0", self.near, only4=True)
        self.server = None

    def linux(self):
        must = live.must
        must("ip", "addr", "add", live.OURS4 + "/24", "dev", "b0", net=self.far.name)
        must("ip", "link", "set", "b0", "up", net=self.far.name)
        self.server = live.Process([sys.executable, __file__, "peer-serve"], net=self.far.name,
                                   seconds=4000)
        self.server.wait_line("^ready")

    def leat(self, *options):
        live.must("ip", "link", "set", "b0", "up", net=self.far.name)
        self.server = live.Server(
            "--vdev", "net_af_packet0,iface=b0,framecnt=4096", "--address", live.OURS4 + "/24",
            "--connections", 64, "--send-buffer", BUFFER, "--receive-buffer", BUFFER,
            *options, net=self.far.name, seconds=4000)
        self.server.wait_line("^ready")

    def get(self, octets):
        return live.Process([sys.executable, __file__, "peer-get", str(octets)],
                            net=self.near.name, seconds=4000)

    def close(self):
        """What the link did, by direction."""
        self.emu.signal(15)
        live.equal(self.emu.wait(), 0, "exit code of link_emu")
        rows = [line.split(" ", 1) for line in self.emu.lines["out"] if "frames=" in line]
        return {way: {k: int(v) for k, v in (f.split("=") for f in rest.split())}
                for way, rest in rows}


def finished(get, octets, seconds):
    live.equal(get.wait(seconds), 0, "exit code of the reader: " + get.err)
    found = json.loads(get.lines["out"][-1])
    live.equal(found["sha256"], live.digest(live.body(octets)), "sha256 of the body")
    return octets * 8 / found["seconds"] / 1e6


def run(kinds, octets, settings, options=(), seconds=3000):
    """Mbit/s of each kind of sender, all at one time, each on a link of its own."""
    lanes = [Lane(settings | {"seed": seed}) for _, seed in kinds]
    for lane, (kind, _) in zip(lanes, kinds):
        lane.linux() if kind == "linux" else lane.leat(*options)
    gets = [lane.get(octets) for lane in lanes]
    rates = [finished(get, octets, seconds) for get in gets]
    did = [lane.close() for lane in lanes]
    for lane in lanes:
        lane.server.end()
    live.Net.remove_all()
    return rates, did


def spread(values):
    return f"min {min(values):.3f} median {statistics.median(values):.3f} max {max(values):.3f}"


def race(args):
    settings = {name: getattr(args, name) for name in RACE}
    print(" ".join(f"{k}={v}" for k, v in settings.items()), f"octets={args.octets}", flush=True)
    ratios, rates = [], {"leat": [], "linux": []}
    for no in range(args.runs):
        seeds = range(args.seed + no * args.lanes, args.seed + (no + 1) * args.lanes)
        order = ("leat", "linux") if no % 2 == 0 else ("linux", "leat")
        kinds = [(kind, seed) for seed in seeds for kind in order]
        got, did = run(kinds, args.octets, settings, args.option)
        found = dict(zip(kinds, got))
        for (kind, seed), link in zip(kinds, did):
            rates[kind].append(found[kind, seed])
            way = link["b->a"]
            print(f"  {kind:5} seed {seed:3} {found[kind, seed]:8.3f} Mbit/s   link: frames "
                  f"{way['frames']} lost {way['lost']} reordered {way['reordered']} overtaken "
                  f"{way['overtaken']} dropped {way['dropped']} late "
                  f"{way['late_us_mean']}/{way['late_us_max']} us", flush=True)
        ratios += [found["leat", seed] / found["linux", seed] for seed in seeds]
    for kind, values in rates.items():
        print(f"{kind} Mbit/s: {spread(values)} mean {statistics.mean(values):.3f}")
    print(f"ratio leat/linux: {spread(ratios)}, of means "
          f"{statistics.mean(rates['leat']) / statistics.mean(rates['linux']):.3f}; load "
          f"{os.getloadavg()[0]:.1f}")


def main():
    if sys.argv[1:2] == ["peer-serve"]:
        return peer_serve()
    if sys.argv[1:2] == ["peer-get"]:
        return peer_get(int(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["race"])
    parser.add_argument("--octets", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=1, help="links at one time, of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--option", action="append", default=[], help="for leat serve")
    for name, value in RACE.items():
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    live.sweep()
    try:
        race(args)
    finally:
        live.clean()
    return 0


sys.exit(main())
