#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draw the state machine from lib/tcp/tcp_fsm.def, the list that also runs it.

usage: fsm_dot.py [--dot | --text | --write | --check] ROOT

--dot    Graphviz: the arrows of figure 5 solid, those of the text alone dashed.
--text   the same as a table in Markdown, a row for each event, grouped by state.
--write  put both into docs/tcp.md between its two markers (`ninja arrows`).
--check  exit 1 if docs/tcp.md says anything else.
"""
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- arrows: begin, written by `ninja arrows` -->", "<!-- arrows: end -->"
ROW = re.compile(r"^ARROW\(\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
WORDS = {"Rcv": "rcv", "Of": "of", "Syn": "SYN", "Fin": "FIN", "Ack": "ACK", "Rst": "RST",
         "Two": "2", "Msl": "MSL"}
USER = {"PASSIVE_OPEN", "ACTIVE_OPEN", "SEND", "CLOSE", "ABORT"}


def arrows(root):
    text = re.sub(r"/\*.*?\*/", "", (root / "lib/tcp/tcp_fsm.def").read_text(), flags=re.S)
    rows = ROW.findall(text)
    if len(rows) != len(re.findall(r"\bARROW\b", text)):
        sys.exit("tcp_fsm.def: a row is not ARROW(from, event, to, where)")
    if twice := {row[:2] for row in rows if [r[:2] for r in rows].count(row[:2]) > 1}:
        sys.exit(f"tcp_fsm.def: more than one arrow for {sorted(twice)}")
    return rows


def state(name):
    return name.replace("_", "-")


def event(name):
    """RCV_ACK_OF_FIN as the trace has it: rcv ACK of FIN; user calls stay in capitals."""
    if name in USER:
        return name.replace("_", " ")
    words = [WORDS.get(w.capitalize(), w.lower()) for w in name.split("_")]
    return " ".join(words).replace("2 MSL", "2MSL").replace("SYN ACK", "SYN,ACK")


def where(name):
    return "figure 5" if name == "FIG_5" else name.removeprefix("S_").replace("_", ".")


def dot(rows):
    lines = ["digraph tcp {", "\trankdir=TB; node [shape=box, fontname=monospace];"]
    merged = {}
    for source, what, target, place in rows:
        merged.setdefault((source, target, place == "FIG_5"), []).append(event(what))
    for (source, target, drawn), events in merged.items():
        style = "" if drawn else ", style=dashed"
        label = "\\n".join(events)
        lines.append(f'\t"{state(source)}" -> "{state(target)}" [label="{label}"{style}];')
    return "\n".join(lines + ["}", ""])


def text(rows):
    lines = ["| from | event | to | RFC 9293 |", "|---|---|---|---|"]
    states = list(dict.fromkeys(row[0] for row in rows))
    before = None
    for source, what, target, place in sorted(rows, key=lambda row: states.index(row[0])):
        shown = f"**{state(source)}**" if source != before else ""
        lines.append(f"| {shown} | {event(what)} | {state(target)} | {where(place)} |")
        before = source
    return "\n".join(lines + [""])


def page(rows, old):
    head, _, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        sys.exit(f"docs/tcp.md: no markers.  It needs the lines\n{BEGIN}\n{END}")
    graph = f"\n```dot\n{dot(rows)}```\n"
    return f"{head}{BEGIN}\n{len(rows)} arrows.\n\n{text(rows)}{graph}{END}{tail}"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("--dot", "--text", "--write", "--check"):
        sys.exit(__doc__)
    root = Path(sys.argv[2])
    rows, target = arrows(root), root / "docs/tcp.md"
    if sys.argv[1] in ("--dot", "--text"):
        print({"--dot": dot, "--text": text}[sys.argv[1]](rows), end="")
        return
    old = target.read_text()
    new = page(rows, old)
    if sys.argv[1] == "--write":
        target.write_text(new)
    elif new != old:
        sys.exit("docs/tcp.md is not what lib/tcp/tcp_fsm.def says: run `ninja arrows`")


if __name__ == "__main__":
    main()
