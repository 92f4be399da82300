#!/usr/bin/env python3
"""Three issuers, two persisters, two gateways and MariaDB: processes are killed, stopped and continued, disks are lost,
the database stands still, several at once. Every answer is compared with the database and with each journal.

    ./dev torture-members [--minutes N] [--seed N]

A disk is lost only while another member has everything, as the row in the database says. The exit status is 0 if every
promise was kept; otherwise the directory with logs and journals is kept.
"""

import argparse
import collections
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]

from http_load import Load
from members import Members
from members_judge import PLENTY, check, users, wait_for_issues
from servers import MariaDB

HOLD_MS = 20_000


class Run:
    def __init__(self, cluster, load, chance):
        self.cluster = cluster
        self.load = load
        self.chance = chance
        self.counts = collections.Counter()
        self.harms = {"killed": self.kill, "disk lost": self.lose_disk, "stood still": self.stand_still,
                      "stopped by SIGTERM": self.stop, "owner and standby killed": self.kill_both,
                      "database stood still": self.pause_database,
                      "killed without the database": self.kill_without_database,
                      "persister killed": self.kill_persister, "gateway killed": self.kill_gateway}

    def pause(self, *seconds):
        time.sleep(self.chance.choice(seconds))

    def kill(self, issuer):
        issuer.kill()
        self.pause(0, 0.3, 2)
        issuer.start()

    def lose_disk(self, issuer):
        self.cluster.wait_safe()
        issuer.kill()
        self.cluster.lose_disk(issuer)
        self.pause(0, 1)
        issuer.start()

    def stand_still(self, issuer):
        issuer.stand_still()
        self.pause(0.3, 1, 3)
        issuer.go_on()

    def stop(self, issuer):
        issuer.stop()
        issuer.start()

    def kill_both(self, _):
        owner, other = self.cluster.wait_safe(), self.cluster.wait_standby()
        owner.kill()
        other.kill()
        self.pause(0, 1)
        other.start()
        owner.start()

    def pause_database(self, _):
        self.cluster.database.pause()
        self.pause(0.5, 2)
        self.cluster.database.resume()

    def kill_without_database(self, issuer):
        self.cluster.database.pause()
        self.kill(issuer)
        self.cluster.database.resume()

    def kill_persister(self, _):
        persister = self.chance.choice(self.cluster.persisters)
        persister.kill()
        persister.start()

    def kill_gateway(self, _):
        gateway = self.chance.choice(self.cluster.gateways)
        gateway.kill()
        gateway.start()

    def harm(self, began):
        wait_for_issues(self.load, self.chance.choice((50, 300, 1000)))
        owner = self.cluster.wait_safe()
        victim = self.chance.choice((owner, owner, self.cluster.wait_standby(), *self.cluster.issuers))
        name = self.chance.choice(list(self.harms))
        print(f"{time.monotonic() - began:8.1f} s  {name:28} {victim.name}, while {owner.name} owned; "
              f"{self.load.issued:,} issued", flush=True)
        self.harms[name](victim)
        self.counts[name] += 1


def torture(directory, minutes, chance):
    with MariaDB() as database, Members(directory, database=database, persisters=2, gateways=2, transport="tcp",
                                        options={"gateway/hold_ms": HOLD_MS}) as cluster:
        cluster.wait_safe()
        cluster.create_coupon("A", PLENTY)
        load = Load(cluster.addresses, connections=32, retry=True)
        load.start(users())
        run = Run(cluster, load, chance)
        began = time.monotonic()
        while time.monotonic() - began < 60 * minutes:
            run.harm(began)
        check(cluster, load)
        return run


def parse():
    parser = argparse.ArgumentParser(prog="./dev torture-members", description=(
        "Does harm to three issuers, their persisters, gateways and database while clients issue, and compares every "
        "answer with the database and the journals."))
    parser.add_argument("--minutes", type=float, default=5, metavar="N", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32), metavar="N",
                        help="repeats the choice of faults, but not their exact timing (random)")
    return parser.parse_args()


def main():
    arguments = parse()
    directory = Path(tempfile.mkdtemp(prefix="coupond-members-"))
    print(f"==> torture-members --minutes {arguments.minutes:g} --seed {arguments.seed}, in {directory}", flush=True)
    run = torture(directory, arguments.minutes, random.Random(arguments.seed))
    for name, count in sorted(run.counts.items()):
        print(f"{count:6}  {name}")
    shutil.rmtree(directory)
    print(f"==> {sum(run.counts.values()):,} faults, {run.load.issued:,} issues: every promise was kept")


if __name__ == "__main__":
    main()
