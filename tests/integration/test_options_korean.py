"""The Korean table of options is generated from the program's options and docs/ko/options.tsv; a change of one without
the other is detected."""

import re
import subprocess
import sys

import pytest
from cluster import REPOSITORY, binary
from korean_options import korean_bounds, korean_table

pytestmark = pytest.mark.once("reads documents")

SCRIPT = REPOSITORY / "tests/support/korean_options.py"
ROWS = REPOSITORY / "docs/ko/options.tsv"

PRINTED = r"""| option | default | bounds | meaning |
|---|---|---|---|
| `gateway/http` | `127.0.0.1:8080` | HOST:PORT, at most 255 bytes | address to serve a\|b on |
| `log/level` | `info` | debug, info or warn | lines below are not logged |
"""
HEADING = "option\tkorean\tenglish\n"
HTTP = "gateway/http\ta|b를 제공할 주소\taddress to serve a|b on\n"
LEVEL = "log/level\t최소 로그 수준\tlines below are not logged\n"


def test_the_table_has_the_programs_names_and_defaults_and_the_korean_texts():
    table, wrong = korean_table(PRINTED, HEADING + LEVEL + HTTP)
    assert wrong == []
    assert table.splitlines()[2:] == [
        r"| `gateway/http` | `127.0.0.1:8080` | HOST:PORT, 최대 255바이트 | a\|b를 제공할 주소 |",
        r"| `log/level` | `info` | debug, info 또는 warn | 최소 로그 수준 |",
    ]


@pytest.mark.parametrize("rows, told", [
    (HEADING + HTTP,
     "log/level has no row: add one with its Korean text and this English text: lines below are not logged"),
    (HEADING + HTTP + LEVEL + "log/colour\t색\tcolours\n", "log/colour is no option of the program: remove its row"),
    (HEADING + HTTP + LEVEL + LEVEL, "line 4: log/level has a row already"),
    (HEADING + HTTP + LEVEL.replace("below", "under"), "log/level: its English text has changed"),
    (HEADING + HTTP + LEVEL.replace("최소 로그 수준", "lowest level"),
     "log/level: the second column is not Korean: lowest level"),
    (HEADING + HTTP + LEVEL.replace("최소 로그 수준", " "), "line 3: log/level needs 3 columns"),
    (HEADING + HTTP + "\n" + LEVEL, "line 3: a row needs 3 columns"),
    (HEADING + HTTP + LEVEL.replace("\n", "\tmore\n"), "line 3: log/level needs 3 columns"),
    (HTTP + LEVEL, "line 1: the columns are option, korean, english"),
    ("", "line 1: the columns are option, korean, english"),
])
def test_rows_that_do_not_match_the_program_are_reported(rows, told):
    _, wrong = korean_table(PRINTED, rows)
    assert any(told in fault for fault in wrong), wrong


def test_a_changed_english_text_is_shown_beside_the_one_that_was_translated():
    _, wrong = korean_table(PRINTED, HEADING + HTTP + LEVEL.replace("below", "under"))
    assert len(wrong) == 1
    assert wrong[0].endswith("\n  was: lines under are not logged\n  is:  lines below are not logged")


def test_bounds_and_columns_without_a_translation_are_reported():
    _, wrong = korean_table(PRINTED.replace("at most 255 bytes", "at most 255 fathoms"), HEADING + HTTP + LEVEL)
    assert len(wrong) == 1 and "gateway/http: nothing in" in wrong[0] and "255 fathoms" in wrong[0]
    _, wrong = korean_table(PRINTED.replace("| bounds |", "| unit | bounds |"), HEADING + HTTP + LEVEL)
    assert wrong == ["the program's columns are option, default, unit, bounds, meaning; "
                     "option, default, bounds, meaning are known here"]


@pytest.mark.parametrize("bounds, korean", [
    ("path or empty, at most 107 bytes", "경로 또는 빈 값, 최대 107바이트"),
    ("secret, at most 255 bytes", "비밀값, 최대 255바이트"),
    ("10 to 3600000 ms", "10~3600000밀리초"),
    ("0 to 525600 minutes", "0~525600분"),
    ("1 to 64", "1~64"),
    ("0 or 1", "0 또는 1"),
    ("sqlite or mysql", "sqlite 또는 mysql"),
    ("always, os or 1 to 60000", "always, os 또는 1~60000"),
    ("1 to 64 fathoms", None),
])
def test_bounds_are_in_korean(bounds, korean):
    assert korean_bounds(bounds) == korean


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments), binary()], capture_output=True,
                          encoding="utf-8", check=False)


def test_the_korean_page_has_the_table():
    result = run()
    assert (result.returncode, result.stderr) == (0, "")
    page = (REPOSITORY / "docs/ko/configuration.md").read_text(encoding="utf-8")
    found = re.search(r"^<!-- options -->\n(.*?)^<!-- /options -->$", page, re.M | re.S)
    assert found and found[1] == result.stdout, "./dev fmt writes the table"


def test_a_missing_row_ends_it_with_1_and_without_a_table(tmp_path):
    rows = ROWS.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "options.tsv").write_text("".join(rows[:-1]), encoding="utf-8")
    result = run("--rows", tmp_path / "options.tsv")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"options.tsv: {rows[-1].split(chr(9))[0]} has no row" in result.stderr
