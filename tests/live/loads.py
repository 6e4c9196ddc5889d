# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of leat load share: a load whose result is held against its schema and the laws of
its counters, and the ends that it runs against."""
import contextlib
import json
import os
import sys
from pathlib import Path

import live

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "app/load/schema"))
import check as schema  # noqa: E402  pylint: disable=wrong-import-position

RUN_S = live.PROCESS_S
GOOD = (0, 98)
PASS, FAIL, INCONCLUSIVE = 0, 99, 98
# A machine that stands still for seconds is no reason to fail: what is slow is not wrong.
PATIENT = ("--timeout", "60s")
LATE = ("--late-max", "60s")  # of an open load
OURS = ("--address", live.OURS4 + "/24", "--address", live.OURS6 + "/64")


class Load(live.Process):
    """`leat load -j`; its result is held against the schema."""

    made = 0

    def __init__(self, *options, net=None, json_too=True, **more):
        Load.made += 1
        words = ["-j"] if json_too else []
        self.label = f"live-{os.getpid()}-load{Load.made}"
        super().__init__([live.leat(), "load", "--name", self.label, *words, *options], net=net, seconds=RUN_S + 10, **more)

    def result(self, *codes):
        """What it told at its end; its exit code is one of codes, and that of its verdict."""
        code = self.wait(RUN_S)
        live.check(code in (codes or GOOD), f"exit code {code}: {self.err}\n{self.out[-2000:]}")
        told = json.loads(self.lines["out"][-1])
        live.equal(schema.difference(told), None, "difference to the schema")
        live.equal({"pass": 0, "fail": 99, "inconclusive": 98}[told["verdict"]], code, "exit code")
        live.check(told["balanced"], f"counts do not add up: {self.err}")
        return told


def sums(told):
    """The counters, after their laws."""
    c = told["connections"]
    live.equal(c["planned"], c["started"] + sum(c["not_started"].values()), "planned")
    live.equal(c["started"], c["completed"] + c["stopped"] + sum(c["failed"].values()), "started")
    tcp = told["tcp"]
    live.equal(sum(tcp["retransmits_by_kind"].values()), tcp["retransmits"], "retransmissions")
    columns, rows = told["series"]["columns"], told["series"]["rows"]
    for name in ("started", "established", "completed", "octets_in", "octets_out"):
        live.equal(sum(row[columns.index(name)] for row in rows), c[name], f"seconds of {name}")
    for name in ("started", "completed", "responses"):
        live.equal(sum(s["connections"][name] for s in told["shards"]), c[name], f"shards' {name}")
    return c


def all_good(told, cnt):
    c = sums(told)
    live.equal((c["planned"], c["completed"], c["failed_all"], c["not_started_all"]),
               (cnt, cnt, 0, 0), "planned, completed, failed, not started")
    live.equal(told["latency"]["connect"]["count"], cnt, "latencies")
    return c


def over_tap():
    """Options of the device, and what makes the kernel its other end."""
    def ready():
        live.until(lambda: live.run("ip", "link", "show", "leat0").returncode == 0, "the TAP",
                   RUN_S)
        live.configure("leat0")
    return ("--tap", "leat0"), ready


def over_veth():
    live.must("ip", "link", "add", "ours", "type", "veth", "peer", "name", "kernel")
    live.must("ethtool", "-K", "kernel", "tx", "off")
    live.must("ip", "link", "set", "ours", "up")
    live.configure("kernel")
    live.bring_up("ours")
    return ("--vdev", "net_af_packet0,iface=ours"), lambda: None


@contextlib.contextmanager
def pair(serve, load, shards=1, wire="memif"):
    """A server and a load in two processes, joined by a memif, or vhost-user and virtio-user; gives
    both."""
    path = live.directory() / f"{wire}-{Load.made}"
    ends = {"memif": [f"net_memif0,role={role},socket={path}" for role in ("server", "client")],
            "virtio": [f"net_vhost0,iface={path},queues={shards}",
                       f"net_virtio_user0,path={path},queues={shards}"]}[wire]
    with live.Server("--vdev", ends[0], "--address", live.OURS4 + "/24",
                     "--shards", shards, *serve) as server:
        server.wait_line(r"^ready", live.PROCESS_S)
        with Load("--vdev", ends[1], "--address", "198.18.0.9/24", "--shards",
                  shards, *PATIENT, *load) as client:
            yield server, client


def to_server(port=80):
    return ("--target", f"{live.OURS4}:{port}")
