#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How the commands end that stay: by a signal in order, with what had still to be said.  An instance
that answers what it is told to stands in for a real one.

usage: ended.py LEAT SNAPSHOTS

Prints TAP.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

LEAT, SNAPSHOTS = sys.argv[1:3]
done = []


def case(name, good, why=""):
    done.append(good)
    print(f"{'' if good else 'not '}ok {len(done)} - {name}")
    for line in str(why).splitlines() if not good else ():
        print("#", line)


class Instance:
    """One question to an instance called `one`."""

    def __init__(self, scratch):
        self.listening = socket.socket(socket.AF_UNIX)
        path = Path(scratch, "one.sock")
        path.unlink(missing_ok=True)
        self.listening.bind(str(path))
        self.listening.listen(4)
        self.scratch = scratch

    def asked(self, *words):
        """A command that runs, and its question, which was answered with ok."""
        run = subprocess.Popen([LEAT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "LC_ALL": "C", "RUNTIME_DIRECTORY": self.scratch})
        end = self.listening.accept()[0]
        end.settimeout(120)
        while not end.recv(4096).endswith(b"\n"):
            pass
        end.sendall(b"ok\n")
        return run, end


def followed(scratch):
    for form, lost in (("-H", b"note: 7 events of shard 1 were lost: they came faster than they were read\n"),
                       ("-j", b'{"event":"lost","shard":1,"cnt":7}\n')):
        for by in (signal.SIGINT, signal.SIGTERM):
            run, end = Instance(scratch).asked("conns", "-n", "one", form, "follow")
            end.sendall(b"an event\n")
            first = run.stdout.readline()
            run.send_signal(by)
            asked = end.recv(1)  # the end of the questions
            end.sendall(b"another\n" + lost)
            end.close()
            out, err = run.communicate(timeout=120)
            case(f"conns follow {form} ends by {by.name} with all that it was told, and how much",
                 run.returncode == 0 and first + out == b"an event\nanother\n" + lost and not asked and
                 err == b"leat conns: 2 events, and 7 lost\n", (run.returncode, first, out, err))


def followed_once(scratch):
    run, end = Instance(scratch).asked("conns", "-n", "one", "-H", "follow")
    end.sendall(b"an event\n")
    end.close()
    out, err = run.communicate(timeout=120)
    case("one event is no events", (run.returncode, out, err) ==
         (0, b"an event\n", b"leat conns: 1 event, and 0 lost\n"), (run.returncode, out, err))


def looked_up(scratch):
    tail = b" of 9 that match, of 9 (scan 0 ms, 1 shard)\n"
    for answer, code in ((b"State  Recv-Q\n0" + tail, 3), (b"State  Recv-Q\nTIME-WAIT 0\n1" + tail, 0),
                         (b"State  Recv-Q\nnote: shard 1 does not turn\n0" + tail, 3)):
        run, end = Instance(scratch).asked("conns", "-n", "one", "get", "1.2.3.4:80", "1.2.3.5:9")
        end.sendall(answer)
        end.close()
        out, err = run.communicate(timeout=120)
        case(f"get ends with {code} for {answer}", run.returncode == code and out == answer and not err,
             (run.returncode, out, err))


def watched(scratch):
    snapshots = Path(SNAPSHOTS).read_bytes()
    for words in (("--raw",), ("-j",)):
        for by in (signal.SIGINT, signal.SIGTERM):
            run, end = Instance(scratch).asked("top", "-n", "one", *words)
            end.sendall(snapshots)
            first = run.stdout.readline()
            run.send_signal(by)
            out, err = run.communicate(timeout=120)
            end.close()
            case(f"top {words[0]} ends by {by.name} in order", run.returncode == 0 and first and
                 out.endswith(b"\n") and not err, (run.returncode, err))
    run, end = Instance(scratch).asked("top", "-n", "one", "--raw")
    end.sendall(snapshots)
    end.close()
    out, err = run.communicate(timeout=120)
    case("top says so when the instance ends", run.returncode == 5 and out == snapshots and
         b"the instance ended" in err, (run.returncode, err))


with tempfile.TemporaryDirectory() as there:
    followed(there)
    followed_once(there)
    looked_up(there)
    watched(there)
print(f"1..{len(done)}")
sys.exit(0 if all(done) else 1)
