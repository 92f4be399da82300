"""The times that an issuer may use while its host's clock is stepped. Pure, and independent of the issuer's own
algorithm.

The issuer accepts the wall clock that it finds at its start, and an offset that has lasted for issuer/clock_settle_ms;
it ignores any other. If two moments are too close to tell their order, both times are allowed.

    clock = IssuerClock(wall, settle)      `wall`: seconds since 1970 minus the monotonic clock
    clock.stepped(before, after, offset)   between these moments the host's clock was set to that offset, in seconds,
                                           from the harness's clock
    clock.started(moment)                  an issuer process starts
    clock.ranges(since, until)             [(from, to), …]: all times that it may have used between two moments, as
                                           texts
"""

import collections
import datetime
import itertools

SLACK = 0.5  # tolerance of a reading in seconds
LATE = 2.0  # seconds after which the issuer must have accepted a step that has settled
FOREVER = float("inf")
EARLIEST, LATEST = "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"

Stand = collections.namedtuple("Stand", "since certain offset")
# The issuer may use the offset from `since`, and certainly uses it from `certain`.
Belief = collections.namedtuple("Belief", "since certain offset")


def text(seconds):
    if seconds == FOREVER:
        return LATEST
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class AnyTime:
    """For a history with an issuer that may have used any time."""

    def ranges(self, _since, _until):
        return [(EARLIEST, LATEST)]


class IssuerClock:
    def __init__(self, wall, settle):
        self.wall, self.settle = wall, settle
        self._stands = [Stand(-FOREVER, -FOREVER, 0.0)]
        self._starts = []
        # [(Belief, its latest end)], cached until the next step or start, since every record needs it
        self._spans = None

    @property
    def offset(self):
        """The current offset of the host's clock."""
        return self._stands[-1].offset

    def stepped(self, before, after, offset):
        if offset != self.offset:
            self._stands.append(Stand(before, after, offset))
            self._spans = None

    def started(self, moment):
        self._starts.append(moment)
        self._spans = None

    def _beliefs(self):
        found = [Belief(-FOREVER, -FOREVER, self._stands[0].offset)]
        for place, stand in enumerate(self._stands[1:], 1):
            end = self._stands[place + 1].certain if place + 1 < len(self._stands) else FOREVER
            if end >= stand.since + self.settle - SLACK:
                known = stand.certain + self.settle + LATE
                found.append(Belief(stand.since + self.settle - SLACK, known if known <= end else FOREVER,
                                    stand.offset))
        for moment in self._starts:
            found.append(Belief(moment, moment, self._offset_at(moment)))
        return sorted(found)

    def _offset_at(self, moment):
        return [stand for stand in self._stands if stand.since <= moment][-1].offset

    def _held(self):
        """Pairs each belief with its latest end: the moment when a later one is certain."""
        beliefs = self._beliefs()
        certain = itertools.accumulate((belief.certain for belief in reversed(beliefs[1:])), min, initial=FOREVER)
        return list(zip(beliefs, reversed(list(certain))))

    def ranges(self, since, until):
        found, self._spans = [], self._spans or self._held()
        for belief, end in self._spans:
            first, last = max(since, belief.since) - SLACK, min(until, end) + SLACK
            if first <= last:
                found.append((text(self.wall + belief.offset + first), text(self.wall + belief.offset + last)))
        return found
