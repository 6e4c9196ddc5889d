#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The emulated link does what it is told, and streams survive it, from us and from the kernel.

What it did is counted twice: by the emulator, and by who sends and receives the frames here.
"""
import errno
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
MS, S = 10**6, 10**9
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
        s.setsockopt(socket.SOL_SOCKET, live.SO_RCVBUFFORCE, 1 << 26)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.bind((interface, 0))
        made.append(s)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join(live.WAIT_S)
    return made[0]


def frame(number, octets=OCTETS):
    return TCP_FRAME + struct.pack("!Iq", number, time.time_ns()) + bytes(octets - 36)


def received(s):
    """(number, ns when it was sent, ns when the kernel had it) of each frame of ours in s."""
    s.setblocking(False)
    while True:
        try:
            got, more, _, _ = s.recvmsg(2048, 64)
        except BlockingIOError:
            return
        except OSError as error:
            live.equal(error.errno, errno.ENETDOWN, "error; the interface went with the emulator")
            continue
        if got[:24] == TCP_FRAME:
            number, at = struct.unpack_from("!Iq", got, 24)
            second, ns = struct.unpack("qq", more[0][2])
            yield number, at, second * S + ns


def through(settings, cnt=FRAMES, gap=0, octets=OCTETS):
    """What arrives of cnt frames, and what the emulator says it did: it delivers all at its end, so
    nothing depends on when this test or the emulator was on a processor."""
    with link.Lane(settings) as lane:
        out, into = packet_socket(lane.near, "a0"), packet_socket(lane.far, "b0")
        with out, into:
            begin = time.monotonic()
            for number in range(cnt):
                while gap and time.monotonic() < begin + number * gap:
                    pass
                out.send(frame(number, octets))
            did = lane.end()[SEND]
            return list(received(into)), did


def near(got, p, cnt=FRAMES):
    """got of cnt is what chance p gives, within five standard deviations."""
    live.check(abs(got - p * cnt) < 5 * (p * (1 - p) * cnt) ** 0.5,
               f"{got} of {cnt}, not {p * cnt:.0f}")


def numbers(got):
    return [number for number, _, _ in got]


def under_way(got):
    return sorted(came - sent for _, sent, came in got)


def overtaken(got):
    highest, cnt = -1, 0
    for number in numbers(got):
        cnt += number < highest
        highest = max(highest, number)
    return cnt


def emulator():
    "the emulator"
    with live.case("frames come in order, none before the delay, and right after it"):
        got, did = through({"delay": 20000}, gap=GAP_S)
        live.equal(numbers(got), list(range(FRAMES)), "frames")
        live.equal((did["frames"], did["arrived"]), (FRAMES, FRAMES), "counted")
        live.equal((did["due_us_min"], did["due_us_max"]), (20000, 20000), "when they were due")
        least = under_way(got)[0]
        # How much later the others are depends on what else the machine does.
        live.check(20 * MS <= least < 200 * MS, f"the first was under way for {least / S:.6f} s")
    with live.case("10 % are lost, and the same ones with the same seed"):
        settings = {"loss": 100_000, "seed": 7}
        got, did = through(settings)
        near(did["lost"], 0.1)
        live.equal(did["lost"] + len(got), FRAMES, "lost and received")
        again, _ = through(settings)
        live.equal(numbers(again), numbers(got), "frames of the second run")
        other, _ = through(settings | {"seed": 8})
        live.check(numbers(other) != numbers(got), "another seed loses the same")
    with live.case("5 % are late by the extra delay, and are overtaken"):
        got, did = through({"reorder": 50_000, "extra": 2_000_000, "seed": 3})
        near(did["reordered"], 0.05)
        live.equal(len(got), FRAMES, "frames")
        live.check(overtaken(got) >= did["reordered"] * 0.9, f"{overtaken(got)} were overtaken")
        live.equal(did["overtaken"], overtaken(got), "overtaken, as the emulator counted")
        late = [ns for ns in under_way(got) if ns >= 2 * S]
        live.check(len(late) >= did["reordered"], f"only {len(late)} were late")
        live.equal((did["due_us_min"], did["due_us_max"]), (0, 2_000_000), "when they were due")
    with live.case("5 % come twice"):
        got, did = through({"duplicate": 50_000, "seed": 3})
        near(did["duplicated"], 0.05)
        live.equal(len(got), FRAMES + did["duplicated"], "frames")
    with live.case("the queue takes what it has room for of a burst, and lets it out at its rate"):
        got, did = through({"rate": 2_000_000, "queue": 20 * OCTETS}, cnt=200)
        live.equal(did["dropped"] + len(got), 200, "dropped and received")
        # 20 frames of 8,000 bits at 2 Mbit/s: one leaves every 4 ms.
        most = 22 + did["span_us"] // 4000
        live.check(20 <= len(got) <= most, f"{len(got)} passed a queue of 20, not {most}")
        took = got[19][2] - got[0][1]
        live.check(took >= 80 * MS, f"the 20th came {took / S:.6f} s after the first was sent")
    with live.case("a setting of one direction leaves the other alone"):
        got, did = through({"b-loss": 1_000_000}, cnt=500)
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


def tcp_of(got, port):
    """Where TCP begins in a frame of IPv4 to that port; 0: it is something else."""
    at = 14 + (got[14] & 15) * 4
    ours = got[12:14] == b"\x08\x00" and got[23] == 6 and \
        struct.unpack_from("!H", got, at + 2)[0] == port
    return at if ours else 0


def segments(frames, port):
    """(sequence number, octets of text) of those with text."""
    for got in frames:
        if at := tcp_of(got, port):
            octets = 14 + struct.unpack_from("!H", got, 16)[0] - at - (got[at + 12] >> 4) * 4
            if octets:
                yield struct.unpack_from("!I", got, at + 4)[0], octets


def first_flight(wire):
    """Octets that come before the first ACK, and the MSS; None when the SYN,ACK was sent twice,
    since then one segment is all there may be (RFC 5681 3.1)."""
    heard = []
    wire.fate = lambda got: (heard.append(got), (1, False))[1]
    with live.connect() as s:
        wire.hold(1)
        port = s.getsockname()[1]
        s.sendall(b"GET /bytes/100000 HTTP/1.1\r\nHost: b\r\n\r\n")

        def sent():
            return list(segments(wire.kept_frames(1), port))
        # Without SACK nothing but the timeout makes it send more, and what it sends is old.
        live.until(lambda: len(set(sent())) < len(sent()), "a segment that comes again")
        flight = sum(octets for _, octets in set(sent()))
        mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        wire.let_go(1)
    syn_acks = [got for got in heard if (at := tcp_of(got, port)) and got[at + 13] & 0x12 == 0x12]
    return (flight, mss) if len(syn_acks) == 1 else None


def options():
    "options of ours that the kernel sees"
    for segs in (3, 20):
        with live.case(f"--initial-window {segs}: so many segments come before the first ACK"):
            with live.wired("--initial-window", segs, "--sack", "off") as (_, wire):
                flight, mss = live.until(lambda w=wire: first_flight(w),
                                         "a handshake that nothing disturbs")
                live.equal(flight, segs * mss, "octets")
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
