#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hold a result of `leat load -j` against the schema it names.

usage: check.py FILE           a result
       check.py PROGRAM ARG... what a program prints

So much of JSON Schema as run-1.json uses, and no word of it unknown: what is not checked here must
not stand there.  Exits 1 with the place of the first difference.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

SCHEMA = Path(__file__).with_name("run-1.json")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
NOTES = {"$schema", "$defs", "title", "description"}
WORDS = NOTES | {"$ref", "type", "const", "enum", "required", "properties", "items", "pattern",
                 "minimum", "maximum", "minItems", "maxItems"}


def is_type(value, name):
    if name in ("number", "integer"):
        return isinstance(value, int if name == "integer" else (int, float)) \
            and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check(value, schema, root, place="result"):
    """The first difference, None when there is none."""
    if unknown := schema.keys() - WORDS:
        return f"the schema says {sorted(unknown)}, which this does not check"
    if "$ref" in schema:
        return check(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, place)
    if "const" in schema and value != schema["const"]:
        return f"{place}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place}: {value!r} is none of {schema['enum']}"
    if "type" in schema and not is_type(value, schema["type"]):
        return f"{place}: {value!r} is no {schema['type']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{place}: {value!r} is not like {schema['pattern']}"
    if value < schema.get("minimum", value) if is_type(value, "number") else False:
        return f"{place}: {value} is below {schema['minimum']}"
    if value > schema.get("maximum", value) if is_type(value, "number") else False:
        return f"{place}: {value} is above {schema['maximum']}"
    if isinstance(value, list):
        return check_list(value, schema, root, place)
    return check_object(value, schema, root, place) if isinstance(value, dict) else None


def check_list(value, schema, root, place):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return f"{place}: {len(value)} items"
    for number, item in enumerate(value):
        if why := check(item, schema.get("items", {}), root, f"{place}[{number}]"):
            return why
    return None


def check_object(value, schema, root, place):
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        return f"{place}: no {missing[0]}"
    for name, item in value.items():
        if name not in schema["properties"]:
            return f"{place}: {name} is not in the schema"
        if why := check(item, schema["properties"][name], root, f"{place}.{name}"):
            return why
    return None


def difference(result):
    """What a parsed result has other than its schema says, or does not add up; else None."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if why := check(result, schema, schema):
        return why
    width = len(result["series"]["columns"])
    if any(len(row) != width for row in result["series"]["rows"]):
        return "series: a row has not as many columns as there are"
    for name in ("connect", "first_byte", "whole", "service", "response", "late"):
        hist = result["latency"][name]
        if sum(count for _, count in hist["slots"]) != hist["count"]:
            return f"latency.{name}: slots do not add up to its count"
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if Path(sys.argv[1]).suffix == ".json":
        text = Path(sys.argv[1]).read_text(encoding="utf-8")
    else:
        text = subprocess.check_output(sys.argv[1:], text=True)
    try:
        result = json.loads(text)
    except ValueError as error:
        print(f"{sys.argv[1]}: is no JSON: {error}")
        return 1
    why = difference(result)
    print(why or "as the schema says")
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
