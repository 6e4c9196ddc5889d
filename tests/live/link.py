# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces joined by link_emu, with a sender in the far one and a reader in the near one.

    with link.Lane({"delay": 25000, "loss": 10000, "seed": 7}) as lane:
        lane.leat() or lane.linux()
        rate = lane.get(octets).finished()

The sender is `leat serve` or the kernel; the reader is the kernel, for both.  LINK_EMU names the
emulator.
"""
import hashlib
import json
import os
import socket
import sys
import time

import live

PORT = 80
BUFFER = 8 << 20  # what each end may hold, ours and the kernel's
SYSCTLS = {"net.ipv4.tcp_sack": 1, "net.ipv4.tcp_no_metrics_save": 1,
           "net.ipv4.tcp_rmem": f"4096 131072 {2 * BUFFER}",
           "net.ipv4.tcp_wmem": f"4096 131072 {BUFFER}",
           "net.ipv6.conf.all.disable_ipv6": 1}


def emulator():
    path = os.environ.get("LINK_EMU", "")
    if not os.access(path, os.X_OK):
        sys.exit(f"LINK_EMU={path!r} is no program: LINK_EMU=build/tests/live/link_emu")
    return os.path.abspath(path)


# --- the peers, in processes of their own ---------------------------------------------------------

def serve():
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
                s.recv(1)


def get(octets):
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


# --- one link -------------------------------------------------------------------------------------

class Get(live.Process):
    """The reader of one body."""

    def __init__(self, net, octets, seconds):
        self.octets, self.seconds = octets, seconds
        super().__init__([sys.executable, __file__, "get", str(octets)], net=net, seconds=seconds)

    def finished(self):
        """Mbit/s of the body, which must be the right one."""
        live.equal(self.wait(self.seconds), 0, "exit code of the reader: " + self.err)
        found = json.loads(self.lines["out"][-1])
        live.equal(found["sha256"], live.digest(live.body(self.octets)), "sha256 of the body")
        return self.octets * 8 / found["seconds"] / 1e6


class Lane:
    """Its two namespaces, the emulator, and at the far end a sender, all ended within seconds."""

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
        live.must("ip", "link", "set", "b0", "up", net=self.far.name)

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
        return Get(self.near.name, octets, self.seconds)

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
    serve() if sys.argv[1] == "serve" else get(int(sys.argv[2]))
