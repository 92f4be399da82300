"""What several kinds of harm use."""

import time

from cluster import metric_sum

PAUSES = (0.5, 2.0, 6.5)  # seconds; the longest is longer than every time-out between the roles


def hold(random, pauses=PAUSES):
    time.sleep(random.choice(pauses))  # how long a fault lasts is the fault itself, not a wait for something


def metric_or(member, name, other):
    """A metric's sum, or `other` while the member cannot be asked."""
    try:
        return metric_sum(member.metrics(), name)
    except (AssertionError, OSError):
        return other
