"""No secret is ever printed, for every source and every kind of error: each secret of the option table is put into
every source and next to every kind of error, and searched for in all output of the program."""

import re
import subprocess

import pytest

from cluster import Cluster, binary, environment, wait_until
from servers import Redis

SECRET = "s3cretPl4nted"
URL = f"redis://app:{SECRET}@127.0.0.1:1/3"
ROLES = "dev", "gateway", "issuer", "persister"


def rows():
    """section/name of each option that is or may contain a secret, from the program's table, with a valid value."""
    table = subprocess.run([binary(), "--help-config=markdown"], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\| `([a-z]+/[a-z_]+)` \| (?:`[^`]*`)? *\| (secret|URL)\b", table, re.MULTILINE)
    special = {"gateway/traces_header": f"Authorization: Bearer {SECRET}"}
    return [(name, special.get(name, URL if kind == "URL" else SECRET)) for name, kind in found]


def variable(name):
    return "COUPOND_" + name.replace("/", "_").upper()


def run(*arguments, variables=None, status=None):
    result = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60, check=False,
                            env={**environment(), **(variables or {})})
    assert SECRET not in result.stdout + result.stderr, arguments
    assert status is None or result.returncode == status, result
    return result


def config(tmp_path, text):
    path = tmp_path / "coupond.conf"
    path.write_text(text)
    return str(path)


def test_the_table_has_secrets():
    names = [name for name, _ in rows()]
    assert {"gateway/admin_token", "gateway/redis", "gateway/redis_password", "store/password"} <= set(names)


@pytest.mark.parametrize("role", ROLES)
def test_a_valid_configuration_is_accepted_without_printing_secrets(tmp_path, role):
    for name, value in rows():
        section, option = name.split("/")
        run(role, "--check-config", "--set", f"{name}={value}", status=0)
        run(role, "--check-config", variables={variable(name): value}, status=0)
        run(role, "--check-config", "--config", config(tmp_path, f'{section}\n    {option} = "{value}"\n'), status=0)


def test_a_malformed_argument_never_repeats_the_secret():
    for name, value in rows():
        section, option = name.split("/")
        for words in (["--set", f"{name}:{value}"], ["--set", f"{name} {value}"], ["--set", name, value],
                      ["--set", value], ["--set", f"{name}{value}"], ["--set", f"{option}={value}"],
                      ["--set", f"{section}.{option}={value}"], ["--set", f"{name[:-1]}={value}"],
                      ["--set", f"{name}x={value}"], ["--set", f"{name}:{value}=="], [f"--set{name}={value}"],
                      [f"--{name}={value}"], [f"--{option}={value}"], [f"-p{value}"], [f"{name}={value}"], [value],
                      [f"--check-config={value}"], [f"--help={value}"], ["--set", f"{name}={value}", "--set"],
                      ["--set", f"{name}={value}{'x' * 256}"], ["--set", f"{name}_file={value}"],
                      ["--set", f"{name}={value}", "--set", f"{name}_file={value}"]):
            run("dev", "--check-config", *words, status=2)
        run(f"{name}={value}", status=2)
        run(f"--{option}={value}", status=2)
        run("gatewy", f"--set={name}={value}", status=2)


def test_a_wrong_variable_never_repeats_the_secret():
    for name, value in rows():
        for wrong in ({variable(name) + "X": value}, {variable(name): value + "x" * 256},
                      {variable(name) + "_FILE": value}):
            run("dev", "--check-config", variables=wrong, status=2)
        run("dev", "--check-config",
            variables={variable(name).replace("STORE", "STROE").replace("GATEWAY", "GATEWYA"): value}, status=0)
    for name in ("STORE_HOST", "GATEWAY_HTTP", "ISSUER_REQUESTS", "GATEWAY_REQUESTS", "PERSISTER_EVENTS", "STORE_TYPE",
                 "GATEWAY_CORS_ORIGINS", "ISSUER_SYNC", "GATEWAY_THREADS", "GATEWAY_REDIS"):
        for value in (f"mysql://app:{SECRET}@db:3306/coupond", f"app:{SECRET}@db", f"tcp://app:{SECRET}@db:x"):
            run("dev", "--check-config", variables={f"COUPOND_{name}": value}, status=2)


def test_a_broken_file_never_quotes_the_secret(tmp_path):
    for name, value in rows():
        section, option = name.split("/")
        for text in (f'{section}\n    {option} "{value}"\n', f'{section}\n    {option} = "{value}\n',
                     f'{section}\n    {option} = "a" {value}\n', f"{section}\n    {option}: {value}\n",
                     f"{section}\n  {option} = {value}\n", f"{section}\n    {value}\n", f"{value}\n",
                     f'{section}\n    {option} = "{value}" # "\n    {option} = "{value}"\n', f'{section} = "{value}"\n',
                     f'{section}\n    {option[:-1]} = "{value}"\n',
                     f'{section}\n    {option} = "{value}"\n        {value} = 1\n',
                     f'{section}\n    {option} = "{value}{"x" * 256}"\n',
                     f'{section}\n    {option} = "{value}{"x" * 2000}"\n', f"{value} = {value}\n"):
            run("gateway", "--check-config", "--config", config(tmp_path, text), status=2)


def test_other_commands_never_repeat_a_token():
    for words in (["bench", f"--tokn={SECRET}"], ["bench", "--token", SECRET, "--rate", "x"],
                  ["bench", f"--token={SECRET} {SECRET}"], ["bench", "--token", SECRET, SECRET],
                  ["bench", "--url", f"http://app:{SECRET}@127.0.0.1:1"],
                  ["bench", "--token", SECRET, "--url", "http://127.0.0.1:1", "--duration", "1", "--rate", "1"],
                  ["top", f"http://app:{SECRET}@127.0.0.1:1"], ["top", f"--token={SECRET}"],
                  ["health", f"--tokn={SECRET}"]):
        assert run(*words).returncode != 0
    run("bench", "--rate", "x", variables={"COUPOND_GATEWAY_ADMIN_TOKEN": SECRET}, status=2)
    run("bench", variables={"COUPOND_GATEWAY_ADMIN_TOKEN": f"{SECRET} {SECRET}"}, status=2)


COPIED = (f"mysql://app:{SECRET}@127.0.0.1:1/c", f"app:{SECRET}@127.0.0.1:1", f"http://127.0.0.1:1/?token={SECRET}",
          f"127.0.0.1:1/?token={SECRET}", f"http://127.0.0.1:1/?mail=a@b&token={SECRET}",
          f"http://app:{SECRET}?@127.0.0.1:1")


@pytest.mark.parametrize("address", COPIED)
def test_an_address_with_a_secret_in_a_wrong_place_is_never_repeated(tmp_path, monkeypatch, address):
    """In the place of any argument there may be a complete address."""
    monkeypatch.chdir(tmp_path)
    benches = [["bench", f"--{option}", address]
               for option in ("url", "coupon", "create", "rate", "duration", "requests", "connections", "duplicates",
                              "users", "threads", "timeout", "progress", "slow")]
    paths = [[role, "--config", address] for role in (*ROLES, "verify", "top", "health")]
    for words in (*benches, *paths, ["dead-letter", "list", "--config", address], ["verify", "--dir", address],
                  ["dev", "--dir", address], ["dead-letter", "list", "--dir", address], ["dev", "--http", address],
                  ["journal", "check", address], ["journal", "dump", address], ["journal", address, address],
                  ["keygen", address], ["health", address], ["dead-letter", address], ["top", f"{address}?x"],
                  ["top", "--interval", address], ["bench", address], ["issuer", address], [address], [f"--{address}"],
                  ["issuer", f"--{address}"], ["issuer", f"-{address}"], ["bench", f"--{address}"],
                  ["bench", f"-{address}"], ["top", f"--{address}"], ["gateway", "--set", address]):
        run(*words, status=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", COPIED)
def test_an_option_with_a_secret_in_a_wrong_place_is_never_repeated(address):
    table = subprocess.run([binary(), "--help-config=markdown"], capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"^\| `([a-z]+/[a-z_]+)` \|", table, re.MULTILINE):
        run("dev", "--check-config", "--set", f"{name}={address}", status=0 if name in HOLDS_ANYTHING else 2)


# A secret, which is never shown.
HOLDS_ANYTHING = {"gateway/admin_token", "gateway/redis_password", "gateway/traces_header", "store/password"}


def test_bench_never_prints_the_argument_before_an_unknown_letter():
    result = run("bench", "--token", SECRET, "-ab", status=2)
    assert "unknown option -a" in result.stderr
    assert "--json takes no value" in run("bench", f"--json={SECRET}", status=2).stderr


def test_a_running_gateway_never_logs_or_exports_its_secrets(tmp_path):
    with Redis("--requirepass", "another") as redis:
        options = {"gateway/redis": f"redis://app:{SECRET}@127.0.0.1:{redis.port}/3", "gateway/admin_token": SECRET,
                   "log/requests": 1, "log/level": "debug"}
        with Cluster(tmp_path, options=options) as cluster:
            gateway = cluster.gateways[0]
            wait_until(lambda: "cannot use Redis for asking" in gateway.log(), "the refusal is logged")
            told = "".join(str(cluster.request("GET", path)) for path in ("/readyz", "/livez", "/v1/coupons"))
            told += str(gateway.metrics())
            assert "user or password is wrong (WRONGPASS) url=redis://***@127.0.0.1" in gateway.log()
            assert SECRET not in told + gateway.log()


@pytest.mark.parametrize("by", ["set", "environment"])
def test_a_cluster_secret_instead_of_its_file_is_not_printed(by):
    secret = "e0f02c" + "5a" * 29
    arguments = ["--set", f"cluster/secret_file={secret}"] if by == "set" else []
    variables = {} if arguments else {"COUPOND_CLUSTER_SECRET_FILE": secret}
    for role in ("issuer", "gateway", "persister"):
        result = subprocess.run([binary(), role, "--check-config", *arguments], capture_output=True, text=True,
                                env={**environment(), **variables}, check=False)
        assert result.returncode == 2 and secret not in result.stdout + result.stderr
        assert "cluster/secret_file" in result.stderr and "***" in result.stderr


def test_a_url_instead_of_the_store_s_file_is_refused_and_not_printed():
    result = subprocess.run([binary(), "persister", "--check-config", "--set", "store/path=mysql://u:s3cret@h/x"],
                            capture_output=True, text=True, env=environment(), check=False)
    assert result.returncode == 2 and "store/path" in result.stderr and "s3cret" not in result.stderr
