#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Connections a second between a server and a client process, one core each; see pair.sh.

Who else wants a core takes from the result, so that the load of the machine is told beside it, and
the CPU time of the server for each connection, which has its polling in it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

SERVER, CLIENT = "10.9.0.1", "10.9.0.2"
DEVICES = {
    "memif": ("net_memif0,role=server,socket={0}/socket", "net_memif0,socket={0}/socket"),
    "virtio": ("eth_vhost0,iface={0}/socket", "net_virtio_user0,path={0}/socket"),
}


def wait_for(path, pattern, process):
    while process.poll() is None:
        with open(path, encoding="utf-8") as file:
            if re.search(pattern, file.read(), re.M):
                return
        time.sleep(0.1)
    with open(path, encoding="utf-8") as file:
        sys.exit(f"pair.py: the server ended\n{file.read()}")


def cpu_s(pid):
    """The seconds of CPU that a process and what it started have used."""
    used = 0
    for task in os.listdir("/proc"):
        if not task.isdigit():
            continue
        try:
            with open(f"/proc/{task}/stat", encoding="ascii") as file:
                field = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(task) == pid or int(field[1]) == pid:
            used += (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")
    return used


def measure(leat, device, seconds, dir_name):
    cores = sorted(os.sched_getaffinity(0))
    server_at, client_at = (text.format(dir_name) for text in DEVICES[device])
    log = os.path.join(dir_name, "log")
    with open(log, "w", encoding="utf-8") as out:
        server = subprocess.Popen(
            [leat, "serve", "--vdev", server_at, "-a", SERVER + "/24", "--listen", "80:http",
             "--close", "server", "--time-wait", "1s", "--connections", "4000000",
             "--lcores", str(cores[0]), "--hugepages", "no"], stdout=out, stderr=out)
    try:
        wait_for(log, "^ready", server)
        before = cpu_s(server.pid)
        client = subprocess.run(
            [leat, "load", "--vdev", client_at, "-a", CLIENT + "/24", "--sources",
             f"{CLIENT}-10.9.0.250", "--target", SERVER + ":80", "--closes", "server", "-c", "1000",
             "-d", f"{seconds}s", "--lcores", str(cores[-1]), "--hugepages", "no"],
            capture_output=True, text=True, check=False)
        used = cpu_s(server.pid) - before
    finally:
        server.terminate()
        server.wait()
    rate = re.search(r"^\s+rate\s+- +([\d,]+) /s", client.stdout, re.M)
    cnt = re.search(r"^\s+connections\s+- +([\d,]+) ", client.stdout, re.M)
    busy = re.search(r"busiest shard ([\d.]+) %", client.stdout)
    if client.returncode != 0 or rate is None or cnt is None or busy is None:
        sys.exit("pair.py: the client failed\n" + client.stdout + client.stderr)
    return {"device": device, "connections_per_second": int(rate[1].replace(",", "")),
            "client_busy_percent": float(busy[1]),
            "server_cpu_ns_per_connection": round(used / int(cnt[1].replace(",", "")) * 1e9),
            "load": round(os.getloadavg()[0], 1)}


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("leat")
    parse.add_argument("--json", action="store_true")
    parse.add_argument("--seconds", type=int, default=5)
    parse.add_argument("--device", choices=sorted(DEVICES), action="append")
    options = parse.parse_args()
    for device in options.device or sorted(DEVICES):
        with tempfile.TemporaryDirectory() as dir_name:
            row = measure(options.leat, device, options.seconds, dir_name)
        if options.json:
            print(json.dumps({"bench": "pair", **row}))
        else:
            print(f"{device:6} {row['connections_per_second']:,} connections/s; the client busy "
                  f"{row['client_busy_percent']} %, the server {row['server_cpu_ns_per_connection']} "
                  f"ns of CPU each; load of the machine {row['load']}")


if __name__ == "__main__":
    main()
