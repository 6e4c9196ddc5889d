#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Short connections over the kernel's TCP and over ours, and the ratio; see kernel.sh.

Both ends count, each with the CPU time that it used, not with how long it took: so another program
on the machine makes nobody slower.  In the kernel the ends are a server and wrk, on loopback; with
us they are the two stacks of bench_connection.  The rounds alternate, and the best of each is told.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

PORT = 8080
HELD = 100
ROUNDS = 3
NGINX = """daemon off; master_process off; worker_processes 1; pid {0}/pid; error_log {0}/log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_timeout 0; client_body_temp_path {0}; proxy_temp_path {0};
fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};
server {{ listen 127.0.0.1:{1} reuseport backlog=4096; location / {{ return 200 "{2}"; }} }} }}
"""


def cpu_s(pid):
    """The seconds of CPU that a process has used, user's and system's."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        field = file.read().rpartition(")")[2].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_port():
    for _ in range(1000):
        with open("/proc/net/tcp", encoding="ascii") as file:
            if re.search(rf":{PORT:04X} 0{{8}}:0000 0A ", file.read()):
                return
        time.sleep(0.01)
    sys.exit("kernel.py: the server does not listen")


def wrk(seconds):
    """What wrk did: connections, and the seconds of CPU that it used."""
    before = os.times()
    done = subprocess.run(
        ["taskset", "-c", str(max(os.sched_getaffinity(0))), "wrk", "-t1", f"-c{HELD}",
         f"-d{seconds}s", "-H", "Connection: close", f"http://127.0.0.1:{PORT}/"],
        capture_output=True, text=True, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return int(re.search(r"(\d+) requests in", done.stdout)[1]), used


def kernel(command, seconds):
    """ns of CPU for one connection: of the server and of both ends; and connections a second."""
    server = subprocess.Popen(["taskset", "-c", str(min(os.sched_getaffinity(0))), *command],
                              stdout=subprocess.DEVNULL)
    try:
        wait_for_port()
        wrk(1)
        before = cpu_s(server.pid)
        cnt, client = wrk(seconds)
        used = cpu_s(server.pid) - before
    finally:
        server.kill()
        server.wait()
    return {"server_ns": used / cnt * 1e9, "both_ns": (used + client) / cnt * 1e9,
            "per_second": cnt / seconds}


def ours(program):
    done = subprocess.run([program, "--json", "--concurrent", "1000"], capture_output=True, text=True,
                          check=True)
    row = json.loads(done.stdout)
    server = row["server_cycles_per_connection"] / row["ghz"]
    return {"server_ns": server, "both_ns": server + row["client_cycles_per_connection"] / row["ghz"]}


def best(rows):
    return min(rows, key=lambda row: row["both_ns"])


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("programs")
    parse.add_argument("--json", action="store_true")
    parse.add_argument("--seconds", type=int, default=3)
    options = parse.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("kernel.py: there is no wrk")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as dir_name:
        config = os.path.join(dir_name, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(NGINX.format(dir_name, PORT, "#" * 64))
        servers = {"epoll": [os.path.join(options.programs, "kernel_server"), str(PORT)]}
        if shutil.which("nginx"):
            servers["nginx"] = ["nginx", "-c", config, "-e", os.path.join(dir_name, "log")]
        rows = {name: [] for name in ["leat", *servers]}
        for _ in range(ROUNDS):
            rows["leat"].append(ours(os.path.join(options.programs, "bench_connection")))
            for name, command in servers.items():
                rows[name].append(kernel(command, options.seconds))
    result = {name: best(list_) for name, list_ in rows.items()}
    for name, row in result.items():
        row["ratio_server"] = row["server_ns"] / result["leat"]["server_ns"]
        row["ratio_both"] = row["both_ns"] / result["leat"]["both_ns"]
        if options.json:
            print(json.dumps({"bench": "kernel", "server": name,
                              **{key: round(value, 1) for key, value in row.items()}}))
        else:
            print(f"{name:6} server {row['server_ns']:8.0f} ns of CPU a connection, both ends "
                  f"{row['both_ns']:8.0f}; ours is {row['ratio_server']:.1f} and "
                  f"{row['ratio_both']:.1f} times less")


if __name__ == "__main__":
    main()
