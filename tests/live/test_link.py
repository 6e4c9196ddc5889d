#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The emulated link does what it is told, and streams survive it, from us and from the kernel.

What it did is counted twice: by the emulator, and by who sends and receives the frames here.
"""
import socket
import struct
import threading
import time

import link
import live

FRAMES = 4000
TCP_FRAME = bytes(12) + b"\x08\x00" + b"\x45" + bytes(8) + b"\x06"  # all that the emulator looks at
OCTETS = 1000
GAP_S = 0.0002
ETH_P_ALL = 3
SEND, GET = "a->b", "b->a"
BODY = 400_000
TCPI_OPT_ECN = 8
SO_TIMESTAMPNS = 35


def packet_socket(net, interface):
    """A socket in net for whole frames, made by a thread that goes there and ends."""
    made = []

    def make():
        net.enter()
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.bind((interface, 0))
        made.append(s)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join(live.WAIT_S)
    return made[0]


def frame(number, octets=OCTETS):
    return TCP_FRAME + struct.pack("!Iq", number, time.time_ns()) + bytes(octets - 36)


def receive(s, into, done):
    """(number, seconds under way) of each frame of ours until done is set and none comes.

    It is under way until the kernel has it: when this thread wakes says nothing about the link.
    """
    s.settimeout(0.3)
    while True:
        try:
            got, more, _, _ = s.recvmsg(2048, 64)
        except TimeoutError:
            if done.is_set():
                return
            continue
        if got[:24] == TCP_FRAME:
            number, at = struct.unpack_from("!Iq", got, 24)
            second, ns = struct.unpack("qq", more[0][2])
            into.append((number, (second * 10**9 + ns - at) / 1e9))


def through(settings, cnt=FRAMES, gap=GAP_S, octets=OCTETS):
    """What arrives of cnt frames, what the emulator says it did, and the seconds of sending."""
    with link.Lane(settings) as lane:
        out, into = packet_socket(lane.near, "a0"), packet_socket(lane.far, "b0")
        got, done = [], threading.Event()
        reader = threading.Thread(target=receive, args=(into, got, done), daemon=True)
        reader.start()
        begin = time.monotonic()
        for number in range(cnt):
            while gap and time.monotonic() < begin + number * gap:
                pass
            out.send(frame(number, octets))
        spent = time.monotonic() - begin
        done.set()
        reader.join(live.WAIT_S)
        out.close()
        into.close()
        return got, lane.end()[SEND], spent


def near(got, p, cnt=FRAMES):
    """got of cnt is what chance p gives, within five standard deviations."""
    live.check(abs(got - p * cnt) < 5 * (p * (1 - p) * cnt) ** 0.5,
               f"{got} of {cnt}, not {p * cnt:.0f}")


def overtaken(got):
    highest, cnt = -1, 0
    for number, _ in got:
        cnt += number < highest
        highest = max(highest, number)
    return cnt


def emulator():
    "the emulator"
    with live.case("frames come in order, none before the delay, and right after it"):
        got, did, _ = through({"delay": 20000})
        live.equal([number for number, _ in got], list(range(FRAMES)), "frames")
        live.equal((did["frames"], did["arrived"]), (FRAMES, FRAMES), "counted")
        delays = sorted(seconds for _, seconds in got)
        live.check(delays[0] >= 0.02, f"one came after {delays[0]:.6f} s")
        # How much later the others are depends on what else the machine does.
        live.check(delays[FRAMES // 10] < 0.022, f"most came after {delays[FRAMES // 10]:.6f} s")
    with live.case("10 % are lost, and the same ones with the same seed"):
        settings = {"loss": 100_000, "seed": 7}
        got, did, _ = through(settings)
        near(did["lost"], 0.1)
        live.equal(did["lost"] + len(got), FRAMES, "lost and received")
        again, _, _ = through(settings)
        live.equal([n for n, _ in again], [n for n, _ in got], "frames of the second run")
        other, _, _ = through(settings | {"seed": 8})
        live.check([n for n, _ in other] != [n for n, _ in got], "another seed loses the same")
    with live.case("5 % are late by the extra delay, and are overtaken"):
        got, did, _ = through({"reorder": 50_000, "extra": 5000, "seed": 3})
        near(did["reordered"], 0.05)
        live.equal(len(got), FRAMES, "frames")
        live.check(overtaken(got) >= did["reordered"] * 0.9, f"{overtaken(got)} were overtaken")
        live.equal(did["overtaken"], overtaken(got), "overtaken, as the emulator counted")
        late = [number for number, seconds in got if seconds >= 0.005]
        live.check(len(late) >= did["reordered"], f"only {len(late)} were late")
    with live.case("5 % come twice"):
        got, did, _ = through({"duplicate": 50_000, "seed": 3})
        near(did["duplicated"], 0.05)
        live.equal(len(got), FRAMES + did["duplicated"], "frames")
    with live.case("the queue takes what it has room for of a burst, and lets it out at its rate"):
        got, did, spent = through({"rate": 2_000_000, "queue": 20 * OCTETS}, cnt=200, gap=0)
        live.equal(did["dropped"] + len(got), 200, "dropped and received")
        # 20 frames of 8,000 bits at 2 Mbit/s: one leaves every 4 ms.
        most = 22 + round(spent / 0.004)
        live.check(20 <= len(got) <= most, f"{len(got)} passed a queue of 20, not {most}")
        live.check(got[19][1] >= 0.079, f"the 20th was under way for {got[19][1]:.6f} s")
    with live.case("a setting of one direction leaves the other alone"):
        got, did, _ = through({"b-loss": 1_000_000}, cnt=500)
        live.equal((len(got), did["lost"]), (500, 0), "received and lost")


def streams():
    "a body through a link that loses, reorders, doubles and has a narrow queue"
    settings = {"rate": 20_000_000, "queue": 30_000, "delay": 5000, "loss": 20_000,
                "reorder": 30_000, "extra": 4000, "duplicate": 10_000, "seed": 5}
    for name in ("leat", "linux"):
        with live.case(f"{name} sends {BODY} octets to the kernel and takes as many, none wrong"):
            with link.Lane(settings) as lane:
                lane.linux() if name == "linux" else lane.leat()
                lane.get(BODY).finished()
                lane.put(BODY).finished()
                did = lane.end()[GET]
                for what in ("lost", "reordered", "overtaken", "duplicated"):
                    live.check(did[what] > 0, f"nothing was {what}")


def options():
    "options of ours that the kernel sees, 200 ms away"
    for segs in (3, 20):
        with live.case(f"--initial-window {segs}: so many segments come before the first ACK"):
            with link.Lane({"delay": 100_000}) as lane:
                lane.leat("--initial-window", segs)
                lane.near.enter()
                with live.connect() as s:
                    mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                    s.sendall(b"GET /bytes/100000 HTTP/1.1\r\nHost: b\r\n\r\n")
                    live.until(lambda: live.unread(s) >= segs * mss, f"{segs} segments")
                    live.equal(live.unread(s), segs * mss, "octets")
    for word, agreed in (("off", False), ("passive", True)):
        with live.case(f"--ecn {word}: marks are {'' if agreed else 'not '}agreed on"):
            with link.Lane({}) as lane:
                lane.leat("--ecn", word)
                lane.near.sysctl("net.ipv4.tcp_ecn", 1)
                lane.near.enter()
                with live.connect() as s:
                    flags = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5]
                    live.equal(bool(flags & TCPI_OPT_ECN), agreed, "agreed")


live.main([emulator, streams, options], needs=live.NEEDS_TAP)
