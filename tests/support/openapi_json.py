#!/usr/bin/python3
"""Prints api/openapi.yaml as the JSON that gateways serve: openapi_json.py [FILE]. ./dev fmt keeps it in
api/openapi.json, so that building the program takes no Python; ./dev lint compares the two."""

import json
import sys
from pathlib import Path

import yaml

CONTRACT = Path(__file__).resolve().parents[2] / "api/openapi.yaml"


def as_json(text):
    return json.dumps(yaml.safe_load(text), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    named = Path(sys.argv[1]) if len(sys.argv) > 1 else CONTRACT
    sys.stdout.write(as_json(named.read_text(encoding="utf-8")))
