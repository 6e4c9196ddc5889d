#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What of a stream gets through a bad link, with us and with the kernel as its sender.

    goodput.py race [--octets N] [--runs N] [--lanes N] [--put] [--SETTING N]...
    goodput.py table [--runs N] [--lanes N] [--only LOSS,RTT,QUEUE]
    goodput.py page

Both serve the same body behind the same emulated link (tests/live/link_emu.c) to the same reader,
the kernel's TCP in another namespace, at the same time.  The kernel sends with CUBIC and SACK.
table measures the cells of the simulator's table; page writes what it printed, when that is kept as
bench/results/goodput-linux.txt, into docs/goodput.md.  LEAT and LINK_EMU name the programs; needs root.
"""
import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "live"))
import link  # noqa: E402  pylint: disable=wrong-import-position
import live  # noqa: E402  pylint: disable=wrong-import-position

KINDS = ("leat", "linux")
RATE, DELAY_US, QUEUE = 100_000_000, 25_000, 625_000  # 50 ms, one product of rate and RTT
RACE = {"rate": RATE, "delay": DELAY_US, "queue": QUEUE, "loss": 10_000, "reorder": 20_000,
        "extra": 10_000}
ROOT = Path(__file__).resolve().parent.parent
CELLS = ROOT / "bench" / "results" / "goodput-leat.txt"
MEASURED = ROOT / "bench" / "results" / "goodput-linux.txt"
PAGE = ROOT / "docs" / "goodput.md"
BEGIN, END = "<!-- table: begin, written by bench/goodput.py page -->\n", "<!-- table: end -->\n"
CELL_RATE = 40_000_000
LIMIT_S = 3000  # one transfer


def run(kinds, octets, settings, options=(), put=False):
    """Mbit/s of each kind of sender, all at one time, each on a link of its own; what those did."""
    lanes = [link.Lane(each, LIMIT_S) for each in settings]
    for lane, kind in zip(lanes, kinds):
        lane.linux() if kind == "linux" else lane.leat(*options)
    clients = [lane.put(each) if put else lane.get(each) for lane, each in zip(lanes, octets)]
    rates = [each.finished() for each in clients]
    did = [lane.end() for lane in lanes]
    live.Net.remove_all()
    return rates, did


def spread(values):
    return f"min {min(values):.3f} median {statistics.median(values):.3f} max {max(values):.3f}"


def race(args):
    settings = {name: getattr(args, name) for name in RACE}
    print(" ".join(f"{k}={v}" for k, v in settings.items()), f"octets={args.octets}", flush=True)
    ratios, rates = [], {"leat": [], "linux": []}
    for no in range(args.runs):
        seeds = range(args.seed + no * args.lanes, args.seed + (no + 1) * args.lanes)
        order = ("leat", "linux") if no % 2 == 0 else ("linux", "leat")
        kinds = [(kind, seed) for seed in seeds for kind in order]
        got, did = run([kind for kind, _ in kinds], [args.octets] * len(kinds),
                       [settings | {"seed": seed} for _, seed in kinds], args.option, args.put)
        found = dict(zip(kinds, got))
        for (kind, seed), each in zip(kinds, did):
            rates[kind].append(found[kind, seed])
            way = each["a->b" if args.put else "b->a"]
            print(f"  {kind:5} seed {seed:3} {found[kind, seed]:8.3f} Mbit/s   link: frames "
                  f"{way['frames']} lost {way['lost']} reordered {way['reordered']} overtaken "
                  f"{way['overtaken']} dropped {way['dropped']} late "
                  f"{way['late_us_mean']}/{way['late_us_max']} us", flush=True)
        ratios += [found["leat", seed] / found["linux", seed] for seed in seeds]
    for kind, values in rates.items():
        print(f"{kind} Mbit/s: {spread(values)} mean {statistics.mean(values):.3f}")
    print(f"ratio leat/linux: {spread(ratios)}, of means "
          f"{statistics.mean(rates['leat']) / statistics.mean(rates['linux']):.3f}; load "
          f"{os.getloadavg()[0]:.1f}")


def cells(only):
    """What the simulator measured: (loss %, RTT ms, queue's name, its octets, octets, Mbit/s)."""
    for line in CELLS.read_text().splitlines():
        if not line.startswith("#"):
            loss, rtt, name, queue, octets, _, median = line.split()[:7]
            if f"{loss},{rtt},{name}" in only or not only and name != "race":
                yield float(loss), int(rtt), name, int(queue), int(octets), float(median)


def table(args):
    kernel = os.uname()
    print(f"# Goodput of one stream behind link_emu, Mbit/s at {CELL_RATE // 1_000_000} Mbit/s: Leat "
          f"and Linux as the sender, Linux as the\n# receiver, median of {args.runs}; sim: both "
          f"ends Leat, in the simulator.\n# {kernel.sysname} {kernel.release} {kernel.machine}, "
          f"{os.cpu_count()} CPUs, CUBIC and SACK; load {os.getloadavg()[0]:.1f}\n"
          f"# Written by: bench/goodput.sh table\n"
          "# loss %  RTT ms  queue   octets      text    Leat   Linux  Leat/Linux     sim", flush=True)
    wanted = list(cells(args.only))
    for at in range(0, len(wanted), args.lanes):
        part = wanted[at:at + args.lanes]
        rates = {(i, kind): [] for i in range(len(part)) for kind in KINDS}
        for no in range(args.runs):
            jobs = [(i, kind) for i in range(len(part)) for kind in KINDS]
            found = run_cells([(kind, *part[i], args.seed + no) for i, kind in jobs])
            for job, rate in zip(jobs, found):
                rates[job].append(rate)
        for i, (loss, rtt, name, queue, octets, sim) in enumerate(part):
            ours, theirs = (statistics.median(rates[i, kind]) for kind in KINDS)
            print(f"{loss:7g} {rtt:7}  {name:5} {queue:8} {octets:9} {ours:7.3f} {theirs:7.3f} "
                  f"{ours / theirs:11.3f} {sim:7.3f}", flush=True)
    print(f"# load at the end {os.getloadavg()[0]:.1f}")


def run_cells(jobs):
    """Mbit/s of each job, all at one time."""
    settings = [{"rate": CELL_RATE, "delay": rtt * 500, "loss": round(loss * 1e4), "queue": queue,
                 "seed": seed} for _, loss, rtt, _, queue, _, _, seed in jobs]
    return run([job[0] for job in jobs], [job[5] for job in jobs], settings)[0]


def page():
    """The measured table as the page has it."""
    rows = [line.split() for line in MEASURED.read_text().splitlines() if line[0] != "#"]
    told = ["| loss | RTT | queue | Leat | Linux | Leat/Linux | Leat to Leat, simulated |",
            "|--:|--:|---|--:|--:|--:|--:|"]
    told += [f"| {loss} % | {rtt} ms | {name} ({int(queue) / 1000:g} kB) | {ours} | {theirs} | "
             f"{ratio} | {sim} |" for loss, rtt, name, queue, _, ours, theirs, ratio, sim in rows]
    ratios = [float(row[7]) for row in rows]
    told += ["", f"Leat/Linux: {spread(ratios)}; {sum(r >= 1 for r in ratios)} of {len(ratios)} "
             "cells at 1 or above."]
    told += ["", *(line[2:] for line in MEASURED.read_text().splitlines()
                   if line.startswith(("# Linux", "# load")))]
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    PAGE.write_text(head + BEGIN + "\n".join(told) + "\n" + END + rest.split(END)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["race", "table", "page"])
    parser.add_argument("--octets", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=1, help="links at one time, of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--option", action="append", default=[], help="for leat serve")
    parser.add_argument("--put", action="store_true", help="the kernel sends to us and to itself")
    parser.add_argument("--only", action="append", default=[], help="a cell of the table")
    for name, value in RACE.items():
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    if args.what == "page":
        return page()
    live.sweep()
    try:
        race(args) if args.what == "race" else table(args)
    finally:
        live.clean()
    return 0


sys.exit(main())
