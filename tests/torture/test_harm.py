"""Helpers of the proofs that a fault took effect."""

from harm.common import Rise


def rises(*readings):
    left = iter(readings)
    rise = Rise(lambda: next(left))
    return [rise.so_far() for _ in readings[1:]]


def test_a_counter_rises_across_restarts_of_its_process():
    assert rises(5, 5, 7, 1, 2) == [0, 2, 3, 4]


def test_a_counter_of_an_unreachable_process_keeps_its_value():
    assert rises(None, None, 3, None, 4) == [0, 3, 3, 4]
