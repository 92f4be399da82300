"""Where the configuration comes from, and how --check-config refuses what is wrong with it."""

import os

import pytest

from cluster import Cluster, run_coupond
from test_cli import ROLES, assert_refused, check_config


def test_later_sources_override_earlier_ones(tmp_path):
    path = tmp_path / "coupond.conf"
    path.write_text("gateway\n    threads = 65\n")
    assert_refused(check_config("--config", str(path)),
                   "coupond.conf line 2: gateway/threads: 65 is out of bounds, 1 to 64")
    path.write_text("log\n    level = loud\n")
    assert_refused(check_config("--config", str(path)), 'log/level: "loud" is none of: debug, info, warn, error')
    path.write_text("log\n    level = error\n")
    assert check_config("--config", str(path), COUPOND_LOG_LEVEL="warn").returncode == 0
    assert_refused(check_config("--config", str(path), "--set", "log/level=noisy", COUPOND_LOG_LEVEL="warn"), '"noisy"')


def test_unknown_options_are_refused_from_every_source(tmp_path):
    path = tmp_path / "coupond.conf"
    path.write_text("gateway\n    thread = 1\n")
    assert_refused(check_config("--config", str(path)), "coupond.conf line 2", "gateway/thread: unknown option")
    assert_refused(check_config("--set", "gateway/thread=1"), "--set: gateway/thread: unknown option")
    assert_refused(check_config("--set", "store/usr=1"), "store/usr: unknown option; did you mean store/user?")
    assert_refused(check_config("--set", "store/type=postgres"), 'store/type: "postgres" is neither sqlite nor mysql')
    assert_refused(check_config(COUPOND_GATEWAY_THREAD="1"), "COUPOND_GATEWAY_THREAD: unknown option")
    assert check_config(COUPOND_TEST_ANYTHING="1").returncode == 0


def test_a_malformed_file_is_refused_with_its_line(tmp_path):
    path = tmp_path / "coupond.conf"
    path.write_text("# fine so far\ngateway\n  threads = 1\n")
    assert_refused(check_config("--config", str(path)), "coupond.conf line 3", "indent")
    path.write_bytes(os.urandom(64) + b"\0")
    assert_refused(check_config("--config", str(path)), "coupond.conf line")
    assert_refused(check_config("--config", str(tmp_path / "none")), "none: No such file or directory")
    assert_refused(check_config("--config", str(tmp_path)), "Is a directory")


def test_a_secret_that_cannot_be_read_is_named(tmp_path):
    missing = str(tmp_path / "token").ljust(200, "n")
    assert_refused(check_config("--set", f"gateway/admin_token_file={missing}", role="gateway"), missing,
                   "No such file or directory", "gateway/admin_token_file names this file")


def test_authorities_that_cannot_be_read_are_named(tmp_path):
    missing = f"{tmp_path}/ca.pem"
    redis = check_config("--set", "gateway/redis=rediss://localhost", "--set", f"gateway/redis_tls_ca={missing}",
                         role="gateway")
    assert_refused(redis, f"gateway/redis_tls_ca: cannot read {missing}: No such file or directory")
    store = check_config("--set", "store/type=mysql", "--set", f"store/tls_ca={missing}", role="persister")
    assert_refused(store, f"store/tls_ca: cannot read {missing}: No such file or directory")


def test_a_role_needs_only_its_own_secrets(tmp_path):
    def status(role, option):
        return check_config("--set", f"{option}={tmp_path}/missing", role=role).returncode
    tokens = {role: status(role, "gateway/admin_token_file") for role in ROLES}
    assert tokens == {"dev": 2, "gateway": 2, "issuer": 0, "persister": 0}
    passwords = {role: status(role, "store/password_file") for role in ROLES}
    assert passwords == {"dev": 2, "gateway": 2, "issuer": 2, "persister": 2}


def test_variables_of_other_tools_stop_no_role():
    variables = {"COUPOND_SECRETS": "/run/secrets", "COUPOND_GATEWAY_PORT": "tcp://10.0.0.1:8080",
                 "COUPOND_GATEWAY_SERVICE_HOST": "10.0.0.1", "COUPOND_STORE_PORT": "tcp://10.0.0.2:3306"}
    for role in ROLES:
        assert check_config(role=role, **variables).returncode == 0


def test_ports_that_overlap_are_refused():
    assert_refused(check_config("--set", "issuer/partitions=64", "--set", "issuer/requests=tcp://*:7150"),
                   "issuer/requests takes ports 7150 to 7213", "issuer/events")
    assert_refused(check_config("--set", "issuer/http=127.0.0.1:7100"),
                   "issuer/requests takes port 7100, issuer/http port 7100")
    assert_refused(check_config("--set", "gateway/operator_http=127.0.0.1:8080", role="gateway"),
                   "gateway/http takes port 8080, gateway/operator_http port 8080")


def test_gaps_are_accepted_only_by_a_rebuild():
    assert_refused(check_config("--accept-gaps"), "--accept-gaps requires --rebuild-from-store")
    assert_refused(run_coupond("issuer", "--accept-gaps"), "--accept-gaps requires --rebuild-from-store")
    assert check_config("--accept-gaps", "--rebuild-from-store").returncode == 0


@pytest.mark.parametrize("role, option, inherited", [
    ("gateway", "issuer/requests", "gateway/requests"),
    ("persister", "issuer/events", "persister/events"),
    ("persister", "issuer/acks", "persister/acks"),
])
@pytest.mark.parametrize("host", ["*", "0.0.0.0", "[::]"])
def test_a_role_that_connects_refuses_the_issuer_s_wildcard(role, option, inherited, host):
    wildcard = f"{option}=tcp://{host}:7150"
    assert_refused(check_config("--set", wildcard, role=role), f"{inherited}: set it to the issuer's address")
    assert_refused(run_coupond(role, "--set", wildcard), inherited)
    assert_refused(check_config("--set", wildcard, role="dev"), inherited)
    assert check_config("--set", wildcard, role="issuer").returncode == 0
    assert check_config("--set", wildcard, "--set", f"{inherited}=tcp://127.0.0.1:7150", role=role).returncode == 0


@pytest.mark.parametrize("option, value, told", [
    ("issuer/local_requests", "ipc:///run/x", "expected shm://PATH"),
    ("issuer/local_requests", "shm://", "expected shm://PATH"),
    ("issuer/local_requests", "shm:///" + "x" * 110, "longer than the 107 bytes of a UNIX socket"),
    ("issuer/requests", "shm:///run/x", "expected tcp://HOST:PORT, ipc://PATH or inproc://NAME"),
    ("issuer/events", "shm:///run/x", "expected tcp://HOST:PORT, ipc://PATH or inproc://NAME"),
    ("persister/acks", "shm:///run/x", "expected tcp://HOST:PORT, ipc://PATH or inproc://NAME"),
    ("gateway/requests", "udp://x", "expected tcp://HOST:PORT, ipc://PATH, shm://PATH or inproc://NAME"),
])
def test_shared_memory_is_for_requests_alone(option, value, told):
    assert_refused(check_config("--set", f"{option}={value}"), option, told)


def test_one_path_for_zeromq_and_shared_memory_is_refused():
    assert_refused(check_config("--set", "issuer/events=ipc:///run/x-1", "--set", "issuer/local_requests=shm:///run/x",
                                "--set", "issuer/partitions=2"), "issuer/events", "issuer/local_requests")
    assert_refused(check_config("--set", "issuer/requests=ipc:///run/x", "--set", "issuer/local_requests=shm:///run/x"),
                   "issuer/requests", "issuer/local_requests", "the same endpoint")


def test_gateways_take_the_local_endpoint_of_a_shared_configuration(tmp_path):
    with Cluster(tmp_path) as cluster:
        assert f"shm://{tmp_path}/local" in cluster.options["issuer/local_requests"]
        assert cluster.gateways[0].is_ready()
        assert "connected to a local gateway" in cluster.issuer.log()


# --- empty values


@pytest.mark.parametrize("command, told", [
    ([""], "the command is empty; see coupond --help"),
    (["=x"], "the command is unknown, and not shown because it may be a secret; see coupond --help"),
    (["issuer", "--config", ""], "--config: the value is empty"),
    (["issuer", "--config="], "--config: the value is empty"),
    (["issuer", "--set", ""], "--set: the value is empty"),
    (["dev", "--dir", ""], "--dir: the value is empty"),
    (["dev", "--http="], "--http: the value is empty"),
    (["verify", "--dir", ""], "--dir: the value is empty"),
    (["dead-letter", "list", "--dir", ""], "--dir: the value is empty"),
    (["keygen", ""], "argument 1 is empty"),
    (["journal", "check", ""], "argument 2 is empty"),
    (["dead-letter", ""], "argument 1 is empty"),
    (["top", "--interval", ""], "--interval: the value is empty"),
    (["bench", "--users", ""], "--users: the value is empty; it must be a prefix of"),
    (["bench", "--rate="], "--rate: the value is empty; it must be a number"),
])
def test_an_empty_value_is_called_empty(command, told):
    assert_refused(run_coupond(*command), told)
