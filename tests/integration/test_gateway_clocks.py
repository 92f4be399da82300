"""Gateways with clocks that are hours off from the issuer's and each other's: none of their answers depends on their
own clock."""

import contextlib
import datetime
import email.utils

import pytest

from cluster import Cluster, wait_until
from preload import Preload, faketime_library
from servers import Redis
from test_policy_cache import later, look, reads
from test_policy_redis import KEY, errors, value, wait_connected

pytestmark = pytest.mark.skipif(faketime_library() is None, reason="libfaketime is not installed")

HOUR = 3600
GATEWAYS = range(2)


@contextlib.contextmanager
def cluster_with_clocks(directory, redis, *offsets):
    """A gateway for each of these clocks; all of them have just started."""
    options = {"gateway/policy_ttl_ms": 500, "gateway/redis": redis.url}
    cluster = Cluster(directory, gateways=len(offsets), options=options)
    for member, offset in zip(cluster.gateways, offsets):
        rules = Preload(directory / f"{member.name}.rules", clock=True)
        rules.step_clock(offset)
        member.environment = rules.environment()
    with cluster:
        wait_connected(cluster)
        yield cluster


@pytest.fixture(scope="module")
def redis():
    with Redis() as server:
        yield server


@pytest.fixture
def apart(tmp_path, redis):
    redis.ask("FLUSHALL")
    with cluster_with_clocks(tmp_path, redis, 5 * HOUR, -7 * HOUR) as running:
        yield running


def seconds_from_now(headers):
    date = email.utils.parsedate_to_datetime(headers["Date"])
    return (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def test_states_ages_and_retry_after_are_the_issuers(apart):
    apart.create_coupon("LATER", 5, starts_at=later(2 * HOUR))
    apart.create_coupon("NOW", 5, starts_at=later(-HOUR), ends_at=later(HOUR))
    apart.create_coupon("OVER", 5, starts_at=later(-3 * HOUR), ends_at=later(-HOUR))
    for gateway in GATEWAYS:
        for _ in range(3):  # from the issuer, from Redis, from the gateway's cache
            for coupon, state in (("LATER", "scheduled"), ("NOW", "open"), ("OVER", "ended")):
                status, headers, body = look(apart, coupon, gateway=gateway)
                assert (status, body["state"]) == (200, state)
                assert 0 <= int(headers["Age"]) < 60
            status, headers, body = apart.request("POST", "/v1/coupons/LATER/issues", {"user_id": "ann"},
                                                  gateway=gateway)
            assert (status, body["code"]) == (409, "not_started")
            assert 2 * HOUR - 120 < int(headers["Retry-After"]) <= 2 * HOUR
        assert apart.request("POST", "/v1/coupons/NOW/issues", {"user_id": f"u{gateway}"}, gateway=gateway)[0] == 201
        assert apart.request("POST", "/v1/coupons/OVER/issues", {"user_id": "ann"},
                             gateway=gateway)[2]["code"] == "ended"
    assert errors(apart, "garbage") == 0


def test_the_date_header_is_the_issuers_time(apart):
    apart.create_coupon("DATED", 5)
    for gateway in GATEWAYS:
        look(apart, "DATED", gateway=gateway)
        wait_until(lambda gateway=gateway: abs(seconds_from_now(look(apart, "DATED", gateway=gateway)[1])) < 60,
                   "the date is correct")


def test_entries_of_redis_are_valid_for_a_gateway_that_does_not_know_the_issuers_time(apart, redis):
    apart.create_coupon("SHARED", 5)
    # The gateway with the older entry asks the issuer and stores the answer; the other one finds it, still fresh.
    wait_until(lambda: all(look(apart, "SHARED", gateway=gateway)[0] == 200 for gateway in GATEWAYS)
               and reads(apart, "redis") > 0, "it is in Redis, and Redis is used")
    redis.ask("SET", KEY + "SHARED", value("SHARED", sequence=1 << 40))  # as fresh as possible
    assert look(apart, "SHARED", gateway=1)[0] == 200
    assert errors(apart, "garbage") == 0
    before = reads(apart, "redis")

    def told_by_redis():
        redis.ask("SET", KEY + "SHARED", value("SHARED", sequence=1 << 40))
        return look(apart, "SHARED", gateway=1)[0] == 200 and reads(apart, "redis") > before

    wait_until(told_by_redis, "the answer comes from Redis")
    assert errors(apart, "garbage") == 0
