"""Several issuers that keep copies of each other's journals: cluster.Cluster with members."""

import shutil

from cluster import Cluster, ClusterError, metric_sum, run_coupond, wait_until
from ports import free_port_range

NAMES = ("a", "b", "c")


class Members(Cluster):
    """Three issuers with a journal each, and what Cluster has beside its one issuer."""

    def _plan_processes(self, transport, gateways, persisters):
        super()._plan_processes(transport, gateways, persisters)
        base = free_port_range(3 * len(NAMES))
        for offset, name in enumerate(("requests", "events", "acks")):
            self.options[f"issuer/{name}"] = f"tcp://127.0.0.1:{base + offset}"
        places = ["127.0.0.1", *(f"127.0.0.1:+{3 * i}" for i in range(1, len(NAMES)))]
        self.options["cluster/members"] = ",".join(f"{name}={place}" for name, place in zip(NAMES, places, strict=True))
        self.issuers = [self._issuer(name) for name in NAMES]
        self.issuer = self.issuers[0]
        self.members = [*self.issuers, *self.persisters, *self.gateways]

    def _issuer(self, name):
        settings = {"issuer/member": name, "issuer/journal_dir": self.journal_of(name)}
        more = [word for option, value in settings.items() for word in ("--set", f"{option}={value}")]
        return self._member(f"issuer-{name}", "issuer", f"127.0.0.1:{free_port_range(1)}", "issuer/http", more)

    def standing(self, issuer):
        """Its role (0 follower, 1 standby, 2 claiming, 3 owner) and whether it knows of a standby; None while it does
        not run or replaces itself."""
        try:
            metrics = issuer.metrics() if issuer.process is not None else {}
        except ClusterError:
            metrics = {}
        roles = [value for name, value in metrics.items() if name.startswith("coupond_issuer_member_role")]
        standbys = [value for name, value in metrics.items() if name.startswith("coupond_issuer_member_standby{")]
        return (roles[0], standbys[0] == 1) if roles and standbys else None

    def owner(self):
        """The issuer that decides; None when there is none or the standby is not named yet."""
        return next((issuer for issuer in self.issuers if self.standing(issuer) == (3, True)), None)

    def standby(self):
        return next((issuer for issuer in self.issuers if (self.standing(issuer) or (0,))[0] == 1), None)

    def journal_of(self, name):
        return self.directory / f"journal-{name}"

    def name_of(self, issuer):
        return NAMES[self.issuers.index(issuer)]

    def wait_safe(self):
        """Until some issuer decides and has a standby; returns it."""
        return wait_until(self.owner, lambda: f"an owner with a standby\n{self.describe_logs()}")

    def wait_standby(self):
        return wait_until(self.standby, lambda: f"a standby\n{self.describe_logs()}")

    def lose_disk(self, issuer):
        """Of an issuer that does not run."""
        shutil.rmtree(self.journal_of(self.name_of(issuer)))

    def backlog(self):
        """Of the owner: what the store does not have yet."""
        owner = self.owner()
        if owner is None:
            return 1
        metrics = owner.metrics()
        return (metric_sum(metrics, "coupond_issuer_journal_sequence")
                - metric_sum(metrics, "coupond_issuer_persisted_sequence"))

    def verify(self, *more):
        journal = self.journal_of(self.name_of(self.wait_safe()))
        return super().verify("--set", f"issuer/journal_dir={journal}", *more)

    def records(self, issuer):
        """Every record of its journal, as text."""
        return run_coupond("journal", "dump", self.journal_of(self.name_of(issuer)) / "p00").stdout.splitlines()
