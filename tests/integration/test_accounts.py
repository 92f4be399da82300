"""deploy/mysql/accounts.sh against a real server: after every run, even after an interrupted one, the accounts have the
passwords of the secrets."""

import os
import subprocess

import pymysql
import pytest

from cluster import REPOSITORY
from servers import MariaDB

pytestmark = pytest.mark.once("does not depend on the build")

ROOT = "r00t-of-this-test"


@pytest.fixture(name="server", scope="module")
def started():
    server = MariaDB()
    server.more_options = ("--skip-name-resolve",)  # 127.0.0.1 is not localhost, whose root has no password
    with server:
        server.administer(f"ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{ROOT}'",
                          "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION",
                          "DROP USER IF EXISTS 'coupond'@'%'", "DROP USER IF EXISTS 'coupond'@'localhost'")
        yield server


def run(server, folder, coupond, exporter, root=ROOT):
    secrets = {"db_root_password": root, "db_password": coupond,
               "exporter.cnf": f"[client]\nuser=exporter\npassword={exporter}"}
    for name, text in secrets.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    where = {"COUPOND_SECRETS_DIR": str(folder), "COUPOND_MYSQL_HOST": "127.0.0.1", "MYSQL_TCP_PORT": str(server.port)}
    return subprocess.run([REPOSITORY / "deploy/mysql/accounts.sh"], env={**os.environ, **where}, capture_output=True,
                          text=True, check=False)


def answer(server, user, password, statement):
    with pymysql.connect(host="127.0.0.1", port=server.port, user=user,
                         password=password) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_accounts_follow_the_secrets_at_every_run(server, tmp_path):
    server.administer("CREATE USER 'coupond'@'%' IDENTIFIED BY 'of a run that was interrupted'")
    for coupond, exporter in (("first", "one"), ("first", "one"), ("sec'ond\\", "t'wo\\")):
        result = run(server, tmp_path, coupond, exporter)
        assert result.returncode == 0, result.stderr
        answer(server, "coupond", coupond, "CREATE TABLE IF NOT EXISTS coupond.proof (n INT)")
        assert answer(server, "exporter", exporter, "SELECT COUNT(*) FROM coupond.proof") == ((0,),)
    with pytest.raises(pymysql.err.OperationalError):
        answer(server, "coupond", "first", "DO 1")


def test_another_password_of_root_is_reported(server, tmp_path):
    result = run(server, tmp_path, "first", "one", root="0ther-r00t")
    assert result.returncode == 1
    assert "keeps the db_root_password with which it was created" in result.stderr
    assert "0ther-r00t" not in result.stdout + result.stderr
