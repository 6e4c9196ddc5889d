#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`leat ctl` tells a running instance what to do; who may not is refused."""
import json
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import live

FILE = """version: 1
name: lab
role: server
ports:
  - { device: tap:leat0, address: 198.18.0.2/24 }
listen:
  - { port: 80, app: http, body: 512 }
tcp: { time_wait: 500ms }
drain: { grace: 5s }
"""


class Lab:
    """A `leat serve -c FILE` in a namespace of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix=f"leat-{os.getpid()}-ctl-")
        os.chmod(self.dir, 0o755)
        self.env = dict(os.environ, RUNTIME_DIRECTORY=self.dir)
        self.file = Path(self.dir, "lab.yaml")
        self.file.write_text(FILE)

    def serve(self, net, *more):
        process = live.Process([live.leat(), "serve", "-c", self.file, "--loss", "0%", *more],
                               net=net, env=self.env)
        process.wait_line(r"^ready")
        return process

    def ctl(self, *words, before=()):
        return live.run(*before, live.leat(), "ctl", *words, env=self.env, text=True)

    def told(self, *words):
        done = self.ctl(*words)
        live.equal((done.returncode, done.stderr), (0, ""), f"ctl {words}")
        return done.stdout

    def refused(self, code, *words, before=()):
        done = self.ctl(*words, before=before)
        live.equal((done.returncode, done.stdout), (code, ""), f"ctl {words}")
        return done.stderr

    def edit(self, *pairs):
        text = FILE
        for old, new in pairs:
            live.check(old in text, old)
            text = text.replace(old, new)
        self.file.write_text(text)


def body(net):
    done = live.run("curl", "-s", "-m", live.WAIT_S, f"http://{live.OURS4}/", net=net)
    live.equal(done.returncode, 0, "curl")
    return len(done.stdout)


def health(net, path):
    "status and text of its endpoint of HTTP"
    done = live.run("curl", "-s", "-m", live.WAIT_S, "-w", "%{http_code}",
                    f"http://127.0.0.1:9464{path}", net=net, text=True)
    live.equal(done.returncode, 0, "curl")
    return int(done.stdout[-3:]), done.stdout[:-3]


def words_of_the_line():
    "what cannot be asked is said before anybody is"
    lab = Lab()
    with live.case("a wrong word is told with the right one"):
        live.check("did you mean `undrain`?" in lab.refused(1, "undrian"), "undrian")
        live.check("what is to be done?" in lab.refused(1), "nothing")
        live.check("one word too many" in lab.refused(1, "stop", "it"), "stop it")
        live.check("--wait is not for stop" in lab.refused(1, "stop", "--wait"), "--wait")
        live.check("no instance of this user runs" in lab.refused(3, "info"), "info")
    shutil.rmtree(lab.dir)


def served():
    "a server"
    lab, net = Lab(), live.Net()
    with lab.serve(net.name) as process:
        live.must("ip", "addr", "add", live.KERNEL4 + "/24", "dev", "leat0", net=net.name)
        live.must("ip", "link", "set", "leat0", "up", net=net.name)
        live.must("ip", "link", "set", "lo", "up", net=net.name)
        live.until(lambda: live.run("curl", "-s", "-m", "1", f"http://{live.OURS4}/",
                                    net=net.name).returncode == 0, "an answer")
        with live.case("info says who it is"):
            info = json.loads(lab.told("info", "-j"))
            live.equal((info["schema"], info["name"], info["verb"], info["state"],
                        info["shards"], info["config"]),
                       ("leat.info/1", "lab", "serve", "runs", 1, str(lab.file)), "info")
            live.equal(info["ports"][0]["driver"], "net_tap", "driver")
            live.equal((info["two_msl_ns"], info["two_msl_rfc_conformant"]), (500_000_000, False),
                       "2MSL")
            text = lab.told("info")
            live.check(re.search(rf"^pid +{info['pid']}$", text, re.M), text)
            live.check(re.search(r"^2MSL +500 ms \(not RFC-conformant", text, re.M), text)
        with live.case("with stdout closed who asks says so, exit 5, and the instance goes on"):
            for verb, *words in (("ctl", "info"), ("ctl", "why"), ("conns",), ("conns", "-s"),
                                 ("top", "--json", "--once")):
                done = live.run("sh", "-c", 'exec "$@" >&-', "sh", live.leat(), verb, *words,
                                env=lab.env, text=True)
                live.equal((done.returncode, done.stderr),
                           (5, f"leat {verb}: stdout: Bad file descriptor\n"), f"{verb} {words}")
            live.equal(json.loads(lab.told("info", "-j"))["name"], "lab", "name")
        with live.case("N230: reload applies what can change, to what comes from then on"):
            live.equal(body(net.name), 512, "body")
            live.equal(lab.told("reload"), "nothing has changed\n", "reload")
            lab.edit(("body: 512", "body: 77"), ("grace: 5s", "grace: 7s"))
            live.equal(lab.told("reload"), "changed: body, grace\n", "reload")
            live.equal(body(net.name), 77, "body")
            live.equal(lab.told("reload"), "nothing has changed\n", "reload")
        with live.case("and nothing of it when one part cannot, which is named"):
            lab.edit(("body: 512", "body: 99"), ("port: 80", "port: 81"))
            live.check("a restart is needed for: listen; nothing was changed" in
                       lab.refused(2, "reload"), "listen")
            lab.edit(("body: 512", "body: 100KiB"), ("grace: 5s", "grace: 9s"))
            live.check("nothing was changed" in lab.refused(2, "reload"), "body")
            lab.edit(("body: 512", "bdy: 99"))
            live.check("did you mean `body`?" in lab.refused(2, "reload"), "bdy")
            lab.file.unlink()
            live.check("lab.yaml" in lab.refused(2, "reload"), "no file")
            live.equal(body(net.name), 77, "body")
            lab.edit(("body: 512", "body: 77"), ("grace: 5s", "grace: 7s"))
            live.equal(lab.told("reload"), "nothing has changed\n", "reload")
        with live.case("why says what keeps it from being faster, or that nothing does"):
            why = json.loads(lab.told("why", "-j"))
            live.equal((why["schema"], why["name"]), ("leat.why/1", "lab"), "why")
            live.check(isinstance(why["limited"], bool) and why["why"], why)
            text = lab.told("why")
            live.check(re.fullmatch(r"[^\n]*(shard 0|timers fire late)[^\n]*\n", text), text)
        with live.case("a server that drains takes no new connection, and again when told"):
            live.check("it does not drain" in lab.refused(1, "undrain"), "undrain")
            out = lab.told("drain", "--wait").splitlines()
            live.equal((out[0][:30], out[-1]), ("draining: new SYNs are dropped", "0 open"), "drain")
            live.equal(json.loads(lab.told("info", "-j"))["state"], "draining", "state")
            live.until(lambda: lab.told("why") == "it drains: nothing new is taken\n", "why")
            live.check(live.run("curl", "-s", "-m", "1", f"http://{live.OURS4}/",
                                net=net.name).returncode != 0, "served while draining")
            # What was seen a moment ago is told again: up to 100 ms.
            live.until(lambda: health(net.name, "/readyz") == (503, "not ready: draining\n"),
                       "readyz")
            live.equal(health(net.name, "/livez")[0], 200, "livez")
            live.check("\nleat_ready 0\n" in health(net.name, "/metrics")[1], "leat_ready")
            lab.told("undrain")
            live.equal(body(net.name), 77, "body")
            live.until(lambda: health(net.name, "/readyz")[0] == 200, "readyz")
            live.check("\nleat_ready 1\n" in health(net.name, "/metrics")[1], "leat_ready")
        with live.case("what a server has nothing of is said"):
            live.check("nothing here waits to start" in lab.refused(1, "start"), "start")
            live.check("serve has no rate of its own" in lab.refused(1, "rate", "5/s"), "rate")
        with live.case("stop is what a signal is"):
            live.equal(lab.told("stop"), "drains, and ends\n", "stop")
            live.equal(process.wait(), 0, "exit code")
            live.check("balanced" in process.out, process.out)
    shutil.rmtree(lab.dir)


def rights():
    "who may read and who may write"
    lab, net = Lab(), live.Net()
    other = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with lab.serve(net.name) as process:
        with live.case("another user cannot so much as connect"):
            live.check("Permission denied" in lab.refused(3, "-n", "lab", "info", before=other),
                       "info")
        with live.case("if he is let, he may read and not write"):
            Path(lab.dir, "lab.sock").chmod(0o666)
            done = lab.ctl("-n", "lab", "info", before=other)
            live.equal((done.returncode, done.stderr), (0, ""), "info")
            only_reads(lab, other)
            done = live.run(*other, live.leat(), "conns", "-n", "lab", "--kill", env=lab.env,
                            text=True)
            live.equal(done.returncode, 1, "kill")
            done = live.run(*other, live.leat(), "conns", "-n", "lab", "-s", env=lab.env,
                            text=True)
            live.equal(done.returncode, 0, "conns")
            live.equal(json.loads(lab.told("info", "-j"))["state"], "runs", "state")
        process.signal(signal.SIGINT)
        live.equal(process.wait(), 0, "exit code")
    shutil.rmtree(lab.dir)


def only_reads(lab, who):
    for words in (("drain",), ("undrain",), ("stop",), ("start",), ("reload",), ("rate", "1/s")):
        live.check("is for the user of this instance, and root" in
                   lab.refused(1, "-n", "lab", *words, before=who), words)


def group():
    "--ctl-group: who else may read"
    lab, net = Lab(), live.Net()
    os.chmod(lab.dir, 0o700)
    member = ("setpriv", "--reuid", "65534", "--regid", "65534", "--groups", "65533")
    other = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with live.case("a group that is none is told when it starts"):
        done = live.run(live.leat(), "serve", "-c", lab.file, "--ctl-group", "no-such-group",
                        net=net.name, text=True)
        live.equal((done.returncode, "there is no group `no-such-group`" in done.stderr), (1, True),
                   done.stderr)
    with lab.serve(net.name, "--ctl-group", "65533") as process:
        with live.case("its members may read, and change nothing; nobody else may so much as ask"):
            at = os.stat(Path(lab.dir, "lab.sock"))
            live.equal((at.st_mode & 0o777, at.st_uid, at.st_gid), (0o660, os.geteuid(), 65533),
                       "the socket")
            live.check("Permission denied" in lab.refused(3, "-n", "lab", "info", before=other),
                       "who is no member")
            for words in (("info",), ("why",)):
                done = lab.ctl("-n", "lab", *words, before=member)
                live.equal((done.returncode, done.stderr), (0, ""), words)
            for verb, *words in (("conns", "-s"), ("top", "-1")):
                done = live.run(*member, live.leat(), verb, "-n", "lab", *words, env=lab.env,
                                text=True)
                live.equal((done.returncode, done.stderr), (0, ""), verb)
            only_reads(lab, member)
            done = live.run(*member, live.leat(), "conns", "kill", "-n", "lab", "--yes",
                            env=lab.env, text=True)
            live.check("is for the user of this instance, and root" in done.stderr, done.stderr)
            done = live.run(*member, live.leat(), "capture", "-n", "lab", "-c", "1", env=lab.env)
            live.check(b"is for the user of this instance, and root" in done.stderr, done.stderr)
            live.equal(json.loads(lab.told("info", "-j"))["state"], "runs", "state")
        process.signal(signal.SIGINT)
        live.equal(process.wait(), 0, "exit code")
    shutil.rmtree(lab.dir)


live.main([words_of_the_line, served, rights, group], needs=live.NEEDS_TAP + (live.as_root,
                                                                       live.program("curl")))
