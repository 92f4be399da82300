"""Servers that override the character set of their clients, or log statements: values are read back unchanged,
`coupond verify` finds every promise kept, and a rebuilt journal equals the lost one.
"""

import shutil

import pytest

from cluster import Cluster, run_coupond
from crowd import only_in_full
from servers import MariaDB, MySQL

TITLES = {"ko": "정오의 쿠폰", "emoji": "☕🎁", "han": "咖啡券", "plain": "A coffee"}
SERVERS = {
    "init_connect": ("--character-set-server=utf8mb4", "--init-connect=SET NAMES utf8"),
    "euckr": ("--character-set-server=euckr", "--skip-character-set-client-handshake"),
    "utf8mb3": ("--character-set-server=utf8mb3", "--skip-character-set-client-handshake"),
    "latin1": ("--character-set-server=latin1", "--skip-character-set-client-handshake"),
}

MYSQL_SERVERS = {  # its option --skip-character-set-client-handshake was removed
    "init_connect": ("--character-set-server=utf8mb4", "--init-connect=SET NAMES utf8mb3"),
    "euckr": ("--character-set-server=euckr", "--init-connect=SET NAMES euckr"),
    "latin1": ("--character-set-server=latin1", "--init-connect=SET NAMES latin1"),
}


@pytest.fixture(scope="module")
def server():
    with MariaDB() as database:
        yield database


@pytest.fixture(scope="module")
def mysql():
    with MySQL() as database:
        yield database


def restart(server, *options):
    server.stop()
    server.more_options = options
    server.start()
    server.administer(f"DROP DATABASE IF EXISTS {server.database}", f"CREATE DATABASE {server.database}")


def assert_titles(cluster):
    _, _, body = cluster.request("GET", "/v1/coupons?limit=10", headers={"Cache-Control": "no-cache"})
    assert {coupon["id"]: coupon["title"] for coupon in body["coupons"]} == TITLES


@pytest.mark.parametrize("kind", SERVERS)
def test_titles_survive_a_server_that_chooses_the_character_set(tmp_path, server, kind):
    restart(server, *SERVERS[kind])
    check_titles(tmp_path, server)


@only_in_full
@pytest.mark.parametrize("kind", MYSQL_SERVERS)
def test_titles_survive_a_mysql_that_chooses_the_character_set(tmp_path, mysql, kind):
    restart(mysql, *MYSQL_SERVERS[kind])
    check_titles(tmp_path, mysql)


def check_titles(tmp_path, server):
    with Cluster(tmp_path, database=server) as cluster:
        for coupon, title in TITLES.items():
            cluster.create_coupon(coupon, 10, title=title)
        assert cluster.issue("ko", "가".encode().hex())[0] == 201
        cluster.wait_drained()
        cluster.assert_kept()
        cluster.stop()
        shutil.rmtree(cluster.journal_directory)
        rebuilt = run_coupond("issuer", "--config", str(cluster.config_path), "--rebuild-from-store")
        assert rebuilt.returncode == 0 and "rebuilt issues=1 lost_sequences=0" in rebuilt.stderr, rebuilt.stderr
        cluster.start()
        assert_titles(cluster)
        cluster.request("PATCH", "/v1/coupons/emoji", {"quantity": 20})
        cluster.wait_drained()
        assert cluster.query("SELECT HEX(title) FROM coupon WHERE id = 'emoji'") == [
            (TITLES["emoji"].encode().hex().upper(),)
        ]
        assert cluster.query("SELECT COUNT(*) FROM dead_letter")[0][0] == 0
        cluster.assert_kept()


def test_a_row_that_no_issuer_can_have_written_is_not_rebuilt(tmp_path, server):
    restart(server)
    with Cluster(tmp_path, database=server) as cluster:
        cluster.create_coupon("ko", 10, title=TITLES["ko"])
        cluster.wait_drained()
        cluster.stop()
        before = sorted(path.name for path in cluster.journal_directory.rglob("*"))
        server.administer(f"UPDATE {server.database}.coupon SET title = 'a\\nb'",
                          f"UPDATE {server.database}.journal SET last_seq = last_seq + 1")
        result = run_coupond("issuer", "--config", str(cluster.config_path), "--rebuild-from-store")
        assert result.returncode == 1 and "coupon ko: its row holds invalid values" in result.stderr, result.stderr
        assert sorted(path.name for path in cluster.journal_directory.rglob("*")) == before


def test_a_statement_log_is_switched_to_rows_if_allowed_otherwise_refused(tmp_path, server):
    restart(server, "--log-bin=binlog", "--binlog-format=STATEMENT")
    cluster = Cluster(tmp_path, database=server)
    cluster.write_config()
    refused = run_coupond(*cluster.persisters[0].arguments)
    assert refused.returncode == 1, refused.stderr
    assert "set the server's binlog_format to ROW or MIXED" in refused.stderr, refused.stderr
    server.administer(f"GRANT BINLOG ADMIN ON *.* TO '{server.user}'@'localhost'")
    with cluster:
        cluster.create_coupon("ko", 100, title=TITLES["ko"])
        for user in range(40):
            assert cluster.issue("ko", f"user-{user}")[0] == 201
        cluster.wait_drained()
        cluster.assert_kept()
