# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces joined by link_emu: in the far one a server, in the near one its client.

    with link.Lane({"delay": 25000, "loss": 10000, "seed": 7}) as lane:
        lane.leat() or lane.linux()
        rate = lane.get(octets).finished()

The server, which sends (get) or receives (put), is `leat serve` or the kernel; the client is the
kernel, for both.  LINK_EMU names the emulator.
"""
import hashlib
import json
import os
import socket
import sys
import time

import live

PORT = 80
DONE = live.body(3)
BUFFER = 8 << 20  # what each end may hold, ours and the kernel's
SYSCTLS = {"net.ipv4.tcp_sack": 1, "net.ipv4.tcp_no_metrics_save": 1,
           "net.ipv4.tcp_rmem": f"4096 131072 {2 * BUFFER}",
           "net.ipv4.tcp_wmem": f"4096 131072 {BUFFER}",
           "net.ipv6.conf.all.disable_ipv6": 1}


def emulator():
    return live.of_environment("LINK_EMU", "build/tests/live/link_emu")


# --- the peers, in processes of their own ---------------------------------------------------------

def answer(s):
    """One request: /bytes/N gives N octets, POST takes its body."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(4096)
    method, path = head.split()[:2]
    octets = int(path.rsplit(b"/", 1)[1])
    if method == b"POST":
        head, text = head.split(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split()[0]) - len(text)
        while left and (part := s.recv(min(left, 1 << 18))):
            left -= len(part)
    s.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n".encode())
    pour(s, octets)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)


def pour(s, octets):
    period = live.body(89 * 4096)
    for at in range(0, octets, len(period)):
        s.sendall(period[:octets - at])


def serve():
    """One response for each connection, by the kernel."""
    with socket.create_server(("", PORT)) as listener:
        # Not by sysctl: a kernel may keep CUBIC from being the default of a namespace.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        print("ready", flush=True)
        while True:
            s, _ = listener.accept()
            with s:
                answer(s)


def get(octets):
    """The seconds a body takes, and what it is."""
    begin = time.monotonic()
    with live.connect(live.OURS4, PORT) as s:
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


def put(octets):
    """The seconds until a body that we send is answered; what the answer is."""
    begin = time.monotonic()
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    with s:
        s.settimeout(live.WAIT_S)
        s.connect((live.OURS4, PORT))
        s.sendall(f"POST /bytes/{len(DONE)} HTTP/1.1\r\nHost: b\r\nContent-Length: {octets}\r\n"
                  "Connection: close\r\n\r\n".encode())
        pour(s, octets)
        got = live.read_all(s)
        seconds = time.monotonic() - begin
    if not got.endswith(b"\r\n\r\n" + DONE):
        sys.exit(f"answered {got[-200:]!r}")
    print(json.dumps({"seconds": seconds}), flush=True)


# --- one link -------------------------------------------------------------------------------------

class Client(live.Process):
    """The reader, or sender, of one body."""

    def __init__(self, what, net, octets, seconds):
        self.octets, self.seconds = octets, seconds
        super().__init__([sys.executable, __file__, what, str(octets)], net=net, seconds=seconds)

    def finished(self):
        """Mbit/s of the body, which must be the right one."""
        live.equal(self.wait(self.seconds), 0, "exit code of the client: " + self.err)
        found = json.loads(self.lines["out"][-1])
        if "sha256" in found:
            live.equal(found["sha256"], live.digest(live.body(self.octets)), "sha256 of the body")
        return self.octets * 8 / found["seconds"] / 1e6


class Lane:
    """Its two namespaces, the emulator, and at the far end a server, all ended within seconds."""

    def __init__(self, settings, seconds=live.PROCESS_S):
        self.seconds, self.server, self.did = seconds, None, None
        self.near, self.far = live.Net(), live.Net()
        for net in (self.near, self.far):
            for name, value in SYSCTLS.items():
                net.sysctl(name, value)
        words = [str(word) for pair in settings.items() for word in pair]
        self.emu = live.Process([emulator(), live.NETNS_DIR / self.near.name, "a0",
                                 live.NETNS_DIR / self.far.name, "b0", *words], seconds=seconds)
        self.emu.wait_line("^ready")
        live.configure("a0", self.near, only4=True)
        live.bring_up("b0", self.far.name)

    def linux(self):
        live.must("ip", "addr", "add", live.OURS4 + "/24", "dev", "b0", net=self.far.name)
        self.server = live.Process([sys.executable, __file__, "serve"], net=self.far.name,
                                   seconds=self.seconds)
        self.server.wait_line("^ready")

    def leat(self, *options):
        self.server = live.Server(
            "--vdev", "net_af_packet0,iface=b0,framecnt=4096", "--address", live.OURS4 + "/24",
            "--connections", 64, "--send-buffer", BUFFER, "--receive-buffer", BUFFER,
            *options, net=self.far.name, seconds=self.seconds)
        self.server.wait_line("^ready")

    def get(self, octets):
        return Client("get", self.near.name, octets, self.seconds)

    def put(self, octets):
        return Client("put", self.near.name, octets, self.seconds)

    def end(self):
        """What the link did with the frames, "a->b" and "b->a"."""
        if self.did is None:
            self.emu.signal(15)
            live.equal(self.emu.wait(), 0, "exit code of link_emu: " + self.emu.err)
            rows = [line.split(" ", 1) for line in self.emu.lines["out"] if "frames=" in line]
            self.did = {way: {k: int(v) for k, v in (f.split("=") for f in rest.split())}
                        for way, rest in rows}
            if self.server:
                self.server.end()
        return self.did

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


if __name__ == "__main__":
    {"serve": serve, "get": get, "put": put}[sys.argv[1]](*map(int, sys.argv[2:]))
