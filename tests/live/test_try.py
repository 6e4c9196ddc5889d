#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat try`: two ends in one process, as anybody, and its ledger.  Nothing here is timed."""
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import live

NOBODY = ("--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps=-all",
          "--bounding-set=-all", "--no-new-privs")
BARE = {"PATH": "/usr/bin:/bin"}  # no HOME, nothing else

def begin(*options, **more):
    return live.Process([live.leat(), "try", *options], **more)


def ended(process, code=0):
    live.equal(process.wait(), code, "exit code")
    return process


def check_ledger(out):
    """The line that balances, and the arithmetic of it done once more."""
    lines = [line for line in out.splitlines() if " opened " in line]
    live.equal(len(lines), 2, "lines of the ledger")
    for line in lines:
        live.check(line.endswith(" balanced"), line)
        cnt = [int(n.replace(",", "")) for n in re.findall(r"(?<=\s)[\d,]+(?=\s)", line)]
        live.equal(cnt[0], sum(cnt[1:]), f"opened in `{line.strip()}`")
        live.check(cnt[0] > 0, "nothing was opened")
    live.check("NOT BALANCED" not in out, "something does not balance")


def seconds_told(out):
    return re.findall(r"^ *(\d+) s +[\d,]+ ", out, re.M)


def plain():
    "leat try, as who runs this test"
    with live.case("it runs for the seconds asked, tells each, and its ledger balances"):
        with begin("--seconds", 2) as process:
            check_ledger(ended(process).out)
            live.equal(seconds_told(process.out), ["1", "2"], "seconds told")
            live.equal(process.complaints, "", "stderr")
    with live.case("with the client closing first it balances"):
        with begin("--seconds", 1, "--close", "client", "--connections", 64) as process:
            check_ledger(ended(process).out)
    with live.case("with both ends on one core it balances"):
        with begin("--seconds", 1, "--one-lcore") as process:
            check_ledger(ended(process).out)
            live.check("in turns" in process.out, "it does not say so")
    with live.case("more shards than processors take turns, and it says so"):
        ours = sorted(os.sched_getaffinity(0))[:2]
        with begin("--seconds", 1, "--shards", 4,
                   before=("taskset", "--cpu-list", ",".join(map(str, ours)))) as process:
            out = ended(process).out
            check_ledger(out)
            live.check(re.search(rf"4 client and as many server shards on {len(ours)} lcores?, "
                                 r"taking turns, up to \d+ MiB", out), out)
    with live.case("with a single processor allowed it takes turns by itself"):
        with begin("--seconds", 1, before=("taskset", "--cpu-list",
                                           str(min(os.sched_getaffinity(0))))) as process:
            check_ledger(ended(process).out)
            live.check("in turns" in process.out, "it does not say so")
    with live.case("with bodies of 100,000 octets it balances"):
        with begin("--seconds", 1, "--body", 100000, "--connections", 64) as process:
            check_ledger(ended(process).out)


def full():
    "leat try until TIME-WAIT is full"
    with live.case("who was refused as TIME-WAIT was full is told so, as often in each line"):
        with begin("--seconds", 3, "--time-wait", "1min", "--time-wait-max", 3000) as process:
            out = ended(process).out
            check_ledger(out)
            rows = (re.search(r"refused, the table was full ([\d,]+)", out),
                    re.search(r"^  Full +the server refused ([\d,]+): TIME-WAIT was full;", out, re.M))
            live.check(all(rows), out)
            live.equal(rows[0][1], rows[1][1], out)
            busy = re.search(r"^  Limit .*?(\d+) % busy", out, re.M)
            machine = "talking to itself" in out
            live.equal(machine, int(busy[1]) >= 90, busy[0])
            live.check(machine or "% busy: TIME-WAIT was full" in out, out)


def next_lines():
    "what leat try proposes at its end"
    env = dict(os.environ, LEAT_CALL="./run")
    with live.case("it proposes to call it as it was called"):
        with begin("--seconds", 1, env=env) as process:
            check_ledger(ended(process).out)
            live.check(re.search(r"^  ./run try --seed 7 --loss 1% .*bad wire", process.out, re.M),
                       process.out)
    with live.case("it does not propose what it did, and says sent, not received, of what was lost"):
        with begin("--seconds", 1, "--loss", "1%", "--connections", 50, env=env) as process:
            check_ledger(ended(process).out)
            live.check("the same on a bad wire" not in process.out, process.out)
            live.check(re.search(r"Frames +server was sent [\d,]+ frames", process.out),
                       process.out)
    with live.case("a report that cannot be written is no success: exit 5, and a sentence"):
        with begin("--seconds", 1, before=("sh", "-c", 'exec "$@" >/dev/full', "sh")) as process:
            ended(process, 5)
            live.check("could not be written" in process.err, repr(process.err))


def bad_wire():
    "leat try on a wire that loses and reorders"
    for where, options in (("both ends in turns on one core", ["--one-lcore", "--seed", 7]),
                           ("each end on its own core", ["--seed", 20261121])):
        with live.case(f"1 % lost and 1 % overtaken, {where}: it balances"):
            with begin("--seconds", 1, "--loss", "1%", "--reorder", "1%", "--connections", 300,
                       *options) as process:
                check_ledger(ended(process).out)
                live.check(f"seed {options[-1]}" in process.out, "the seed is not told")
                live.check("Resent" in process.out, "nothing was sent again")
    with live.case("5 % lost and 5 % overtaken: it balances"):
        with begin("--seconds", 1, "--loss", "5%", "--reorder", "5%",
                   "--connections", 10) as process:
            check_ledger(ended(process).out)


def hold():
    "leat try --hold"
    for number in (signal.SIGINT, signal.SIGTERM):
        with live.case(f"--hold goes on until {number.name}, and then balances"):
            with begin("--hold", "--connections", 64) as process:
                process.wait_line(r"^ +2 s ")
                process.signal(number)
                check_ledger(ended(process).out)
    with live.case("a signal ends it before its seconds are over, in order"):
        with begin("--seconds", 1000) as process:
            process.wait_line(r"^ +1 s ")
            process.signal(signal.SIGINT)
            check_ledger(ended(process).out)
    with live.case("two signals end it at once, and it still balances"):
        with begin("--seconds", 1000, "--loss", "50%") as process:
            process.wait_line(r"^ +1 s ")
            process.signal(signal.SIGINT)
            process.signal(signal.SIGTERM)
            process.wait()
            check_ledger(process.out)


def as_json():
    "leat try -j"
    with live.case("-j gives an object a second and one at the end, and they add up"):
        with begin("--seconds", 2, "-j", "--seed", 5) as process:
            ended(process)
            objects = [json.loads(line) for line in process.lines["out"]]
        *seconds, end = objects
        live.equal([o["schema"] for o in objects],
                   ["leat.try.second/1"] * 2 + ["leat.try/1"], "schemas")
        live.check(seconds[0]["t"] < seconds[1]["t"], "seconds go backwards")
        live.equal((end["balanced"], end["seed"]), (True, 5), "balanced and seed")
        live.check(end["completed"] > 0, "nothing was completed")
        for name in ("client", "server"):
            side = end[name]
            ways = ("time_wait_expired", "time_wait_reused", "time_wait", "closed_second", "reset", "refused",
                    "evicted", "aborted", "timed_out", "time_wait_evicted", "fin_wait_2_limit", "closed_before_open", "open")
            live.equal(side["opened"], sum(side[way] for way in ways), f"opened by the {name}")
            waited = side["time_wait_outcomes"]
            gone = sum(waited[way] for way in ("expired", "rst_obeyed", "aborted", "evicted"))
            live.equal(waited["entered"], gone + side["time_wait_reused"] + side["time_wait"],
                       f"what became of TIME-WAIT at the {name}")
        live.check(0 <= end["server"]["time_wait_outcomes"]["late_max"] < 60, "how late they ended")
        live.equal((end["two_msl"], end["two_msl_rfc_conformant"]), (1.0, False), "2MSL")


def as_nobody():
    "leat try as nobody"
    if reason := live.as_root():
        live.Tap.skip("leat try as the user nobody", reason)
        return
    # The tree may lie where nobody may not go.
    place = live.directory() / "bin"
    place.mkdir()
    for name in ("leat", "leatd"):
        shutil.copy(find(name), place / name)
    for what, options in (("", ()), (" on one core and a bad wire",
                                     ("--one-lcore", "--loss", "1%", "--connections", 50))):
        with live.case(f"nobody, without home, rights or huge pages, runs it{what}: it balances"):
            with live.Process([place / "leat", "try", "--seconds", 1, *options], env=BARE,
                              before=NOBODY) as process:
                check_ledger(ended(process).out)
                live.check("no root" in process.out, "it does not say so")
                live.equal(process.complaints, "", "stderr")
    file, locked = live.directory() / "file", live.directory() / "locked"
    file.touch()
    locked.mkdir()
    shutil.chown(locked, "nobody")
    locked.chmod(0o500)
    for variable, path, why in (
            ("XDG_RUNTIME_DIR", file, f"cannot make {file}/leat: Not a directory"),
            ("XDG_RUNTIME_DIR", locked, f"cannot make {locked}/leat: Permission denied"),
            ("RUNTIME_DIRECTORY", file, f"{file} is no directory"),
            ("RUNTIME_DIRECTORY", locked, f"{locked}/try.sock: Permission denied")):
        with live.case(f"{variable} is a {path.name} one: it runs, and says why nobody can ask it"):
            with live.Process([place / "leat", "try", "--hold", "--seconds", 1], before=NOBODY,
                              env=BARE | {variable: str(path)}) as process:
                check_ledger(ended(process).out)
                said = process.complaints.splitlines()
                live.equal(len(said), 2, process.err)
                live.check(said[0].endswith(f"{why}; set RUNTIME_DIRECTORY"), process.err)
                live.check("no control socket: leat conns, top and ctl" in said[1], process.err)
    with live.case("nobody is told what a TAP interface needs"):
        with live.Process([place / "leat", "try", "--tap"], env=BARE, before=NOBODY) as process:
            ended(process, 4)
            live.check("CAP_NET_ADMIN" in process.err, f"stderr {process.err!r}")


def find(name):
    """leat, or leatd where leat would find it."""
    leat = Path(live.leat())
    given = os.environ.get("LEATD")
    places = [leat] if name == "leat" else [Path(given)] if given else [
        leat.parent / "leatd", leat.parent / "../leatd/leatd",
        leat.parent / "../libexec/leat/leatd"]
    return next(path for path in places if path.is_file())


def with_tap():
    "leat try --tap"
    name = "curl reaches leat try --tap"
    for need in live.NEEDS_TAP + (live.program("curl"),):
        if reason := need():
            live.Tap.skip(name, reason)
            return
    live.new_net()
    with live.case(name):
        with begin("--tap") as process:
            process.wait_line(r"^ready")
            said = live.must("curl", "--silent", "--show-error", "http://198.18.0.2/").decode()
            live.check(re.match(r"You reached shard 0 from 198\.18\.0\.1:\d+\. State ESTABLISHED, "
                                r"RTT [\d,]+ us, your window [\d,]+\.\n$", said), repr(said))
            process.signal(signal.SIGINT)
            ended(process)
    with live.case("try --tap ends after --seconds, closes as asked, and says what to type"):
        with begin("--tap", "--seconds", 8, "--close", "server", "--time-wait", "30s") as process:
            process.wait_line(r"^try it:   curl")
            process.wait_line(r"2MSL +30 s")
            process.wait_line(r"^ready")
            live.must("curl", "--silent", "http://198.18.0.2/")
            ended(process)
            live.check(re.search(r"TIME-WAIT +1\b", process.out), process.out)


def refusals():
    "what leat try refuses"
    for options, word in ((("--seconds", "0"), "--seconds"), (("--loss", "60%"), "--loss"),
                          (("--tap", "--loss", "1%"), "--tap"),
                          (("--tap", "--json"), "--tap"), (("--sedd", "1"), "seed")):
        with live.case(f"leat try {' '.join(options)} is refused in a sentence, exit 1"):
            done = subprocess.run([live.leat(), "try", *options], check=False, timeout=live.WAIT_S,
                                  capture_output=True, text=True)
            live.equal(done.returncode, 1, "exit code")
            live.check(word in done.stderr and done.stderr.count("\n") == 1, repr(done.stderr))


live.main([plain, full, next_lines, bad_wire, hold, as_json, as_nobody, with_tap, refusals],
          needs=(live.program("setpriv"),))
