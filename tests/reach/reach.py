#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""reach.py [--tap] BUILD: what the conversations, the simulator and the fuzz targets reach.

Each arrow of tcp_fsm.def, each verdict of tcp_verdict.def and wire_verdict.def, each way a connection
can end and each counter of the stack and the shard, with how often each program reached it, as a table.
Fails when one of them was never reached, or is no word of `leat explain`.  --tap: only those, and a result for the test suite.
"""
import json
import os
import pathlib
import re
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
    ("tcp", "time_wait_stayed"): ("lib/stack/test_stack_time_wait.c", "->time_wait_stayed, 1)"),
    ("ended", "killed"): ("lib/watch/test_watch_scan.c", "->ended[TCP_END_KILLED], 1)"),
    ("tcp", "side_none"): ("lib/stack/test_stack_side.c", "->side_none, 2)"),
    ("tcp", "time_wait_put_off"): ("lib/stack/test_stack_time_wait.c", "->time_wait_put_off, 1)"),
    ("tcp", "time_wait_moved"): ("lib/stack/test_stack_time_wait.c", "->time_wait_moved > 0)"),
    ("tcp", "time_wait_unanswered"): ("lib/stack/test_stack_time_wait.c",
                                      "->time_wait_unanswered, 2 * (CNT - TCP_TW_AWAKE))"),
    ("shard", "moved_high"): ("tests/live/test_shard_port.c", "c.moved_high, SHARD_LANE_SLOTS)"),
    ("shard", "turns"): ("tests/live/test_shard_port.c", "->turns, turns + 1)"),
    ("shard", "busy_ns"): ("tests/live/test_shard_ring.c", "c.busy_ns > 0)"),
    ("shard", "rx_frames"): ("tests/live/test_shard_port.c", "c.rx_frames, sent)"),
    ("shard", "rx_drop_frame_long"): ("tests/live/test_shard_port.c", "rx.drop_frame_long, 2)"),
    ("shard", "rx_drop_no_buf"): ("tests/live/test_shard_port.c", "rx.drop_no_buf, 1)"),
    ("shard", "rx_lost"): ("tests/live/test_shard_ring.c", "c.rx_lost > 0)"),
    ("shard", "rx_held"): ("lib/shard/test_shard_impair.c", "w.held_cnt, SHARD_IMPAIR_HELD_MAX)"),
    ("shard", "rx_reordered"): ("tests/live/test_shard_ring.c", "c.rx_reordered > 0)"),
    ("shard", "rx_gathered"): ("tests/live/test_shard_port.c", "rx.gathered, octets + 1)"),
    ("shard", "tx_frames"): ("tests/live/test_shard_port.c", "c.tx_frames, 255)"),
    ("shard", "tx_queued"): ("tests/live/test_shard_port.c", "c.tx_queued, SHARD_TX_QUEUE)"),
    ("shard", "tx_full"): ("tests/live/test_shard_ring.c", "c.tx_full > 0)"),
    ("shard", "tx_no_buf"): ("tests/live/test_shard_ring.c", "tx.no_buf > 0)"),
    ("shard", "tx_link_down"): ("tests/live/test_shard_ring.c", "after.tx_link_down > 0)"),
    ("shard", "mailed_in"): ("tests/live/test_shard_port.c", "->mailed_in, 1)"),
    ("shard", "mailed_out"): ("tests/live/test_shard_port.c", "->mailed_out, 1)"),
    ("shard", "mail_refused"): ("tests/live/test_shard_port.c", "->mail_refused, 1)"),
    ("shard", "moved_in"): ("tests/live/test_shard_port.c", "c.moved_in, SHARD_LANE_SLOTS)"),
    ("shard", "moved_out"): ("tests/live/test_shard_port.c", "c.moved_out, SHARD_LANE_SLOTS)"),
    ("shard", "move_dropped"): ("tests/live/test_shard_port.c", "c.move_dropped, more)"),
    ("shard", "steer_probed"): ("lib/shard/test_shard_steer.c", ".probed, SHARD_STEER_TRIAL + burst)"),
    ("shard", "steer_astray"): ("lib/shard/test_shard_steer.c", ".astray, 2)"),
    ("shard", "wrong_shard"): ("lib/shard/test_shard_steer.c", ".wrong, 1)"),
    ("shard", "tx_over"): ("tests/live/test_shard_port.c", "own.tx_over, 2)"),
    ("shard", "tx_carried"): ("tests/live/test_shard_port.c", "carrier.tx_carried, 1)"),
    ("shard", "tx_waiting"): ("tests/live/test_shard_port.c", "carrier.tx_waiting, 1)"),
    ("shard", "wire_lost"): ("lib/shard/test_shard_wire.c", "w->lost_cnt, FRAMES * 36"),
    ("shard", "wire_full"): ("lib/shard/test_shard_wire.c", "w->full_cnt > 0)"),
    ("shard", "wire_doubled"): ("lib/shard/test_shard_wire.c", "w->doubled_cnt, FRAMES * 26"),
    ("shard", "wire_spoilt"): ("lib/shard/test_shard_wire.c", "w->spoilt_cnt, FRAMES * 17"),
    ("shard", "wire_late"): ("lib/shard/test_shard_wire.c", "w->late_cnt, FRAMES * 8"),
    ("shard", "timers_put_off"): ("tests/live/test_shard_port.c", "put_off(SHARD_TIMER_MAX + 1), 1)"),
    ("shard", "events_used_up"): ("tests/live/test_shard_ring.c", "c.events_used_up, 1)"),
    ("shard", "letters_used_up"): ("tests/live/test_shard_port.c", "c.letters_used_up, SHARD_MAX)"),
}
# Words for what is no counter of a shard: amounts of now, and other names of what is listed.
OF_NOW = {"now_ns", "rbuf_held", "watched_ns", "turn_ns", "neigh_refused", "neigh_unanswered",
          "two_msl_late_ns", "two_msl_late_max_ns", "timer_late_ns", "timer_late_max_ns"}


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


def unexplained(build, keys):
    """Words of `leat explain` that lack, and those that nothing is called."""
    listed = subprocess.run([build / "app/leat/leat", "explain", "-j"], check=True,
                            capture_output=True, text=True).stdout
    words = {word["name"] for word in map(json.loads, listed.splitlines())
             if not word["kind"].startswith("load") and word["kind"] != "timer"}  # no counters
    counted = {name for group, name in keys if group != "arrow"}
    return [f"no word in leat explain: {name}" for name in sorted(counted - words)] + [
        f"a word for nothing in leat explain: {name}" for name in sorted(words - counted - OF_NOW)]


def of_loads():
    """What a load counts by its reason, and no test of loads asserts."""
    text = "".join(p.read_text() for p in sorted((HERE.parent / "app/load").glob("test_*.c")))
    names = re.findall(r"^\tLOAD_((?:FAIL|SKIP)_\w+),", (HERE.parent / "app/load/load_count.h").read_text(),
                       re.M)
    lack = [name for name in names if not name.endswith("_CNT") and
            not re.search(rf"->(?:failed|not_started)\[LOAD_{name}\](?:,| >| ==)", text) and
            not re.search(rf'"[^"\n]*", LOAD_{name}\}}', text)]  # of a table of cases
    return [f"load {name.lower()}" for name in lack] + ["nothing of loads"] * (len(names) < 15)


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
    never += of_loads()
    lack = unexplained(build, [key for key, _ in lines(names)])
    for what in [f"never reached: {name}" for name in never] + lack:
        print(f"# {what}")
    if tap:
        print("not " * bool(never) + "ok 1 - every arrow, verdict, end and counter is reached")
        print("not " * bool(lack) + "ok 2 - and each is one sentence of leat explain\n1..2")
    sys.exit(bool(never or lack))


main()
