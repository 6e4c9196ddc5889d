#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat serve` as a service: what it tells the manager that started it (sd_notify)."""
import os
import signal
import socket
import time

import live
from stopped import Stopped

NULL = ("--vdev", "net_null0", *live.ADDRESSES)
WATCHDOG_US = 400_000


class Manager:
    """The socket of a service manager, and what it was told: lists of lines."""

    def __init__(self, name):
        self.name, self.socket = name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
        self.socket.settimeout(live.WAIT_S)

    def serve(self, *options, **more):
        return live.Server(*NULL, *options, env=os.environ | {"NOTIFY_SOCKET": self.name} | more)

    def told(self):
        """The next that it is told."""
        return self.socket.recv(4096).decode().split("\n")

    def until(self, line):
        """What it is told up to the message that has this line."""
        heard = [self.told()]
        while line not in heard[-1]:
            heard.append(self.told())
        return heard

    def told_within(self, seconds):
        """All that it is told so long."""
        heard, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                heard.append(self.told())
            except TimeoutError:
                break
        self.socket.settimeout(live.WAIT_S)
        return heard


def life():
    "from start to end"
    for name in (str(live.directory() / "notify"), f"@leat-live-{os.getpid()}"):
        manager = Manager(name)
        with manager.serve("--grace", "7s") as server:
            with live.case(f"{name[0]}: it says that it is ready when it is, and not before"):
                live.equal(manager.told(), ["READY=1", "STATUS=net_null0: link up"], "first message")
                server.wait_line(r"^ready")
            with live.case(f"{name[0]}: without WATCHDOG_USEC there is no watchdog"):
                live.equal(manager.told_within(0.5), [], "messages")
            with live.case(f"{name[0]}: SIGTERM: it says that it drains, and for how long"):
                server.signal(signal.SIGTERM)
                live.equal(manager.told(), ["STOPPING=1", "STATUS=draining: 0 open",
                                            f"EXTEND_TIMEOUT_USEC={(7 + 2 + 10) * 1000000}"], "last")


def watchdog():
    "the watchdog"
    manager = Manager(str(live.directory() / "watchdog"))
    with manager.serve("--shards", 2, WATCHDOG_USEC=str(WATCHDOG_US)) as server:
        with live.case("it keeps the watchdog quiet while all lcores turn"):
            manager.until("READY=1")
            for _ in range(5):
                live.equal(manager.told(), ["WATCHDOG=1"], "message")
        with live.case("one lcore stands still: it does not, until that one goes on"):
            with Stopped(server.pid, "worker"):
                live.until(lambda: "has not turned" in server.err, "the warning")
                manager.socket.setblocking(False)
                try:
                    while True:
                        manager.told()
                except BlockingIOError:
                    manager.socket.settimeout(live.WAIT_S)
                live.equal(manager.told_within(4 * WATCHDOG_US / 1e6), [], "messages")
            live.equal(manager.told(), ["WATCHDOG=1"], "message after it")
    with manager.serve(WATCHDOG_USEC=str(WATCHDOG_US), WATCHDOG_PID="1") as server:
        with live.case("a watchdog meant for another process is not ours"):
            manager.until("READY=1")
            live.equal(manager.told_within(3 * WATCHDOG_US / 1e6), [], "messages")


def nobody():
    "a manager that is not there"
    for name, why in ((str(live.directory() / "nothing"), "the service manager does not listen: No "
                       "such file or directory"), ("here", "NOTIFY_SOCKET: `here` is no socket's name")):
        with live.case(f"{why[:30]}...: a warning, and it serves"):
            with live.Server(*NULL, env=os.environ | {"NOTIFY_SOCKET": name}) as server:
                server.wait_line(r"^ready")
                live.until(lambda: why in server.err, why)


live.main([life, watchdog, nobody], needs=live.NEEDS_NET)
