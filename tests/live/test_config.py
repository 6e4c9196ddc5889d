#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A configuration file, and the real thing: serve and load do what it says, check sees the machine."""
import json
import signal
import socket
import threading

import live

PORTS = f"""version: 1
ports:
  - device: tap:leat0
    address: [{live.OURS4}/24, "{live.OURS6}/64"]
"""
SERVER = PORTS + """tcp: {time_wait: 1s}
listen:
  - {port: 80, body: 7, close: client}
  - {port: 7, app: echo}
eal: {extra: ["--log-level=lib.eal:error"]}
"""
CLIENT = "role: client\n" + PORTS + f"""tcp: {{time_wait: 1ms}}
load:
  target: {live.KERNEL4}:8080
  concurrency: 4
  total: 40
  timeout: 60s
  program: |
    send 100; expect 100
    close
expect: {{errors: "== 0"}}
report: {{format: json}}
"""


def write(text):
    path = live.directory() / "lab-a.yaml"
    path.write_text(text)
    return path


def fetch(path="/"):
    s = live.connect()
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: live\r\n\r\n".encode())
    _, _, got = live.read_response(s)
    s.close()
    return got


def check(*args):
    done = live.run(live.leat(), "check", *args)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def served():
    "serve with a file"
    live.new_net()
    path = write(SERVER)
    with live.case("the machine has what the file asks for: leat check ends with 0"):
        code, text = check(path)
        live.check(code == 0 and "FAIL" not in text, text)
    with live.Server("-c", path, "--body", "9") as server:
        server.wait_line(r"^ready")
        live.configure("leat0")
        with live.case("http gives what the command line says, which goes before the file"):
            live.equal(fetch(), live.body(9), "body")
        with live.case("echo gives back, as the file says"):
            s = live.connect(port=7)
            s.sendall(b"as the file says")
            live.equal(live.read_exactly(s, 16), b"as the file says", "echo")
            s.close()
        with live.case("IPv6 is served by the second address"):
            live.connect(live.OURS6).close()
        with live.case("leat check says that the interface is taken now, with 3"):
            code, text = check(path)
            live.check(code == 3 and "leat0 exists already" in text, f"{code}: {text}")


def refused():
    "a file that is wrong"
    live.new_net()
    path = write(SERVER + "tcp: {sack: off}\nvlan: 7\n")
    for verb in ("serve", "plan", "load"):
        with live.case(f"N229: {verb}: refused with 2, every error is told, nothing is started"):
            done = live.run(live.leat(), verb, "--config", path)
            err = done.stderr.decode()
            live.equal(done.returncode, 2, "exit code")
            live.check("given twice, first on line" in err and "vlan: no such key" in err, err)
            live.check(live.run("ip", "link", "show", "leat0").returncode != 0, "there is a TAP")


def echo(listener):
    """Gives back what comes, until the listener is closed."""
    while True:
        try:
            s, _ = listener.accept()
        except OSError:
            return
        with s:
            while data := s.recv(4096):
                s.sendall(data)


def loaded():
    "load with a file"
    live.new_net()
    path = write(CLIENT)
    with live.Process([live.leat(), "load", "--config", path, "--seed", "7"]) as load:
        live.until(lambda: live.run("ip", "link", "show", "leat0").returncode == 0, "the TAP")
        live.configure("leat0")
        with socket.create_server((live.KERNEL4, 8080), backlog=128) as listener:
            threading.Thread(target=echo, args=(listener,), daemon=True).start()
            with live.case("the run is that of the file"):
                code = load.wait()
                told = json.loads(load.lines["out"][-1])
                live.check(code in (0, 98), f"exit code {code}: {load.err}")
                live.equal(told["verdict"], {0: "pass", 98: "inconclusive"}[code], "verdict")
                live.check(told["balanced"], load.err)
                live.check(told["plan"]["seed"] == 7 and told["connections"]["completed"] == 40,
                           "the seed, or the number of connections")
            listener.shutdown(socket.SHUT_RDWR)


def stopped():
    "what is served by a file stops as ever"
    live.new_net()
    with live.Server("-c", write(SERVER)) as server:
        server.wait_line(r"^ready")
        with live.case("SIGTERM: it ends in order"):
            live.equal(server.stop(signal.SIGTERM), 0, "exit code")


live.main([served, refused, loaded, stopped], needs=live.NEEDS_TAP)
