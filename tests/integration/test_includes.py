"""The check of includes finds violations in trees that have them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once("reads sources")

CHECK = Path(__file__).parents[1] / "support/includes.py"
SOUND = {
    "shared/error.h": "",
    "shared/journal/reader.h": '#include "shared/error.h"',
    "shared/journal/reader.c": '#include "shared/journal/reader.h"',
    "issuer/ledger/ledger.c": '#include "shared/journal/reader.h"',
    "coupond/top/cmd.c": '#include "issuer/ledger/ledger.h"\n#include "model.h"\n#include <stdio.h>',
    "coupond/top/model.h": "",
    "issuer/ledger/ledger.h": "",
}


def check(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text + "\n", encoding="utf-8")
    return subprocess.run([sys.executable, str(CHECK), "--root", str(folder)], capture_output=True, text=True,
                          check=False)


def test_a_correct_tree_passes(tmp_path):
    result = check(tmp_path, SOUND)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("path, text, told", [
    ("shared/journal/reader.h", '#include "issuer/ledger/ledger.h"', "shared/ is not above issuer/"),
    ("issuer/ledger/ledger.h", '#include "coupond/top/model.h"', "issuer/ is not above coupond/"),
    ("shared/journal/deep/er.c", '# include "issuer/ledger/ledger.h"', "shared/ is not above issuer/"),
    ("shared/error.h", '#include "shared/journal/reader.h"',
     "circle of files: shared/error -> shared/journal/reader -> shared/error (2 files in all)"),
    ("shared/ground.c", '#include "shared/journal/reader.h"',
     "circle of folders: shared -> shared/journal -> shared (2 folders in all)"),
    ("coupond/top/model.h", '#include "screen.h"', ""),
])
def test_a_single_violation_is_found(tmp_path, path, text, told):
    more = {"coupond/top/screen.h": '#include "coupond/top/model.h"'} if not told else {}
    result = check(tmp_path, {**SOUND, **more, path: text})
    assert result.returncode == 1
    assert (told or "coupond/top/model -> coupond/top/screen -> coupond/top/model") in result.stdout


def test_an_include_that_only_the_compiler_sees_is_reported(tmp_path):
    """One is found through a folder on the command line, the other is named by a macro."""
    files = {"lib/hidden.h": "", "lib/named.h": "",
             "src/main.c": '#include "hidden.h"\n#define NAME "lib/named.h"\n#include NAME'}
    assert check(tmp_path, files).returncode == 0
    build = tmp_path / "build"
    build.mkdir()
    (build / "build.ninja").write_text("rule cc\n  command = cc -I.. -I../lib -MD -MF $out.d -c $in -o $out\n  "
                                       "depfile = $out.d\n"
                                       "  deps = gcc\nbuild main.o: cc ../src/main.c\n", encoding="utf-8")
    subprocess.run(["ninja", "-C", str(build)], check=True, capture_output=True)
    result = subprocess.run([sys.executable, str(CHECK), "--root", str(tmp_path), "--build", str(build)],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "src/main.c: the compiler reads lib/hidden.h" in result.stdout
    assert "src/main.c: the compiler reads lib/named.h" in result.stdout
