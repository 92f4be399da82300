#!/usr/bin/env python3
"""What clang-format leaves open in the C sources: one way to write it.

    tests/support/dialect.py FILE…

Prints each place as FILE:LINE: what is wrong, and ends with 1 when there is one.
"""

import re
import sys
from pathlib import Path

COLUMNS = 120
TYPE = re.compile(r"(const |volatile |_Atomic )*"
                  r"(struct |enum |union |unsigned|signed|char\b|int\b|long\b|short\b|double\b|float\b|void\b|bool\b"
                  r"|\w+_t\b|[A-Z]\w*)")
SIZEOF = re.compile(r"\bsizeof\((\**[A-Za-z_][\w.>\[\]-]*|\"[^\"]*\")\)(?![\[.-])")
MARK = re.compile(r"/\* --- \S.*\S --- \*/|/\* --- \S --- \*/")
DECLARATION = re.compile(r"    (?:const |static |volatile |_Atomic )*(?:(?:struct|enum|union) \w+"
                         r"|unsigned(?: char| int| long| long long)?|long long|long"
                         r"|int|short|char|bool|double|float|void|\w+_t) [*\w]")
WITHOUT_VALUE = re.compile(r"    (?:const )?(?:(?:struct|enum|union) \w+|[a-z_][\w ]*) \**(\w+);")
PROTOTYPE = re.compile(r"^[a-z][\w \*]*?\b(\w+)\((struct \w+) \*\*\w+, ", re.M)
TAKES = ("destroy", "close", "stop", "end", "abandon", "release")


def in_macro(lines, number):
    return lines[number].lstrip().startswith("#") or (number > 0 and lines[number - 1].endswith("\\"))


def sizeofs(lines):
    for number, line in enumerate(lines):
        for inner in SIZEOF.findall(line):
            if not TYPE.match(inner) and not in_macro(lines, number):
                yield number, f"sizeof({inner}): parentheses are for types, write sizeof {inner}"


def marks(lines):
    for number, line in enumerate(lines):
        alone = 0 < number < len(lines) - 1 and lines[number - 1] == "" and lines[number + 1] == ""
        comment = re.fullmatch(r"/\*.*\*/", line)
        if comment and (alone or re.match(r"/\* ?--", line)) and not MARK.fullmatch(line):
            yield number, "a comment that stands alone is a section mark: /* --- words --- */"


def bodies(lines):
    """(first line, line behind the last) of each function's body."""
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number + 1
        elif line == "}" and start is not None:
            yield start, number
            start = None


def declarations_end(lines, start, end):
    """The line behind the declarations that open a body."""
    number = start
    while number < end and DECLARATION.match(lines[number]) and not lines[number].startswith("    return "):
        while number < end and not lines[number].endswith(";"):
            number += 1
        number += 1
    return number


def declared_above(lines):
    """Declarations in a block of their own, and variables whose first use is their assignment further down."""
    for start, end in bodies(lines):
        behind = declarations_end(lines, start, end)
        if start < behind < end and lines[behind] == "":
            yield behind, "no empty line behind declarations: declare where a variable is first used"
        if any(re.search(r"\bgoto\b", line) for line in lines[start:end]):
            continue
        for number in range(start, end):
            match = WITHOUT_VALUE.fullmatch(lines[number])
            if not match or lines[number].startswith(("    return", "    goto", "    static")):
                continue
            use = re.compile(rf"\b{match[1]}\b")
            first = next((line for line in lines[number + 1:end] if use.search(line)), "")
            if re.match(rf"    {match[1]} = ", first) and len(use.findall(first)) == 1:
                yield number, f"{match[1]} is declared here and assigned further down: declare it there"


def outputs_first(lines):
    text = "\n".join(lines)
    for match in PROTOTYPE.finditer(text):
        if not match[1].endswith(TAKES) and not match[0].startswith("static"):
            yield text.count("\n", 0, match.start()), f"{match[1]}: output parameters come last, before the error"


def typedefs(lines):
    for number, line in enumerate(lines):
        if re.match(r"typedef (struct|enum|union)\b", line) or (line.startswith("typedef ") and "(" not in line):
            yield number, "typedefs are for callbacks only"


def long_lines(lines):
    """Where clang-format is told to keep away, rows of tables may be longer."""
    formatted = True
    for number, line in enumerate(lines):
        if "clang-format off" in line or "clang-format on" in line:
            formatted = "clang-format on" in line
        elif formatted and len(line) > COLUMNS:
            yield number, f"{len(line)} columns, {COLUMNS} are the most"


RULES = (sizeofs, marks, declared_above, outputs_first, typedefs, long_lines)


def check(path):
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    return sorted({(number + 1, text) for rule in RULES for number, text in rule(lines)})


def main(paths):
    found = [f"{path}:{number}: {text}" for path in paths for number, text in check(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
