#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat plan` against what `leat serve` then takes, and what it says where that is not there."""
import os
import re
import signal
from pathlib import Path

import live

NULL = ("--vdev", "net_null0", *live.ADDRESSES)
CLIENT = ("--vdev", "net_null0", "--address", "10.0.0.1/24", "--target", "10.0.0.2:80")


def plan(*options, code=0):
    done = live.run(live.leat(), "plan", *options)
    live.equal(done.returncode, code, "exit code")
    return done.stdout.decode(), done.stderr.decode()


UNIT = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def total(text):
    return int(re.search(r"total .*\((\d+) octets\)", text)[1])


def rows(text):
    return {name.strip(): float(n) * UNIT[unit] for name, n, unit in
            re.findall(r"^  (\S.{23}).* ([\d.]+) ((?:[KMG]i)?B)$", text, re.M)}


def taken_as_planned(text, pid):
    planned, row = total(text), rows(text)
    # EAL is told to take at most so much, and keeps a reserve for drivers.
    least = planned - row["DPDK"] - row["packet buffers"] / 2
    there = live.resident(pid, "Anon", "Shmem")
    live.check(0.99 * least < there < 1.01 * planned,
               f"{planned} planned, {least} without EAL's, {there} there")


def taken():
    "what is planned is what is taken"
    live.new_net()
    for options in (("--connections", 20000), ("--connections", 300000, "--shards", 4),
                    ("--listen", "7:echo", "--buffers", 50000, "--mtu", 4000)):
        with live.case(f"N196: {' '.join(map(str, options))}: taken is what was planned"):
            text, _ = plan(*NULL, *options)
            with live.Server(*NULL, *options) as server:
                server.wait_line(r"^ready")
                taken_as_planned(text, server.pid)
                live.equal(server.stop(), 0, "exit code")
                live.equal(server.complaints, "", "what it says when they differ")
    for options in (("--target", "198.18.0.5-198.18.4.4:80-84", "-c", 20000),
                    ("--target", "198.18.0.5", "--rate", "10k/s", "--closes", "server",
                     "--shards", 2, "-c", 50, "--source-ports", "40000-40063")):
        with live.case(f"a load, {' '.join(map(str, options))}: taken is what was planned"):
            null = ("--vdev", "net_null0", "--address", "198.18.0.2/16")
            text, _ = plan("load", *null, *options)
            row = rows(text)
            if "84" in options[1]:  # 5,120 pairs, with a bit for each port
                live.check(row["ports to connect from"] > 5120 * 8064, text)
            live.check(abs(sum(row.values()) / total(text) - 1) < 0.01, text)
            with live.Process([live.leat(), "load", *null, *options]) as load:
                load.wait_line(r"^waiting   for the targets")
                taken_as_planned(text, load.pid)
                load.signal(signal.SIGTERM)
                live.equal(load.wait(), 5, "exit code")
                live.check("198.18.0.5, does not answer" in load.err, load.err)
    with live.case("a load's targets on the link, more than there can be neighbours: an error of it"):
        many = ("--vdev", "net_null0", "--address", "10.0.0.1/8")
        _, err = plan("load", *many, "--target", "10.0.0.2-10.31.255.255", code=2)
        live.check("--target: 2,097,150 addresses are on the link" in err, err)
    with live.case("a load has room for no more in flight than there are pairs"):
        text, err = plan("load", "--vdev", "net_null0", "--address", "10.0.0.1/8", "--target",
                         "10.0.0.2", "-c", 100000, "--source-ports", "1024-2047", "--anyway")
        live.check(re.search(r"^  connections +1,088 +1,088 ", text, re.M), text)
        live.check(re.search(r"^  programs +1,025 +1,025 ", text, re.M), text)
        live.check(total(text) < 200 << 20, text)
        live.check("100,000 pairs of address and port are needed" in err, err)
    with live.case("what a pair of a load rests is called by its name"):
        for more, name in (((), "2MSL 60 s"), (("--connect-reuse", "1s"), "--connect-reuse 1 s")):
            text, _ = plan("load", *many, "--target", "10.0.0.2", "--rate", "1000/s",
                           "--time-wait", "60s", *more)
            live.check(f", at most, for 1,000 /s and {name}: " in text, text)
    with live.case("N196: the rows add up to the total"):
        text, _ = plan(*NULL, "--shards", 3, "--connections", 64000)
        row = rows(text)
        live.check(len(row) > 8 and abs(sum(row.values()) / total(text) - 1) < 0.01, text)


def page():
    "the example in docs/memory.md"
    text = (Path(__file__).resolve().parents[2] / "docs/memory.md").read_text()
    shown = re.search(r"^    \$ leat plan (.*)\n((?:    .*\n)+)", text, re.M)
    lines = [line[4:] for line in shown[2].splitlines() if not line.startswith("      ...")]
    of_all = ("packet buffers", "DPDK", "total", "cores", "memory")
    if len(os.sched_getaffinity(0)) == 2:
        of_all = ("cores", "memory")  # what this machine has free
    with live.case("the example in docs/memory.md is what is printed"):
        printed = plan(*shown[1].split())[0].splitlines()
        wanted = [line for line in lines if not line.strip().startswith(of_all)]
        live.check(len(wanted) > 4, f"{shown[2]}")
        for line in wanted:
            live.check(line in printed, f"{line!r} is not in {printed}")


def refused():
    "what cannot be is refused, with the numbers"
    live.new_net()
    with live.case("N195: huge pages that are not there: exit 3, needed and free are told"):
        text, err = plan(*NULL, "--hugepages", "need", "--connections", 4000000, "--buffers",
                         4000000, code=3)
        live.check(re.search(r"\d+ huge pages of 2 MiB are needed, \d+ are free: dpdk-hugepages",
                             err), err)
        live.check("total" in text, "the table is there all the same")
    with live.case("N195: the same of serve, before anything is started"):
        with live.Process([live.leat(), "serve", *NULL, "--hugepages", "need", "--buffers",
                           4000000]) as process:
            live.equal(process.wait(), 3, "exit code")
            live.check("huge pages of 2 MiB are needed" in process.err, process.err)
            live.equal(process.out, "", "stdout")
    with live.case("N195: memory that is not there: exit 3, needed and free are told"):
        little = live.directory() / "meminfo"
        little.write_text("MemAvailable: 102400 kB\n")
        mount = f"mount --bind {little} /proc/meminfo && exec \"$@\""
        done = live.run("unshare", "--mount", "sh", "-c", mount, "sh", live.leat(), "plan", *NULL)
        live.equal(done.returncode, 3, "exit code")
        live.check(re.search(rb"\d+ MiB are needed, 100 MiB are free", done.stderr), done.stderr)
    with live.case("N195: with little memory a trial has smaller tables, but what was asked for"):
        little.write_text("MemAvailable: 200000 kB\n")
        begin = ("unshare", "--mount", "sh", "-c", mount, "sh", live.leat(), "try", "--one-lcore",
                 "--seconds", 1)
        done = live.run(*begin, text=True)
        live.equal(done.returncode, 0, done.stderr)
        live.check("little memory is free: smaller tables" in done.stdout, done.stdout)
        for option, value in (("--time-wait-max", 4000000), ("--connections", 60000)):
            done = live.run(*begin, option, value, text=True)
            live.equal((done.returncode, done.stdout), (3, ""), done.stderr)
            live.check(re.search(rf" 195 MiB are free, the smallest trial needs \d+ MiB .* "
                                 rf"{option}\?$", done.stderr), done.stderr)
    with live.case("N196: fewer buffers than can be anywhere at once: exit 2, with the formula"):
        _, err = plan(*NULL, "--buffers", 1000, "--shards", 2, code=2)
        terms = list(map(int, re.search(r"(\d+) to receive into \+ (\d+) to send \+ (\d+) in "
                                        r"hand and in caches \+ (\d+) held, \d+ by one connection "
                                        r"in each shard \(--receive-buffer \d+\), = (\d+)",
                                        err).groups()))
        live.equal(sum(terms[:4]), terms[4], "sum of the formula")
        plan(*NULL, "--buffers", terms[4], "--shards", 2)
        plan(*NULL, "--buffers", terms[4] - 1, "--shards", 2, code=2)
    with live.case("N196: what one connection is promised can be held, or --buffers is refused"):
        _, err = plan(*NULL, "--buffers", terms[4], "--shards", 2, "--receive-buffer", "8MiB",
                      code=2)
        promised = re.search(r"(\d+) held, (\d+) by one connection in each shard "
                             r"\(--receive-buffer 8388608\), = (\d+)", err)
        live.check(promised, err)
        held, each, least = map(int, promised.groups())
        live.equal((held, each), (2 * each, 8388608 // 512), "held")
        text, _ = plan(*NULL, "--buffers", least, "--shards", 2, "--receive-buffer", "8MiB")
        row = re.search(r"^  segments held +([\d,]+)", text, re.M)[1]
        live.equal(int(row.replace(",", "")), each, "segments held by each shard")


def new_cgroup():
    """A memory cgroup of our own, and its file with the limit; OSError where none can be made."""
    for base, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")):
        if not os.path.exists(f"{base}/cgroup.procs"):
            continue
        group = Path(base) / f"leat-live-{os.getpid()}"
        group.mkdir()
        if (group / limit).exists():
            return group, group / limit
        group.rmdir()
    raise FileNotFoundError("no mount with the controller memory")


def is_removed(group):
    "the kernel may be late to count out who ended"
    try:
        group.rmdir()
    except OSError:
        return False
    return True


def cgroup():
    "what a cgroup allows"
    live.new_net()
    try:
        group, limit = new_cgroup()
    except OSError as error:
        live.Tap.skip("memory that the cgroup does not allow is refused", f"no cgroup: {error}")
        return
    join = ("sh", "-c", f"echo $$ >{group}/cgroup.procs && exec \"$@\"", "sh")
    told = rf"(\d+) MiB are free \(limit of the cgroup {group}\)"
    try:
        limit.write_text("200M")
        with live.case("memory that the cgroup does not allow: plan, exit 3, and which it is"):
            done = live.run(*join, live.leat(), "plan", *NULL)
            live.equal(done.returncode, 3, "exit code")
            free = re.search(r"\d+ MiB are needed, " + told, done.stderr.decode())
            live.check(free and int(free[1]) <= 200, done.stderr)
            live.check(re.search(rf"^  memory +[\d.]+ MiB free \(limit of the cgroup {group}\); ",
                                 done.stdout.decode(), re.M), done.stdout)
        with live.case("the same of serve, instead of being killed"):
            with live.Process([live.leat(), "serve", *NULL], before=join) as process:
                live.equal(process.wait(), 3, "exit code")
                live.check(re.search(r"\d+ MiB are needed, " + told, process.err), process.err)
        with live.case("check names it"):
            done = live.run(*join, live.leat(), "check", "--vdev", "net_null0")
            live.check(re.search(r"^  ok +" + told, done.stdout.decode(), re.M), done.stdout)
        with live.case("what it allows is taken"):
            with live.Process([live.leat(), "serve", *NULL, "--connections", 64],
                              before=join) as process:
                process.wait_line(r"^ready")
                process.signal(signal.SIGTERM)
                live.equal(process.wait(), 0, "exit code")
        limit.write_text("100M")
        with live.case("a trial that it does not allow: exit 3"):
            done = live.run(*join, live.leat(), "try", "--seconds", 1)
            live.equal(done.returncode, 3, "exit code")
            live.check(re.search(told + ", the smallest trial", done.stderr.decode()), done.stderr)
    finally:
        live.until(lambda: is_removed(group), f"{group} is let go")


def cores():
    "which cores"
    live.new_net()
    ours = sorted(os.sched_getaffinity(0))
    with live.case("auto is the cores of this process, and of no other"):
        done = live.run("taskset", "-c", ours[-1], live.leat(), "plan", *NULL, "--shards", 2)
        live.check(re.search(rf"cores +{ours[-1]} of node \d+; 2 shards take turns",
                             done.stdout.decode()), done.stdout)
    with live.case("--lcores names them; one that is not ours is refused with exit 3"):
        text, _ = plan(*NULL, "--lcores", ours[-1])
        live.check(re.search(rf"cores +{ours[-1]} of node", text), text)
        _, err = plan(*NULL, "--lcores", "1023", code=3)
        live.check("may not run on core 1023" in err, err)
    with live.case("more shards than cores: it serves, and says that they take turns"):
        with live.Server(*NULL, "--shards", 3, "--lcores", ours[0]) as server:
            server.wait_line(r"3 on 1 lcore")
            server.wait_line(r"take turns")
            server.wait_line(r"^ready")
            live.equal(server.stop(), 0, "exit code")
            server.ledger()


def together():
    "two instances of one name on one machine"
    live.new_net()
    label = f"live-{os.getpid()}-twin"
    with live.Server(*NULL, label=label) as one:
        with live.Server(*NULL, label=label) as two:
            with live.case("N228: each has files of its own, and both are ready"):
                one.wait_line(r"^ready")
                two.wait_line(r"^ready")
                live.equal(len(one.runtime_directories()), 2, "directories")
            with live.case("N228: one ends in order and leaves the other's files"):
                live.equal(one.stop(), 0, "exit code")
                live.equal(len(two.runtime_directories()), 1, "directories")
                live.equal(two.stop(), 0, "exit code")
                two.ledger()


def limits():
    "what is told at the start of a trial"
    with live.case("N225: fewer ports and records than 2MSL needs: told with the formula"):
        done = live.run(live.leat(), "try", "--seconds", 1, "--time-wait", "60s", "--one-lcore")
        live.equal(done.returncode, 0, "exit code")
        told = re.search(r"at 2MSL 60 s no more than ([\d,]+) conn/s can go on: TIME-WAIT has "
                         r"([\d,]+) places, and 254 addresses with ([\d,]+) ports are ([\d,]+) pairs",
                         done.stderr.decode())
        live.check(told, done.stderr)
        rate, records, ports, pairs = (int(n.replace(",", "")) for n in told.groups())
        live.equal((pairs, rate), (254 * ports, min(records, pairs) // 60), "pairs and rate")
    with live.case("the places in TIME-WAIT, the rate they allow, and what comes when they are full"):
        text, _ = plan(*NULL, "--shards", 2, "--time-wait-max", 600000, "--time-wait", "10s")
        for said in (r"^  TIME-WAIT +600,000 +1,200,000 ", r"at 2MSL 10 s +highest steady rate 120,000 ",
                     r"to carry 1,200,000 +--time-wait-max 6000000, or --time-wait 1s",
                     r"600,000 places on each shard, .*when full: new connections are refused"):
            live.check(re.search(said, text, re.M), text)
    with live.case("fewer places than connections: plan, serve and load say how many can be open"):
        text, _ = plan(*NULL, "--connections", 1000, "--time-wait-max", 100)
        said = "at most 100 can be open at once: --time-wait-max; 1,000 need --time-wait-max 1000"
        live.check(re.search(r"^  open +" + said, text, re.M), text)
        live.check(re.search(r"^  connections +164 ", text, re.M), text)
        with live.Server(*NULL, "--connections", 1000, "--time-wait-max", 100) as server:
            server.wait_line(r"^ready")
            live.equal(server.stop(), 0, "exit code")
            live.check(re.search(r"^  open +" + said, server.out, re.M), server.out)
        text, _ = plan("load", *CLIENT, "-c", 1000, "--time-wait-max", 100)
        live.check(re.search(r"^  open +" + said, text, re.M), text)
    with live.case("fewer pairs than are to be in flight: how many more are needed, and what the rows are for"):
        text, err = plan("load", *CLIENT, "-c", 2000000, code=3)
        live.check("NOT ENOUGH, the rows above are for the 64,512 that there are" in text, text)
        live.check("--sources of 32 addresses, 32 times the --target ports, or a --concurrency of 64,512" in err, err)
    with live.case("N219: an MSL below 1 s is printed as not RFC-conformant, at the start and in the end"):
        for time_wait, conformant in (("1ms", False), ("1999ms", False), ("2s", True), ("60s", True)):
            with live.Server(*NULL, "--time-wait", time_wait) as server:
                server.wait_line(r"^ready")
                live.equal(server.stop(), 0, "exit code")
                start, end = server.out.split("\nready\n")
                for part in (start, end):
                    row = re.search(r"^ *2MSL .*$", part, re.M)[0]
                    live.equal("not RFC-conformant" not in row, conformant, row)
    with live.case("N225: enough of both: nothing is told"):
        for options in ((), ("--time-wait", "2s")):
            done = live.run(live.leat(), "try", "--seconds", 1, "--one-lcore", *options)
            live.equal((done.returncode, live.complaints(done.stderr.decode())), (0, ""),
                       "exit code and stderr")
    with live.case("N225: no more places than a fast machine fills: told"):
        done = live.run(live.leat(), "try", "--seconds", 1, "--one-lcore", "--time-wait-max", 1000000)
        live.check(b"at 2MSL 1 s no more than 1,000,000 conn/s can go on" in done.stderr, done.stderr)
    with live.case("N201: a counter that the kernel gave up: its clock is used, and that is told"):
        clocks = live.directory() / "clocks"
        clocks.write_text("hpet acpi_pm \n")
        sysfs = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
        mount = f"mount --bind {clocks} {sysfs} && exec \"$@\""
        done = live.run("unshare", "--mount", "sh", "-c", mount, "sh", live.leat(), "try",
                        "--seconds", 1, "--one-lcore")
        live.equal(done.returncode, 0, "exit code")
        live.check(b"no even clock on all cores; the kernel's is used" in done.stderr,
                   done.stderr)
        live.check(done.stdout.count(b"NOT BALANCED") == 0, done.stdout)


live.main([taken, page, refused, cgroup, cores, together, limits], needs=live.NEEDS_NET)
