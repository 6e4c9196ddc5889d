#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files that are wrong, with every message; files that are right, shown and read again.

usage: conf.py LEAT ROOT [--write]

Each file of tests/conf/bad is refused with exit code 2 and the messages that bad.golden has for it
(N229).  Each file of config/, each of tests/conf/good and each YAML example of the documentation is
taken, and what `leat plan --show` prints of it is taken, too, and shows the same.  The tables of
docs/config.md are those that leat prints.  --write makes bad.golden and these tables anew.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
NAMED = re.compile(r"(?: --config (?!/)|(?=config/))([\w/-]+\.ya?ml)")
TABLES = re.compile(r"(<!-- leat check --page -->\n)(.*?)(<!-- end -->)", re.S)


class Test:
    def __init__(self, leat, root):
        self.leat, self.root, self.done, self.failed = Path(leat).absolute(), Path(root), 0, 0

    def run(self, *args, cwd=None, **variables):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("LEAT_") and k != "PCIDEVICE_NOT_THERE"}
        env["PCIDEVICE_INTEL_COM_DPDK"] = "0000:3b:00.0"
        env.update(variables)
        done = subprocess.run([self.leat, *args], cwd=cwd, env=env, capture_output=True,
                              check=False, timeout=120)
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")

    def case(self, title, ok, why=""):
        self.done += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.done} - {title}")
        if not ok:
            print("".join(f"# {line}\n" for line in why.splitlines()[:20]), end="")

    def refusal(self, path):
        code, out, err = self.run("check", path.name, "--part", "file", cwd=path.parent)
        return f"{err}{out}[{code}]\n"

    def bad(self, write):
        golden, here = self.root / "tests/conf/bad.golden", self.root / "tests/conf/bad"
        files = sorted(here.glob("*.yaml"))
        if write:
            golden.write_text("".join(f"$ {p.stem}\n{self.refusal(p)}" for p in files))
        want = dict(re.findall(r"^\$ (\S+)\n(.*?\[\d+\]\n)", golden.read_text(), re.M | re.S))
        self.case("there are 60 wrong files or more, each with its messages",
                  len(files) >= 60 and set(want) == {p.stem for p in files},
                  str(set(want) ^ {p.stem for p in files}))
        for path in files:
            got = self.refusal(path)
            self.case(f"N229: {path.stem} is refused", got == want.get(path.stem)
                      and got.endswith("Nothing was started.\n[2]\n"),
                      f"got:\n{got}\nwant:\n{want.get(path.stem)}")

    def good(self, name, path):
        """A right file is taken; what is shown of it is a file that shows the same."""
        code, out, err = self.run("check", path, "--part", "file")
        self.case(f"{name} is taken", code == 0 and not err, f"{code}\n{err}{out}")
        if re.search(r"^role: *client", path.read_text(), re.M):
            code, out, err = self.run("serve", "-c", path)
            self.case(f"{name} is a client's, and not served", code == 2 and "role" in err, err)
        shown = [self.run("plan", "-c", path, "--show")]
        again = path.with_name(path.stem + ".yaml")
        again.write_text(shown[0][1])
        shown.append(self.run("plan", "-c", again, "--show"))
        bare = [re.sub(r" *# .*", "", out) for _, out, _ in shown]
        self.case(f"{name}, shown and read again, shows the same",
                  shown[0][0] == shown[1][0] == 0 and bare[0] == bare[1] != "",
                  f"{shown[0][2]}{shown[1][2]}{bare[0]}\n{bare[1]}")

    def all_good(self):
        docs = [self.root / "README.md", *sorted((self.root / "docs").rglob("*.md"))]
        texts = [(p.relative_to(self.root), p.read_text()) for folder in ("config", "tests/conf/good")
                 for p in sorted((self.root / folder).glob("*.yaml"))]
        examples = [(f"{p.relative_to(self.root)}, example {i}", text) for p in docs
                    for i, text in enumerate(EXAMPLE.findall(p.read_text()), 1)]
        self.case("there are files in config/, and examples in docs/", len(texts) > 3 and examples)
        named = {name.strip() for p in docs for name in NAMED.findall(p.read_text())}
        missing = [name for name in sorted(named) if not (self.root / name).exists()]
        self.case("the files that examples of commands name are there", named and not missing,
                  "\n".join(missing))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts + examples:
                path = Path(folder) / "lab-a.yaml"
                path.write_text(text)
                self.good(name, path)

    def page(self, write):
        path = self.root / "docs/config.md"
        want = self.run("check", "--page")[1]
        if write:
            path.write_text(TABLES.sub(lambda m: m[1] + want + "\n" + m[3], path.read_text()))
        found = TABLES.search(path.read_text())
        self.case("docs/config.md has every key as leat has it",
                  found is not None and found[2] == want + "\n",
                  "tests/conf/conf.py LEAT ROOT --write writes it")

    def environment(self):
        """Options go before LEAT_*, those before the file, the file before the defaults."""
        path = self.root / "config/first.yaml"

        def shown(*args, **variables):
            code, out, err = self.run("plan", "--show", *args, **variables)
            rows = dict(re.findall(r"^ *(?:- )?(\S+): +(.*\S) *$", out, re.M))
            return {key: re.split(r" +# ", value) for key, value in rows.items()}, code, err

        file, env, option = (shown("-c", path)[0], shown("-c", path, LEAT_TCP_TIME_WAIT="7s")[0],
                             shown("-c", path, "--time-wait", "8s", LEAT_TCP_TIME_WAIT="7s")[0])
        self.case("the file goes before the defaults, a variable before it, an option before that",
                  file["mtu"] == ["1500", "default"] and re.match(r".*:\d+$", file["device"][1])
                  and env["time_wait"] == ["7s", "LEAT_TCP_TIME_WAIT"]
                  and option["time_wait"] == ["8s", "--time-wait"], f"{file}\n{env}\n{option}")
        out = self.run("plan", "--show", "-c", path, LEAT_PORTS_ADDRESS="198.18.0.7/24 fd00::7/64",
                       LEAT_LISTEN_PORT="81 7:echo\n9:program:expect 1; send 1 ; close")[1]
        self.case("a variable of a list has its values apart by blanks, a program its line",
                  [re.split(r" +# ", line.strip("- ")) for line in out.splitlines()
                   if "LEAT_" in line] ==
                  [["198.18.0.7/24", "LEAT_PORTS_ADDRESS"], ["fd00::7/64", "LEAT_PORTS_ADDRESS"]] +
                  [[text, "LEAT_LISTEN_PORT"] for text in
                   ("port: 81", "app: http", "port: 7", "app: echo", "port: 9", "app: program",
                    'program: "expect 1; send 1 ; close"')], out)
        out = self.run("plan", "--show", LEAT_ROLE="client", LEAT_LOAD_TARGET="198.18.0.1:80",
                       LEAT_PORTS_DEVICE="tap:leat0", LEAT_PORTS_ADDRESS="198.18.0.2/24",
                       LEAT_LOAD_RATE="20/s", LEAT_EXPECT_ERRORS="== 0", LEAT_LISTEN_BODY="9")[1]
        self.case("variables alone are enough; those of the other role are not looked at",
                  "rate: 20/s" in out and 'errors: "== 0"' in out and "BODY" not in out, out)
        for name, value, why in (
                ("LEAT_LOAD_RATTE", "1/s", "no key is called so; did you mean LEAT_LOAD_RATE?"),
                ("LEAT_NONSENSE", "1", "no key is called so: LEAT_ and its path, as"),
                ("LEAT_TCP_TIME_WAIT", "7", "`7` needs a unit: 7s?"),
                ("LEAT_TCP_TIME_WAIT", "", "has no value; unset it"),
                ("LEAT_TCP_SACK", "maybe", "`maybe` is not one of off, on"),
                ("LEAT_PORTS_ADDRESS", "198.18.0.7/99", "198.18.0.7/99"),
                ("LEAT_PORTS_ADDRESS", " ".join(["fd00::7/64"] * 9), "at most 8 of them"),
                ("LEAT_SHARDS_LCORES", "1," * 600, "more than 1023 octets"),
                ("LEAT_LISTEN_APP", "echo", "LEAT_LISTEN_PORT says both"),
                ("LEAT_LISTEN_PORT", "80:htp", "http"),
                ("LEAT_ROLE", "client", "listen")):
            for verb in (("check", path, "--part", "file"), ("plan", "-c", path, "--show")):
                code, _, err = self.run(*verb, **{name: value})
                self.case(f"{name}={value[:20]} is refused by its name, {verb[0]}", code == 2 and
                          why in err and (name in err or name == "LEAT_ROLE"), f"{code} {err}")
        code, _, err = self.run("plan", "-c", path, "--show", LEAT_CALL="./run", LEAT_VERSION="9")
        self.case("what has a meaning of its own is no key", code == 0, err)
        code, _, err = self.run("serve", "--tap", "leat0", "--address", "198.18.0.2/24", LEAT_NO="1")
        self.case("without a file an unknown variable is an error, too", code == 2 and "LEAT_NO: "
                  in err, err)

    def unreadable(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "big.yaml").write_text("# " + "x" * 65536)
            (folder / "edge.yaml").write_text("#" * 65535 + "\n")
            for name, why in (("big.yaml", "more than 64KiB"), ("edge.yaml", "nothing in it"),
                              ("none.yaml", "No such file"), (".", "a directory")):
                for verb in (("check",), ("serve", "-c"), ("plan", "-c")):
                    code, _, err = self.run(*verb, name, cwd=folder)
                    self.case(f"{' '.join(verb)} {name}: {why}", code == 2 and why in err, err)


def main():
    test, write = Test(*sys.argv[1:3]), "--write" in sys.argv
    test.page(write)
    test.bad(write)
    test.all_good()
    test.environment()
    test.unreadable()
    print(f"1..{test.done}")
    return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main())
