"""Clusters and databases whose processes run on hosts of their own, made by network.py."""

from cluster import Cluster
from servers import MariaDB

REQUESTS_PORT, EVENTS_PORT, ACKS_PORT, HTTP_PORT, SQL_PORT = 7100, 7200, 7300, 8080, 3306


def hosts_of(network, gateways, persisters):
    """{member's name: Host} for a cluster of that size and its database."""
    names = ["issuer", *(f"gateway-{i}" for i in range(gateways)), *(f"persister-{i}" for i in range(persisters)),
             "database"]
    return {name: network.host(name) for name in names}


class HostedMariaDB(MariaDB):
    """MariaDB on a host of its own. Members reach it by the host's `back` address, tests by its UNIX socket."""

    def __init__(self, host):
        super().__init__()
        self.host = host
        if host:
            self.port = SQL_PORT

    def command(self):
        more = ["--lock-wait-timeout=3", "--max-connections=60"]
        if not self.host:
            return super().command() + more
        return [*self.host.prefix, *super().command(), "--bind-address=0.0.0.0", *more]

    def environment(self):
        variables = super().environment()
        if self.host:
            del variables["COUPOND_STORE_SOCKET"]
            variables |= {"COUPOND_STORE_HOST": self.host.back, "COUPOND_STORE_PORT": str(SQL_PORT)}
        return variables


class HostedCluster(Cluster):
    """A cluster whose members live on the hosts of a network; without one, all on loopback."""

    def __init__(self, directory, hosts, **more):
        self.hosts = hosts
        super().__init__(directory, transport="tcp", **more)

    def _plan_processes(self, transport, gateways, persisters):
        super()._plan_processes(transport, gateways, persisters)
        if self.hosts:
            back = self.hosts["issuer"].back
            for name, port in (("requests", REQUESTS_PORT), ("events", EVENTS_PORT), ("acks", ACKS_PORT)):
                self.options[f"issuer/{name}"] = f"tcp://{back}:{port}"
        for member in self.members:
            member.patience_seconds = 3

    def _member(self, name, role, address, address_option, more=()):
        if not self.hosts:
            return super()._member(name, role, address, address_option, more)
        host = self.hosts[name]
        member = super()._member(name, role, f"{host.front}:{HTTP_PORT}", address_option, more)
        member.prefix, member.host = host.prefix, host
        return member


def lose_machine(member, between=lambda: None):
    """Simulates a power loss of a member's host: its connections are never closed and its peers receive nothing; then
    another host comes up at the same addresses, with the same disk. The caller starts the process."""
    member.host.cut()
    member.kill()
    member.host.pull_out()
    between()
    member.host.plug_in()
