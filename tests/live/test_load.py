#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""leat load against nginx on the kernel's TCP, and against leat serve: what it reports is what they
saw.

Everything is judged by counters: ours, nginx's access log, the other end's ledger.  How fast it
went is the machine's business, so that a run that came out well may end with 0, or with 98 where
the generator says that it was late itself.
"""
import contextlib
import re
import shutil
import signal
import subprocess

import live
from loads import (FAIL, GOOD, INCONCLUSIVE, LATE, OURS, PATIENT, RUN_S, Load, all_good, over_tap,
                   over_veth, pair, sums, to_server)

LOG = "$status $body_bytes_sent $bytes_sent $request_length $connection"


@contextlib.contextmanager
def nginx(files):
    """nginx in the present namespace; files: path to octets.  Gives a function that stops it and
    tells the rows of its access log."""
    place = live.directory() / f"nginx-{len(list(live.directory().iterdir()))}"
    (place / "www").mkdir(parents=True)
    for name, data in files.items():
        (place / "www" / name).write_bytes(data)
    temp = "".join(f"{kind}_temp_path {place}/tmp;\n" for kind in
                   ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (place / "conf").write_text(
        f"user root; daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ log_format leat '{LOG}'; access_log {place}/access.log leat;\n"
        f"{temp} keepalive_requests 1000000; server {{ listen 80 backlog=4096;\n"
        f"listen [::]:80 ipv6only=on backlog=4096; root {place}/www;\n"
        # It reads a body only to pass it on.
        "location = /post { proxy_pass http://127.0.0.1:81/; proxy_ignore_client_abort on; } }\n"
        "server { listen 127.0.0.1:81; access_log off; location / { return 200 ok; } } }\n",
        encoding="ascii")

    def stop():
        process.signal(signal.SIGQUIT)
        live.equal(process.wait(), 0, "exit code of nginx")
        text = (place / "access.log").read_text(encoding="ascii")
        return [[int(word) for word in line.split()] for line in text.splitlines()]

    with live.Process(["nginx", "-c", place / "conf", "-e", place / "error.log"]) as process:
        live.until(lambda: ("LISTEN", 80, 0) in live.kernel_connections(), "nginx listens")
        yield stop


def same_as_log(told, rows):
    """Count and octets, each exactly."""
    c = told["connections"]
    live.equal(len(rows), c["responses"], "rows of the access log")
    live.equal({row[0] for row in rows} or {200}, {200}, "status")
    live.equal(sum(row[1] for row in rows), c["octets_in"], "octets of bodies")
    live.equal(sum(row[2] for row in rows), c["octets_in"] + c["head_octets_in"], "octets sent")
    live.equal(sum(row[3] for row in rows), c["octets_out"], "octets of requests")
    live.equal(len({row[4] for row in rows}), c["completed"], "connections")


RUNS = (
    # what, options, files, connections, requests of each
    ("an open load with a ramp", (*LATE, "--rate", "400/s", "--ramp", "1s", "--duration", "2s",
                                  "--path", "/f", "--body", "1000", "--verify", "pattern"),
     {"f": live.body(1000)}, 1000, 1),
    ("keep-alive, the server closing", (*LATE, "--rate", "100/s", "--duration", "2s", "--requests", "5",
                                        "--think", "uniform:1ms-9ms", "--closes", "server",
                                        "--path", "/f", "--body", "70000"),
     {"f": b"x" * 70000}, 200, 5),
    ("a closed load of 20 over IPv6", ("--concurrency", "20", "--total", "400", "--path", "/f"),
     {"f": live.body(3)}, 400, 1),
    ("POST and half-close", ("--concurrency", "5", "--total", "100", "--path", "/post",
                             "--request", "uniform:1-9000", "--half-close", "--body", "2"),
     {}, 100, 1),
    ("resets at the end", ("--concurrency", "5", "--total", "100", "--path", "/f", "--closes",
                           "reset"), {"f": live.body(500)}, 100, 1),
)


def against_nginx(over, name):
    if not shutil.which("nginx"):
        live.Tap.skip(f"leat load against nginx over {name}", "needs the program nginx")
        return
    for what, options, files, cnt, requests in RUNS:
        live.new_net()
        target = f"[{live.KERNEL6}]:80" if "IPv6" in what else f"{live.KERNEL4}:80"
        with live.case(f"{what}, over {name}: the report is nginx's access log, to the octet"):
            with nginx(files) as stop:
                device, ready = over()
                with Load(*device, *OURS, *PATIENT, "--target", target, *options) as load:
                    ready()
                    told = load.result()
                rows = stop()
            c = all_good(told, cnt)
            live.equal(c["responses"], cnt * requests, "responses")
            same_as_log(told, rows)
            live.equal(told["tcp"]["time_wait"]["peak"] > 0, "server" not in options and
                       "reset" not in options, "TIME-WAIT on our side")


def nginx_tap():
    "leat load against nginx over TAP"
    against_nginx(over_tap, "TAP")


def nginx_veth():
    "leat load against nginx over af_packet and veth"
    against_nginx(over_veth, "af_packet and veth")


# --- against leat serve, over memif -----------------------------------------------------------

PROGRAM = "7000:program:loop 3 { expect 500; send 2KiB; wait 1ms }; expect eof; close"
PAIRS = (
    ("http, each size drawn", (), (*LATE, "--rate", "300/s", "--duration", "2s", "--body",
                                   "exp:3000-100KiB", "--requests", "2", *to_server()), 600),
    ("echo of drawn sizes", ("--listen", "7:echo"),
     ("-p", "echo", "--request", "uniform:1-30000", "--requests", "3", "--total", "300", "-c",
      "20", *to_server(7)), 300),
    ("discard", ("--listen", "9:discard"),
     ("-p", "discard", "--request", "10KiB", "--total", "300", "-c", "20", *to_server(9)), 300),
    ("connect-only from many addresses", ("--listen", "9:discard"),
     (*LATE, "-p", "connect-only", "--rate", "300/s", "-d", "1s", "--sources", "198.18.0.64/26",
      *to_server(9)), 300),
    ("a program at both ends", ("--listen", PROGRAM),
     ("-p", "loop 3 { send 500; expect 2KiB }; half-close; expect eof", "--total", "200", "-c",
      "20", *to_server(7000)), 200),
    ("http with losses", ("--loss", "1%", "--grace", "5s"),
     ("--loss", "1%", "--seed", "7", "--total", "200", "-c", "20", "--body", "20000",
      "-d", "0s", *to_server()), 200),
    ("http over wires that lose, delay, swap, double and spoil",
     ("--impair-in", "corrupt=1%,duplicate=1%,loss=0.5%", "--grace", "5s"),
     ("--impair-in", "delay=5ms,jitter=2ms,loss=0.5%", "--impair-out",
      "delay=5ms,reorder=1%,duplicate=2%", "--seed", "5", "--total", "200", "-c", "20", "--body",
      "20000", *to_server()), 200),
)


def ledgers_agree(server, told, cnt, lossy):
    live.equal(server.stop(), 0, "exit code of leat serve")
    ledger = server.ledger()
    # Where frames are lost a SYN-ACK may be sent for a SYN that came twice.
    live.check(ledger["opened"] == cnt or lossy and ledger["opened"] >= cnt,
               f"opened by the server: {ledger}")
    live.equal(told["connections"]["established"], cnt, "established here")
    live.equal(ledger.get("reset", 0), 0, "reset")


def memif():
    "leat load against leat serve over memif"
    for what, serve, load, cnt in PAIRS:
        with live.case(f"{what}: nothing fails, and both ledgers are equal"):
            with pair(serve, load) as (server, client):
                told = client.result()
                all_good(told, cnt)
                if "delay=5ms" in " ".join(load):
                    live.check(told["latency"]["connect"]["min"] >= 0.010, "no delay both ways")
                ledgers_agree(server, told, cnt, "loss" in " ".join(serve))
    with live.case("two shards at each end share one plan, and both ledgers are equal"):
        with pair((), (*LATE, "--rate", "500/s", "-d", "2s", "--body", "100", *to_server()),
                  shards=2) as (server, client):
            told = client.result()
            all_good(told, 1000)
            live.equal([s["connections"]["started"] for s in told["shards"]], [500, 500],
                       "started by each shard")
            ledgers_agree(server, told, 1000, False)


def virtio():
    "leat load against leat serve over vhost-user and virtio-user"
    for what, serve, load, cnt in PAIRS[:4]:
        with live.case(f"{what}: nothing fails, and both ledgers are equal"):
            with pair(serve, load, wire="virtio") as (server, client):
                all_good(told := client.result(), cnt)
                ledgers_agree(server, told, cnt, False)
    with live.case("two shards at each end share one plan, and both ledgers are equal"):
        with pair((), (*LATE, "--rate", "500/s", "-d", "2s", "--body", "100", *to_server()),
                  shards=2, wire="virtio") as (server, client):
            all_good(told := client.result(), 1000)
            ledgers_agree(server, told, 1000, False)


def holds(client, cnt):
    """Waits until a second was told in which so many were in flight."""
    def told():
        live.check(not client.died(), "the load ended")
        return re.search(rf"in flight +{cnt} ", client.err)
    live.until(told, f"{cnt} in flight", RUN_S)


def stop_twice(client):
    """Signals until it ends: the second of two may come before the first was seen, and then they
    were one."""
    client.signal(signal.SIGTERM)
    for _ in range(10):
        try:
            client.popen.wait(1)
            break
        except subprocess.TimeoutExpired:
            client.signal(signal.SIGTERM)
    return client.result(INCONCLUSIVE)


def endings():
    "how a run ends"
    with live.case("SIGTERM ends it with FINs and a report that says partial"):
        slow = ("--listen", "7000:program:loop 1000000 { expect 10; wait 50ms; send 10 }")
        with pair(slow, ("-v", "-p", "loop 1000000 { send 10; expect 10 }", "-c", "30", "-d",
                         "600s", *to_server(7000))) as (server, client):
            holds(client, 30)
            client.signal(signal.SIGTERM)
            told = client.result(INCONCLUSIVE)
            c = sums(told)
            live.equal((told["partial"], c["stopped"], c["failed_all"]), (True, 30, 0),
                       "partial, stopped, failed")
            live.equal(server.stop(), 0, "exit code of leat serve")
            ledger = server.ledger()
            live.equal((ledger["opened"], ledger.get("reset", 0)), (30, 0),
                       "opened and reset at the server")
    with live.case("a second SIGTERM cuts what is open, and the report counts it"):
        with pair(("--listen", "7000:program:wait 1h"),
                  ("-v", "-p", "expect 1", "-c", "10", "-d", "600s", "--timeout", "0s",
                   *to_server(7000))) as (server, client):
            holds(client, 10)
            told = stop_twice(client)
            live.equal(sums(told)["failed"]["cut"], 10, "cut")
    with live.case("--abort-at-end resets what is open when the plan ends, as no failure"):
        with pair(("--listen", "7000:program:wait 1h"),
                  ("-p", "expect 1", "-c", "10", "-d", "1s", "--abort-at-end",
                   *to_server(7000))) as (server, client):
            told = client.result(INCONCLUSIVE)  # none was completed: it proves nothing
            live.check("no connection was completed before" in told["why"], told["why"])
            c = sums(told)
            live.equal((c["started"], c["stopped"], c["failed_all"]), (10, 10, 0),
                       "started, stopped, failed")
            live.equal(server.stop(), 0, "exit code of leat serve")
            live.equal(server.ledger()["reset"], 10, "reset at the server")
    with live.case("--abort-at-end and ^C: what is between two requests is reset, and gets no FIN"):
        with pair((), ("-v", "-c", "10", "-d", "600s", "--requests", "2", "--think", "1h",
                       "--abort-at-end", *to_server())) as (server, client):
            holds(client, 10)
            client.signal(signal.SIGINT)
            c = sums(client.result(INCONCLUSIVE))
            live.equal((c["started"], c["stopped"], c["failed_all"]), (10, 10, 0),
                       "started, stopped, failed")
            live.equal(server.stop(), 0, "exit code of leat serve")
            live.equal(server.ledger(), {"opened": 10, "reset": 10}, "the server's ledger")


# --- verdicts ---------------------------------------------------------------------------------

def verdicts():
    "what a run proves"
    with live.case("a closed port is the peer's doing: exit 99, each one counted as refused"):
        with pair((), ("-c", "5", "--total", "50", *to_server(81))) as (_, client):
            c = sums(client.result(FAIL))
            live.equal((c["failed"]["refused"], c["failed_all"]), (50, 50), "refused")
    with live.case("a body that is not the one expected: exit 99, wrong octets or length"):
        with pair(("--body", "300"), ("-c", "5", "--total", "50", "--path", "/", "--body", "200",
                                      *to_server())) as (_, client):
            c = sums(client.result(FAIL))
            live.equal((c["failed"]["bad_response"], c["completed"]), (50, 0), "bad responses")
            live.equal(c["first_bad_response"], {"status": 200, "octets": 300, "wanted": 200},
                       "the first of them")
    with live.case("a silent server: each failure is a response timeout"):
        with pair(("--listen", "9:discard"), ("-c", "10", "--total", "10", "--timeout", "5s",
                                              *to_server(9))) as (_, client):
            c = sums(client.result(FAIL, INCONCLUSIVE))
            live.equal((c["failed"]["response_timeout"], c["failed_all"]), (10, 10), "timeouts")
    with live.case("a plan of more tuples than there are does not begin: exit 3, with what to add"):
        done = plan_only("--rate", "2000/s", "--source-ports", "1024-2023", "-d", "60s")
        live.equal(done.returncode, 3, "exit code")
        said = done.stderr.decode()
        for word in ("120,000 pairs", "there are 1,000", "at most 16.7 /s", "--sources of 120",
                     "--anyway"):
            live.check(word in said, f"{word!r} is not in {said!r}")
        live.equal(done.stdout, b"", "stdout")
    with live.case("begun --anyway it runs out of them, and the verdict is no pass"):
        with pair((), ("--rate", "200/s", "--source-ports", "1024-1123", "-d", "2s", "--anyway",
                       *to_server())) as (server, client):
            told = client.result(INCONCLUSIVE)
            c = sums(told)
            live.equal((c["planned"], c["failed_all"]), (400, 0), "planned and failed")
            live.check(c["completed"] <= 100, f"{c['completed']} of 100 ports completed")
            live.check(c["not_started"]["no_port"] > 0, "none of them for want of a port")
            live.check(told["limits"]["saturated"], "it does not say that it was the limit")
            live.equal(server.stop(), 0, "exit code of leat serve")
    with live.case("nor is that of a closed load that never came to as many as it was to hold"):
        with pair((), ("-c", "64", "--source-ports", "1024-1055", "-d", "1s", "--anyway",
                       *to_server())) as (server, client):
            told = client.result(INCONCLUSIVE)
            c = sums(told)
            live.equal((c["completed"], c["failed_all"]), (32, 0), "completed and failed")
            live.check("waited for a pair of address and port" in told["why"], told["why"])
            live.equal(server.stop(), 0, "exit code of leat serve")
    with live.case("an expectation that is not met: exit 99, or 98 on a machine that was late"):
        with pair((), ("-c", "2", "--total", "20", "-e", "errors == 0", "-e",
                       "connect_p50 < 1ns", *to_server())) as (_, client):
            told = client.result(FAIL, INCONCLUSIVE)
            live.equal([e["ok"] for e in told["expect"]], [True, False], "met")


def plan_only(*options):
    return live.run(live.leat(), "load", "--vdev", "net_null0", "--address", "198.18.0.9/24",
                    *to_server(), *options)


def text():
    "the report for people"
    with live.case("plan line first, a line a second, and the verdict last"):
        path = live.directory() / "memif-text"
        device = f"net_memif0,role={{}},socket={path}"
        with live.Server("--vdev", device.format("server"), "--address",
                         live.OURS4 + "/24") as server:
            server.wait_line(r"^ready", live.PROCESS_S)
            with Load("--vdev", device.format("client"), "--address", "198.18.0.9/24",
                      *to_server(), *PATIENT, *LATE, "--rate", "200/s", "-d", "2s",
                      json_too=False) as load:
                code = load.wait(RUN_S)
            live.check(code in GOOD, f"exit code {code}")
            out = load.out
            for pattern in (r"^plan      200 /s, .* open loop, for 2 s, 400 connections in all; "
                            r"http, the client closes; 64,512 tuples, 400 needed at 2MSL 60\.?0? ?"
                            r".*: enough$",
                            r"^ +\d+ s +\d+ conn/s", r"^  connections +400 +400 +100 %$",
                            r"^  not started +- +0$", r"^    connect   \(SYN to ESTABLISHED\)",
                            r"^  verdict  (PASS|INCONCLUSIVE: )", r"^ledger .* balanced$",
                            r"^frames .* balanced$"):
                live.check(re.search(pattern, out, re.M), f"no line like {pattern} in\n{out}")
    with live.case("a peer that still has the last connections of our ports is named in a note"):
        path = live.directory() / "memif-note"
        device = f"net_memif0,role={{}},socket={path}"
        with live.Server("--vdev", device.format("server"), "--address", live.OURS4 + "/24",
                         "--time-wait-reuse", "off") as server:
            server.wait_line(r"^ready", live.PROCESS_S)
            for challenged in (False, True):
                with Load("--vdev", device.format("client"), "--address", "198.18.0.9/24",
                          *to_server(), *PATIENT, "--closes", "server", "--source-ports",
                          "2000-2004", "-c", "5", "--total", "5", "--timeout", "3s",
                          json_too=False) as load:
                    load.wait(RUN_S)
                note = re.search(r"^note      syn_sent_bad_ack: \d+ challenge ACKs to our SYNs: ",
                                 load.out, re.M)
                live.equal(note is not None, challenged, f"note in\n{load.out}")


if __name__ == "__main__":
    live.main([nginx_tap, nginx_veth, memif, virtio, endings, verdicts, text],
              needs=live.NEEDS_TAP + (live.program("ethtool"),))
