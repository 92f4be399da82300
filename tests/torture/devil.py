"""Chooses faults at random and injects them, several at once if their targets differ; counts those injected, proved and
survived."""

import collections
import threading
import time
import traceback

from pymysql.err import MySQLError

from faults import Unproved
from kinds import KINDS

TOGETHER_MAX = 4


class Tally:
    """The counts of one kind of fault."""

    def __init__(self):
        self.injected = self.proved = self.survived = 0
        self.proof = ""


class Devil:
    def __init__(self, world, random, seconds_between):
        self.world, self.random, self.seconds_between = world, random, seconds_between
        self.kinds = [kind for kind in KINDS if not set(kind.needs) & world.missing.keys()]
        self.tallies = collections.defaultdict(Tally)
        self.log = []
        self._threads = []

    def torment(self, seconds):
        """Injects faults until the time is over or a promise is broken, then waits for the active ones to end."""
        until = time.monotonic() + seconds
        next_at = time.monotonic()
        while (now := time.monotonic()) < until and not self.world.broken:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if now >= next_at and len(self._threads) < TOGETHER_MAX and self._begin():
                next_at += self.random.expovariate(1 / self.seconds_between)
            time.sleep(0.05)
        self.world.ending = True
        for thread in self._threads:
            thread.join()

    def totals(self):
        tallies = self.tallies.values()
        return tuple(sum(getattr(tally, name) for tally in tallies) for name in ("injected", "proved", "survived"))

    def active(self):
        return sorted(thread.name for thread in self._threads if thread.is_alive())

    def _begin(self):
        """Starts a fault whose target no other fault uses; the kinds with the fewest injections come first."""
        least = min(self.tallies[kind.name].injected / kind.weight for kind in self.kinds)
        eager = [kind for kind in self.kinds if self.tallies[kind.name].injected / kind.weight <= least + 2]
        kind = self.random.choice(eager)
        with self.world.lock:
            target = kind.takes(self.world, self.random)[0]
            name = target if isinstance(target, str) else target.name
            if name in self.world.busy:
                return False
            self.world.busy.add(name)
        self.tallies[kind.name].injected += 1
        seed = self.random.randrange(2**32)
        thread = threading.Thread(target=self._do, args=(kind, target, name, seed), name=f"{kind.name} ({name})",
                                  daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _do(self, kind, target, name, seed):
        tally, began = self.tallies[kind.name], time.monotonic()
        try:
            tally.proof = kind.harm(self.world, type(self.random)(seed), target)
            tally.proved += 1
            tally.survived += 1
            said = tally.proof
        except (Unproved, MySQLError) as error:
            said = f"NOT PROVED: {error}"
        except Exception as error:
            said = f"BROKEN: {error}"
            self.world.fail(f"{kind.name} ({name}): {traceback.format_exc()}")
        self.log.append((began, time.monotonic(), kind.name, name, said))
        with self.world.lock:
            self.world.busy.discard(name)
