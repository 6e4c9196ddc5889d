# SPDX-License-Identifier: BSD-3-Clause
"""rows.py PROGRAM NAME [OPTION]...: the rows of a benchmark as one JSON object, with what made them."""

import json
import os
import platform
import re
import subprocess
import sys


def first(path, pattern):
    """The first match in a file of the system, or an empty text."""
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.M)
    except OSError:
        found = None
    return found.group(1).strip() if found else ""


def said(*command):
    """The first line that a command says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0].strip()


def machine():
    return {
        "cpu": first("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cpus": os.cpu_count(),
        "memory": first("/proc/meminfo", r"^MemTotal:\s*(.*)$"),
        "transparent_hugepage": first("/sys/kernel/mm/transparent_hugepage/enabled", r"\[(\w+)\]"),
        "kernel": platform.release(),
        "compiler": said("cc", "--version"),
        "load": os.getloadavg()[0],
    }


def main():
    program, name, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    done = subprocess.run([program, *options], stdout=subprocess.PIPE, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    result = {
        "bench": name,
        "command": " ".join(["bench/run", name, *options]),
        "commit": said("git", "-C", root, "rev-parse", "--short", "HEAD"),
        "machine": machine(),
        "rows": rows,
    }
    print(json.dumps(result, indent=1))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
