#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Connections a second between a server and a client process, one core each; see pair.sh.

What a connection costs a side is the CPU time of its process while nobody asks it anything, times
the part of it that the shard says it had work: who else wants a core takes from the rate, and hardly
from that.  The device's own rate, with no TCP, is measured in the same run, so that the rate is told
as a part of it.  Of several rounds the one is told in which a connection cost the server least.
"""

import argparse
import datetime
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
PACKETS = 3  # of a connection, each way
START_S = 4  # from the client's start to its first connection
ASKED_S = 3  # at the end: how busy both are


def no_time(why):
    """Ends the program where the machine was too busy for it: nothing is wrong with Leat."""
    print(f"pair.py: nothing was measured: {why}", file=sys.stderr)
    sys.exit(77)


def wait_for(path, pattern, process):
    while process.poll() is None:
        with open(path, encoding="utf-8") as file:
            if re.search(pattern, file.read(), re.M):
                return
        time.sleep(0.1)
    with open(path, encoding="utf-8") as file:
        sys.exit(f"pair.py: the server ended\n{file.read()}")


def cpu_ns(pid):
    """The CPU time of all threads of a process and of what it started."""
    used = 0
    for task in os.listdir("/proc"):
        if not task.isdigit():
            continue
        try:
            with open(f"/proc/{task}/stat", encoding="ascii") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            if pid not in (int(task), parent):
                continue
            for thread in os.listdir(f"/proc/{task}/task"):
                with open(f"/proc/{task}/task/{thread}/schedstat", encoding="ascii") as file:
                    used += int(file.read().split()[0])
        except OSError:
            continue
    return used


def top(leat, name):
    """Starts the question how busy the shard of an instance is."""
    return subprocess.Popen([leat, "top", "-n", name, "-1", "-j"], stdout=subprocess.PIPE, text=True)


def run_client(command, server, seconds, leat, names):
    """What the client says at its end, samples of (time, server's and client's ns), both tops."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        client = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        begin, samples = time.time(), []
        while client.poll() is None and time.time() < begin + START_S + seconds:
            samples.append((time.time(), cpu_ns(server.pid), cpu_ns(client.pid)))
            time.sleep(0.05)
        asked = [top(leat, name) for name in names]
        said = [each.communicate()[0] for each in asked]
        client.wait()
        out.seek(0)
        text = out.read()
    try:
        result = json.loads(text[text.index("{"):])
    except ValueError:
        sys.exit("pair.py: the client failed\n" + text)
    try:
        return result, samples, [json.loads(each) for each in said]
    except ValueError:
        no_time("they had ended before they were asked")


def window(result, samples):
    """Seconds, and ns of each side, of the samples while connections were made."""
    start = datetime.datetime.fromisoformat(result["start"].replace("Z", "+00:00")).timestamp()
    inside = [each for each in samples if each[0] >= start]
    if len(inside) < 2:
        no_time("the client began late")
    return [last - first for first, last in zip(inside[0], inside[-1])]


def measure(leat, device, seconds, dir_name, ghz):
    cores = sorted(os.sched_getaffinity(0))
    server_at, client_at = (text.format(dir_name) for text in DEVICES[device])
    log = os.path.join(dir_name, "log")
    names = [f"pair-{end}-{os.getpid()}" for end in ("server", "client")]
    common = ["--hugepages", "no", "--metrics", "off"]
    with open(log, "w", encoding="utf-8") as out:
        server = subprocess.Popen(
            [leat, "serve", "--name", names[0], "--vdev", server_at, "-a", SERVER + "/24",
             "--listen", "80:http", "--body", "64", "--close", "server", "--time-wait", "1s",
             "--connections", "8192", "--time-wait-max", "4000000", "--lcores", str(cores[0]),
             *common], stdout=out, stderr=out)
    try:
        wait_for(log, "^ready", server)
        result, samples, (at_server, at_client) = run_client(
            [leat, "load", "--name", names[1], "--vdev", client_at, "-a", CLIENT + "/24",
             "--sources", f"{CLIENT}-10.9.0.250", "--target", SERVER + ":80", "--closes", "server",
             "-c", "1000", "-d", f"{seconds + ASKED_S}s", "--start-at", f"+{START_S}s", "--json",
             "--lcores", str(cores[-1]), *common], server, seconds, leat, names)
    finally:
        server.terminate()
        server.wait()
    span, *used = window(result, samples)
    rate = result["rate_per_s"]
    shard = result["shards"][0]
    row = {"device": device, "connections_per_second": round(rate),
           "client_frames_per_second_in": round(shard["frames_in"] / result["seconds"]),
           "client_frames_per_second_out": round(shard["frames_out"] / result["seconds"]),
           "server_frames_per_second_in": at_server["rates"]["frames_in_per_s"],
           "server_frames_per_second_out": at_server["rates"]["frames_out_per_s"]}
    for side, ns, said in zip(("server", "client"), used, (at_server, at_client)):
        busy = said["shards"][0]["busy"]
        row[side + "_core_share"] = round(ns / 1e9 / span, 3)
        row[side + "_busy"] = busy
        row[side + "_cycles_per_connection"] = round(ns * ghz * busy / (rate * span))
    row["load"] = round(os.getloadavg()[0], 1)
    return row


def device_alone(program, device):
    """Its frames a second each way, with no TCP, and the clock's GHz."""
    done = subprocess.run([program, "--json", "--device", device], stdout=subprocess.PIPE,
                          text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return min(row["frames_per_second"] for row in rows), rows[0]["ghz"]


def tell(row):
    print(f"{row['device']}: {row['connections_per_second']:,} connections/s, "
          f"{row['device_share']:.0%} of the frames that the device alone carries; with whole cores "
          f"{row['with_whole_cores_per_second']:,} and {row['device_share_with_whole_cores']:.0%}; load "
          f"of the machine {row['load']}")
    for side in ("server", "client"):
        print(f"  {side}: {row[side + '_frames_per_second_in']:,} packets/s in, "
              f"{row[side + '_frames_per_second_out']:,} out; busy {row[side + '_busy']:.1%}, "
              f"{row[side + '_core_share']:.1%} of a core; "
              f"{row[side + '_cycles_per_connection']:,} cycles a connection")


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("build")
    parse.add_argument("--json", action="store_true")
    parse.add_argument("--seconds", type=int, default=5)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--device", choices=sorted(DEVICES), action="append")
    options = parse.parse_args()
    if os.geteuid() != 0:
        print("pair.py: needs root", file=sys.stderr)
        sys.exit(77)
    leat = os.path.abspath(os.path.join(options.build, "app", "leat", "leat"))
    for device in options.device or sorted(DEVICES):
        alone, ghz = device_alone(os.path.join(options.build, "bench", "bench_device"), device)
        rows = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as dir_name:
                rows.append(measure(leat, device, options.seconds, dir_name, ghz))
        row = min(rows, key=lambda each: each["server_cycles_per_connection"])
        row["device_frames_per_second"] = alone
        row["device_share"] = round(PACKETS * row["connections_per_second"] / alone, 3)
        whole = ghz * 1e9 / max(row[side + "_cycles_per_connection"] for side in ("server", "client"))
        row["with_whole_cores_per_second"] = round(whole)
        row["device_share_with_whole_cores"] = round(PACKETS * whole / alone, 3)
        if options.json:
            print(json.dumps({"bench": "pair", **row}), flush=True)
        else:
            tell(row)


if __name__ == "__main__":
    main()
