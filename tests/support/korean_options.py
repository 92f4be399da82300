#!/usr/bin/env python3
"""The table of options in Korean, from what the program prints and from the rows of docs/ko/options.tsv.

    tests/support/korean_options.py [--rows FILE] PROGRAM

Names, defaults and bounds are those of `PROGRAM --help-config=markdown`. A row is an option, its Korean text, and the
English text that the Korean one translates, with tabs between them; the first line names these columns. An option
without a row, a row without an option, an English text that is not the program's any more, and bounds that nothing here
translates are told, and it ends with 1.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = REPOSITORY / "docs/ko/options.tsv"

COLUMNS = ["option", "korean", "english"]
ENGLISH_HEADING = ["option", "default", "bounds", "meaning"]
KOREAN_HEADING = ["옵션", "기본값", "범위", "의미"]

KINDS = {"HOST:PORT": "HOST:PORT", "URL": "URL", "endpoint": "엔드포인트", "path": "경로", "secret": "비밀값", "text": "문자열"}
UNITS = {"": "", " ms": "밀리초", " minutes": "분", " bytes": "바이트", " MiB": " MiB", " MiB/s": " MiB/s",
         " s": "초"}


# --- bounds ---


def korean_range(found):
    least, most, unit = found.groups()
    return f"{least}~{most}{UNITS[unit]}"


def korean_text(found):
    kind, empty, most = found.groups()
    return f"{KINDS[kind]}{' 또는 빈 값' if empty else ''}, 최대 {most}바이트"


def korean_choices(found):
    others, last = found.groups()
    return f"{others} 또는 {last.replace(' to ', '~')}"


BOUNDS = [
    (re.compile(rf"(\d+) to (\d+)({'|'.join(UNITS)})"), korean_range),
    (re.compile(rf"({'|'.join(KINDS)})( or empty)?, at most (\d+) bytes"), korean_text),
    (re.compile(r"([\w-]+(?:, [\w-]+)*) or ([\w-]+|\d+ to \d+)"), korean_choices),
]


def korean_bounds(bounds):
    """None when no pattern fits."""
    for pattern, translate in BOUNDS:
        if found := pattern.fullmatch(bounds):
            return translate(found)
    return None


# --- tables ---


def cells_of(line):
    """Of a row of a Markdown table."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def line_of(cells):
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def read_rows(text, wrong):
    """{option: (Korean, English)} of the file of rows."""
    rows = {}
    lines = [line.split("\t") for line in text.splitlines()]
    if lines[:1] != [COLUMNS]:
        wrong.append(f"line 1: the columns are {', '.join(COLUMNS)}, with tabs between them")
    for number, fields in enumerate(lines[1:], 2):
        if len(fields) != len(COLUMNS) or not all(field.strip() for field in fields):
            wrong.append(f"line {number}: {fields[0] or 'a row'} needs {len(COLUMNS)} columns: {', '.join(COLUMNS)}")
        elif fields[0] in rows:
            wrong.append(f"line {number}: {fields[0]} has a row already")
        else:
            rows[fields[0]] = tuple(fields[1:])
    return rows


def check_row(option, meaning, row):
    """What is wrong with the Korean text of an option, or None."""
    if row is None:
        return f"{option} has no row: add one with its Korean text and this English text: {meaning}"
    korean, english = row
    if not re.search("[가-힣]", korean):
        return f"{option}: the second column is not Korean: {korean}"
    if english != meaning:
        return (f"{option}: its English text has changed: correct the Korean text if its meaning has changed, "
                f"then replace the third column\n  was: {english}\n  is:  {meaning}")
    return None


def korean_table(printed, text):
    """The table for what the program printed and the text of the file of rows, and a list of what is wrong."""
    wrong = []
    rows = read_rows(text, wrong)
    heading, _, *options = [cells_of(line) for line in printed.splitlines()]
    if heading != ENGLISH_HEADING:
        return "", [f"the program's columns are {', '.join(heading)}; {', '.join(ENGLISH_HEADING)} are known here"]
    table = line_of(KOREAN_HEADING) + "|---|---|---|---|\n"
    for name, default, bounds, meaning in options:
        option = name.strip("`")
        row = rows.pop(option, None)
        in_korean = korean_bounds(bounds)
        if in_korean is None:
            wrong.append(f"{option}: nothing in tests/support/korean_options.py translates its bounds: {bounds}")
        if fault := check_row(option, meaning, row):
            wrong.append(fault)
        table += line_of([name, default, in_korean or bounds, row[0] if row else meaning])
    wrong += [f"{option} is no option of the program: remove its row" for option in rows]
    return table, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("program")
    arguments = parser.parse_args()
    printed = subprocess.run([arguments.program, "--help-config=markdown"], stdout=subprocess.PIPE, encoding="utf-8",
                             check=True).stdout
    table, wrong = korean_table(printed, arguments.rows.read_text(encoding="utf-8"))
    for fault in wrong:
        print(f"{os.path.relpath(arguments.rows)}: {fault}", file=sys.stderr)
    if wrong:
        return 1
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
