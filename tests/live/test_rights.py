#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `leat serve` and `leat try` may still do when they run: what their device needs."""
import os
import re
import signal
from pathlib import Path

import live

NET_ADMIN = 1 << live.CAP_NET_ADMIN
NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
          "--inh-caps=-all")
NO_SETPCAP = ("setpriv", "--inh-caps=-setpcap", "--bounding-set=-setpcap")
ALL_ZERO = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0, "NoNewPrivs": 1}


def threads(pid):
    """Of each thread its name and rights."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text()
        rights = {name: int(value, 16) for name, value in
                  re.findall(r"^(Cap\w+|NoNewPrivs):\s*(\w+)$", text, re.M)}
        yield re.search(r"^Name:\s*(.*)$", text, re.M)[1], rights


def hold(process, kept, bounding=True):
    """Every thread has what is kept; bounding: it may drop of that set too."""
    live.until(lambda: "\nready" in process.out or re.search(r"^ +1 s ", process.out, re.M),
               "it runs")
    found = list(threads(process.pid))
    live.check(len(found) >= 3, f"threads: {found}")
    expected = ALL_ZERO | {"CapPrm": kept, "CapEff": kept, "CapBnd": kept}
    for name, rights in found:
        if not bounding:
            live.check(rights["CapBnd"] != 0, "it had no bounding set to drop of")
            rights["CapBnd"] = kept
        live.equal(rights, expected, f"rights of the thread {name}")


def in_order(server, said=""):
    live.equal(server.stop(), 0, "exit code")
    server.ledger()
    live.equal(server.complaints, said, "stderr")
    live.equal(server.runtime_directories(), [], "runtime directories")


def answers(s, data):
    s.sendall(data)
    live.equal(live.read_exactly(s, len(data)), data, "echo")


def tap():
    "serve behind TAP, as root"
    net = live.new_net()
    options = ("--listen", "7:echo", "--time-wait", "1s", "--shards", "2")
    for time in ("first", "second"):
        with live.serve(*options) as server:
            with live.case(f"N227: TAP, {time} start: all threads keep CAP_NET_ADMIN only"):
                hold(server, NET_ADMIN)
            with live.case(f"N227: TAP, {time} start: it serves, and its link falls and rises"):
                with live.connect(port=7) as s:
                    answers(s, os.urandom(100000))
                    live.must("ip", "link", "set", "leat0", "down")
                    live.until(lambda: "link down" in server.err, "the link is down")
                    live.configure("leat0")
                    live.until(lambda: "link up" in server.err, "the link is up")
                    answers(s, os.urandom(100000))
                hold(server, NET_ADMIN)
            with live.case(f"N227: TAP, {time} start: it ends in order, nothing stays behind"):
                live.equal(server.stop(), 0, "exit code")
                server.ledger()
                live.equal(server.runtime_directories(), [], "runtime directories")
                live.check(b"leat0" not in live.must("ip", "link", net=net.name), "leat0 stays")


def others():
    "devices that need nothing, and users who have nothing"
    live.new_net()
    device = ("--vdev", "net_null0", *live.ADDRESSES)
    with live.case("N227: net_null: no thread keeps anything, and the end is in order"):
        with live.Server(*device) as server:
            hold(server, 0)
            in_order(server)
    with live.case("N227: in a directory of another user's, root leaves nothing"):
        foreign = live.directory() / "foreign"
        (foreign / "dpdk").mkdir(parents=True)
        for path in (foreign, foreign / "dpdk"):
            os.chown(path, 65534, 65534)
        with live.Server(*device, env=os.environ | {"RUNTIME_DIRECTORY": str(foreign)}) as server:
            hold(server, 0)
            in_order(server, f"leat: {foreign} is another user's; set RUNTIME_DIRECTORY\n"
                             "leat: warn: leatd: there is no control socket: leat conns, top and "
                             "ctl cannot ask this instance")
        live.equal(list((foreign / "dpdk").iterdir()), [], "files")
    with live.case("N227: a user without capabilities: nothing is said"):
        with live.Server(*device, before=NOBODY) as server:
            hold(server, 0, bounding=False)
            in_order(server)
    with live.case("N227: without CAP_SETPCAP the bounding set stays, and nothing is said"):
        with live.Server(*device, before=NO_SETPCAP) as server:
            hold(server, 0, bounding=False)
            in_order(server)
    with live.case("N227: threads that cannot be reached are told, and it serves"):
        with live.Server(*device, before=("env", "--block-signal=URG")) as server:
            server.wait_line(r"^ready")
            more = [name for name, rights in threads(server.pid) if rights["CapPrm"] != 0]
            live.check(more, "all were reached")
            live.equal(server.stop(), 0, "exit code")
            live.equal(sorted(re.findall(r"thread \d+ \((.*)\) keeps capabilities", server.err)),
                       sorted(more), "threads told")
            server.ledger()


def trial():
    "try, as root"
    net = live.new_net()
    with live.case("N227: try joined by rings: no thread keeps anything, and its ledger balances"):
        with live.Process([live.leat(), "try", "--hold"]) as process:
            hold(process, 0)
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
            live.equal(process.complaints, "", "stderr")
            live.check("NOT BALANCED" not in process.out, process.out)
    with live.case("N227: try --tap: all threads keep CAP_NET_ADMIN only, and the end is in order"):
        with live.Process([live.leat(), "try", "--tap"], net=net.name) as process:
            hold(process, NET_ADMIN)
            process.signal(signal.SIGINT)
            live.equal(process.wait(), 0, "exit code")
            live.check(b"leat0" not in live.must("ip", "link", net=net.name), "leat0 stays")


live.main([tap, others, trial], needs=live.NEEDS_TAP + (live.as_root,))
