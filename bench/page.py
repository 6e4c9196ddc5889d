#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""page.py [--check]: writes what bench/results has into the tables of docs/bench.md, each between its
two marks; or says whether they have it."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "bench.md"
STAGES = {"frames": "the benchmark's queues", "parse": "3 frames: lengths, addresses, options",
          "lookup": "3 hashes, buckets, records",
          "input": "the checks, the child and its record, RTT, congestion window, records of what "
                   "was sent",
          "timers": "a record of TIME-WAIT that ends, and leaves the flow table",
          "user": "the event, reading the request, sending, closing",
          "output": "what to send and when, three frames, TIME-WAIT as a record",
          "give": "buffers that come back"}


SERVE_STAGES = ["rx", "parse", "tcp", "timers", "app", "tx"]
SERVE_STEPS = {"ring": "a shard with clock, counters, buffers, and the HTTP program; a ring in memory",
               "wait": "2MSL of 1 s, clients behind a router", "link": "the clients are 245 neighbours",
               "memif": "memif in place of the ring, both ends in one thread",
               "short": "that with 6 connections at once",
               "cores": "`memif` with a core for each end"}


def load(name):
    with open(RESULTS / (name + ".json"), encoding="utf-8") as file:
        return json.load(file)["rows"]


def table(head, rows):
    """Markdown; every column but the first to the right."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"


def connection():
    plain, csum, forged = load("connection")[0], load("connection-csum")[0], load("connection-forged")
    rows = [["1,000, a stack as client", f"{plain['server_cycles_per_connection']:,}",
             f"{plain['client_cycles_per_connection']:,}", ""],
            ["the same with software checksums, both ways",
             f"{csum['server_cycles_per_connection']:,}", f"{csum['client_cycles_per_connection']:,}",
             ""]]
    first = forged[0]["server_cycles_per_connection"]
    rows += [[f"{row['concurrent']:,}, clients that are written",
              f"{row['server_cycles_per_connection']:,}", "",
              f"{row['server_cycles_per_connection'] / first:.1f}"] for row in forged]
    return table(["at once", "cycles of the server", "of the client", "times that at 1,000"], rows)


def stages():
    plain, forged = load("connection")[0], load("connection-forged")
    rows = [[name, *(f"{row[name]:,}" for row in (plain, *forged)), what]
            for name, what in STAGES.items()]
    head = ["stage", "1,000", *(f"{row['concurrent']:,} written" for row in forged), "what it is"]
    return table(head, rows)


def by_kind(name, columns):
    return table(["kind", "connections", *columns],
                 [[row["kind"], f"{row['connections']:,}", *(row[each] for each in columns)]
                  for row in load(name)])


def kernel():
    rows = [[row["server"], f"{row['server_ns']:,.0f} ns", f"{row['both_ns']:,.0f} ns",
             row["ratio_server"]] for row in load("kernel")]
    return table(["server", "the server", "both ends", "times ours"], rows)


def parse():
    rows = {row["bench"].removeprefix("parse "): row["cycles"] for row in load("parse")}
    return table(["frame", "checksum by the device", "in software"],
                 [[name, cycles, rows[name + " csum"]] for name, cycles in rows.items()
                  if not name.endswith(" csum")])


def stream():
    rows = {}
    for row in load("stream"):
        rows.setdefault((row["mtu"], row["connections"]), {})[row["kind"]] = row
    return table(["MTU", "connections", "sockets' way", "in place", "kernel", "kernel, 64 KiB at once",
                  "sockets' way to kernel"],
                 [[mtu, conns, *(f"{row[kind]['gbit_per_core']:.1f}"
                                 for kind in ("copy", "place", "kernel", "tso")),
                   f"{row['copy']['to_kernel']:.1f}"] for (mtu, conns), row in rows.items()
                  if "kernel" in row and "tso" in row])


def latency():
    def us(row, what):
        return [f"{row[f'{what}_{part}_ns'] / 1000:.1f}" for part in ("p50", "p99", "p999")]
    return table(["of the highest rate", "connections/s", "connect 50 %", "99 %", "99.9 %",
                  "response 50 %", "99 %", "99.9 %"],
                 [[f"{row['percent_of_highest']} %", f"{row['connections_per_second']:,}",
                   *us(row, "connect"), *us(row, "response")] for row in load("latency")])


def device():
    return table(["device", "side", "frames/s each way", "cycles received", "sent", "buffers"],
                 [[row["device"], row["side"], f"{row['frames_per_second']:,}", row["rx_cycles"],
                   row["tx_cycles"], row["buffer_cycles"]] for row in load("device")])


def pair():
    rows = []
    for row in load("pair"):
        for side in ("server", "client"):
            rows.append([row["device"], side, f"{row['connections_per_second']:,}",
                         f"{row[side + '_frames_per_second_in']:,}",
                         f"{row[side + '_busy']:.0%}", f"{row[side + '_core_share']:.0%}",
                         f"{row[side + '_cycles_per_connection']:,}", f"{row['device_share']:.0%}",
                         f"{row['with_whole_cores_per_second']:,}",
                         f"{row['device_share_with_whole_cores']:.0%}"])
    return table(["device", "side", "connections/s", "packets/s in", "busy", "of a core",
                  "cycles a connection", "of the device", "with whole cores", "of the device"], rows)


def serve():
    rows = load("serve")
    head = ["step", "cycles", "frames a turn", "in TIME-WAIT", *SERVE_STAGES, "what it is"]
    return table(head, [[row["step"], f"{row['server_cycles_per_connection']:,}",
                         row["frames_per_turn"], f"{row['time_wait']:,}",
                         *(row[each] for each in SERVE_STAGES), SERVE_STEPS[row["step"]]]
                        for row in rows])


def targets():
    plain, forged = load("connection")[0], load("connection-forged")
    at = {row["concurrent"]: row["server_cycles_per_connection"] for row in forged}
    pairs = {row["device"]: row for row in load("pair")}
    ratio = min(row["to_kernel"] for row in load("stream") if row["kind"] == "copy")
    nginx = [row["ratio_server"] for row in load("kernel") if row["server"] == "nginx"]
    wait = max(row["octets_per_connection"] for row in load("time-wait") if row["population"] > 1e5)
    rows = [["server, 1,000 at once, no device, cycles", "450",
             f"{plain['server_cycles_per_connection']:,}"],
            ["a million at once, times that", "2.5", f"{at[1000000] / at[1000]:.1f}"],
            ["server over memif, device and software checksums included, cycles", "850",
             f"{pairs['memif']['server_cycles_per_connection']:,}"],
            ["nginx on the kernel's TCP, CPU time, times ours", "15",
             f"{nginx[0]:.0f}" if nginx else "no nginx"],
            ["of what memif alone carries, with whole cores", "near 100 %",
             f"{pairs['memif']['device_share_with_whole_cores']:.0%}"],
            ["a stream, times the kernel's, the least", "2", f"{ratio:.1f}"],
            ["octets in TIME-WAIT", "40", f"{wait:.1f}"]]
    return table(["what", "wanted", "measured"], rows)


def beside():
    row = load("connection")[0]
    ours = row["ghz"] * 1e3 / row["server_cycles_per_connection"]
    return ["| | per core | hardware |", "|---|---|---|",
            f"| Leat, server, no device | {ours:.1f} M | EPYC (Zen 5) 4.3 GHz |",
            "| dperf 1.9, both ends over memif, measured on such a machine | 2.4 M; 1,020 cycles at "
            "its server, device included | the same |",
            "| WARP17 | 0.53 M | 2 x E5-2660 v3, XL710 |",
            "| TRex ASTF, small flows | 0.29 M | not stated |",
            "| DPVS, forwarding | 0.12 to 0.2 M | E5-2650 v4, X540 |",
            "| F-Stack with nginx | 0.05 to 0.06 M | E5-2670 v3, XL710 |"]


TABLES = {"targets": targets, "beside": beside, "connection": connection, "stages": stages, "kernel": kernel, "parse": parse,
          "input": lambda: by_kind("input", ["parse", "lookup", "input"]),
          "turn": lambda: by_kind("turn", ["frames", "cycles"]),
          "stream": stream, "latency": latency, "device": device, "pair": pair,
          "serve": serve}


def main():
    text = was = PAGE.read_text(encoding="utf-8")
    for name, rows in TABLES.items():
        begin = f"<!-- {name}: begin, written by bench/page.py -->\n"
        end = f"<!-- {name}: end -->\n"
        if begin not in text or end not in text:
            sys.exit(f"page.py: docs/bench.md has no marks of {name}")
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end),
                      lambda _, b=begin, e=end, r=rows: b + "\n".join(r()) + "\n" + e, text,
                      flags=re.S)
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif text != was:
        sys.exit("page.py: docs/bench.md has other numbers than bench/results: python3 bench/page.py")


if __name__ == "__main__":
    main()
