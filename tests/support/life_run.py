"""A crowd that does everything with its issues (life_crowd.py) while issuer, gateways and persisters are killed, on a
store of a kind; and the judgement of everything that was answered (life_judge.py).

    life = run_life(directory, "mariadb", users=20_000, random=random)
    print(life.figures())
"""

import collections
import contextlib
import itertools
import time

from cluster import Cluster, wait_until
from life_crowd import Crowd
from life_judge import judge
from servers import SERVERS

LIMITS = {"ONE": 1, "THREE": 3}
ISSUER_TIMEOUT_MS = 1000
DECIDED_SECONDS = 3  # well above that
KILLS = 100  # in a long run
BETWEEN_MIN = 600  # requests between two kills, on average


def run_life(directory, store, users, random):
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(SERVERS[store]()) if store != "sqlite" else None
        cluster = stack.enter_context(Cluster(
            directory, gateways=3, partitions=2, persisters=2, database=database,
            transport="tcp" if database else "shm",
            options={"gateway/issuer_timeout_ms": ISSUER_TIMEOUT_MS, "issuer/resend_ms": 1000,
                     "persister/retry_max_ms": 1000}))
        life = LifeRun(cluster, users, random)
        life.run()
        return life


class LifeRun:
    def __init__(self, cluster, users, random):
        self.cluster, self.random = cluster, random
        self.crowd = Crowd(cluster.addresses, LIMITS, users, type(random)(random.random()), DECIDED_SECONDS)
        self.kills = collections.Counter()
        self.seconds = {}  # of each stage

    def run(self):
        for coupon, limit in LIMITS.items():
            self.cluster.create_coupon(coupon, None, per_user_limit=limit)
        self.crowd.start()
        try:
            with self._timed("load"):
                self._harm()
        except BaseException:
            self.crowd.abandon()
            raise
        with self._timed("last answers"):
            self.crowd.finish()
        with self._timed("drain"):
            self.cluster.wait_drained()
        with self._timed("check"):
            judge(self.cluster, self.crowd, LIMITS)
        with self._timed("verify"):
            self.cluster.assert_kept()

    def _harm(self):
        """Kills one or two members at a time until all users have been served; each role in turn, so that a short run
        has all of them."""
        between = max(BETWEEN_MIN, self.crowd.requests_planned // KILLS)
        roles = [[self.cluster.issuer], self.cluster.gateways, self.cluster.persisters]
        for role in itertools.cycle(self.random.sample(roles, len(roles))):
            goal = self.crowd.steps + self.random.randrange(between // 2, between * 3 // 2)
            wait_until(lambda goal=goal: self.crowd.steps >= goal or self.crowd.is_over(), "clients go on")
            if self.crowd.is_over():
                return
            members = {self.random.choice(role), *self.random.sample(self.cluster.members, self.random.randrange(2))}
            for member in members:
                member.kill()
                self.kills[member.name.split("-")[0]] += 1
            for member in members:
                member.start()
            self.cluster.wait_ready()

    @contextlib.contextmanager
    def _timed(self, stage):
        began = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - began

    def figures(self):
        crowd = self.crowd
        lines = [f"{crowd.steps:,} requests of {crowd.users:,} users over {len(crowd.clients)} connections, "
                 f"{len(crowd.issues):,} issues, {len(crowd.sweeps)} revocations of all",
                 "kills: " + ", ".join(f"{role} {count}" for role, count in sorted(self.kills.items())),
                 "seconds: " + ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in self.seconds.items())]
        answers = sorted(crowd.answers.items(), key=str)
        return "\n".join(lines + [f"{count:9,}  {kind}: {status} {word}" for (kind, status, word), count in answers])
