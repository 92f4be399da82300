"""The table of permissions: what the command prints is what docs/identity.md and its Korean page say."""

import json
import subprocess

import pytest

from cluster import REPOSITORY, binary
from contract_tables import permission_words, permissions_of_the_program

pytestmark = pytest.mark.once("reads tables")


def printed(*options):
    return subprocess.run([binary(), "permissions", *options], check=True, capture_output=True, text=True,
                          timeout=60).stdout


def words(row):
    return ", ".join(word.replace(":own", " (own)") for word in permission_words(row))


def documented(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    rows = text.split("<!-- permissions -->\n")[1].split("<!-- /permissions -->")[0].splitlines()[2:]
    return [tuple(cell.strip().strip("`") for cell in row.strip("|").split("|")) for row in rows]


def table_of_the_program():
    return [(" ".join(route), words(row), row["without_identity"].replace("_", " "))
            for route, row in permissions_of_the_program().items()]


def korean(cell):
    return cell.replace("(own)", "(본인)").replace("anyone", "누구나").replace("admin token", "관리자 토큰")


def test_the_page_has_the_table_of_the_program():
    assert documented("docs/identity.md") == table_of_the_program()


def test_the_korean_page_has_the_table_of_the_program():
    expected = [(route, korean(permitted), korean(without)) for route, permitted, without in table_of_the_program()]
    assert documented("docs/ko/identity.md") == expected


def test_the_table_for_people_has_the_same_rows():
    lines = printed().splitlines()[1:]
    assert [tuple(line.split()[:2]) for line in lines] == list(permissions_of_the_program())
    assert all(words(row) in line for line, row in zip(lines, permissions_of_the_program().values()))


def test_the_table_for_programs_names_each_route_once():
    rows = json.loads(printed("--json"))["permissions"]
    assert len(rows) == len(permissions_of_the_program()) >= 24
    assert all(not set(row["any"]) & set(row["own"]) for row in rows)
