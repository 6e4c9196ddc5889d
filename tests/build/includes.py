#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dependency graph is the build: who may include what, tried with the compiler itself.

usage: includes.py ROOT BUILD_DIR

Takes the flags of each module from BUILD_DIR/compile_commands.json and compiles one-line sources
with them: every header alone (lib/leat.h and those of the programs too), one header of every other module, and the foreign libraries.  The
table below is written from the plan, not from lib/meson.build, so that one checks the other.
Prints TAP.
"""
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ALL = ["base", "wire", "timer", "conf", "flow", "tcp", "inet", "stack", "watch", "nic", "shard"]
MAY = {
    "base": [],
    "wire": ["base"],
    "timer": ["base"],
    "conf": ["base"],
    "flow": ["base", "wire"],
    "tcp": ["base", "wire", "timer"],
    "inet": ["base", "wire", "timer"],
    "stack": ["base", "wire", "timer", "flow", "tcp", "inet"],
    "watch": ["base", "wire", "timer", "conf", "flow", "tcp", "inet", "stack"],
    "nic": ["base"],
    "shard": ["base", "wire", "timer", "flow", "tcp", "inet", "stack", "nic"],
}
DPDK = ["nic", "shard"]


# Headers of programs, by directory, and part of the name of an object whose flags they get.
APPS = {"common": "/leatd.p/", "service": "libleat_service.a.p",
        "load": "libleat_load.a.p", "lab": "libleat_lab.a.p", "report": "libleat_report_read.a.p",
        "metrics": "libleat_metrics.a.p", "top": "libleat_top.a.p",
        "leat": "/leat.p/", "leatd": "/leatd.p/"}


class Module:
    def __init__(self, folder, output, commands):
        self.name = folder.name
        self.headers = sorted(p.name for p in folder.glob("*.h"))
        self.command, self.cwd = None, None
        for entry in commands:
            if output in entry["output"]:
                self.command, self.cwd = self.flags(entry["command"]), entry["directory"]

    @staticmethod
    def flags(command):
        """The compiler and its flags, without the files they were for."""
        words, keep = iter(shlex.split(command)), []
        for word in words:
            if word in ("-o", "-c", "-MF", "-MQ", "-MT"):
                next(words)
            elif word not in ("-MD", "-MMD"):
                keep.append(word)
        return keep + ["-fsyntax-only", "-x", "c", "-"]

    def compile(self, include):
        """What the compiler says to this line; empty if it is content."""
        if not self.command:
            return f"{self.name} has no source, so no flags"
        source = f"#include {include}\nextern int leat_nothing;\n"
        done = subprocess.run(self.command, input=source, cwd=self.cwd, capture_output=True,
                              text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        return done.stderr or "refused" if done.returncode else ""


def alone(modules):
    for module in modules:
        for header in module.headers:
            yield f"{module.name}: {header} stands alone", module, f'"{header}"', True


def cases(modules):
    """(title, module, what to include, shall it compile)"""
    for name, module in modules.items():
        for other in modules.values():
            if other is not module:
                may = other.name in MAY[name]
                title = f"{name} {'may' if may else 'must not'} include {other.name}"
                yield title, module, f'"{(other.headers or ["(no header)"])[0]}"', may
        title = f"{name} {'may' if name in DPDK else 'must not'} include DPDK"
        yield title, module, "<rte_mbuf.h>", name in DPDK


def judge(case):
    title, module, include, shall = case
    said = module.compile(include)
    hidden = "No such file" in said or "file not found" in said
    if shall and not said or not shall and hidden:
        return f"ok - {title}"
    why = said or f"#include {include} compiles, and must not\n"
    return f"not ok - {title}\n" + "".join(f"# {line}\n" for line in why.splitlines()[:8]).rstrip()


def main():
    root, build = Path(sys.argv[1]), Path(sys.argv[2])
    commands = json.loads((build / "compile_commands.json").read_text())
    modules = {name: Module(root / "lib" / name, f"libleat_{name}.a.p", commands) for name in ALL}
    public = Module(root / "lib", "libleat_stack.a.p", commands)
    apps = [Module(root / "app" / name, output, commands) for name, output in APPS.items()]
    todo = [*alone([*modules.values(), public, *apps]), *cases(modules)]
    strange = {p.name for p in (root / "lib").iterdir() if p.is_dir()} - set(ALL)
    print(f"1..{len(todo) + 1}")
    print(f"{'not ' if strange else ''}ok - every module is in this table {sorted(strange) or ''}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(judge, todo))
    print("\n".join(results))
    return 1 if strange or any(r.startswith("not ok") for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
