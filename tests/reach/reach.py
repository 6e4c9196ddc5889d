#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""reach.py [--tap] BUILD: what the conversations, the simulator and the fuzz targets reach.

Each arrow of tcp_fsm.def, each verdict of tcp_verdict.def and wire_verdict.def, each way a connection
can end and each counter of the stack, with how often each program reached it, as a table.  Fails when
one of them was never reached.  --tap: only those, and a result for the test suite.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
CORPUS = HERE / "fuzz" / "corpus"
PROGRAMS = {  # column: program below tests, its arguments
    "talk": ("talk/talk", [HERE / "talk"]),
    "chance": ("talk/chance", ["1", "500"]),
    "sim": ("sim/sim", ["--smoke"]),
    "starve": ("sim/sim", ["--starve"]),
    "frame": ("fuzz/fuzz_frame", ["-runs=200000", CORPUS / "frame.corpus"]),
    "icmp": ("fuzz/fuzz_icmp", ["-runs=20000", CORPUS / "icmp.corpus"]),
    "neigh": ("fuzz/fuzz_neigh", ["-runs=20000", CORPUS / "neigh.corpus"]),
    "segment": ("fuzz/fuzz_segment", ["-runs=20000", CORPUS / "segment.corpus"]),
    "session": ("fuzz/fuzz_session", ["-runs=1000", CORPUS / "session.corpus"]),
}
# What a test of its own reaches: where, and how it says so.
ELSEWHERE = {
    ("wire", "drop_no_buf"): ("tests/live/test_shard_port.c", "rx.drop_no_buf, 1)"),
    ("stack", "cookie_refused"): ("lib/stack/test_stack_half.c", "->cookie_refused, 1)"),
    ("stack", "out_void"): ("lib/stack/test_stack_conn.c", "->out_void, 1)"),
    ("stack", "quiet_refused"): ("lib/stack/test_stack_restart.c", "->quiet_refused, 2)"),
    ("stack", "no_port"): ("lib/stack/test_stack_half.c", "->no_port, 2)"),
    ("stack", "flow_refused"): ("lib/stack/test_stack_frame.c", "->flow_refused, 1)"),
    ("icmp", "echo_refused"): ("lib/inet/test_inet_icmp.c", "->echo_refused, 5)"),
    ("icmp", "echo_no_room"): ("lib/inet/test_inet_icmp.c", "->echo_no_room, 3"),
    ("neigh", "unanswered"): ("lib/inet/test_inet_neigh.c", "->unanswered > 0)"),
    ("tcp", "rst_unsent"): ("lib/tcp/test_tcp_blind.c", "->rst_unsent, 5)"),
}


def lines(text):
    for line in text.splitlines():
        group, name, count = line.split("\t")
        yield (group, name), int(count)


def reached(build, column):
    program, args = PROGRAMS[column]
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "reach"
        command = [build / "tests" / program, *args]
        subprocess.run(command, check=True, cwd=scratch, stdout=subprocess.DEVNULL,
                       env={**os.environ, "LEAT_REACH": str(out)})
        counts = {}
        for key, count in lines(out.read_text()):
            counts[key] = counts.get(key, 0) + count
        return counts


def short(count):
    if count < 100000:
        return str(count)
    return f"{count // 1000}k" if count < 10000000 else f"{count // 1000000}M"


def main():
    tap = sys.argv[1:2] == ["--tap"]
    if len(sys.argv) != 2 + tap:
        sys.exit(__doc__.strip())
    build = pathlib.Path(sys.argv[-1]).resolve()
    names = subprocess.run([build / "tests/reach/reach_names"], check=True, capture_output=True,
                           text=True).stdout
    counts = {column: reached(build, column) for column in PROGRAMS}
    never, group = [], None
    for key, _ in lines(names):
        row = [counts[column].get(key, 0) for column in PROGRAMS]
        note = ""
        if not any(row):
            path, text = ELSEWHERE.get(key, (None, None))
            if path and text in (HERE.parent / path).read_text():
                note = f"  {path}"
            else:
                never.append(" ".join(key))
                note = "  NEVER"
        if not tap:
            if key[0] != group:
                group = key[0]
                print(f"\n{group:34}" + "".join(f"{column:>9}" for column in PROGRAMS))
            cells = "".join(f"{short(count) if count else '-':>9}" for count in row)
            print(f"  {key[1]:32}{cells}{note}")
    for name in never:
        print(f"# never reached: {name}")
    if tap:
        print("not " * bool(never) + "ok 1 - every arrow, verdict, end and counter is reached\n1..1")
    sys.exit(bool(never))


main()
