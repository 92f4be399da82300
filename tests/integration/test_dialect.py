"""The check of the C dialect finds violations, and accepts correct code."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once("reads sources")

CHECK = Path(__file__).parents[1] / "support/dialect.py"
SOUND = """#include "shared/thing.h"

/* --- life --- */

/* A comment of what follows. */
int thing_open(const char *path, struct thing **thing, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -1;
    char *text = calloc(2, sizeof *text + sizeof(struct thing));
    memcpy(text, "a", sizeof "a");
    return COUNT_OF(text) == sizeof text;
}

void thing_close(struct thing **thing, bool now)
{
    int a;
    for (a = 0; a < 3; a++)
        use(a);
}

typedef void (*thing_fn)(void *arg);
#define ROOM(array) sizeof(array)
"""


def check(folder, text):
    (folder / "thing.c").write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, str(CHECK), str(folder / "thing.c")], capture_output=True, text=True,
                          check=False)


def test_correct_code_passes(tmp_path):
    result = check(tmp_path, SOUND)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("right, wrong, line, told", [
    ("sizeof *text", "sizeof(*text)", 11, "write sizeof *text"),
    ("sizeof text;", "sizeof(text) / sizeof(text[0]);", 13, "write sizeof text[0]"),
    ('sizeof "a"', 'sizeof("a")', 12, 'write sizeof "a"'),
    ("/* --- life --- */", "/* ---- life ---- */", 3, "section mark"),
    ("/* --- life --- */", "/* Life */", 3, "section mark"),
    ("/* --- life --- */", "/* --- life -- */", 3, "section mark"),
    ("struct stat status;\n", "struct stat status;\n\n", 9, "no empty line"),
    ("struct stat status;\n", "struct stat status;\n    char *other;\n    use();\n    other = get();\n", 9,
     "other is declared here"),
    ("const char *path, struct thing **thing, struct", "struct thing **thing, const char *path, struct", 6,
     "thing_open: output parameters"),
    ("typedef void (*thing_fn)(void *arg);", "typedef struct thing thing_t;", 23, "typedefs"),
    ("typedef void (*thing_fn)(void *arg);", "typedef int thing_t;", 23, "typedefs"),
    ("/* A comment of what follows. */", f"/* {'words ' * 20}*/", 5, "columns"),
])
def test_a_single_violation_is_reported(tmp_path, right, wrong, line, told):
    assert right in SOUND
    result = check(tmp_path, SOUND.replace(right, wrong, 1))
    assert result.returncode == 1
    assert any(row.startswith(f"{tmp_path}/thing.c:{line}: ") and told in row
               for row in result.stdout.splitlines()), result.stdout


def test_tables_that_clang_format_leaves_alone_may_be_wide(tmp_path):
    wide = f"#define TABLE(X) X({'a' * 140})"
    assert check(tmp_path, f"{SOUND}{wide}\n").returncode == 1
    assert check(tmp_path, f"{SOUND}/* clang-format off */\n{wide}\n/* clang-format on */\n").returncode == 0
