#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what bench/results has into the tables of docs/bench.md, each between its two marks."""

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
                         f"{row[side + '_cycles_per_connection']:,}", f"{row['device_share']:.0%}"])
    return table(["device", "side", "connections/s", "packets/s in", "busy", "of a core",
                  "cycles a connection", "of the device"], rows)


TABLES = {"connection": connection, "stages": stages, "kernel": kernel, "parse": parse,
          "input": lambda: by_kind("input", ["parse", "lookup", "input"]),
          "turn": lambda: by_kind("turn", ["frames", "cycles"]),
          "stream": stream, "latency": latency, "device": device, "pair": pair}


def main():
    text = PAGE.read_text(encoding="utf-8")
    for name, rows in TABLES.items():
        begin = f"<!-- {name}: begin, written by bench/page.py -->\n"
        end = f"<!-- {name}: end -->\n"
        if begin not in text or end not in text:
            sys.exit(f"page.py: docs/bench.md has no marks of {name}")
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end),
                      lambda _, b=begin, e=end, r=rows: b + "\n".join(r()) + "\n" + e, text,
                      flags=re.S)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
