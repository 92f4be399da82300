"""The Korean pages are rendered correctly: hosts of repositories strike through text between two tildes of a paragraph
or cell, and do not end bold text between punctuation and a letter, as a particle after code would need it."""

import re

import pytest
from cluster import REPOSITORY

pytestmark = pytest.mark.once("reads documents")

PAGES = ["README.ko.md", "docs/ko/api.md", "docs/ko/configuration.md", "docs/ko/identity.md",
         "docs/ko/operating.md", "docs/ko/pages.md"]


def struck_out(text):
    """Paragraphs, list items and cells with two tildes or more outside code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"`[^`]*`", "", text)
    pieces = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\||\n(?=\|)", text)
    return [piece.strip() for piece in pieces if piece.count("~") > 1]


@pytest.mark.parametrize("page", PAGES)
def test_ranges_do_not_strike_text_through(page):
    assert struck_out((REPOSITORY / page).read_text(encoding="utf-8")) == []


def test_two_ranges_in_one_paragraph_or_cell_are_found():
    assert struck_out("- 1~32자,\n  1~64자\n- 1~3") == ["- 1~32자,\n  1~64자"]
    assert struck_out("| 1~2 | 3~4, 5~6 |\n") == ["3~4, 5~6"]
    assert struck_out("1~2 `~/a ~/b`\n\n```sh\n~ ~\n```\n\n3~4\n") == []


def unclosed(text):
    """Bold text whose last character is punctuation and that a letter follows: its stars are shown."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [bold[0] for bold in re.finditer(r"\*\*[^*]*[^\w\s*]\*\*\w", text)]


@pytest.mark.parametrize("page", PAGES)
def test_bold_text_ends(page):
    assert unclosed((REPOSITORY / page).read_text(encoding="utf-8")) == []


def test_bold_text_that_does_not_end_is_found():
    assert unclosed("- **`a/b = on`**이면, **`a`** 또는 **b**이면") == ["**`a/b = on`**이"]
    assert unclosed("**가.** 나, **다**(`라`)는\n\n```sh\n**`a`**이\n```\n") == []
