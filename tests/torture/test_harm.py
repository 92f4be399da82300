"""The proofs that a fault took effect."""

from harm.common import Rise


def rises(*readings):
    left = iter(readings)
    rise = Rise(lambda: next(left))
    return [rise.so_far() for _ in readings[1:]]


def test_a_counter_rises_over_several_lives_of_its_process():
    assert rises(5, 5, 7, 1, 2) == [0, 2, 3, 4]


def test_a_counter_that_cannot_be_asked_stays_as_it_was():
    assert rises(None, None, 3, None, 4) == [0, 3, 3, 4]
