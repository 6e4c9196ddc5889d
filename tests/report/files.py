#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The files of a run, read by others than who wrote them.

usage: files.py TEST_REPORT LEAT SCHEMA_CHECK

Histograms are decoded from the description of HdrHistogram's encoding V2, and by
hdr-histogram-js where node has it (NODE_PATH).  Prints TAP.
"""
import base64
import csv
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

KINDS = ("connect", "first_byte", "whole", "service", "response", "late")
NODE = """
const hdr = require('hdr-histogram-js');
let all = '';
process.stdin.on('data', d => all += d).on('end', () => {
  console.log(JSON.stringify(all.trim().split('\\n').map(line => {
    const h = hdr.decodeFromCompressedBase64(line);
    const counts = [];
    for (let i = 0; i < 3840; i++) counts.push(Number(h.getCountAtIndex(i)));
    return [Number(h.totalCount), counts];
  })));
});
"""


def numbers(octets):
    """ZigZag LEB128: seven bits in each of eight octets, all eight in a ninth."""
    at = 0
    while at < len(octets):
        value, shift = 0, 0
        while True:
            octet = octets[at]
            at += 1
            if shift == 56:
                value |= octet << shift
                break
            value |= (octet & 0x7F) << shift
            if not octet & 0x80:
                break
            shift += 7
        yield value >> 1 ^ -(value & 1)


def decode(text):
    """The counts of an encoded histogram, by slot."""
    packed = base64.b64decode(text, validate=True)
    cookie, octets = struct.unpack(">II", packed[:8])
    assert cookie == 0x1C849314 and octets == len(packed) - 8, "the outer head"
    plain = zlib.decompress(packed[8:])
    head = struct.unpack(">IIiiqqd", plain[:40])
    assert head == (0x1C849313, len(plain) - 40, 0, 2, 1, 60_000_000_000, 1.0), f"head {head}"
    slot, counts = 0, {}
    for number in numbers(plain[40:]):
        if number > 0:
            counts[slot] = number
        slot += -number if number < 0 else 1
    assert slot <= 3840, f"{slot} slots"
    return counts


def runs(program):
    for seed in range(1, 6):
        yield json.loads(subprocess.check_output([program, "--json", str(seed)]))


def histograms_decode(program):
    for run in runs(program):
        for kind in KINDS:
            hist = run["latency"][kind]
            assert decode(hist["hdr"]) == {slot: n for slot, n in hist["slots"]}, kind


def another_library_decodes_them(program):
    node = shutil.which("node")
    there = node and subprocess.run([node, "-e", "require('hdr-histogram-js')"], check=False,
                                    capture_output=True).returncode == 0
    if not there:
        return "node has no hdr-histogram-js"
    hists = [run["latency"][kind] for run in runs(program) for kind in KINDS]
    told = json.loads(subprocess.check_output([node, "-e", NODE], text=True,
                                              input="\n".join(h["hdr"] for h in hists)))
    for hist, (_, counts) in zip(hists, told, strict=True):
        assert {i: n for i, n in enumerate(counts) if n} == {s: n for s, n in hist["slots"]}
    return None


def the_directory_is_whole(program, check, path):
    subprocess.run([program, "--dir", path], check=True)
    names = sorted(os.listdir(path))
    assert names == ["config", "env.json", "latency.hlog", "report.html", "report.json",
                     "series.csv"], names
    subprocess.run([sys.executable, check, path / "report.json"], check=True,
                   stdout=subprocess.DEVNULL)
    run = json.loads((path / "report.json").read_text())
    assert not run["partial"]
    assert json.loads((path / "env.json").read_text())["environment"] == run["environment"]
    assert (path / "config").read_text() == run["environment"]["config"]
    with open(path / "series.csv", newline="", encoding="ascii") as file:
        rows = list(csv.reader(file))
    assert rows[0] == run["series"]["columns"]
    assert [[float(v) for v in row] for row in rows[1:]] == run["series"]["rows"]


def the_log_adds_up_to_the_run(path):
    run = json.loads((path / "report.json").read_text())
    lines = (path / "latency.hlog").read_text().splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]"
    assert re.fullmatch(r"#\[StartTime: \d+\.\d{3} \(seconds since epoch\)\]", lines[2])
    assert len(lines) == 4 + len(KINDS)
    for kind, line in zip(KINDS, lines[4:], strict=True):
        tag, at, lasted, longest, text = line.split(",")
        hist = run["latency"][kind]
        assert (tag, at, lasted) == (f"Tag={kind}", "1.000", "1.000"), line
        assert abs(float(longest) / 1e3 - hist["max"]) < 1e-8, line
        assert decode(text) == {slot: n for slot, n in hist["slots"]}


def a_run_that_died_is_marked_partial(program, leat, path):
    subprocess.run([program, "--died", path], check=True)
    assert sorted(os.listdir(path)) == ["latency.hlog.partial", "report.json"]
    run = json.loads((path / "report.json").read_text())
    assert run["partial"] and run["verdict"] == "inconclusive"
    shown = subprocess.run([leat, "report", "show", path], capture_output=True, text=True,
                           check=False)
    assert shown.returncode == 98 and "PARTIAL" in shown.stdout, shown
    again = subprocess.run([program, "--dir", path], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "has a report.json already" in again.stdout, again


def a_run_is_no_repetition_of_itself(program, leat, path):
    for name, seed in (("one", "1"), ("two", "2")):
        (path / name).write_bytes(subprocess.check_output([program, "--json", seed]))
    (path / "copy").write_bytes((path / "one").read_bytes())

    def diff(old, new):
        return subprocess.run([Path(leat).absolute(), "report", "diff", old, new], cwd=path,
                              capture_output=True, text=True, check=False)
    for old, new in (("one,one", "two"), ("two", "one,two,copy")):
        done = diff(old, new)
        names = "one and one" if old == "one,one" else "one and copy"
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr == (f"leat report: diff: {names} are the same run; leave one of them "
                               "out\n"), done
    for old, new in (("one", "one"), ("one,two", "two,one")):
        assert diff(old, new).returncode == 0, (old, new)


def the_page_asks_for_nothing(path):
    page = (path / "report.html").read_text()
    for word in ("<script", "src=", "href=", "url(", "@import", "http://", "https://", "<iframe"):
        assert word not in page, word
    assert "default-src 'none'" in page
    assert page.count("<svg") == 5


def strange_names_stay_text(program, leat, path):
    run = json.loads(subprocess.check_output([program, "--json", "1"]))
    run["name"] = run["node"] = run["environment"]["command"] = "<script>alert(1)</script>&\""
    (path / "strange.json").write_text(json.dumps(run))
    page = subprocess.run([leat, "report", "html", path / "strange.json"], check=True,
                          capture_output=True, text=True).stdout
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;" in page


def main():
    program, leat, check = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        tests = [
            (histograms_decode, program),
            (another_library_decodes_them, program),
            (the_directory_is_whole, program, check, path / "a" / "b"),
            (the_log_adds_up_to_the_run, path / "a" / "b"),
            (a_run_that_died_is_marked_partial, program, leat, path / "died"),
            (a_run_is_no_repetition_of_itself, program, leat, path),
            (the_page_asks_for_nothing, path / "a" / "b"),
            (strange_names_stay_text, program, leat, path),
        ]
        print(f"1..{len(tests)}")
        for number, (test, *arguments) in enumerate(tests, 1):
            name = test.__name__.replace("_", " ")
            try:
                skip = test(*arguments)
                print(f"ok {number} - {name}" + (f" # SKIP {skip}" if skip else ""))
            except (AssertionError, subprocess.SubprocessError, OSError, ValueError) as error:
                text = f"{type(error).__name__}: {error}".replace("\n", "\n# ")
                print(f"not ok {number} - {name}\n# {text}")


if __name__ == "__main__":
    main()
