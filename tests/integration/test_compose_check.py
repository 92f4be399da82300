"""./dev compose-check reports, before the start, which of its files each container of docker-compose.yml can read."""

import os
import re
import shutil
import subprocess

import pytest
import yaml
from cluster import REPOSITORY, environment

pytestmark = pytest.mark.once("does not depend on the build")

EXAMPLE = REPOSITORY / "deploy/secrets.example"
OURS = {"admin_token": 10001, "cluster_secret": 10001, "db_password": 10001, "db_root_password": 0,
        "exporter.cnf": 65534, "grafana_password": 472}


@pytest.fixture(name="secrets")
def copied_secrets(tmp_path):
    """A copy with restricted modes: cp -r deploy/secrets.example S; chmod 600 S/*"""
    folder = tmp_path / "secrets"
    shutil.copytree(EXAMPLE, folder)
    for path in folder.iterdir():
        path.chmod(0o600)
    return folder


def check(*arguments, **variables):
    result = subprocess.run(["/usr/bin/python3", REPOSITORY / "deploy/preflight.py", *map(str, arguments)],
                            capture_output=True, text=True,
                            env={**environment(), "PYTHONDONTWRITEBYTECODE": "1", **variables}, check=False)
    return result.returncode, result.stdout + result.stderr


def wrong(text):
    return set(re.findall(r"^(\S+) .*cannot start", text, re.M))


def test_secrets_of_another_owner_are_reported_before_the_start(secrets):
    status, text = check("--secrets", secrets)
    assert status == 1
    assert wrong(text) == {"gateway", "issuer", "persister", "grafana", "mysqld-exporter"}
    for name, owner in OURS.items():
        assert f"chown {owner}:{owner} {secrets / name} && chmod 0600" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
def test_mend_sets_the_owner_of_each_secret_to_its_reader(secrets):
    status, text = check("--secrets", secrets, "--mend")
    assert (status, wrong(text)) == (0, set()), text
    assert {path.name: (path.stat().st_uid, path.stat().st_mode & 0o777) for path in secrets.iterdir()} == {
        name: (owner, 0o600) for name, owner in OURS.items()}


def test_a_restricted_folder_with_readable_files_is_accepted(secrets):
    for path in secrets.iterdir():
        path.chmod(0o444)
    secrets.chmod(0o700)
    assert check(COUPOND_SECRETS=str(secrets))[0] == 0


@pytest.mark.parametrize("spoil, expected", [
    (lambda path: path.unlink(), "does not exist"),
    (lambda path: path.write_text(""), "is empty"),
    (lambda path: (path.unlink(), path.mkdir()), "is not a file"),
])
def test_an_unusable_secret_is_reported(secrets, spoil, expected):
    for path in secrets.iterdir():
        path.chmod(0o444)
    spoil(secrets / "exporter.cnf")
    status, text = check("--secrets", secrets)
    assert (status, wrong(text)) == (1, {"mysqld-exporter", "mysql-accounts"})
    assert "secret exporter.cnf: " in text and expected in text


@pytest.mark.parametrize("name, content, expected", [
    ("db_root_password", "it's", {"mysql", "mysql-accounts"}),
    ("db_root_password", 'a "b"', {"mysql", "mysql-accounts"}),
    ("db_root_password", "a\\b", {"mysql", "mysql-accounts"}),
    ("admin_token", "two words", {"gateway"}),
    ("admin_token", "비밀", {"gateway"}),
])
def test_content_that_its_reader_cannot_use_is_reported(secrets, name, content, expected):
    (secrets / name).write_text(content + "\n", encoding="utf-8")
    for path in secrets.iterdir():
        path.chmod(0o444)
    status, text = check("--secrets", secrets)
    assert (status, wrong(text)) == (1, expected)
    assert f"secret {name}: {secrets / name} has " in text


def test_the_example_is_never_changed():
    assert check("--secrets", EXAMPLE, "--mend")[0] == 2
    assert check("--secrets", EXAMPLE / "nothing")[0] == 2


def test_the_readers_in_the_document_are_those_of_the_check():
    document = (REPOSITORY / "deploy/README.md").read_text(encoding="utf-8")
    secrets = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))["secrets"]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| .* \| (\d+) \|$", document, re.M))
    assert {name: int(owner) for name, owner in rows.items()} == {name: OURS[name] for name in secrets}
