#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat capture` copies packets of a running instance; tshark reads them back."""
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import live

PORT = 80
COLUMNS = ("frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction",
           "tcp.flags.syn", "tcp.flags.reset", "tcp.srcport", "tcp.dstport", "frame.len",
           "frame.cap_len", "frame.comment")
IN, OUT = "0x00000001", "0x00000002"


class Packet:
    def __init__(self, line):
        time_, self.interface, way, syn, reset, self.sport, self.dport, octets, kept, \
            self.comment = line.split("\t")
        self.at, self.out = float(time_), int(way, 0) == int(OUT, 0)
        self.syn, self.reset = syn in ("1", "True"), reset in ("1", "True")
        self.octets, self.kept = int(octets), int(kept)


class Place:
    """Files and sockets of this test alone."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="leat-capture-", dir=live.directory()))
        self.env = dict(os.environ, RUNTIME_DIRECTORY=str(self.dir))

    def begin(self, *options):
        """A capture to a file that has begun: its head is written."""
        path = self.dir / f"{time.monotonic_ns()}.pcapng"
        process = live.Process([live.leat(), "capture", "-w", path, *options], env=self.env)
        live.until(lambda: (path.exists() and path.stat().st_size > 0) or process.died(), "a head")
        live.check(not process.died(), "\n".join(process.tail()))
        return process, path

    def end(self, process, path):
        """What it has captured, and its last word."""
        process.signal(signal.SIGINT)
        return self.ended(process, path)

    def ended(self, process, path):
        live.equal(process.wait(), 0, "exit code: " + process.err)
        word = re.search(r"^captured ([\d,]+) of ([\d,]+) that match \(0 lost\), of "
                         r"([\d,]+) frames, on \d shards?(; .*)?$", process.err, re.M)
        live.check(word, process.err)
        packets = read(path)
        live.equal(int(word[1].replace(",", "")), len(packets), "packets")
        return packets

    def capture(self, *options):
        return live.run(live.leat(), "capture", *options, env=self.env, text=True)


def read(path):
    command = ["tshark", "-n", "-r", path, "-T", "fields"]
    for column in COLUMNS:
        command += ["-e", column]
    return [Packet(line) for line in live.must(*command).decode().splitlines()]


def ask(place, question):
    """The first line of an answer, without the client."""
    path = next(place.dir.glob("*.sock"))
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(live.WAIT_S)
        s.connect(str(path))
        s.sendall(question.encode() + b"\n")
        return s.makefile("rb").readline().decode().rstrip("\n")


def get(path="/", close=b"close"):
    """One request; the server closes first, or the kernel does."""
    with live.connect(port=PORT) as s:
        us = s.getsockname()[1]
        s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n" % (path.encode(), close))
        live.equal(live.read_response(s)[0], 200, "status")
        if close == b"close":
            live.equal(s.recv(1), b"", "the end")
    return us


def of(packets, port):
    return [p for p in packets if str(port) in (p.sport, p.dport)]


def steps(packets):
    return {tuple(found.groups()) for p in packets
            if (found := re.search(r"  ([A-Z0-9-]+) -> ([A-Z0-9-]+)  ", p.comment))}


def sum16(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def bad_syn(interface):
    """A SYN to us whose checksum is wrong."""
    neigh = live.must("ip", "neigh", "show", live.OURS4).decode()
    dst = bytes.fromhex(re.search(r"lladdr (\S+)", neigh)[1].replace(":", ""))
    src = dst[:5] + bytes([dst[5] ^ 1])
    there, here = (socket.inet_aton(a) for a in (live.KERNEL4, live.OURS4))
    tcp = struct.pack(">HHIIBBHHH", 4321, PORT, 1, 0, 0x50, 2, 1000, 0, 0)
    right = sum16(there + here + struct.pack(">HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", right ^ 0x1234) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, there, here)
    ip = ip[:10] + struct.pack(">H", sum16(ip)) + ip[12:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        s.send(dst + src + b"\x08\0" + ip + tcp)


def behind_tap():
    "a server behind a TAP interface"
    live.new_net()
    place = Place()
    with live.serve("--listen", f"{PORT}:http", "--time-wait", "1s", env=place.env):
        with live.case("a whole life is in the file: each state, each verdict, and the right date"):
            began = time.time()
            process, path = place.begin("tcp")
            first, second = get(), get(close=b"keep-alive")
            live.until(lambda: not live.run(live.leat(), "conns", "-H", "state", "last-ack",
                                            env=place.env).stdout, "the last ACK")
            packets = place.end(process, path)
            over = time.time()
            for p in packets:
                live.check(began - 1 < p.at < over + 1, f"{p.at} is not in {began} to {over}")
                live.check(re.match(r"net_tap\S*/shard0$", p.interface), p.interface)
                live.check(re.match(r"shard 0  .*  (sent|verdict ok|verdict syn_new)$", p.comment),
                           p.comment)
                live.equal(p.out, p.sport == str(PORT), "direction of " + p.comment)
                live.equal(p.kept, min(p.octets, 128), "octets kept")
            live.equal([p.at for p in packets], sorted(p.at for p in packets), "order")
            live.check({("LISTEN", "SYN-RECEIVED"), ("SYN-RECEIVED", "ESTABLISHED")} <=
                       steps(of(packets, first)), steps(packets))
            live.check("TIME-WAIT" in {to for _, to in steps(of(packets, first))},
                       steps(of(packets, first)))
            live.check({("ESTABLISHED", "CLOSE-WAIT"), ("LAST-ACK", "CLOSED")} <=
                       steps(of(packets, second)), steps(of(packets, second)))
        with live.case("the file is its owner's alone, and says what was lost: nothing"):
            before = os.umask(0)
            try:
                process, path = place.begin()
            finally:
                os.umask(before)
            place.end(process, path)
            live.equal(path.stat().st_mode & 0o777, 0o600, "mode")
            said = live.must("tshark", "-r", path, "-q", "-z", "expert").decode()
            live.check("Error" not in said, said)
        with live.case("of drops alone, one bad checksum, and why it was dropped"):
            process, path = place.begin("--drops")
            get()
            bad_syn("leat0")
            live.until(lambda: len(read(path)) > 0, "the drop")
            packets = [p for p in place.end(process, path) if p.dport == "80"]
            live.equal([p.comment for p in packets], [
                "shard 0  verdict drop_tcp_csum: A wrong TCP checksum (MUST-3). (RFC 9293 3.1)"],
                "drops")
        with live.case("a ring is written when the event comes, which is its last packet"):
            process, path = place.begin("--ring", 4, "--trigger", "reset")
            for _ in range(3):
                get()
            live.check(not process.died(), "it ended without a reset")
            s = live.connect(port=PORT)
            live.abort(s)
            packets = place.ended(process, path)
            live.equal(len(packets), 4, "packets")
            live.check(packets[-1].reset and "verdict rst_accepted" in packets[-1].comment,
                       packets[-1].comment)
            live.check(packets[-1].comment.startswith("shard 0  ESTABLISHED -> CLOSED"),
                       packets[-1].comment)
        with live.case("a ring whose event does not come is written at its end, and says so"):
            process, path = place.begin("--ring", "16KiB", "--trigger", "drop_frag,closing")
            for _ in range(20):
                get()
            packets = place.end(process, path)
            # A slot has 128 octets of the frame and a head: 16 KiB have 64 of them.
            live.equal(len(packets), 64, "packets of 16 KiB")
            refused = place.capture("--ring", "1KiB", "--snap", "4096", "-w", path)
            live.equal((refused.returncode, "one packet takes" in refused.stderr), (1, True),
                       refused.stderr)
            process, path = place.begin("--ring", 1000, "--trigger", "drop_frag,closing")
            get()
            packets = place.end(process, path)
            live.check(len(packets) > 5, len(packets))
            live.check("; the trigger was not seen" in process.err, process.err)
        with live.case("one connection is as leat conns shows it, and no other's packet"):
            with live.connect(port=PORT) as s:
                end = f"{live.OURS4}:{PORT}"
                peer = f"{live.KERNEL4}:{s.getsockname()[1]}"
                one = place.begin("--conn", f"{end},{peer}", "--snap", 60)
                two = place.begin("--conn", end, peer, "tcp[tcpflags] & tcp-fin != 0")
                get()
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                live.read_response(s)
                live.equal(s.recv(1), b"", "the end")
                packets, fins = place.end(*one), place.end(*two)
                live.equal(len(of(packets, s.getsockname()[1])), len(packets), "packets")
                live.check(len(packets) >= 3, len(packets))
                live.equal({p.kept for p in packets if p.octets > 60}, {60}, "octets kept")
                live.check(0 < len(fins) <= 2 < len(packets), len(fins))
        with live.case("four at once, a fifth is refused; ended ones give their place back"):
            four = [place.begin() for _ in range(4)]
            done = place.capture("-w", place.dir / "fifth")
            live.equal((done.returncode, done.stderr), (
                3, "leat capture: 4 captures are under way already; end one of them\n"), "fifth")
            live.check(not (place.dir / "fifth").exists(), "a file of a capture that is none")
            get()
            counts = {len([p for p in place.end(*each) if p.syn]) for each in four}
            live.equal(counts, {2}, "SYNs in each")
        with live.case("a reader that is killed ends its capture, six times over"):
            for _ in range(6):
                process, _ = place.begin()
                process.expected = True
                process.signal(signal.SIGKILL)
                process.wait()
                get()
            live.until(lambda: place.capture("-c", 1, "--seconds", 1, "-w",
                                             place.dir / "after").returncode == 0, "a place")
        with live.case("a pipe that nobody reads any more ends it, too"):
            with subprocess.Popen([live.leat(), "capture"], env=place.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as process:
                live.equal(process.stdout.read(4), b"\n\r\r\n", "magic")
                process.stdout.close()
                get()
                live.equal(process.wait(live.WAIT_S), -signal.SIGPIPE, "exit")
        with live.case("a full disk is told"):
            process = live.Process([live.leat(), "capture", "-w", "/dev/full"], env=place.env)
            live.equal(process.wait(), 5, "exit code")
            live.equal(process.err, "leat capture: /dev/full: No space left on device; "
                       "the capture has ended", "stderr")
        with live.case("what no client would ask is refused, and harms nobody"):
            for words in ("code=00", "code=" + "0" * 16, "code=" + "zz" * 8,
                          "code=" + "0005000000000001" * 3, "snap=0", "snap=99999", "ring=x",
                          "trigger=", "trigger=reset,,", "count=-1x", "gibberish",
                          "ring=16777216 snap=16384"):
                live.check(ask(place, f"capture {words}").startswith("no "), words)
            get()
        with live.case("an instance that ends leaves a whole file, with its last word"):
            last = place.begin("tcp")
            get()
    with live.case("and that word came"):
        live.check(len(place.ended(*last)) > 5, "packets of the last capture")


def try_hold():
    "a trial whose ends are both here"
    place = Place()
    options = ("--hold", "--shards", 2, "--connections", 8, "--time-wait", "10ms", "--loss", "5%")
    with live.Process([live.leat(), "try", *options], env=place.env) as process:
        process.wait_line(r"^ *1 s ")
        with live.case("both ends of four shards, in the order of time; nothing is lost"):
            # A rare SYN, so that no ring is full however busy the machine is.
            path = place.dir / "both.pcapng"
            done = place.capture("-c", 400, "-w", path, "tcp[tcpflags] & tcp-syn != 0")
            live.equal(done.returncode, 0, done.stderr)
            packets = read(path)
            live.equal(len(packets), 400, "packets")
            live.equal([p.at for p in packets], sorted(p.at for p in packets), "order")
            live.equal({p.interface.rpartition("/")[2] for p in packets},
                       {f"shard{i}" for i in range(4)}, "interfaces")
            live.check({("SYN-SENT", "ESTABLISHED"), ("LISTEN", "SYN-RECEIVED")} <= steps(packets),
                       steps(packets))
        with live.case("a retransmission is the event, and says sent again"):
            path = place.dir / "again.pcapng"
            done = place.capture("--ring", 100, "--trigger", "retransmission", "--seconds", 60,
                                 "-w", path)
            live.equal(done.returncode, 0, done.stderr)
            live.check("trigger was not seen" not in done.stderr, done.stderr)
            live.check(any(p.comment.endswith("sent again") for p in read(path)), "no such packet")
        process.expected = True
        process.signal(signal.SIGINT)
        live.equal(process.wait(), 0, "exit code")


live.main([behind_tap, try_hold], needs=(*live.NEEDS_TAP, live.program("tshark")))
