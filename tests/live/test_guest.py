#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""leatd on network cards with queues and RSS: in a guest of qemu, whose emulated processor needs no
right of the host's; the kernel of this machine is the peer, over TAP.

Runs when LEAT_GUEST names a directory with an unpacked kernel package (boot/vmlinuz-*, and its
modules); tests/live/guest.sh fetches one and runs this.  The guest has nothing but that kernel,
leatd with the libraries and drivers it loads, and guest_init.c.
"""
import contextlib
import gzip
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import live

BOOT_S = 900  # all of these are a few seconds on a quiet machine
RUN_S = 600
CONNECTIONS = 150
TRIAL = 256   # segments of a queue that are all verified
CARD = "0000:00:{:02x}.0"
# In this slot: queues, and what qemu and DPDK call the card.  The last two say they have more queues
# than the one that anything arrives at, and hash nothing.
CARDS = {3: (4, "virtio-net-pci", "virtio"), 4: (2, "virtio-net-pci", "virtio"),
         5: (1, "virtio-net-pci", "virtio"), 6: (1, "vmxnet3", "vmxnet3"),
         7: (1, "e1000e", "e1000")}
SERVER, CLIENTS = "198.18.128.1", "198.18.0.1"  # of leat try


# --- what the guest is made of ------------------------------------------------------------------

def kernel():
    return next(iter(sorted(Path(os.environ["LEAT_GUEST"]).glob("boot/vmlinuz-*"))))


def module(name):
    return next(Path(os.environ["LEAT_GUEST"]).glob(f"**/kernel/drivers/uio/{name}.ko"))


def leatd():
    return live.of_environment("LEATD", "build/app/leatd/leatd")


def libraries(path):
    """What the loader maps for path: by name as it is asked for."""
    found = {}
    for line in live.must("ldd", path).decode().splitlines():
        if match := re.search(r"(\S+ => )?(/\S+) \(0x", line):
            found[match[2]] = match[2]
    return found


def drivers():
    """The plugins of DPDK that the guest's cards need, of the release leatd is built with."""
    eal = next(path for path in libraries(leatd()) if "librte_eal.so" in path)
    release = eal.rsplit(".so", 1)[1]
    for place in Path("/usr/lib").glob("*/dpdk/pmds-*"):
        if (place / f"librte_net_virtio.so{release}").exists():
            return [place / f"librte_{name}.so" for name in
                    ("mempool_ring", *{f"net_{card[2]}": 0 for card in CARDS.values()})]
    raise AssertionError(f"no drivers of DPDK for {eal}")


def entry(number, path, mode, data=b""):
    """One member of an archive of the kind newc."""
    name = path.lstrip("/").encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def initramfs(to):
    """The guest's files."""
    files = {"/init": live.of_environment("GUEST_INIT", "build/tests/live/guest_init"),
             "/leatd": leatd(), "/try": live.of_environment("GUEST_TRY", "build/tests/live/guest_try"),
             **{f"/{name}.ko": module(name) for name in
                                   ("uio", "uio_pci_generic")}}
    for path in (files["/init"], leatd(), *drivers()):
        files.update(libraries(path))
    # Which pthread_cancel() opens.
    libc = next(path for path in files if "/libc.so" in path)
    files[libc.replace("/libc.so.6", "/libgcc_s.so.1")] = libc.replace("libc.so.6", "libgcc_s.so.1")
    files.update({str(path): path for path in drivers()})
    folders = {str(p) for path in files for p in Path(path).parents if str(p) != "/"}
    folders |= {"/dev", "/tmp", "/var", "/var/run", "/run"}
    members = [entry(i, path, 0o40755) for i, path in enumerate(sorted(folders))]
    members += [entry(1000 + i, path, 0o100755, Path(source).read_bytes())
                for i, (path, source) in enumerate(files.items())]
    with gzip.open(to, "wb", compresslevel=1) as file:
        file.write(b"".join(members) + entry(0, "TRAILER!!!", 0))


# --- the guest ------------------------------------------------------------------------------------

class Guest(live.Process):
    """A guest, each card of which is an interface guestN in this namespace."""

    def __init__(self, net):
        archive = live.directory() / "guest.gz"
        if not archive.exists():
            initramfs(archive)
        cards = []
        for slot, (queues, name, _) in CARDS.items():
            cards += ["-netdev", f"tap,id=n{slot},ifname=guest{slot},script=no,downscript=no,"
                      f"vhost=off,queues={queues}"]
            cards += ["-device", f"{name},netdev=n{slot},addr={slot},romfile=,"
                      f"mac=52:54:00:00:00:{slot:02x}"
                      + ",disable-legacy=on" * name.startswith("virtio")
                      + f",mq=on,rss=on,hash=on,vectors={2 * queues + 2}" * (queues > 1)]
        super().__init__(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
             "-smp", 2, "-m", 1536, "-nodefaults", "-no-user-config", "-display", "none",
             "-no-reboot", "-serial", "stdio", "-kernel", kernel(), "-initrd", archive, "-append",
             "console=ttyS0 quiet pages=200 random.trust_cpu=on", *cards],
            net=net.name, seconds=5 * live.PROCESS_S, stdin=subprocess.PIPE)
        self.mark = 0
        self.wait_line("^guest: ready", BOOT_S)
        for slot in CARDS:
            net.sysctl(f"net.ipv6.conf.guest{slot}.router_solicitations", 0)

    def wait_line(self, pattern, seconds=RUN_S):
        """As of a Process, but of what was said since the last run."""
        end = time.monotonic() + seconds
        with self.changed:
            while not (found := next(filter(None, (re.search(pattern, line) for line in
                                                   self.lines["out"][self.mark:])), None)):
                left = end - time.monotonic()
                live.check(left > 0 and self.popen.poll() is None and "\nguest: ended" not in
                           self.said(), f"not within {seconds} s: /{pattern}/ in\n{self.said()}")
                self.changed.wait(min(left, 1))
        return found

    def said(self):
        return "\n".join(self.lines["out"][self.mark:])

    def tell(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def start(self, *words):
        self.mark = len(self.lines["out"])
        self.tell("run " + " ".join(map(str, words)))

    def ended(self, seconds=RUN_S):
        """The exit code of what was started."""
        return int(self.wait_line(r"^guest: ended (\d+)", seconds)[1])

    def end(self):
        super().end()
        self.popen.stdin.close()

    def number(self, pattern):
        return int(self.wait_line(pattern)[1].replace(",", ""))


def get(address, octets):
    with live.connect(address, seconds=RUN_S) as s:
        s.sendall(f"GET /bytes/{octets} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        live.equal(live.read_response(s)[2], live.body(octets), "body")


class Http(threading.Thread):
    """The kernel's TCP as a server: a request, a response, and it closes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("", 80), backlog=4096)
        self.served = 0
        self.start()

    def run(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 512\r\nConnection: close\r\n\r\n"
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            with s:
                try:
                    if b"\r\n\r\n" in s.recv(4096):
                        s.sendall(head + live.body(512))
                        self.served += 1
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(live.WAIT_S)
        self.socket.close()


@contextlib.contextmanager
def interface(slot, *addresses):
    """The kernel's end of a card, with addresses."""
    name = f"guest{slot}"
    for address in addresses:
        live.must("ip", "addr", "add", address, "dev", name, *["nodad"] * (":" in address))
    live.must("ip", "link", "set", name, "up")
    try:
        yield
    finally:
        live.must("ip", "link", "set", name, "down")
        live.must("ip", "addr", "flush", "dev", name)


def serve(guest, slot, shards):
    """The kernel connects to leatd behind a card, over both versions of IP."""
    guest.start("/leatd", "serve", "--device", CARD.format(slot), "--shards", shards,
                "--connections", 4000, "--time-wait", "1s", *live.ADDRESSES)
    guest.wait_line("^ready")
    with interface(slot, live.KERNEL4 + "/24", live.KERNEL6 + "/64"):
        for address in (live.OURS4, live.OURS6):
            for octets in range(CONNECTIONS):
                get(address, octets)
        live.must("curl", "-sS", "-o", "/dev/null", live.url(live.OURS4, "/bytes/2000000"),
                  seconds=RUN_S)
        live.until(lambda: all(state in ("LISTEN", "TIME-WAIT") for state, *_ in
                               live.kernel_connections()), "the kernel closed first", RUN_S)
        guest.tell("int")
        live.equal(guest.ended(), 0, "exit code")
    opened = guest.number(r"^ledger +opened ([\d,]+) = closed second \1 \+ reset 0   balanced")
    live.equal(opened, 2 * CONNECTIONS + 1, "connections")


def connect(guest, slot, shards):
    """leatd connects from behind a card to the kernel, from 254 addresses."""
    card = CARD.format(slot)
    with interface(slot, SERVER + "/15"), Http() as http:
        guest.start("/try", "-l", "0-1", "-a", card, "--in-memory", "--no-telemetry",
                    "--log-level=*:critical", "--", card, "--shards", shards, "--connections", 16,
                    "--seconds", 1, "--close", "server")
        live.equal(guest.ended(), 0, "exit code")
    opened = guest.number(r"client opened ([\d,]+) = closed second \1 \+ reset 0   balanced")
    live.equal(opened, http.served, "connections of which the kernel knows")
    live.check(opened >= 16, f"only {opened} connections")


WAYS = {"the kernel connects": serve, "we connect": connect}


def steered(guest):
    """What was told of steering at the end."""
    guest.wait_line("on a wrong shard 0$")
    found = guest.wait_line(r"; moved ([\d,]+) frames of ([\d,]+), dropped 0, .* on a lane"
                            r"(?:; carried [\d,]+ frames for shards without a queue)?"
                            r"(?:; verified ([\d,]+) segments, each as computed)?; on a wrong")
    return [int((text or "0").replace(",", "")) for text in found.groups()]


# --- groups -----------------------------------------------------------------------------------------

def cards():
    "cards with queues and RSS, and with less: N220, N221"
    guest = Guest(live.new_net())
    for name, way in WAYS.items():
        with live.case(f"4 queues, 4 shards, {name}: key and table are read back, every segment "
                       "comes to its shard as computed, none moves"):
            way(guest, 3, 4)
            guest.wait_line("by the device: our key of 320 bits and table of 128 were set, read "
                            "back equal")
            moved, received, verified = steered(guest)
            live.equal(moved, 0, "frames moved")
            live.check(verified > min(3 * TRIAL, received // 4), f"verified {verified} only")
        with live.case(f"2 queues, 3 shards, {name}: those of the third arrive at the first, and "
                       "the second is trusted"):
            way(guest, 4, 3)
            guest.wait_line("IN PART, since it has 2 queues for 3 shards: our key of 320 bits")
            moved, received, verified = steered(guest)
            live.check(0 < moved < received, f"moved {moved} of {received}")
            live.check(verified > 0, "none verified")
        with live.case(f"1 queue, 3 shards, {name}: in software"):
            way(guest, 5, 3)
            guest.wait_line("in software, since 1 queue for 3 shards")
            moved, received, verified = steered(guest)
            live.check(0 < moved < received, f"moved {moved} of {received}")
            live.equal(verified, 0, "verified")
    for slot, driver, why in ((6, "net_vmxnet3", "2 queues for 3 shards, and net_vmxnet3 has no "
                               "redirection table"),
                              (7, "net_e1000_em", "2 queues for 3 shards, and net_e1000_em")):
        with live.case(f"{driver}, 3 shards, the kernel connects: in software, whatever comes where"):
            serve(guest, slot, 3)
            guest.wait_line(f"in software, since {why}")
            moved, received, verified = steered(guest)
            live.check(0 < moved < received, f"moved {moved} of {received}")
            live.equal(verified, 0, "verified")


def missing():
    if not os.environ.get("LEAT_GUEST"):
        return "not asked for; tests/live/guest.sh fetches a kernel and does"
    return None if list(Path(os.environ["LEAT_GUEST"]).glob("boot/vmlinuz-*")) else \
        f"no boot/vmlinuz-* in {os.environ['LEAT_GUEST']}"


live.main([cards], needs=(missing, live.program("qemu-system-x86_64"), *live.NEEDS_TAP))
