"""`coupond dev`: the gateway's ports, which are opened first, report the state of all roles in the process."""

import json
import socket

import pytest

from cluster import Cluster, metric_sum, wait_until
from identity import bearer, token, write_keys
from preload import Preload, faketime_library
from servers import MariaDB


def both_ports(member, path):
    """The status and the text of each port's answer."""
    return [member.get(path, address) for address in (member.status_address, member.operator_address)]


def all_wait_for_the_store(member):
    member.check_alive()
    return all(status == 503 and "waiting for the store, to compare" in text
               for status, text in both_ports(member, "/readyz"))


def test_dev_answers_while_it_waits_for_its_store(tmp_path):
    with MariaDB() as server:
        server.stop()
        cluster = Cluster.dev(tmp_path)
        member = cluster.issuer
        member.environment = server.environment()
        cluster.write_config()
        member.start()
        try:
            wait_until(lambda: all_wait_for_the_store(member), "both ports report the reason for the wait")
            assert [status for status, _ in both_ports(member, "/livez")] == [200, 200]
            status, body = cluster.issue("A0001", "somebody")
            assert status == 503 and body["code"] == "issuer_unavailable"
            server.start()
            cluster.wait_ready()
            status, body = cluster.issue("A0001", "somebody")
            assert status == 201 and body["sequence"] == 1, "the samples exist once it is ready"
        finally:
            member.end()
        cluster.check_logs()


def told_requests(cluster):
    """[(method, path, body, whether it has a token)] of the curl commands that dev prints."""
    lines = [line.split() for line in cluster.issuer.log().splitlines() if line.startswith("  curl ")]
    return [(words[words.index("-X") + 1] if "-X" in words else "GET",
             next(word for word in words if word.startswith("http")).split("/", 3)[3],
             words[-1].strip("'") if "-d" in words else None, "$TOKEN\"" in words) for words in lines]


@pytest.mark.parametrize("identity", ["off", "on"])
def test_the_requests_that_dev_prints_are_answered(tmp_path, identity):
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(tmp_path / "keys.json")}
    with Cluster.dev(tmp_path / "dev", options=options if identity == "on" else None) as cluster:
        wait_until(lambda: "Ctrl-C stops it" in cluster.issuer.log(), "the text is written")
        requests = told_requests(cluster)
        assert len(requests) == 3
        for method, path, body, has_token in requests:
            headers = bearer(token("alice", "user")) if has_token else {}
            status = cluster.request(method, f"/{path}", None if body is None else json.loads(body), headers)[0]
            assert status == (201 if method == "POST" else 200), (method, path)


def test_dev_that_cannot_start_closes_its_ports_and_ends(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        second = Cluster.dev(tmp_path / "second")
        second.issuer.arguments = [str(tmp_path) if word == str(tmp_path / "second") else word
                                   for word in second.issuer.arguments]
        second.write_config()
        second.issuer.start()
        assert second.issuer.wait_for_end() == 1
        assert "another issuer" in second.issuer.log()
        assert both_ports(second.issuer, "/readyz") == [(0, ""), (0, "")]
        assert cluster.issue("A0001", "somebody")[0] == 201
    second.check_logs()


@pytest.mark.parametrize("option", ["gateway/http", "gateway/operator_http", "issuer/http", "persister/http"])
def test_dev_names_the_port_in_use_and_ends(tmp_path, option):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster = Cluster.dev(tmp_path)
        cluster.issuer.arguments = [*cluster.issuer.arguments, "--set", f"{option}={address}"]
        cluster.write_config()
        cluster.issuer.start()
        assert cluster.issuer.wait_for_end() == 1
        last = cluster.issuer.log().splitlines()[-1]
        assert option in last and address in last and "already in use" in last
        assert both_ports(cluster.issuer, "/readyz") == [(0, ""), (0, "")]
    cluster.check_logs()


@pytest.mark.skipif(faketime_library() is None, reason="libfaketime is not installed")
def test_dev_reports_a_suspect_clock(tmp_path):
    cluster, rules = Cluster.dev(tmp_path), Preload(tmp_path / "rules", clock=True)
    cluster.issuer.environment = rules.environment()
    with cluster:
        rules.step_clock(86_400)
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_clock_suspect") == 1,
                   "the step is detected")
        for status, text in both_ports(cluster.issuer, "/readyz"):
            assert status == 200 and "clock" in json.loads(text)["detail"]
        rules.step_clock(0)
        wait_until(lambda: all("detail" not in json.loads(text) for _, text in both_ports(cluster.issuer, "/readyz")),
                   "it is correct again")
