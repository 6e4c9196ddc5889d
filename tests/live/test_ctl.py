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

    def serve(self, net):
        process = live.Process([live.leat(), "serve", "-c", self.file, "--loss", "0%"],
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
        with live.case("a server that drains takes no new connection, and again when told"):
            live.check("it does not drain" in lab.refused(1, "undrain"), "undrain")
            out = lab.told("drain", "--wait").splitlines()
            live.equal((out[0][:30], out[-1]), ("draining: new SYNs are dropped", "0 open"), "drain")
            live.equal(json.loads(lab.told("info", "-j"))["state"], "draining", "state")
            live.check(live.run("curl", "-s", "-m", "1", f"http://{live.OURS4}/",
                                net=net.name).returncode != 0, "served while draining")
            lab.told("undrain")
            live.equal(body(net.name), 77, "body")
        with live.case("what a server has nothing of is said"):
            live.check("nothing here waits to start" in lab.refused(1, "start"), "start")
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
            for words in (("drain",), ("undrain",), ("stop",), ("start",)):
                live.check("is for the user of this instance, and root" in
                           lab.refused(1, "-n", "lab", *words, before=other), words)
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


live.main([words_of_the_line, served, rights], needs=live.NEEDS_TAP + (live.as_root,
                                                                       live.program("curl")))
