"""The ports that tests assign to servers never run out."""

import socket

import pytest

from ports import Ports, worker_range

pytestmark = pytest.mark.once("judges ports")


def test_ranges_are_found_after_many_ports_were_assigned():
    ports = Ports(20_000, 22_000)
    for _ in range(200):
        first = ports.free(64)
        assert 20_000 <= first and first + 64 <= 22_000
        ports.free()


def test_a_port_is_not_assigned_again_soon():
    ports = Ports(20_000, 22_000)
    given = [ports.free() for _ in range(200)]
    assert len(set(given)) == 200


def test_without_a_free_port_there_is_an_error_instead_of_an_endless_search():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="no 1 free ports in a row"):
            Ports(port, port + 1).free()


def test_workers_have_ports_of_their_own():
    ranges = [worker_range(f"gw{number}", 2) for number in range(2)]
    assert ranges == [(10_100, 21_050), (21_050, 32_000)]
