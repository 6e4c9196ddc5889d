#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is anything shared between shards beside what docs/shard.md lists?

    touch.py [BUILD]

Builds leatd in BUILD (build-touch) with the compiler's instrumentation for races and touch.c in
place of a sanitizer, runs trials in which frames stay and in which they move, each shard on an
lcore of its own, and lists every line of memory that two touched and one of them wrote, by object.
A line of anything else, or of more writers than listed, is named, and the exit code is 1.  Takes a
minute or two.
"""
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CONTROL = 1 << 63
WRAPPED = ("memcpy", "memmove", "memset", "memcmp", "leat_nic_numa_take", "leat_plane_join",
           "leat_shard_new", "leat_load_new", "leat_service_new", "leat_nic_pool_new",
           "leat_shard_turn", "leat_shard_loop", "leat_shard_loop_stop", "leat_plane_ask",
           "leat_plane_tell", "leat_plane_use", "leat_plane_wait", "leat_report_add",
           "leat_load_add", "leat_hist_merge")
SHARDS = 4

TRIALS = (
    ("rings, nothing moves", ()),
    ("vhost-user, four queues", ("--server-vdev", "net_vhost0,iface=DIR/v,queues=4",
                                 "--client-vdev", "net_virtio_user0,path=DIR/v,queues=4")),
    ("vhost-user, one queue for four shards, so that all others' frames move and are carried",
     ("--server-vdev", "net_vhost0,iface=DIR/v,queues=1",
      "--client-vdev", "net_virtio_user0,path=DIR/v,queues=1")),
)


def is_listed(kind, readers, writers):
    """What docs/shard.md lists."""
    shards = ((readers | writers) & ~CONTROL).bit_count()
    if kind == "buffers":
        return not (readers | writers) & CONTROL
    if kind == "pairs":  # of two shards of a port, each line written by one of them
        return shards == 2 and writers.bit_count() == 1 and not (readers | writers) & CONTROL
    # Of the program, boxes of the control thread, its questions, and copies of what a client
    # counted: between that thread and one shard.
    return kind == "run" and shards == 1


def build(where):
    """leatd, instrumented."""
    where.mkdir(parents=True, exist_ok=True)
    touch = where / "touch.o"
    subprocess.run(["cc", "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                    "-fno-builtin", "-c", "-o", touch, ROOT / "tests/touch/touch.c"], check=True)
    link = f"{touch} " + " ".join("-Wl,--wrap=" + name for name in WRAPPED)
    compiler = "-fsanitize=thread -fno-lto " + " ".join(
        "-fno-builtin-" + name for name in WRAPPED[:4])
    if not (where / "build.ninja").exists():
        subprocess.run(["meson", "setup", where, ROOT, "-Dunit_tests=false", "-Dlive_tests=false",
                        "-Dwerror=false", f"-Dc_args={compiler}", f"-Dc_link_args={link}"],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", where, "app/leatd/leatd"], check=True,
                   stdout=subprocess.DEVNULL)
    return where / "app/leatd/leatd"


def symbols(program):
    """(address, size, name) of every object of the program."""
    told = subprocess.run(["nm", "-S", program], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [bBdDrR] (\S+)$", told, re.M)
    return sorted((int(at, 16), int(size, 16), name) for at, size, name in found)


def trial(program, options):
    """The lines told by one run."""
    cpus = sorted(os.sched_getaffinity(0))
    lcores = ",".join(f"{i}@{cpus[i % len(cpus)]}" for i in range(2 * SHARDS))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "touched")
        command = [program, "--lcores", lcores, "--no-huge", "-m", "800", "--no-pci",
                   "--no-telemetry", "--file-prefix", f"touch-{os.getpid()}",
                   "--log-level=*:critical", "--", "try", "--seconds", "1", "--time-wait", "50ms",
                   "--connections", "64", "--shards", str(SHARDS),
                   *(word.replace("DIR", directory) for word in options)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "TOUCH": path})
        if done.returncode:
            sys.exit(f"exit {done.returncode}\n{done.stdout}{done.stderr}")
        moved = sum(int(n.replace(",", "")) for n in re.findall(r"moved ([\d,]+) frames",
                                                                 done.stdout))
        return moved, Path(path).read_text(encoding="ascii").splitlines()


def name_of(table, at):
    """The object of the program at an address; its line may begin before it."""
    for start, size, name in table:
        if start < at + 64 and at < start + size:
            return name, at - start
    return "?", at


def bits(mask):
    return "{" + " ".join("control" if i == 63 else str(i) for i in range(64)
                          if mask >> i & 1) + "}"


def read(lines, table):
    """How many lines were touched, how many of each object by two, and what is not listed."""
    touched, count, bad = 0, Counter(), []
    for line in lines:
        place, *numbers = line.split()
        at, readers, writers = (int(number, 16) for number in numbers)
        if place == "touched":
            touched = at
            continue
        kind = place.split("-")[0]
        if kind == "program":
            kind, at = name_of(table, at)
            place = kind
        count[kind] += 1
        if not is_listed(kind, readers, writers):
            bad.append(f"{place}+{at:#x}: read by {bits(readers)}, written by {bits(writers)}")
    return touched, count, bad


def main():
    program = build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build-touch").resolve())
    table = symbols(program)
    all_bad = 0
    for what, options in TRIALS:
        moved, lines = trial(program, options)
        touched, count, bad = read(lines, table)
        told = ", ".join(f"{cnt} of {kind}" for kind, cnt in sorted(count.items()))
        print(f"{what}: {moved} frames moved; of {touched} lines two touched {told}; "
              f"not listed: {len(bad)}")
        for line in bad[:40]:
            print("   ", line)
        all_bad += len(bad)
    return all_bad != 0


sys.exit(main())
