"""Crowds: which users ask for which coupons, in a random order that a seed repeats."""

import os
import random as random_module

import pytest

FULL = bool(os.environ.get("COUPOND_TEST_FULL"))
only_in_full = pytest.mark.skipif(not FULL, reason="long; COUPOND_TEST_FULL=1 runs it")


def random_with_seed():
    """A random.Random whose seed is printed, so that a failure can be repeated with COUPOND_TEST_SEED."""
    seed = int(os.environ.get("COUPOND_TEST_SEED") or random_module.SystemRandom().randrange(2**32))
    print(f"COUPOND_TEST_SEED={seed}")
    return random_module.Random(seed)


def crowd(users, asks, random):
    """`asks` requests of each of users[coupon] users of each coupon, shuffled: [(coupon, user)]."""
    requests = [(coupon, f"user-{number}") for coupon, count in users.items() for number in range(count)] * asks
    random.shuffle(requests)
    return requests


def endless_crowd(coupons, random, again=0.3):
    """Endless requests for all coupons in turn: a new user each time, or with probability `again` one who has asked
    before."""
    number = 0
    while True:
        coupon = random.choice(coupons)
        if number > 0 and random.random() < again:
            yield coupon, f"user-{random.randrange(number)}"
        else:
            number += 1
            yield coupon, f"user-{number}"
