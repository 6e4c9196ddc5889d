#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is anything shared between shards beside what docs/shard.md lists?

    touch.py [BUILD]

Builds leatd in BUILD (build-touch) with the compiler's instrumentation for races and touch.c in
place of a sanitizer, and runs trials in which frames stay and in which they move, each shard on an
lcore of its own, while somebody asks: conns, follow, kill, capture, top, metrics, why, drain,
reload, and of `leat load` start and rate.  Lists every line of memory that a shard and somebody else
touched and one of them wrote, by object.  A line of anything else, or of more writers than listed,
is named, and so is an object that is listed and was not touched: the exit code is 1.  Takes three
minutes or four.
"""
import atexit
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHARD_BITS = (1 << 48) - 1
WRAPPED = ("memcpy", "memmove", "memset", "memcmp", "malloc", "calloc", "aligned_alloc", "free",
           "mmap64", "munmap", "pthread_create", "leat_nic_numa_take", "leat_plane_join",
           "leat_shard_new", "leat_load_new", "leat_service_new", "leat_nic_pool_new",
           "leat_shard_turn", "leat_shard_loop", "leat_metrics_start")
THREADS = {"run_control": "control", "serve_client": "askers", "run": "listener"}
VIEWER = 62
SHARDS = 4
WAIT_S = 60

# Who takes memory that shards and those who ask share, and what for (docs/shard.md).
ASKED = {"make_boxes": "boxes of askers", "leat_sight_open": "looks", "begin": "walks",
         "prepare": "walks", "make_rings": "rings of follow", "make": "rings of capture",
         "reload": "changes"}

TRY = ("try", "--hold", "--time-wait", "50ms", "--connections", "64", "--shards", str(SHARDS))
LOAD = ("load", "--address=198.18.0.1/15", f"--shards={SHARDS}", "--target=198.18.128.1:80",
        "--rate=2000", "--duration=600s", "--time-wait=50ms", "--timeout=60s", "--paused")
SERVE = ("serve", "--address=198.18.128.1/15", f"--shards={SHARDS}", "--listen=80:http",
         "--time-wait=50ms", "--body=512", "--connections=2000")


def pair(queues):
    return (f"net_vhost0,iface=DIR/v,queues={queues}",
            f"net_virtio_user0,path=DIR/v,queues={queues}")


def both(queues):
    server, client = pair(queues)
    return ((*TRY, "--server-vdev", server, "--client-vdev", client),)


def apart(queues):
    server, client = pair(queues)
    return ((*SERVE, f"--vdev={server}"), (*TRY, "--client-vdev", client))


def loaded(queues):
    server, client = pair(queues)
    return ((*SERVE, f"--vdev={server}"), (*LOAD, f"--vdev={client}"))


TRIALS = (
    ("rings, nothing moves", (TRY,)),
    ("vhost-user, four queues", both(4)),
    ("vhost-user, one queue for four shards, so that all others' frames move and are carried",
     both(1)),
    ("a server and its client in two processes, four queues", apart(4)),
    ("the same, one queue", apart(1)),
    ("a server and a load, four queues", loaded(4)),
)

ASK = ("conns state all limit 1000", "conns detail sort age limit 100", "conns summary state all",
       "conns form=json state time-wait", "kill dport = 1", "capture count=2000",
       "capture snap=60 drops seconds=1", "capture ring=256 trigger=reset,time-wait seconds=2",
       "info", "snapshot")
FOLLOW, WATCH = "follow", "snapshot 200"
CHANGE = ("drain", "conns state all", "undrain", "kill yes state established",
          "reload")
TURN = ("rate 1000", "why", "rate 1500", "conns state all")

# What is touched by two in any trial; of a server and of a load besides.
TOUCHED = {"buffers", "pairs", "run", *ASKED.values()} - {"changes"}
TOUCHED_TOO = {"try": set(), "serve": {"changes"}, "load": {"told"}}


def is_listed(kind, readers, writers):
    """What docs/shard.md lists."""
    shards = (readers | writers) & SHARD_BITS
    others = (readers | writers) & ~SHARD_BITS
    if not shards:  # between threads that are none: not what two cores of shards touch
        return True
    if kind == "buffers":
        return not others
    if kind == "pairs":  # of two shards of a port, each line written by one of them
        return shards.bit_count() == 2 and writers.bit_count() == 1 and not others
    # Between one shard and who asks it; or what he wrote before he did, and they only read.
    if kind in ("run", "told") or kind in ASKED.values():
        return shards.bit_count() == 1 or not writers & SHARD_BITS
    return False


def build(where):
    """leatd, instrumented."""
    where.mkdir(parents=True, exist_ok=True)
    touch = where / "touch.o"
    subprocess.run(["cc", "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                    "-fno-builtin", "-c", "-o", touch, ROOT / "tests/touch/touch.c"], check=True)
    link = f"{touch} " + " ".join("-Wl,--wrap=" + name for name in WRAPPED)
    compiler = "-fsanitize=thread -fno-lto " + " ".join(
        "-fno-builtin-" + name for name in WRAPPED[:10])
    if not (where / "build.ninja").exists():
        subprocess.run(["meson", "setup", where, ROOT, "-Dunit_tests=false", "-Dlive_tests=false",
                        "-Dwerror=false", f"-Dc_args={compiler}", f"-Dc_link_args={link}"],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", where, "app/leatd/leatd"], check=True,
                   stdout=subprocess.DEVNULL)
    return where / "app/leatd/leatd"


class Program:
    """leatd, and what lies where in it."""

    def __init__(self, path):
        self.path = path
        told = self.tool("nm", "-S", path)
        found = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [bBdDrR] (\S+)$", told, re.M)
        self.objects = sorted((int(at, 16), int(size, 16), name) for at, size, name in found)
        found = re.findall(r"^([0-9a-f]+) [0-9a-f]+ [tT] (\S+)$", told, re.M)
        self.functions = {int(at, 16): name for at, name in found}
        self.takers = {}

    @staticmethod
    def tool(*command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def object_at(self, at):
        """The object at an address; its line may begin before it."""
        for start, size, name in self.objects:
            if start < at + 64 and at < start + size:
                return name, at - start
        return "?", at

    def taker(self, at):
        """The function that took memory, by an address in it."""
        if at not in self.takers:
            told = self.tool("addr2line", "-f", "-i", "-e", self.path, f"{at - 1:#x}").splitlines()
            self.takers[at] = next(name for name in told[::2] if name != "ctl_memory")
        return self.takers[at]

    def place(self, name, at):
        """The kind of what touch.c names, its full name, and where in it."""
        kind, _, number = name.partition("-")
        if kind == "program":
            kind, at = self.object_at(at)
            return kind, kind, at
        if kind == "heap":
            name = self.taker(int(number, 16))
            return ASKED.get(name, name), name, at
        return kind, name, at


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Thread(threading.Thread):
    """What goes wrong in it is raised by who joins it."""

    def __init__(self, what, *words):
        super().__init__(daemon=True)
        self.what, self.words, self.wrong = what, words, None

    def run(self):
        try:
            self.what(*self.words)
        except BaseException as wrong:  # pylint: disable=broad-exception-caught
            self.wrong = wrong

    def join(self, timeout=None):
        super().join(timeout)
        if self.wrong is not None:
            raise self.wrong


class Instance:
    """One run of leatd, each shard on an lcore of its own."""

    made = 0

    def __init__(self, program, directory, words):
        Instance.made += 1
        self.verb = words[0]
        self.name = f"touch-{os.getpid()}-{Instance.made}"
        self.called = "try" if self.verb == "try" else self.name
        self.words = [word.replace("DIR", directory) for word in words]
        self.touched = Path(directory, self.name)
        self.socket = str(Path(directory, self.called + ".sock"))
        self.metrics = f"127.0.0.1:{free_port()}"
        cpus = sorted(os.sched_getaffinity(0))
        ends = 2 if words[0] == "try" and ("--client-vdev" not in words or
                                           "--server-vdev" in words) else 1
        lcores = ",".join(f"{i}@{cpus[i % len(cpus)]}" for i in range(ends * SHARDS))
        self.words.append(f"--metrics={self.metrics}")
        if self.verb != "try":
            self.words.append(f"--name={self.name}")
        self.popen = subprocess.Popen(
            [program, "--lcores", lcores, "--no-huge", "-m", "800", "--no-pci", "--no-telemetry",
             "--file-prefix", self.name, "--log-level=*:critical", "--", *self.words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "TOUCH": str(self.touched), "RUNTIME_DIRECTORY": directory})
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.popen.stdout),
                                       daemon=True)
        self.reader.start()

    def wait_for(self, pattern):
        end = time.monotonic() + WAIT_S
        while not any(re.search(pattern, line) for line in self.lines):
            if time.monotonic() > end or self.popen.poll() is not None:
                sys.exit(f"{' '.join(self.words)}: no line {pattern}\n{''.join(self.lines)}")
            time.sleep(0.05)

    def begin(self):
        """Wait until it works; a load waits to be told."""
        if self.verb == "load":
            self.wait_for(r"^paused|waits for")
            self.ask("start")
        self.wait_for(r"^ready" if self.verb == "serve" else r"^ +[1-9]\d* s ")
        if any("metrics: none" in line for line in self.lines):
            sys.exit("".join(self.lines))

    def ask(self, words, seconds=WAIT_S):
        """What is answered to a question, at most so long."""
        told = b""
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(TimeoutError):
            s.connect(self.socket)
            s.sendall(words.encode() + b"\n")
            s.settimeout(seconds)
            end = time.monotonic() + seconds
            while (got := s.recv(1 << 16)) and time.monotonic() < end:
                told += got
        if not told.startswith(b"ok") or (words in (FOLLOW, WATCH) and len(told) < 100):
            sys.exit(f"{words}: {told[:200]}")
        return told

    def reload(self):
        """The question that changes the body."""
        return "reload " + "\x1f".join(self.words[1:]).replace("body=512", "body=100")

    def look(self):
        """What metrics and top tell."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=WAIT_S) as answer:
            if f'verb="{self.verb}"'.encode() not in answer.read():
                sys.exit(f"no metrics of {self.called} at {self.metrics}")

    def end(self):
        self.popen.send_signal(signal.SIGINT)
        code = self.popen.wait(WAIT_S)
        self.reader.join()
        out = "".join(self.lines)
        if "NOT BALANCED" in out or code not in (0, 1, *(98, 99) * (self.verb == "load")):
            sys.exit(f"{' '.join(self.words)}: exit {code}\n{out}")
        moved = re.findall(r"moved ([\d,]+) frames", out)
        return sum(int(n.replace(",", "")) for n in moved)


def ask_all(instance):
    """Every verb, some at once, and twice, as others come and go."""
    follow, watch = Thread(instance.ask, FOLLOW, 4), Thread(instance.ask, WATCH, 3)
    for _ in range(2):
        threads = [Thread(instance.ask, words) for words in ASK[:3]]
        for thread in threads:
            thread.start()
        for words in ASK:
            instance.ask(words)
            instance.look()
        for thread in threads:
            thread.join()
        if not follow.is_alive() and follow.ident is None:
            follow.start()
            watch.start()
    follow.join()
    watch.join()


def trial(program, runs):
    """How many frames moved, and the lines told, of each instance of a trial."""
    with tempfile.TemporaryDirectory() as directory:
        instances = []
        for words in runs:
            instances.append(Instance(program, directory, words))
            atexit.register(instances[-1].popen.kill)
            instances[-1].begin()
        for instance in instances:
            ask_all(instance)
        if runs[0][0] == "serve":
            for words in CHANGE:
                instances[0].ask(words if words != "reload" else instances[0].reload())
        if runs[-1][0] == "load":
            for words in TURN:
                instances[-1].ask(words)
        moved = [instance.end() for instance in reversed(instances)]
        return sum(moved), [instance.touched.read_text(encoding="ascii").splitlines()
                            for instance in instances]


def bits(mask, names):
    return "{" + " ".join(names.get(i, str(i)) for i in range(64) if mask >> i & 1) + "}"


def read(lines, program, verb):
    """How many lines were touched, how many of each object by a shard and another, and what is not
    listed, or is and was not seen."""
    touched, count, bad, triggers = 0, Counter(), [], set()
    names = {VIEWER: "metrics"}
    for line in lines:
        place, *numbers = line.split()
        at, readers, writers = (int(number, 16) for number in numbers)
        if place == "thread":
            name = program.functions.get(readers, "?")
            names[at] = THREADS.get(name, name)
    for line in lines:
        place, *numbers = line.split()
        at, readers, writers = (int(number, 16) for number in numbers)
        if place == "touched":
            touched = at
        if place in ("touched", "thread") or not (readers | writers) & SHARD_BITS:
            continue
        kind, place, at = program.place(place, at)
        count[kind] += 1
        if kind == "rings of capture" and writers & SHARD_BITS and \
                ((readers | writers) & SHARD_BITS).bit_count() > 1:
            triggers.add(at)  # the word that any of them sets once: one line, at one place
            if len(triggers) == 1:
                continue
        if not is_listed(kind, readers, writers):
            bad.append(f"{place}+{at:#x}: read by {bits(readers, names)}, "
                       f"written by {bits(writers, names)}")
    bad += [f"{kind}: none touched by two" for kind in
            sorted((TOUCHED | TOUCHED_TOO[verb]) - set(count))]
    return touched, count, bad


def main():
    program = Program(build(Path(sys.argv[1] if len(sys.argv) > 1
                                 else ROOT / "build-touch").resolve()))
    all_bad = 0
    for what, runs in TRIALS:
        moved, files = trial(program.path, runs)
        for i, lines in enumerate(files):
            touched, count, bad = read(lines, program, runs[i][0])
            told = ", ".join(f"{cnt} of {kind}" for kind, cnt in sorted(count.items()))
            which = "" if len(files) == 1 else f" ({runs[i][0]})"
            print(f"{what}{which}: {moved} frames moved; of {touched} lines a shard and another "
                  f"touched {told}; not listed: {len(bad)}", flush=True)
            for line in bad[:40]:
                print("   ", line)
            all_bad += len(bad)
    return all_bad != 0


sys.exit(main())
