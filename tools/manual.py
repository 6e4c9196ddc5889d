#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make the manual and the completion of what leat says of itself.

usage: manual.py pages LEAT SCDOC DIRECTORY PAGE...   leat.1 leat-try.1 leat.yaml.5 ...
       manual.py completion LEAT DIRECTORY            leat and _leat, for bash and zsh

Everything comes from the option tables (leat help -j) and the table of keys (leat check --keys);
a page is refused when its verb does not exist, and a verb when it has no page.
"""
import json
import os
import re
import subprocess
import sys
from email.utils import parsedate_to_datetime
from pathlib import Path

ABOUT = """Leat is a TCP endpoint on DPDK. Cores that poll each own a shard of the flows; a state machine
that no two cores share, and that needs no lock, runs on the packets the card delivers; a connection
that closed first stays in TIME-WAIT for all of its 2MSL. *leat serve* terminates load, *leat load*
makes it, *leat try* is both in one process and needs no card, no root and no configuration."""

ENVIRONMENT = (
    ("LEATD", "the data plane, leatd(8), where it is not beside leat"),
    ("LEAT_CALL", "how leat is called in what it proposes to type"),
    ("NO_COLOR", "no colour, whatever it is"),
    ("RUNTIME_DIRECTORY, XDG_RUNTIME_DIR",
     "where the sockets of instances are: the first that is set, else /run/leat of root, or "
     "/tmp/leat-UID"),
)

LEATD = """The data plane of Leat. leat(1) runs it with the options of its verb, and so may anybody.
In the second form what is before *--* goes to EAL of DPDK as it is, as with any program of DPDK, and
nothing of it is chosen by us.

It gives away each capability that it does not need once its device and its memory are open. For the
first it may need CAP_NET_ADMIN (a TAP interface), CAP_NET_RAW (af_packet) or CAP_IPC_LOCK with a
limit of locked memory (vfio); rings, memif and vhost-user need none.

Started by systemd(1) as *Type=notify* it says when it is ready and when it drains, and keeps the
watchdog quiet as long as every core turns; see leat@.service."""


def escape(text):
    """Text in which scdoc finds nothing to interpret."""
    return re.sub(r"([\\_*#\[|<>`~-])", r"\\\1", text).replace("\n.", "\n\\.")


def prose(text):
    """Paragraphs as they are; what is indented, as it stands."""
    out, literal = [], False
    for line in text.rstrip().split("\n"):
        if line.startswith("  ") != literal:
            literal = not literal
            out += ["```"] if literal else ["```", ""]
            if literal and len(out) > 1 and out[-2] != "":
                out.insert(-1, "")
        out.append(line if literal else escape(line))
    return "\n".join(out + ["```"] * literal) + "\n"


def sections(text):
    """The prose of a verb: what it does, how it exits, examples."""
    blocks = text.rstrip().split("\n\n")
    examples = blocks.pop() if blocks and all(
        line.startswith("  ") for line in blocks[-1].split("\n")) else ""
    exits = [block for block in blocks if block.startswith("Exit ")]
    rest = [block for block in blocks if not block.startswith("Exit ")]
    return "\n\n".join(rest), "\n\n".join(exits), examples


def head(name, section, one_line):
    return f"{name}({section}) \"\" \"Leat\"\n\n# NAME\n\n{name} - {escape(one_line)}\n\n"


def synopsis(lines):
    out = "# SYNOPSIS\n\n"
    for line in lines:
        call, rest = re.match(r"(leatd? ?[a-z]*) ?(.*)", line.replace("usage: ", "").strip()).groups()
        out += f"*{escape(call.strip())}* {escape(rest)}".rstrip() + "\n\n"
    return out


def option(row):
    names = ([f"*-{row['letter']}*"] if "letter" in row else []) + [f"*--{escape(row['name'])}*"]
    value = f" _{escape(row['value'])}_" if "value" in row else ""
    text = escape(row["sentence"] + (f" ({row['range']})" if "range" in row else "") + ".")
    return ", ".join(names) + value + f"\n\t{text}\n\n"


def see_also(*names):
    return "# SEE ALSO\n\n" + ", ".join(f"*{escape(name)}*({n})" for name, n in names) + "\n"


def page_of_verb(verb):
    what, exits, examples = sections(verb["prose"])
    out = head(f"leat-{verb['name']}", 1, verb["one_line"])
    out += synopsis(verb["usage"].split("\n"))
    out += "# DESCRIPTION\n\n" + prose(verb["one_line"] + "." + (f"\n\n{what}" if what else "")) + "\n"
    out += "# OPTIONS\n\n" + "".join(map(option, verb["options"]))
    out += option({"name": "help", "letter": "h", "sentence": "print this and end"})
    out += f"# EXIT STATUS\n\n{prose(exits)}\n" if exits else ""
    out += f"# EXAMPLES\n\n{prose(examples)}\n" if examples else ""
    return out + see_also(("leat", 1), ("leat.yaml", 5), ("leatd", 8))


def page_of_leat(told):
    out = head("leat", 1, "a TCP endpoint on DPDK")
    out += "# SYNOPSIS\n\n*leat* _VERB_ [OPTION]...\n\n# DESCRIPTION\n\n" + ABOUT + "\n\n# VERBS\n\n"
    for verb in told["verbs"]:
        out += f"*leat-{verb['name']}*(1)\n\t{escape(verb['one_line'])}.\n\n"
    out += "*leat help* _VERB_\n\tThe options of a verb; *leat help -j*: of all, as JSON.\n\n"
    out += "# ENVIRONMENT\n\n" + "".join(f"*{escape(k)}*\n\t{escape(v)}.\n\n" for k, v in ENVIRONMENT)
    out += "# FILES\n\n*/etc/leat/NAME.yaml*\n\tThe configuration of leat@NAME.service.\n\n"
    out += "*/run/leat/NAME.sock*\n\tWhere the instance NAME is asked, by its user and root.\n\n"
    return out + see_also(*((f"leat-{v['name']}", 1) for v in told["verbs"]),
                          ("leat.yaml", 5), ("leatd", 8))


def page_of_leatd(told):
    out = head("leatd", 8, "the data plane of Leat")
    out += synopsis(["leatd VERB [OPTION]...", "leatd EAL-OPTION... -- VERB [OPTION]..."])
    out += "# DESCRIPTION\n\n" + LEATD.replace("leat@.", "leat@\\.") + "\n\n# VERBS\n\n"
    for verb in told["verbs"]:
        if verb["name"] in ("try", "serve", "load", "plan"):
            out += f"*{verb['name']}*\n\tAs *leat-{verb['name']}*(1).\n\n"
    return out + see_also(("leat", 1), ("systemd.exec", 5))


def page_of_yaml(keys):
    out = head("leat.yaml", 5, "the configuration of leat serve and leat load")
    out += "# DESCRIPTION\n\n" + prose(
        "A file of YAML, given with --config FILE; options on the command line go before it. "
        "`leat check FILE` tells all that is wrong with one at once, each as "
        "file:line:column: key: problem; hint, and `leat plan --show -c FILE` prints what is in "
        "force.") + "\n# KEYS\n\n"
    for block in keys.rstrip().split("\n\n"):
        lines = block.split("\n")
        if not lines[0].startswith(" "):
            out += f"## {lines.pop(0)}\n\n"  # scdoc takes a heading as it is
        for key, about, sentence in zip(*[map(str.strip, lines)] * 3, strict=True):
            name, _, kind = key.partition("  ")
            out += (f"*{escape(name)}* {escape(kind.strip())}\n"
                    f"\t{escape(sentence)} ({escape(about)}).\n\n")
    return out + see_also(("leat", 1), ("leat-check", 1), ("leat-plan", 1))


def released():
    """When the package was last made, in seconds: what a page is dated where nothing else is said."""
    log = (Path(__file__).parents[1] / "debian" / "changelog").read_text(encoding="utf-8")
    return str(int(parsedate_to_datetime(re.search(r"^ -- .*>  (.*)$", log, re.M)[1]).timestamp()))


def pages(leat, scdoc, directory, wanted):
    told, keys = asked(leat)
    made = {"leat.1": page_of_leat(told), "leatd.8": page_of_leatd(told),
            "leat.yaml.5": page_of_yaml(keys)}
    made.update((f"leat-{verb['name']}.1", page_of_verb(verb)) for verb in told["verbs"])
    wanted = {Path(page).name for page in wanted}
    dated = os.environ | {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or released()}
    if set(made) != wanted:
        sys.exit(f"manual.py: pages that are made or installed alone: {set(made) ^ wanted}; "
                 "config/meson.build lists them")
    for name, source in made.items():
        done = subprocess.run([scdoc], input=source.encode(), capture_output=True, check=False,
                              env=dated)
        if done.returncode != 0:
            sys.exit(f"manual.py: {name}: {done.stderr.decode()}\n{source}")
        Path(directory, name).write_bytes(done.stdout)


BASH = r"""# bash completion of leat; made by the build from its option tables.
declare -A _leat_options=(
%s)
declare -A _leat_words=(
%s)
declare -A _leat_files=(
%s)
declare -A _leat_beside=(
%s)

_leat_instances() {
	local file
	for file in "${RUNTIME_DIRECTORY:-${XDG_RUNTIME_DIR:-/tmp}/leat}" /run/leat "/tmp/leat-$UID"; do
		for file in "$file"/*.sock; do
			[[ ! -S $file ]] || { file=${file##*/}; echo "${file%%.sock}"; }
		done
	done
}

_leat() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} of
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "${!_leat_options[*]} help version" -- "$cur")
		return
	fi
	[[ $cur != = ]] || cur=
	[[ $prev != = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	of=$verb$prev
	if [[ $verb = help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${!_leat_options[*]}" -- "$cur")
	elif [[ $verb != serve && $verb != load && $prev = @(-n|--name) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_leat_instances)" -- "$cur")
	elif [[ -n ${_leat_words[$of]:-} ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${_leat_words[$of]}" -- "$cur")
	elif [[ -n ${_leat_files[$of]:-} || ($cur != -* && $verb = @(check|report)) ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		of=
		[[ $cur = -* ]] || of=${_leat_beside[$verb]:-}
		mapfile -t COMPREPLY < <(compgen -W "${of:+$of }${_leat_options[$verb]:-}" -- "$cur")
	fi
}
complete -F _leat leat
"""

ZSH = r"""#compdef leat
# zsh completion of leat; made by the build from its option tables.
_leat() {
	local -a verbs instances
	instances=(${RUNTIME_DIRECTORY:-${XDG_RUNTIME_DIR:-/tmp}/leat}/*.sock(N:t:r)
		/run/leat/*.sock(N:t:r) /tmp/leat-$UID/*.sock(N:t:r))
	verbs=(
%s	)
	if ((CURRENT == 2)); then
		_describe verb verbs
		return
	fi
	shift words
	((CURRENT--))
	case $words[1] in
	help) _describe verb verbs ;;
%s	esac
}
_leat "$@"
"""


def names(row):
    return [f"--{row['name']}"] + ([f"-{row['letter']}"] if "letter" in row else [])


def bash(verbs):
    options, words, files, beside = "", "", "", ""
    for verb in verbs:
        all_names = [name for row in verb["options"] for name in names(row)]
        options += f"\t[{verb['name']}]=\"{' '.join(all_names + ['--help'])}\"\n"
        for row in verb["options"]:
            for name in names(row):
                if "words" in row:
                    words += f"\t[{verb['name']}{name}]=\"{' '.join(row['words'])}\"\n"
                elif row.get("value") in ("FILE", "DIR"):
                    files += f"\t[{verb['name']}{name}]=1\n"
        if "words" in verb:
            beside += f"\t[{verb['name']}]=\"{' '.join(verb['words'])}\"\n"
    return BASH % (options, words, files, beside)


def zsh(verbs):
    def quoted(text):
        return re.sub(r"([\[\]:\\])", r"\\\1", text.replace("'", "’"))
    described = "".join(f"\t\t'{verb['name']}:{quoted(verb['one_line'])}'\n" for verb in verbs)
    cases = ""
    for verb in verbs:
        cases += f"\t{verb['name']})\n\t\t_arguments -s"
        for row in verb["options"]:
            value = ""
            if "value" in row:
                action = f"({' '.join(row['words'])})" if "words" in row else (
                    "_files" if row["value"] in ("FILE", "DIR") else
                    "{compadd -a instances}" if row["name"] == "name" and
                    verb["name"] not in ("serve", "load", "plan") else " ")
                value = f":{quoted(row['value'])}:{action}"
            for name in names(row):
                equals = "=" if value and name.startswith("--") else ""
                cases += f" \\\n\t\t\t'*{name}{equals}[{quoted(row['sentence'])}]{value}'"
        rest = f"word:({' '.join(verb['words'])})" if "words" in verb else "file:_files"
        cases += f" \\\n\t\t\t'*:{rest}' ;;\n"
    return ZSH % (described, cases)


def asked(leat):
    env = {k: v for k, v in os.environ.items() if k != "LEAT_CALL"}
    told, keys, words = (subprocess.run([leat, *words], check=True, env=env, capture_output=True).stdout
                         for words in (("help", "-j"), ("check", "--keys"), ("explain", "-j")))
    told = json.loads(told)
    for verb in told["verbs"]:
        if verb["name"] == "explain":
            verb["words"] = sorted({json.loads(line)["name"] for line in words.splitlines()})
    return told, keys.decode()


def main():
    if sys.argv[1:2] == ["pages"] and len(sys.argv) > 5:
        pages(*sys.argv[2:5], sys.argv[5:])
    elif sys.argv[1:2] == ["completion"] and len(sys.argv) == 4:
        told, _ = asked(sys.argv[2])
        Path(sys.argv[3], "leat").write_text(bash(told["verbs"]))
        Path(sys.argv[3], "_leat").write_text(zsh(told["verbs"]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
