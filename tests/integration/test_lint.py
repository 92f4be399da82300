"""./dev lint finds faults in Python and in the contract, in a tree that has them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from openapi_json import as_json

pytestmark = pytest.mark.once("checks Python")

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = (".flake8", ".pylintrc", "tests/support/lint.sh")

SOUND = '''"""A module without a fault."""

import subprocess
import sys


def main(arguments):
    subprocess.run(arguments, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''

BY_FLAKE8 = {
    "E501": f'LONG = "{"x" * 120}"\n',
    "E302": "HERE = 1\ndef close():\n    return HERE\n",
    "E225": "HERE = 1\nTHERE=HERE\n",
    "E711": "HERE = 1\nEMPTY = HERE == None\n",
    "E712": "HERE = 1\nRIGHT = HERE == True\n",
    "E722": "try:\n    HERE = 1\nexcept:\n    HERE = 2\n",
    "E999": "def broken(:\n",
    "F401": "import os\n",
    "F541": 'HERE = f"nothing"\n',
    "F811": "def twice():\n    return 1\n\n\ndef twice():\n    return 2\n",
    "F821": "HERE = nowhere\n",
    "F841": "def close():\n    never = 1\n",
    "W291": "HERE = 1 \n",
    "W504": "HERE = (1 +\n        2)\n",
}

BY_PYLINT = {
    "cell-var-from-loop": "HERE = []\nfor number in range(3):\n    HERE.append(lambda: number)\n",
    "dangerous-default-value": "def collect(found=[]):\n    return found\n",
    "redefined-builtin": "def length(list):\n    return len(list)\n",
    "subprocess-run-check": 'import subprocess\n\nsubprocess.run(["true"])\n',
    "unspecified-encoding": 'with open("here") as file:\n    TEXT = file.read()\n',
    "unused-argument": "def first(one, other):\n    return one\n",
}


def lint(folder, files, check="python", path=None):
    """Exit status and output of lint.sh for a tree with these files and the project's settings."""
    for name in SETTINGS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", folder], check=True)
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    result = subprocess.run([folder / "tests/support/lint.sh", check], capture_output=True, text=True, check=False,
                            env=environment)
    return result.returncode, result.stdout + result.stderr


def file_of(fault):
    return fault.replace("-", "_").lower() + ".py"


def test_correct_python_passes(tmp_path):
    status, told = lint(tmp_path, {"sound.py": SOUND})
    assert status == 0 and "lint: all fine" in told, told


@pytest.mark.parametrize("faults", [BY_FLAKE8, BY_PYLINT], ids=["flake8", "pylint"])
def test_each_fault_in_python_is_found(tmp_path, faults):
    """Lints a file for each fault, all at once."""
    status, told = lint(tmp_path, {file_of(name): text for name, text in faults.items()})
    assert status == 1 and "FAILED" in told, told
    missed = [name for name in faults
              if not any(file_of(name) in line and name in line for line in told.splitlines())]
    assert missed == [], told


def test_a_script_without_the_ending_py_is_checked(tmp_path):
    status, told = lint(tmp_path, {"script": "#!/usr/bin/env python3\nimport os\n"})
    assert status == 1 and "'os' imported but unused" in told, told


def test_a_tree_that_failed_is_not_taken_for_unchanged(tmp_path):
    assert lint(tmp_path, {"one.py": SOUND})[0] == 0
    assert lint(tmp_path, {"one.py": "import os\n"})[0] == 1
    assert lint(tmp_path, {})[0] == 1
    assert lint(tmp_path, {"one.py": SOUND})[0] == 0


def contract_tree(folder, text):
    """A tree whose contract in YAML and in JSON is the text."""
    for name in ("tests/support/openapi_json.py", "tests/support/openapi/package.json",
                 "tests/support/openapi/package-lock.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "api").mkdir(exist_ok=True)
    (folder / "api/openapi.yaml").write_text(text, encoding="utf-8")
    (folder / "api/openapi.json").write_text(as_json(text), encoding="utf-8")
    return folder


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm installs what validates the contract")
def test_a_contract_that_the_schema_of_openapi_refuses_is_found(tmp_path):
    sound = (REPOSITORY / "api/openapi.yaml").read_text(encoding="utf-8")
    status, told = lint(contract_tree(tmp_path, sound), {}, "contract")
    assert status == 0 and "lint: all fine" in told, told
    wrong = sound.replace("operationId: getIssue", "operationID: getIssue", 1)
    status, told = lint(contract_tree(tmp_path, wrong), {}, "contract")
    assert status == 1 and "operationID" in told, told


def test_without_npm_the_check_of_the_contract_says_that_it_is_skipped(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "env", "git", "mkdir", "diff", "dirname", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    sound = (REPOSITORY / "api/openapi.yaml").read_text(encoding="utf-8")
    status, told = lint(contract_tree(tmp_path, sound), {}, "contract", path=str(tools))
    assert status == 0 and "skipped: npm is not installed" in told, told
