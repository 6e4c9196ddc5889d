#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual, the completion of two shells, and the unit: all there, and nothing to complain of.

usage: manual.py LEAT ROOT BUILD
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*argv, text=None, **more):
    done = subprocess.run([str(a) for a in argv], input=text, capture_output=True, check=False,
                          text=True, timeout=120, **more)
    return done.returncode, done.stdout, done.stderr


class Test:
    def __init__(self, leat, root, build):
        self.leat, self.root, self.built = Path(leat).absolute(), Path(root), Path(build) / "config"
        self.done, self.failed = 0, 0
        env = {k: v for k, v in os.environ.items() if k != "LEAT_CALL"}
        self.verbs = json.loads(run(self.leat, "help", "-j", env=env)[1])["verbs"]

    def case(self, title, wrong):
        """wrong: what is, or nothing."""
        self.done += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.done} - {title}")
        for line in str(wrong).splitlines()[:20] if wrong else ():
            print("#", line)

    def skip(self, title, why):
        self.done += 1
        print(f"ok {self.done} - {title} # SKIP {why}")

    def help(self):
        listed = re.findall(r"^  (\w+) ", run(self.leat, "help")[1], re.M)
        wrong = [f"{verb} is in one only" for verb in
                 set(listed) ^ {v["name"] for v in self.verbs} ^ {"help", "version"}]
        for verb in self.verbs:
            text = re.findall(r"^  (?:-\w, |    )--([\w-]+)", run(self.leat, "help", verb["name"])[1],
                              re.M)
            told = [row["name"] for row in verb["options"]] + ["help"]
            wrong += [f"{verb['name']}: {text} for people, {told} in JSON"] * (text != told)
        self.case("help -j tells the verbs and options that help tells", "\n".join(wrong))

    def pages(self):
        title = "the manual has each option, and man complains of nothing"
        if not shutil.which("man") or not (self.built / "leat.1").exists():
            self.skip(title, "there is no scdoc or no man")
            return
        wrong = []
        names = ["leat.1", "leat.yaml.5", "leatd.8"] + [f"leat-{v['name']}.1" for v in self.verbs]
        shown = {}
        for name in names:
            # As man does for a reader, and with the warnings that it keeps to itself.
            code, shown[name], err = run(
                "man", "--warnings", "-E", "UTF-8", "-l", self.built / name,
                env=os.environ | {"MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
            wrong += [f"{name}: {code} {err}"] * (code != 0 or err != "")
        for verb in self.verbs:
            page = shown[f"leat-{verb['name']}.1"]
            wrong += [f"leat-{verb['name']}.1: no --{row['name']}" for row in verb["options"]
                      if not re.search(rf"^ +(-\w, )?--{row['name']}( |$)", page, re.M)]
            wrong += [f"leat-{verb['name']}.1: no exit status"] * ("EXIT STATUS" not in page)
            wrong += [f"leat-{verb['name']}.1: dated 1970"] * ("1970-01-01" in page)
            wrong += [f"leat.1 does not name {verb['name']}"] * (
                f"leat-{verb['name']}(1)" not in shown["leat.1"])
        keys = re.findall(r"^  (\S+?)  ", run(self.leat, "check", "--keys")[1], re.M)
        wrong += [f"leat.yaml.5: no {key}" for key in keys if f" {key} " not in shown["leat.yaml.5"]]
        self.case(title, "\n".join(wrong))

    def complete(self, *words):
        """What bash proposes for the last of the words."""
        script = (f"source {self.built / 'leat'}; COMP_WORDS=({' '.join(map(repr, words))}); "
                  f"COMP_CWORD={len(words) - 1}; _leat; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        _, out, err = run("bash", "-uc", script, cwd=self.root)
        return err or out.split()

    def bash(self):
        wrong = []

        def expect(got, want, what):
            wrong.extend([f"{what}: {got}, expected {want}"] * (sorted(got) != sorted(want)))
        expect(self.complete("leat", ""), [v["name"] for v in self.verbs] + ["help", "version"], "verb")
        for verb in self.verbs:
            names = {f"--{row['name']}" for row in verb["options"]} | {"--help"}
            got = {n for n in self.complete("leat", verb["name"], "-") if n.startswith("--")}
            expect(got, names, verb["name"])
            for row in verb["options"]:
                if "words" in row:
                    expect(self.complete("leat", verb["name"], f"--{row['name']}", ""), row["words"],
                           f"{verb['name']} --{row['name']}")
        expect(self.complete("leat", "try", "--close", "=", "cl"), ["client"], "--close=cl")
        expect(self.complete("leat", "serve", "--config", "README"), ["README.md"], "a file")
        expect(self.complete("leat", "check", "config/firs"), ["config/first.yaml"], "a file")
        expect(self.complete("leat", "nonsense", "--"), [], "a verb that there is not")
        expect(self.complete("leat", "ctl", "r"), ["rate", "reload"], "what ctl is to do")
        expect(self.complete("leat", "conns", "le"), ["left"], "a word of a filter")
        expect(self.complete("leat", "explain", "drop_tcp_c"), ["drop_tcp_csum"], "a verdict")
        with tempfile.TemporaryDirectory() as directory:
            run("python3", "-c", "import socket,sys; s=socket.socket(socket.AF_UNIX); "
                "s.bind(sys.argv[1])", f"{directory}/lab-a.sock")
            os.environ["RUNTIME_DIRECTORY"] = directory
            expect(self.complete("leat", "conns", "-n", "lab"), ["lab-a"], "an instance")
            del os.environ["RUNTIME_DIRECTORY"]
        self.case("bash completes verbs, options, their words, files and instances",
                  "\n".join(wrong))

    def zsh(self):
        title = "zsh takes its completion"
        if not shutil.which("zsh"):
            self.skip(title, "there is no zsh")
            return
        code, out, err = run("zsh", "-n", self.built / "_leat")
        self.case(title, "" if code == 0 and not err else out + err)

    def unit(self):
        title = "systemd takes the unit"
        if not shutil.which("systemd-analyze"):
            self.skip(title, "there is no systemd-analyze")
            return
        with tempfile.TemporaryDirectory() as directory:
            unit = Path(directory) / "leat@.service"
            text = (self.built / "leat@.service").read_text()
            called = re.findall(r"^Exec\w+=(\S+)", text, re.M)
            unit.write_text(re.sub(r"^(Exec\w+=)\S+", rf"\g<1>{self.leat}", text, flags=re.M))
            code, _, err = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
        wrong = "" if code == 0 and not err else f"exit {code}\n{err}"
        wrong += "".join(f"\n{path} is not where leat is installed" for path in called
                         if not re.fullmatch(r"/\S+/bin/leat", path))
        for line in re.findall(r"^Exec\w+=\S+ (.*)", text, re.M):
            verb, *words = line.split()
            known = {f"--{r['name']}" for v in self.verbs if v["name"] == verb for r in v["options"]}
            known |= {f"-{r['letter']}" for v in self.verbs if v["name"] == verb
                      for r in v["options"] if "letter" in r}
            wrong += "".join(f"\nleat {verb} has no {w}" for w in words
                             if w[0] == "-" and w not in known)
        self.case(title, wrong)


def main():
    test = Test(*sys.argv[1:])
    for part in (test.help, test.pages, test.bash, test.zsh, test.unit):
        part()
    print(f"1..{test.done}")
    sys.exit(test.failed != 0)


main()
