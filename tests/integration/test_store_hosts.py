"""store/host as a list: all roles use the server that takes writes, wherever it is by now, and no other."""

import pytest

from cluster import Cluster, wait_until
from servers import Galera, MariaDB

OPTIONS = {"persister/retry_max_ms": 200, "store/connect_timeout_ms": 2000}
REPLICATED = ("--log-bin=binlog", "--log-slave-updates", "--binlog-format=ROW")
NOBODY = "127.0.0.1:1"
TABLE, COUNT = "SHOW TABLES IN coupond LIKE 'coupon_issue'", "SELECT COUNT(*) FROM coupond.coupon_issue"


class Hosts:
    """Servers as one database of Cluster, whose queries go to the `writer`."""

    def __init__(self, writer, *addresses):
        self.writer = writer
        self.addresses = addresses

    def __getattr__(self, name):
        return getattr(self.writer, name)

    def environment(self):
        variables = {name: value for name, value in self.writer.environment().items()
                     if name != "COUPOND_STORE_SOCKET"}
        return {**variables, "COUPOND_STORE_HOST": ",".join(self.addresses)}


def address(server):
    return f"127.0.0.1:{server.port}"


def count(server):
    """A replica may lack the table for a moment."""
    return server.administer(COUNT)[0][0] if server.administer(TABLE) else 0


def follow(replica, source):
    """Lets a server that has nothing of its own replicate another, and takes writes of clients away from it."""
    replica.administer("STOP SLAVE", "SET GLOBAL read_only = ON",
                       f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {source.port}, "
                       "MASTER_USER = 'replication', MASTER_PASSWORD = 'x', MASTER_USE_GTID = current_pos, "
                       "MASTER_CONNECT_RETRY = 1", "START SLAVE")


def promote(replica):
    replica.administer("STOP SLAVE", "SET GLOBAL read_only = OFF")


@pytest.fixture
def pair():
    """The first is a replica of the second."""
    with MariaDB() as first, MariaDB() as second:
        for number, server in enumerate((first, second)):
            server.stop()
            setup = server.directory / "setup.sql"  # runs at each start, and is not to be replicated
            setup.write_text("SET sql_log_bin = 0;\n" + setup.read_text())
            server.more_options = (*REPLICATED, f"--server-id={number + 1}")
            server.start()
        second.administer("CREATE USER replication@'%' IDENTIFIED BY 'x'",
                          "GRANT REPLICATION SLAVE ON *.* TO replication@'%'")
        follow(first, second)
        yield first, second


def issue(cluster, first, number):
    for user in range(first, first + number):
        assert cluster.issue("A", f"user-{user}")[0] == 201


def listed(cluster):
    """The number of issues that the gateway's list has, or None while it has no store."""
    status, _, body = cluster.request("GET", "/v1/coupons/A/issues?limit=100")
    return len(body["issues"]) if status == 200 else None


def wait_listed(cluster, number):
    wait_until(lambda: listed(cluster) == number, lambda: f"{number} issues are listed, not {listed(cluster)}")


@pytest.mark.once("a test of the server")
def test_the_server_that_takes_writes_is_found_wherever_it_is(tmp_path, pair):
    first, second = pair
    hosts = Hosts(second, address(first), address(second))
    with Cluster(tmp_path, database=hosts, options=OPTIONS) as cluster:
        persister = cluster.persisters[0]
        cluster.create_coupon("A", 1000)
        issue(cluster, 0, 10)
        cluster.wait_drained()
        wait_listed(cluster, 10)
        assert f"the store is ready: mysql coupond@{address(second)}/coupond" in persister.log()

        # the server dies, and its replica is promoted
        wait_until(lambda: count(first) == 10, "the replica has everything")
        second.kill()
        issue(cluster, 10, 10)
        persister.wait_detail("its read_only is ON")
        promote(first)
        hosts.writer = first
        cluster.wait_drained()
        wait_until(persister.is_ready, "the persister writes into the other server")
        wait_listed(cluster, 20)

        # it comes back as a replica, and is not asked
        second.more_options = (*second.more_options, "--read-only=ON")
        second.start()
        follow(second, first)
        wait_until(lambda: count(second) == 20, "the former server has everything")

        # the two change places while the sessions are open
        issue(cluster, 20, 10)
        cluster.wait_drained()
        first.administer("SET GLOBAL read_only = ON")
        wait_until(lambda: count(second) == 30, "the replica has everything")
        promote(second)
        hosts.writer = second
        issue(cluster, 30, 10)
        cluster.wait_drained()
        wait_listed(cluster, 40)
        assert (count(first), count(second)) == (30, 40)
        cluster.assert_kept()


@pytest.mark.once("a test of the server")
def test_a_node_outside_the_primary_component_is_neither_written_nor_read(tmp_path):
    with Galera() as node:
        hosts = Hosts(node, NOBODY, address(node))
        with Cluster(tmp_path, database=hosts, options=OPTIONS) as cluster:
            cluster.create_coupon("A", 1000)
            issue(cluster, 0, 10)
            cluster.wait_drained()
            wait_listed(cluster, 10)
            node.administer("SET GLOBAL wsrep_cluster_address = 'gcomm://127.0.0.1:1?pc.wait_prim=no'")
            issue(cluster, 10, 10)
            cluster.persisters[0].wait_detail("not in the primary component of its cluster")
            assert listed(cluster) is None
            node.administer("SET GLOBAL wsrep_cluster_address = 'gcomm://'")
            cluster.wait_drained()
            wait_listed(cluster, 20)
            cluster.assert_kept()
