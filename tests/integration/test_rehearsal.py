"""A rehearsal: a crowd asks for a copy of a coupon, a report judges it, the copy is archived and the coupon untouched;
as a command and over the API."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from cluster import Cluster, binary, environment, run_coupond, wait_until
from identity import bearer, token as token_of, write_keys

TOKEN = "correct-horse"
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}
LATEST = "/v1/rehearsals/latest"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"gateway/admin_token": TOKEN, "gateway/rehearsal_users_max": 500}
    with Cluster(tmp_path_factory.mktemp("rehearsal"), options=options) as running:
        create(running, "noon", quantity=50, title="정오")
        yield running


def create(cluster, coupon, **members):
    assert cluster.request("POST", "/v1/coupons", {"id": coupon, **members}, ALLOWED)[0] == 201


def url_of(cluster):
    return f"http://{cluster.addresses[0]}"


def token_file(cluster, token=TOKEN):
    path = cluster.directory / f"token-{len(token)}"
    path.write_text(token + "\n", encoding="utf-8")
    return path


def rehearse(cluster, *arguments, coupon="noon", users=200, token=TOKEN):
    return run_coupond("rehearse", "--url", url_of(cluster), "--coupon", coupon, "--users", users, "--connections", 20,
                       "--token-file", token_file(cluster, token), *arguments)


def copies(cluster, state="archived"):
    status, _, page = cluster.request("GET", f"/v1/coupons?state={state}&limit=200")
    assert status == 200
    return {coupon["id"]: coupon for coupon in page["coupons"] if coupon["id"].startswith("rehearsal-")}


def assert_untouched(cluster):
    noon = cluster.request("GET", "/v1/coupons/noon", None, {"Cache-Control": "no-cache"})[2]
    assert (noon["issued"], noon["version"], noon["state"]) == (0, 1, "open")


def latest(cluster):
    status, _, told = cluster.request("GET", LATEST, None, ALLOWED)
    assert status == 200
    return told


def ended(cluster):
    wait_until(lambda: latest(cluster)["state"] != "running", "the rehearsal has ended")
    return latest(cluster)


def start(cluster, body, headers=None):
    status, _, told = cluster.request("POST", "/v1/rehearsals", body, {**ALLOWED, **(headers or {})})
    return status, told


def test_the_report_has_what_the_event_will_meet(cluster):
    members = f"{cluster.gateways[0].operator_address},{cluster.issuer.operator_address}"
    result = rehearse(cluster, "--json", "--metrics", members)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert (report["coupon_id"], report["users"], report["quantity"]) == ("noon", 200, 50)
    assert report["outcomes"] == {"issued": 50, "sold_out": 150}
    assert report["early"] == report["early_not_started"] == 3
    assert (report["answered"], report["unanswered"], report["faults"]) == (200, 0, 0)
    assert 0 <= report["delay_us"]["p99"] <= report["latency_us"]["p99"]
    assert 0 < report["sold_out_s"] <= report["seconds"]
    assert 0 < report["latency_us"]["p50"] <= report["latency_us"]["p99"] <= report["latency_us"]["max"]
    assert report["sync_us"]["p99"] > 0
    assert {member["role"] for member in report["members"]} == {"gateway", "issuer"}
    assert all(member["memory_limit"] is None or member["memory_limit"] >= member["memory_after"]
               for member in report["members"])
    assert {reason["name"] for reason in report["reasons"]} >= {"answers", "wait", "disk", "promises"}
    copy = copies(cluster)[report["rehearsal_id"]]
    assert (copy["issued"], copy["quantity"], copy["title"]) == (50, 50, "정오")
    assert copy["metadata"] == {"rehearsal_of": "noon"}
    assert copies(cluster, "open") == {}
    assert_untouched(cluster)


def test_people_get_a_table_and_a_verdict(cluster):
    result = rehearse(cluster, "--quantity", 1000)
    assert result.returncode in (0, 1), result.stderr
    assert "quantity 1,000" in result.stdout and "sold out                 no" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("verdict: ")
    assert "requests answered" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--coupon", "nothing"], "coupon_not_found"),
    (["--coupon", "no/thing"], "a coupon id is"),
    (["--users", "0"], "--users 0"),
    (["--users", "many"], "--users many"),
    (["--users", "5", "--requests", "4"], "--requests 4"),
    (["--metrics", "a,,b"], "--metrics"),
    (["--token-file", "/nowhere"], "--token-file /nowhere"),
    (["--set", "gateway/threads=1"], "takes no configuration"),
    ([], "--coupon is missing"),
])
def test_what_cannot_run_says_why(cluster, arguments, words):
    given = arguments if not arguments or "--coupon" in arguments else ["--coupon", "noon", *arguments]
    result = run_coupond("rehearse", "--url", url_of(cluster), *given)
    assert result.returncode == 2 and words in result.stderr, result.stderr


def test_without_the_token_nothing_is_created(cluster):
    before = len(copies(cluster))
    result = rehearse(cluster, token="wrong")
    assert result.returncode == 2 and "--token-file" in result.stderr
    assert len(copies(cluster)) == before and copies(cluster, "scheduled") == {}


def test_an_interrupt_archives_the_copy(cluster):
    before = set(copies(cluster))
    command = [binary(), "rehearse", "--url", url_of(cluster), "--coupon", "noon", "--users", "100", "--token-file",
               token_file(cluster)]
    with subprocess.Popen([str(word) for word in command], env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: copies(cluster, "scheduled"), "the copy exists")
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2 and "interrupted" in complaint
    assert copies(cluster, "scheduled") == copies(cluster, "open") == {}
    assert len(set(copies(cluster)) - before) == 1


def test_an_admin_starts_one_over_the_api_and_reads_its_report(cluster):
    assert cluster.request("POST", "/v1/rehearsals", {"coupon_id": "noon"})[0] == 401
    assert cluster.request("GET", LATEST)[0] == 401
    body = {"coupon_id": "noon", "users": 100, "connections": 10}
    status, told = start(cluster, body, {"X-Request-Id": "dress-1"})
    assert (status, told["state"], told["report"]) == (202, "running", None)
    status, told = start(cluster, body)
    assert (status, told["code"]) == (409, "rehearsal_running")
    assert all(TOKEN.encode() not in path.read_bytes() for path in command_lines())
    told = ended(cluster)
    assert (told["state"], told["error"], told["coupon_id"]) == ("done", None, "noon")
    assert told["report"]["outcomes"] == {"issued": 50, "sold_out": 50}
    assert told["report"]["verdict"] in ("good", "tight", "not_enough")
    assert told["report"]["rehearsal_id"] in copies(cluster)
    assert "rehearsal started coupon=noon users=100 actor=key:admin request_id=dress-1" in cluster.gateways[0].log()
    assert_untouched(cluster)


def command_lines():
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b"rehearse" in read_or_empty(path)]


def read_or_empty(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_crowd_beyond_the_option_is_refused(cluster):
    status, told = start(cluster, {"coupon_id": "noon", "users": 501})
    assert (status, told["errors"][0]["field"]) == (400, "users")
    assert latest(cluster)["users_max"] == 500
    status, told = start(cluster, {"coupon_id": "noon"})  # the default is larger
    assert (status, told["errors"][0]["field"]) == (400, "users")


def test_a_rehearsal_that_cannot_run_says_why(cluster):
    assert start(cluster, {"coupon_id": "nothing", "users": 10})[0] == 202
    told = ended(cluster)
    assert told["state"] == "failed" and "coupon_not_found" in told["error"] and told["report"] is None


def test_it_acts_with_the_largest_token(tmp_path):
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(tmp_path / "keys.json"),
               "gateway/rehearsal_users_max": 500}
    ada = bearer(token_of("ada", "admin", groups=["x" * 2920]))
    assert 4090 < len(ada["Authorization"]) - len("Bearer ") <= 4096
    with Cluster.dev(tmp_path / "dev", options=options) as cluster:
        status, headers, _ = cluster.request("POST", "/v1/rehearsals", {"coupon_id": "A0001", "users": 20}, ada)
        assert status == 202
        told = wait_until(lambda: ended_as(cluster, ada), "the rehearsal has ended")
        assert (told["state"], told["error"]) == ("done", None)
        assert told["report"]["outcomes"] == {"issued": 20}
        assert f"actor=ada request_id={headers['X-Request-Id']}" in cluster.gateways[0].log()


def ended_as(cluster, headers):
    told = cluster.request("GET", LATEST, None, headers)[2]
    return told["state"] != "running" and told


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text(encoding="utf-8").split()
    return [int(child) for child in found]


def test_the_stop_of_the_gateway_ends_it_and_archives_the_copy(tmp_path):
    options = {"gateway/rehearsal_users_max": 500}
    with Cluster(tmp_path, gateways=2, options=options) as cluster:
        cluster.create_coupon("noon", 10)
        gateway = cluster.gateways[0]
        status, _, _ = cluster.request("POST", "/v1/rehearsals", {"coupon_id": "noon", "users": 50}, {})
        assert status == 202
        wait_until(lambda: copies_at(cluster.addresses[1], "scheduled"), "the copy exists")
        (child,) = children(gateway.process.pid)
        gateway.stop()
        assert not os.path.exists(f"/proc/{child}")
        assert copies_at(cluster.addresses[1], "scheduled") == copies_at(cluster.addresses[1], "open") == []
        gateway.start()
        wait_until(gateway.is_ready, "the gateway is ready")
        assert cluster.request("GET", LATEST)[2]["state"] == "none"


def copies_at(address, state):
    result = subprocess.run(["curl", "-sS", f"http://{address}/v1/coupons?state={state}"], capture_output=True,
                            text=True, check=True)
    return [coupon["id"] for coupon in json.loads(result.stdout)["coupons"] if coupon["id"].startswith("rehearsal-")]


def test_it_is_off_unless_an_option_allows_it(tmp_path):
    with Cluster(tmp_path) as cluster:
        status, _, told = cluster.request("POST", "/v1/rehearsals", {"coupon_id": "noon", "users": 5})
        assert (status, told["code"]) == (403, "forbidden") and "gateway/rehearsal_users_max" in told["detail"]
        told = cluster.request("GET", LATEST)[2]
        assert (told["state"], told["users_max"]) == ("none", 0)
        assert children(cluster.gateways[0].process.pid) == []
