# SPDX-License-Identifier: BSD-3-Clause
"""What the live tests share: the kernel is the peer, in a network namespace of its own.

A test file is groups, a group is cases:

    def bodies():
        "What the group is about, said when the group itself fails."
        with live.serve("--listen", "80:http") as server:
            with live.case("curl gets 1 octet"):
                ...

    live.main([bodies], needs=live.NEEDS_TAP)

It prints TAP.  Whatever happens (a failure, a signal, an earlier run that was killed), no process,
namespace or file is left behind: processes die with the test and are ended by their process id
after a deadline; namespaces carry the process id of their test, and those of dead ones are swept.
Nothing sleeps where it can wait for an event, and no wait is without a deadline.
"""
import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

OURS4, KERNEL4 = "198.18.0.2", "198.18.0.1"
OURS6, KERNEL6 = "fd00:18::2", "fd00:18::1"
ADDRESSES = ("--address", OURS4 + "/24", "--address", OURS6 + "/64")
SIZES = (0, 1, 1459, 1460, 1461, 65536, 10485760)
# Deadlines only tell what hangs from what works: a machine may be busy with other things.
WAIT_S = 120      # for what happens at once
PROCESS_S = 900   # no process of a test lives longer
SO_RCVBUFFORCE = 33
WATCH = (r"lcore \d+ on cpu \d+ (has not turned for|turns again, after) |"
         r"shard \d+ (did not answer for|answers again, after) ")

CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
CLONE_NEWNET = 0x40000000
NETNS_DIR = Path("/run/netns")
RUNTIME_DIRS = (Path("/var/run/dpdk"), Path("/tmp/dpdk"))  # of DPDK, by who runs it
TCP_STATES = ("NONE", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2",
              "TIME-WAIT", "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING")

# The tools of an administrator are not on every user's PATH.
os.environ["PATH"] += ":/usr/sbin:/sbin"


# --- what a test needs ------------------------------------------------------------------------

def program(name):
    return lambda: None if shutil.which(name) else f"needs the program {name}"


def rights():
    """Network namespaces need CAP_SYS_ADMIN, interfaces CAP_NET_ADMIN; and both must be of use."""
    held = int(re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1], 16)
    lacks = [name for name, bit in (("CAP_NET_ADMIN", CAP_NET_ADMIN),
                                    ("CAP_SYS_ADMIN", CAP_SYS_ADMIN)) if not held >> bit & 1]
    if lacks:
        return f"needs {' and '.join(lacks)}: run as root"
    if not shutil.which("ip"):
        return "needs the program ip"
    trial = f"leat-{os.getpid()}-0"
    done = run("ip", "netns", "add", trial)
    if done.returncode:
        return f"needs a network namespace: {done.stderr.decode(errors='replace').strip()}"
    run("ip", "netns", "del", trial)
    return None


def tun():
    return None if os.path.exists("/dev/net/tun") else "needs /dev/net/tun"


def as_root():
    return None if os.geteuid() == 0 else "needs root, to become somebody else"


NEEDS_NET = (rights, program("nsenter"), program("setpriv"))
NEEDS_TAP = NEEDS_NET + (tun,)


def of_environment(name, example):
    """A program that the environment names."""
    path = os.environ.get(name, "")
    if not os.access(path, os.X_OK):
        sys.exit(f"{name}={path!r} is no program; name the one to test: {name}={example}")
    return os.path.abspath(path)


def leat():
    """The program under test."""
    return of_environment("LEAT", "build/app/leat/leat")


# --- TAP ----------------------------------------------------------------------------------------

class Over(Exception):
    """The rest of a group makes no sense."""


class Tap:
    cases = failed = 0

    @classmethod
    def skip(cls, name, reason):
        cls.cases += 1
        print(f"ok {cls.cases} - {name} # SKIP {reason}", flush=True)

    @classmethod
    def say(cls, good, name, why=""):
        cls.cases += 1
        cls.failed += not good
        print("ok" if good else "not ok", cls.cases, "-", name.replace("#", "No. "))
        for line in why.splitlines():
            print("#", line)
        sys.stdout.flush()


def explain(error):
    """What went wrong and where in the test, then the last words of the processes."""
    trace = error.__traceback__
    lines = []
    while trace:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).parent == Path(__file__).parent and code.co_name != "case":
            lines.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    kind = "" if isinstance(error, AssertionError) else type(error).__name__ + ": "
    lines.insert(0, f"{kind}{error}")
    lines += getattr(error, "__notes__", [])
    for process in Process.all:
        lines += process.tail()
    return "\n".join(lines)


@contextlib.contextmanager
def case(name):
    """One line of TAP; a failure does not end the group unless a process died under it."""
    try:
        yield
    except Exception as error:  # pylint: disable=broad-except
        Tap.say(False, name, explain(error))
        if isinstance(error, Over) or any(p.died() for p in Process.all):
            raise Over("a process this group needs is gone") from error
    else:
        Tap.say(True, name)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def until(condition, what, seconds=WAIT_S):
    """Wait for something that makes no event; gives what condition gave."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)
    return value


def main(groups, needs=()):
    sweep()
    for need in needs:
        if reason := need():
            print("1..0 # SKIP", reason)
            sys.exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda got, frame: sys.exit(128 + got))
    atexit.register(clean)
    only = sys.argv[1:]
    for group in groups:
        if only and group.__name__ not in only:
            continue
        before = Tap.failed
        try:
            group()
        except Exception as error:  # pylint: disable=broad-except
            if not isinstance(error, Over) or Tap.failed == before:
                Tap.say(False, (group.__doc__ or group.__name__).strip(), explain(error))
        finally:
            for process in list(Process.all):
                process.end()
            Net.remove_all()
    print(f"1..{Tap.cases}")
    sys.exit(1 if Tap.failed else 0)


# --- files and leftovers --------------------------------------------------------------------

class Dir:
    path = None


def directory():
    """A directory for this run, readable by all."""
    if Dir.path is None:
        Dir.path = Path(tempfile.mkdtemp(prefix=f"leat-{os.getpid()}-"))
        Dir.path.chmod(0o755)
    return Dir.path


def clean():
    for process in list(Process.all):
        process.end()
    Net.remove_all()
    if Dir.path:
        shutil.rmtree(Dir.path, ignore_errors=True)


def sweep():
    """Remove what runs before this one left when they were killed, also under our process id."""
    places = ((NETNS_DIR, "leat"), (Path(tempfile.gettempdir()), "leat"), *(
        (base, "live") for base in RUNTIME_DIRS))
    for place, name in places:
        for path in place.glob(name + "-*"):
            owner = re.match(name + r"-(\d+)-", path.name)
            if not owner or (int(owner[1]) != os.getpid() and os.path.exists(f"/proc/{owner[1]}")):
                continue
            if place == NETNS_DIR:
                if shutil.which("ip"):
                    run("ip", "netns", "del", path.name)
            else:
                shutil.rmtree(path, ignore_errors=True)


# --- processes ------------------------------------------------------------------------------

def complaints(err):
    """What it said on stderr, but for lcores that the machine kept from turning."""
    return "\n".join(line for line in err.splitlines() if not re.search(WATCH, line))


class Process:
    """A program that runs beside the test, at most some seconds, and dies with it."""

    all = []

    def __init__(self, argv, net=None, seconds=PROCESS_S, env=None, before=(),
                 stdin=subprocess.DEVNULL):
        # Who becomes somebody else loses the wish to die, and a child never had it.
        dies = ["setpriv", "--pdeathsig", "KILL"]
        command = [*(["nsenter", f"--net={NETNS_DIR / net}"] if net else []),
                   *dies, *([*before, *dies] if before else []), *map(str, argv)]
        self.name, self.expected = Path(argv[0]).name, False
        self.lines, self.changed = {"out": [], "err": []}, threading.Condition()
        self.popen = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, errors="replace", env=env,
                                      start_new_session=True)
        Process.all.append(self)
        self.overdue = False
        self.timer = threading.Timer(seconds, self.kill_overdue)
        self.timer.daemon = True
        self.timer.start()
        self.readers = [threading.Thread(target=self.read, args=pair, daemon=True) for pair in
                        ((self.popen.stdout, "out"), (self.popen.stderr, "err"))]
        for reader in self.readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, Exception) and not isinstance(error, Over):
            error.add_note("\n".join(self.tail()))
        self.end()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def out(self):
        return "\n".join(self.lines["out"])

    @property
    def err(self):
        return "\n".join(self.lines["err"])

    @property
    def complaints(self):
        return complaints(self.err)

    def read(self, pipe, which):
        for line in pipe:
            with self.changed:
                self.lines[which].append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def kill_overdue(self):
        self.overdue = True
        self.popen.kill()

    def died(self):
        return not self.expected and self.popen.poll() is not None

    def tail(self, cnt=25):
        if self.popen.poll() is None:
            how = "runs"
        else:
            how = f"ended with {self.popen.returncode}" + ", overdue" * self.overdue
        said = [f"{which}: {line}" for which in ("out", "err") for line in self.lines[which][-cnt:]]
        return [f"{self.name} {self.pid} {how} and said", *("  " + line for line in said)]

    def wait_line(self, pattern, seconds=WAIT_S):
        """The match of the first line of stdout that matches.  What it said on stderr before may
        come later: all is there after wait."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for line in self.lines["out"]:
                    if found := re.search(pattern, line):
                        return found
                left = end - time.monotonic()
                if left <= 0 or not any(r.is_alive() for r in self.readers):
                    why = "ended" if left > 0 else f"not within {seconds} s"
                    raise AssertionError(f"{self.name} {why}: no line /{pattern}/ on stdout")
                self.changed.wait(left)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=WAIT_S):
        """Its exit code; all it said is read then."""
        self.expected = True
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds} s") from None
        for reader in self.readers:
            reader.join(WAIT_S)
        return code

    def end(self):
        if self in Process.all:
            Process.all.remove(self)
        self.timer.cancel()
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        for reader in self.readers:
            reader.join(WAIT_S)
        self.popen.stdout.close()
        self.popen.stderr.close()


def status(pid):
    """State and parent of a process; of one that has been reaped, that it is."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "X", 0
    return words[0], int(words[1])


def children(pid):
    everybody = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [child for child in everybody if status(child)[1] == pid]


def gone(pid):
    """Has that process ended, its files and locks with it?  Who should reap it may be late."""
    return status(pid)[0] in "ZX"


def resident(pid, *kinds):
    """Octets of memory of these kinds, as the kernel calls them, that a process has now."""
    told = Path(f"/proc/{pid}/status").read_text()
    return sum(int(re.search(rf"Rss{kind}:\s*(\d+) kB", told)[1]) << 10 for kind in kinds)


def run(*argv, seconds=WAIT_S, net=None, **more):
    """A program that ends by itself: its CompletedProcess, whatever the exit code."""
    command = [*(["nsenter", f"--net={NETNS_DIR / net}"] if net else []), *map(str, argv)]
    return subprocess.run(command, check=False, capture_output=True, timeout=seconds, **more)


def must(*argv, **more):
    """As run, and it must succeed: what it printed."""
    done = run(*argv, **more)
    said = (done.stderr + done.stdout).decode(errors="replace").strip()
    check(done.returncode == 0, f"{' '.join(map(str, argv))}: exit {done.returncode}: {said}")
    return done.stdout


# --- network namespaces ---------------------------------------------------------------------

class Net:
    """One network namespace; nothing in it but lo until the test adds to it.

    It is entered by nsenter and setns alone: `ip -n` also wants mount points of its own, which a
    root directory without a mount cannot give.
    """

    all = []
    home = None
    made = 0

    def __init__(self):
        Net.made += 1
        self.name = f"leat-{os.getpid()}-{Net.made}"
        must("ip", "netns", "add", self.name)
        Net.all.append(self)
        must("ip", "link", "set", "lo", "up", net=self.name)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.router_solicitations", 0)

    def sysctl(self, name, value):
        must("sh", "-c", 'echo "$2" > "/proc/sys/$1"', "sh", name.replace(".", "/"), value,
             net=self.name)

    def enter(self):
        """From here on the sockets and programs of this test are in this namespace."""
        if Net.home is None:
            Net.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        with open(NETNS_DIR / self.name, "rb") as file:
            Net.set(file.fileno())

    @staticmethod
    def set(fd):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))

    @staticmethod
    def remove_all():
        if Net.home is not None:
            Net.set(Net.home)
        while Net.all:
            run("ip", "netns", "del", Net.all.pop().name)


def new_net():
    """A fresh namespace, entered."""
    net = Net()
    net.enter()
    return net


def is_up(interface, net=None):
    """Is it up, and does the kernel know that its cable is in?"""
    flags = re.search(rb"<(.*?)>", must("ip", "link", "show", "dev", interface, net=net))[1]
    return b"UP" in flags.split(b",") and b"NO-CARRIER" not in flags


def bring_up(interface, net=None):
    """The kernel tells the carrier some time after the cable is in."""
    must("ip", "link", "set", interface, "up", net=net)
    until(lambda: is_up(interface, net), f"the carrier of {interface}")


def configure(interface, net=None, only4=False):
    """The kernel's addresses on an interface that is to reach us: ready when this returns."""
    name = net and net.name
    must("ip", "addr", "replace", KERNEL4 + "/24", "dev", interface, net=name)
    if not only4:
        must("ip", "addr", "replace", KERNEL6 + "/64", "dev", interface, "nodad",
             net=name)
    bring_up(interface, name)
    for ours in (OURS4,) if only4 else (OURS4, OURS6):
        until(lambda to=ours: interface.encode() in run("ip", "route", "get", to, net=name).stdout,
              f"a route to {ours}")


# --- our server -----------------------------------------------------------------------------

class Server(Process):
    """`leat serve`; as a context it stops in order at the end and must exit with 0."""

    made = 0

    def __init__(self, *options, net=None, label=None, **more):
        Server.made += 1
        self.label = label or f"live-{os.getpid()}-{Server.made}"
        super().__init__([leat(), "serve", "--name", self.label, *options], net=net, **more)

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                equal(self.stop(), 0, "exit code of leat serve")
                self.ledger()
        finally:
            super().__exit__(kind, error, trace)

    def end(self):
        super().end()
        for path in self.runtime_directories():  # of one that was killed
            shutil.rmtree(path, ignore_errors=True)

    def stop(self, number=signal.SIGINT, seconds=WAIT_S):
        """A signal, when it still runs, and the exit code that follows."""
        self.expected = True
        self.signal(number)
        return self.wait(seconds)

    def runtime_directories(self):
        """What DPDK made for this server."""
        return [path for base in RUNTIME_DIRS for path in base.glob(self.label + "*")]

    def table(self, heading):
        """Rows of the table below heading in what it printed at its end: name to count."""
        rows, inside = {}, False
        for line in self.lines["out"]:
            row = re.match(r"\s+(\S+)\s+([\d,]+)(\s|$)", line)
            if inside and row:
                rows[row[1]] = int(row[2].replace(",", ""))
            else:
                inside = line.strip().startswith(heading) or inside and line.strip() == "none"
        return rows

    def states(self):
        check("connections by state" in self.out, "no table of connections by state at the end")
        return self.table("connections by state")

    def ledger(self):
        """The terms of the connections' ledger; it must balance, and so must the frames'."""
        line = next((line for line in self.lines["out"] if line.startswith("ledger")), "")
        check(line.endswith(" balanced") and "NOT BALANCED" not in self.out, f"ledger: {line!r}")
        terms = re.findall(r"([A-Za-z][\w -]*?) ([\d,]+)(?= [=+]|   )", line[len("ledger"):])
        return {name: int(cnt.replace(",", "")) for name, cnt in terms}

    def drops(self):
        heading = "frames and segments not used, by reason"
        check(heading in self.out, "no table of drops at the end")
        return self.table(heading)


def serve(*options, net=None, tap="leat0", **more):
    """A server behind a TAP interface in this namespace, ready and reachable."""
    server = Server("--tap", tap, *ADDRESSES, *options, net=net and net.name, **more)
    server.wait_line(r"^ready")
    configure(tap, net)
    return server


# --- the kernel's side ----------------------------------------------------------------------

def body(octets):
    """The body of /bytes/N, as the service documents it: octet i is '!' + i % 89."""
    period = bytes(ord("!") + i for i in range(89))
    return (period * (octets // 89 + 1))[:octets]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def url(address, path, port=80):
    return f"http://[{address}]:{port}{path}" if ":" in address else f"http://{address}:{port}{path}"


def connect(address=OURS4, port=80, source=None, seconds=WAIT_S, options=()):
    """A TCP socket of the kernel, connected; options are set before."""
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        s.settimeout(seconds)
        for option in options:
            s.setsockopt(*option)
        if source:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", source))
        s.connect((address, port))
    except BaseException:
        s.close()
        raise
    return s


def pour(s, data):
    """Send all from another thread, then our FIN."""
    def send():
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the reader sees what became of it
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def read_all(s):
    """All octets to EOF."""
    parts = []
    while part := s.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def read_exactly(s, octets):
    parts = bytearray()
    while len(parts) < octets:
        part = s.recv(min(octets - len(parts), 1 << 18))
        check(part, f"EOF after {len(parts)} of {octets} octets")
        parts += part
    return bytes(parts)


def read_response(s):
    """Status, fields and body of one response whose length is given."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = s.recv(1)
        check(part, f"EOF in the head of a response: {head!r}")
        head += part
    status, *rest = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in rest if line)
    return int(status.split()[1]), fields, read_exactly(s, int(fields["content-length"]))


def state(s):
    """The kernel's state of a socket."""
    return TCP_STATES[s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]]


def wait_state(s, name, seconds=WAIT_S):
    try:
        until(lambda: state(s) == name, "", seconds)
    except AssertionError:
        raise AssertionError(f"kernel's state: expected {name}, got {state(s)} "
                             f"after {seconds} s") from None


def unacknowledged(s):
    """Segments of the kernel's that are not acknowledged: tcpi_unacked."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("8B4I4I", info)[12]


def unread(s):
    """Octets that the kernel has for us and we have not read."""
    return struct.unpack("i", fcntl.ioctl(s, termios.FIONREAD, bytes(4)))[0]


def writable(s, seconds):
    """Does the socket take octets, now or within seconds?"""
    return bool(select.select([], [s], [], seconds)[1])


def abort(s):
    """Close with a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def kernel_connections():
    """(state, local port, remote port) of all the kernel's TCP connections in this namespace."""
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/thread-self/net", name).read_text().splitlines()[1:]:
            _, local, remote, number = line.split()[:4]
            found.append((TCP_STATES[int(number, 16)] if int(number, 16) < 12 else "SYN-RECEIVED",
                          int(local.split(":")[1], 16), int(remote.split(":")[1], 16)))
    return found


def kernel_count(name, port):
    """How many connections to that port the kernel has in that state."""
    return sum(s == name and remote == port for s, _, remote in kernel_connections())


# --- a wire that the test holds in its hands -------------------------------------------------

class Wire:
    """Carries frames between two interfaces of the present namespace, and may hold or bend them.

    held is a set of directions (0: from the first interface to the second, 1: back) whose frames
    wait until they are let go; fate(frame) says in how many copies a frame goes on, and whether
    the next one overtakes it.
    """

    IGNORE_OUTGOING = 23  # PACKET_IGNORE_OUTGOING

    def __init__(self, first, second):
        self.sockets = [self.open(first), self.open(second)]
        self.held, self.kept, self.late, self.lost = set(), ([], []), ([], []), 0
        self.fate = lambda frame: (1, False)
        self.lock, self.end = threading.Lock(), socket.socketpair()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    @classmethod
    def open(cls, interface):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(263, cls.IGNORE_OUTGOING, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        s.bind((interface, 0))
        s.setblocking(False)
        return s

    def carry(self):
        poll = select.poll()
        for s in (*self.sockets, self.end[1]):
            poll.register(s, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self.end[1].fileno():
                    return
                self.burst([s.fileno() for s in self.sockets].index(fd))

    def burst(self, direction):
        for _ in range(64):
            try:
                frame = self.sockets[direction].recv(65536)
            except OSError:
                return
            with self.lock:
                copies, overtaken = self.fate(frame)
                self.lost += copies == 0
                if overtaken:
                    self.late[direction].extend([frame] * copies)
                else:
                    self.go_on(direction, [frame] * copies + self.late[direction])
                    self.late[direction].clear()

    def go_on(self, direction, frames):
        if direction in self.held:
            self.kept[direction].extend(frames)
        else:
            for frame in frames:
                self.send(direction, frame)

    def send(self, direction, frame):
        to = self.sockets[1 - direction]
        while True:
            try:
                to.send(frame)
                return
            except BlockingIOError:
                select.select([], [to], [], 1)
            except OSError:  # the interface is gone or down
                return

    def hold(self, direction):
        with self.lock:
            self.held.add(direction)

    def kept_frames(self, direction):
        with self.lock:
            return list(self.kept[direction])

    def let_go(self, direction):
        with self.lock:
            self.held.discard(direction)
            for frame in self.kept[direction]:
                self.send(direction, frame)
            self.kept[direction].clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end[0].close()
        self.thread.join(WAIT_S)
        for s in (*self.sockets, self.end[1]):
            s.close()


def veth_pair(near, far, far_net):
    """An Ethernet between this namespace and another.  The kernel would leave the checksums of
    what it sends to the cable: it must finish them itself on both ends."""
    must("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", far_net.name)
    must("ethtool", "-K", near, "tx", "off")
    must("ethtool", "-K", far, "tx", "off", net=far_net.name)
    must("ip", "link", "set", near, "up")  # its carrier comes with the far one's


@contextlib.contextmanager
def wired(*options):
    """A server and this test in two namespaces, with a wire between them that the test holds:
    0 is its direction to the server, 1 from it."""
    middle, far = new_net(), Net()
    middle.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    with Server("--tap", "leat0", *ADDRESSES, *options) as server:
        server.wait_line(r"^ready")
        bring_up("leat0")
        veth_pair("near", "far", far)
        with Wire("near", "leat0") as wire:
            configure("far", far)
            far.enter()
            yield server, wire
