#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus is given: names that only grow, and nothing that its own tool refuses.

usage: metrics.py [--write] METRICS_FULL ROOT

names.txt has every family with its type and its labels, one line each, and below it each label's
values where they are words.  Alert rules and the dashboard may name nothing else.  --write adds to
it what is new.  promtool (of Debian's package prometheus) is asked when it is there.  Prints TAP.
"""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FULL, ROOT = sys.argv[-2], Path(sys.argv[-1])
SAMPLE = re.compile(r'^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.e+-]+|\+Inf)$')
LABEL = re.compile(r'([a-z_]+)="([^"\\]*)"')
WORDS = {"state", "cause", "side", "outcome", "reason", "verdict", "kind", "timer", "ring", "stage",
         "role", "from", "event"}
done = []


def case(name, good, why=""):
    done.append(good)
    print(f"{'' if good else 'not '}ok {len(done)} - {name}")
    for line in str(why).splitlines()[:20] if not good else ():
        print("#", line)


def skip(name, why):
    done.append(True)
    print(f"ok {len(done)} - {name} # SKIP {why}")


def given(*words):
    return subprocess.run([FULL, *words], capture_output=True, text=True, check=True).stdout


class Page:
    """A page, taken apart: families in their order, each sample of its family."""

    def __init__(self, text, is_open=False):
        self.types, self.labels, self.values, self.faults = {}, {}, {}, []
        self.seen = set()
        family = None
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                family, kind = line.split()[2:]
                self.types[family] = kind
            elif not line.startswith("#"):
                self.sample(family, line, is_open)

    def sample(self, family, line, is_open):
        match = SAMPLE.match(line)
        if not match:
            self.faults.append(f"no sample: {line}")
            return
        name, labels = match[1], LABEL.findall(match[2] or "")
        kind = self.types[family]
        suffix = {"histogram": ("_bucket", "_sum", "_count"), "info": ("_info",),
                  "counter": ("_total",) if is_open else ("",)}.get(kind, ("",))
        if name not in [family + s for s in suffix]:
            self.faults.append(f"{name} in the family {family}")
        if line.rsplit(" ", 1)[0] in self.seen:
            self.faults.append(f"twice: {line}")
        self.seen.add(line.rsplit(" ", 1)[0])
        self.labels.setdefault(family, set()).update(key for key, _ in labels)
        for key, value in labels:
            if key in WORDS:
                self.values.setdefault((family, key), set()).add(value)


def frozen(page):
    names = {f"{family} {kind} {' '.join(sorted(page.labels[family] - {'le'}))}".strip()
             for family, kind in page.types.items()}
    names |= {f"{family}.{key} {value}" for (family, key), values in page.values.items()
              for value in values}
    path = HERE / "names.txt"
    if "--write" in sys.argv:
        path.write_text("\n".join(sorted(names)) + "\n")
    known = set(path.read_text().splitlines())
    case("no name has gone or changed", known <= names, "\n".join(sorted(known - names)))
    new = {name for name in names - known if "." not in name.split()[0]}
    case("a family that is new is in names.txt, too", not new, "\n".join(sorted(new)))
    return known


def manners(page):
    case("every sample belongs to its family, and none comes twice", not page.faults,
         "\n".join(page.faults))
    case("every name begins with leat_", all(f.startswith("leat_") for f in page.types))
    case("counters end in _total, and nothing else does", all(
        f.endswith("_total") == (kind == "counter") for f, kind in page.types.items()))
    node = set("established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close_wait last_ack "
               "listen closing".split())  # node_exporter, collector/tcpstat_linux.go
    states = page.values["leat_tcp_connections", "state"]
    case("states are spelt as node_exporter spells them", states == node, states ^ node)


def histograms(text):
    counts = {}
    for line in text.splitlines():
        match = re.match(r'(\w+)_bucket\{(.*),le="([^"]+)"\} (\d+)$', line)
        if match:
            counts.setdefault((match[1], match[2]), []).append((float(match[3]), int(match[4])))
    case("there are histograms", len(counts) >= 7, len(counts))
    case("bounds rise, counts never fall, the last bound is infinite", all(
        rows == sorted(rows) and rows[-1][0] == float("inf") and
        [c for _, c in rows] == sorted(c for _, c in rows) for rows in counts.values()))
    bounds = {name: {tuple(b for b, _ in rows) for (n, _), rows in counts.items() if n == name}
              for name, _ in counts}
    case("bounds of a name are everywhere the same", all(len(b) == 1 for b in bounds.values()))
    case("count is what the last bucket has", all(
        f"{name}_count{{{labels}}} {rows[-1][1]}\n" in text for (name, labels), rows in counts.items()))


def open_metrics(text):
    page = Page(text, True)
    case("OpenMetrics ends in # EOF, once", text.endswith("\n# EOF\n") and text.count("# EOF") == 1)
    case("its counters and infos have their endings in samples only", not page.faults,
         "\n".join(page.faults))
    case("there is no empty line", "\n\n" not in text)


def summed(text):
    page = Page(text)
    case("shards=sum has no shard", 'shard="' not in text and not page.faults)
    case("shards=sum keeps the roles", 'role="server"' in text and 'role="client"' in text)


def promtool(*words, text=None):
    return subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False)


def asked_of_promtool():
    texts = {"metrics": given(), "metrics, summed": given("sum")}
    rules = ROOT / "config" / "alerts.yml"
    for name, text in texts.items():
        if not shutil.which("promtool"):
            skip(f"promtool check {name}", "needs the program promtool (package prometheus)")
            continue
        ran = promtool("check", "metrics", text=text)
        case(f"promtool check {name}", ran.returncode == 0 and not ran.stderr, ran.stdout + ran.stderr)
    for words in (("check", "rules", rules), ("test", "rules", HERE / "alerts_test.yml")):
        if not shutil.which("promtool"):
            skip(f"promtool {words[0]} rules", "needs the program promtool (package prometheus)")
            continue
        ran = promtool(*words)
        case(f"promtool {words[0]} rules", ran.returncode == 0, ran.stdout + ran.stderr)


def names_used(page):
    known = set()
    for family, kind in page.types.items():
        known |= {family} | ({family + s for s in ("_bucket", "_sum", "_count")}
                             if kind == "histogram" else set())
    for file in ("config/alerts.yml", "config/grafana.json"):
        text = (ROOT / file).read_text()
        used = set(re.findall(r"\bleat_[a-z0-9_]+", text))
        case(f"{file} names nothing that is not there", used and used <= known, used - known)
    board = json.loads((ROOT / "config/grafana.json").read_text())
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    case("each panel of the dashboard has a title, a query and a place of its own",
         len(set(places)) == len(places) and all(
             p["title"] and (p["type"] == "row" or p["targets"][0]["expr"]) for p in board["panels"]))


main = Page(given())
frozen(main)
manners(main)
histograms(given())
open_metrics(given("open"))
open_metrics(given("open", "sum"))
summed(given("sum"))
names_used(main)
asked_of_promtool()
print(f"1..{len(done)}")
sys.exit(0 if all(done) else 1)
