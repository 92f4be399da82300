"""Who a request comes from, through HTTP: every way in which credentials are refused, files of keys that change while
the gateway runs, and the commands that make keys and tokens."""

import base64
import json
import os
import re
import stat
import time

import pytest
from cluster import REPOSITORY, Cluster, metric_sum, run_coupond, wait_until
from identity import HEAD, SECRET, Keys, base64url, bearer, claims_of, jwk, sign, token, write_keys

ISSUER = "https://auth.shop.example"
FOR_US = {"iss": ISSUER, "aud": ["coupond", "shop"]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    rsa = Keys(folder / "rsa.json", "RS256")
    published = json.loads(rsa.public())["keys"]
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(folder / "keys.json", jwk(), *published),
               "gateway/token_issuer": ISSUER, "gateway/token_audience": "coupond", "gateway/admin_token": "root"}
    with Cluster.dev(folder / "dev", options=options) as running:
        running.rsa, running.modulus = rsa, published[0]["n"]
        status, _, _ = running.request("POST", "/v1/coupons", {"id": "C", "title": "t", "quantity": 1000},
                                       headers=bearer("root"))
        assert status == 201
        yield running


def ask(cluster, credentials):
    """The status, WWW-Authenticate and body of a request for a coupon."""
    status, headers, body = cluster.request("POST", "/v1/coupons/C/issues",
                                            headers=bearer(credentials) if credentials is not None else None)
    return status, headers.get("WWW-Authenticate"), body


def checks(cluster):
    prefix = 'coupond_gateway_identity_checks_total{result="'
    return {name[len(prefix):-2]: value for name, value in cluster.gateways[0].metrics().items()
            if name.startswith(prefix)}


def changed_signature(credentials):
    """Other bits in the middle of the signature."""
    at = credentials.rindex(".") + 10
    return credentials[:at] + ("A" if credentials[at] != "A" else "B") + credentials[at + 1:]


def ours(user, *roles, **more):
    return sign(claims_of(user, *roles, **{**FOR_US, **more}))


def twice(claims):
    return json.dumps(claims)[:-1] + ',"sub":"mallory"}'


def padded_modulus(modulus):
    return base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))


NOW = int(time.time())
# What is sent, and the reason of the refusal.
REFUSED = {
    "no algorithm": (lambda c: sign({**claims_of("a"), **FOR_US}, {"alg": "none"}).rsplit(".", 1)[0] + ".",
                     "wrong_algorithm"),
    "no algorithm, with a key": (lambda c: sign(claims_of("a", **FOR_US), {**HEAD, "alg": "none"}), "wrong_algorithm"),
    "another algorithm": (lambda c: sign(claims_of("a", **FOR_US), {**HEAD, "alg": "RS256"}), "wrong_algorithm"),
    "the RSA key as HMAC secret": (
        lambda c: sign(claims_of("a", "admin", **FOR_US), {"alg": "HS256"}, padded_modulus(c.modulus)),
        "bad_signature"),
    "the RSA key named for HMAC": (
        lambda c: sign(claims_of("a", "admin", **FOR_US),
                       {"alg": "HS256", "kid": json.loads(c.rsa.public())["keys"][0]["kid"]},
                       padded_modulus(c.modulus)), "wrong_algorithm"),
    "another secret": (lambda c: sign(claims_of("a", **FOR_US), secret=SECRET[::-1]), "bad_signature"),
    "a changed signature": (lambda c: changed_signature(ours("a")), "bad_signature"),
    "changed claims": (lambda c: ".".join([ours("a").split(".")[0], base64url(b'{"sub":"b","exp":9999999999}'),
                                           ours("a").split(".")[2]]), "bad_signature"),
    "an unknown kid": (lambda c: sign(claims_of("a", **FOR_US), {**HEAD, "kid": "other"}), "unknown_key"),
    "expired": (lambda c: ours("a", exp=NOW - 60), "expired"),
    "no expiry": (lambda c: sign({"sub": "a", **FOR_US}), "no_expiry"),
    "an expiry in milliseconds": (lambda c: ours("a", exp=NOW * 1000), "bad_time"),
    "a fraction as expiry": (lambda c: ours("a", exp=NOW + 60.5), "bad_time"),
    "a text as expiry": (lambda c: ours("a", exp=str(NOW + 60)), "bad_time"),
    "a huge expiry": (lambda c: sign('{"sub":"a","exp":1e999}'), "malformed"),
    "not yet valid": (lambda c: ours("a", nbf=NOW + 600), "not_yet_valid"),
    "of the future": (lambda c: ours("a", iat=NOW + 600), "not_yet_valid"),
    "another issuer": (lambda c: ours("a", iss=ISSUER + "/"), "wrong_issuer"),
    "another audience": (lambda c: ours("a", aud="billing"), "wrong_audience"),
    "no audience": (lambda c: sign(claims_of("a", iss=ISSUER)), "wrong_audience"),
    "critical extensions": (lambda c: sign(claims_of("a", **FOR_US), {**HEAD, "crit": ["exp"]}), "critical_header"),
    "another type": (lambda c: sign(claims_of("a", **FOR_US), {**HEAD, "typ": "logout+jwt"}), "wrong_type"),
    "a claim twice": (lambda c: sign(twice(claims_of("a", **FOR_US))), "duplicate_claim"),
    "a header member twice": (lambda c: sign(claims_of("a"), '{"alg":"HS256","alg":"none"}'), "duplicate_claim"),
    "no user": (lambda c: sign({"exp": NOW + 600, **FOR_US}), "bad_subject"),
    "an empty user": (lambda c: ours(""), "bad_subject"),
    "a user with a NUL": (lambda c: sign('{"sub":"a\\u0000b","exp":9999999999}'), "malformed"),
    "an API key as user": (lambda c: ours("key:admin"), "bad_subject"),
    "an erased user": (lambda c: ours("erased:00112233"), "bad_subject"),
    "a user of a rehearsal": (lambda c: ours("rehearsal:0"), "bad_subject"),
    "an unknown role": (lambda c: ours("a", "root"), "bad_role"),
    "a segment without a name": (lambda c: ours("a", segments=[""]), "bad_segment"),
    "two parts": (lambda c: ours("a").rsplit(".", 1)[0], "malformed"),
    "four parts": (lambda c: ours("a") + ".AAAA", "malformed"),
    "padding": (lambda c: ours("a") + "=", "malformed"),
    "bits that are not used": (lambda c: ours("a")[:-1] + chr(ord(ours("a")[-1]) + 1), "malformed"),
    "another alphabet": (lambda c: ours("a").replace(".", ".+", 1), "bad_signature"),
    "no JSON": (lambda c: sign("sub=a"), "malformed"),
    "deep nesting": (lambda c: sign("[" * 2500), "malformed"),
    "too long": (lambda c: ours("a", filler="x" * 4096), "oversized"),
    "no token at all": (lambda c: "x", "malformed"),
    "an API key": (lambda c: "coupond_" + "A" * 43, "unknown_api_key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_credentials_are_401_with_a_stable_reason(cluster, name):
    make, reason = REFUSED[name]
    before = checks(cluster)
    status, authenticate, body = ask(cluster, make(cluster))
    assert (status, body["code"], body["reason"]) == (401, "unauthorized", reason)
    assert authenticate == f'Bearer realm="coupond", error="invalid_token", error_description="{reason}"'
    after = checks(cluster)
    changed = {result: count - before[result] for result, count in after.items() if count != before[result]}
    assert changed == {reason: 1}


def test_a_request_without_credentials_is_401_without_an_error(cluster):
    for headers in (None, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
        status, answer, body = cluster.request("POST", "/v1/coupons/C/issues", headers=headers)
        assert (status, body["reason"]) == (401, "no_token")
        assert answer["WWW-Authenticate"] == 'Bearer realm="coupond"'
    for path in ("/v1/coupons/C", "/livez", "/readyz", "/openapi.json"):
        assert cluster.request("GET", path)[0] == 200, path
        assert cluster.request("GET", path, headers=bearer("nonsense"))[0] == 200, path


def test_a_user_gets_a_coupon_with_a_token_and_again_from_the_cache(cluster):
    before = metric_sum(cluster.gateways[0].metrics(), "coupond_gateway_identity_cached_total")
    credentials = ours("alice")
    assert [ask(cluster, credentials)[0] for _ in range(3)] == [201, 409, 409]
    assert metric_sum(cluster.gateways[0].metrics(), "coupond_gateway_identity_cached_total") - before == 2
    assert cluster.rsa.token("bob", "--issuer", ISSUER, "--audience", "coupond")
    status, _, body = ask(cluster, cluster.rsa.token("bob", "--issuer", ISSUER, "--audience", "coupond"))
    assert (status, body["user_id"]) == (201, "bob")
    status, _, body = ask(cluster, ours(9223372036854775807))
    assert (status, body["user_id"]) == (201, "9223372036854775807")


def test_a_token_expires_in_the_cache(tmp_path):
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(tmp_path / "keys.json"),
               "gateway/token_leeway_s": 0}
    with Cluster.dev(tmp_path / "dev", options=options) as running:
        credentials = token("a", exp=int(time.time()) + 3)
        assert ask(running, credentials)[2]["code"] == "coupon_not_found"
        assert ask(running, credentials)[2]["code"] == "coupon_not_found"
        wait_until(lambda: ask(running, credentials)[0] == 401, "the token has expired")
        assert ask(running, credentials)[2]["reason"] == "expired"


def rows_of_reasons(page, heading):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return text.split(f"{heading}\n|---|---|\n")[1].split("\n\n")[0].splitlines()


def test_the_page_has_every_reason_in_the_words_of_the_program():
    table = (REPOSITORY / "shared/telemetry/metrics_table.h").read_text(encoding="utf-8")
    names = re.findall(r'X\((\w+), "(\w+)"\)', table.split("#define METRIC_IDENTITY_TABLE(X)")[1].split("\n\n")[0])
    code = (REPOSITORY / "gateway/identity/reason.c").read_text(encoding="utf-8")
    details = dict(re.findall(r'\[METRIC_IDENTITY_(\w+)\] =\s*"([^"]*)"', code))
    rows = rows_of_reasons("docs/identity.md", "| reason | meaning |")
    assert rows == [f"| `{name}` | {details[key]} |" for key, name in names if key != "OK"]


def test_the_korean_page_has_the_same_reasons():
    english = rows_of_reasons("docs/identity.md", "| reason | meaning |")
    korean = rows_of_reasons("docs/ko/identity.md", "| reason | 의미 |")
    assert [row.split(" | ")[0] for row in korean] == [row.split(" | ")[0] for row in english]


# --- files that change


def test_keys_and_api_keys_are_read_again_when_their_files_change(tmp_path):
    keys, api_keys = write_keys(tmp_path / "keys.json"), tmp_path / "api_keys"
    key, row = run_coupond("keygen", "--api-key", "shop", "--role", "service").stdout.splitlines()
    assert row.startswith("shop service ") and key not in row
    api_keys.write_text("# none yet\n")
    options = {"gateway/identity": "on", "gateway/jwk_set_file": keys, "gateway/api_keys_file": api_keys}
    with Cluster.dev(tmp_path / "dev", options=options) as running:
        gateway = running.gateways[0]
        first, second = token("a", "admin"), sign(claims_of("a", "admin"), {**HEAD, "kid": "new"}, SECRET[::-1])

        def look(credentials):
            return running.request("GET", "/v1/coupons", headers=bearer(credentials))[0]

        assert [look(one) for one in (first, second, key)] == [200, 401, 401]
        api_keys.write_text(row + "\n")
        wait_until(lambda: look(key) == 200, "the API key is known")
        read = re.findall(r"read gateway/(\w+) place=\S+ (.*)", gateway.log())
        assert read == [("jwk_set_file", "keys=1"), ("api_keys_file", "keys=0"), ("api_keys_file", "keys=1")]

        write_keys(keys, jwk(SECRET[::-1], "new"))
        wait_until(lambda: look(second) == 200, "the new key is known")
        assert look(first) == 401

        keys.write_text('{"keys": [{"kty": "oct", "k": "')  # torn
        wait_until(lambda: "gateway/jwk_set_file cannot be used" in gateway.detail(), "/readyz names the file")
        assert gateway.is_ready() and [look(one) for one in (first, second, key)] == [401, 200, 200]
        assert gateway.metrics()['coupond_gateway_identity_stale{source="jwk_set_file"}'] == 1
        assert gateway.log().count("the keys from before stay valid") == 1
        write_keys(keys)
        wait_until(lambda: look(first) == 200, "the old key is known again")
        wait_until(lambda: not gateway.metrics()['coupond_gateway_identity_stale{source="jwk_set_file"}'], "it is new")
        assert look(second) == 401


# --- the start


@pytest.mark.parametrize("options, words", [
    (["gateway/identity=on"], "no key could verify anybody"),
    (["gateway/jwk_set_url=https://a.example/keys"], "gateway/identity is off"),
    (["gateway/api_keys_file=/dev/null"], "gateway/identity is off"),
    (["gateway/identity=on", "gateway/jwk_set_file=a", "gateway/jwk_set_url=https://a.example/keys"],
     "set one of them"),
    (["gateway/identity=on", "gateway/jwk_set_url=http://a.example/keys"], "expected https://"),
    (["gateway/identity=on", "gateway/jwk_set_url=http://127.0.0.1.example/keys"], "expected https://"),
    (["gateway/identity=on", "gateway/jwk_set_url=https://me:pw@a.example/keys"], "expected https://"),
    (["gateway/identity=on", "gateway/jwk_set_url=file:///etc/passwd"], "expected https://"),
    (["gateway/identity=on", "gateway/admin_token=x", "gateway/jwk_set_ca=a"], "gateway/jwk_set_url is not"),
    (["gateway/identity=on", "gateway/admin_token=x", "gateway/token_user_claim=roles"], "must differ"),
    (["gateway/identity=yes"], "gateway/identity"),
])
def test_options_that_do_not_fit_are_refused(options, words):
    result = run_coupond("gateway", "--check-config", *(word for one in options for word in ("--set", one)))
    assert result.returncode == 2 and words in result.stderr, result


def test_a_gateway_that_others_reach_without_identity_says_so(tmp_path):
    words = "any client that can reach the gateway can act as any user: set gateway/identity to on"
    running = Cluster(tmp_path)
    gateway = running.gateways[0]
    gateway.arguments = [word.replace("gateway/http=127.0.0.1", "gateway/http=0.0.0.0") for word in gateway.arguments]
    with running:
        assert metric_sum(gateway.metrics(), "coupond_gateway_unauthenticated") == 1
        assert words in gateway.log()
        wait_until(lambda: gateway.detail() == words, "/readyz tells it")
        gateway.stop()
        gateway.arguments = [*gateway.arguments, "--set", "gateway/identity=on", "--set", "gateway/admin_token=x"]
        gateway.start()
        running.wait_ready()
        assert metric_sum(gateway.metrics(), "coupond_gateway_unauthenticated") == 0
        wait_until(lambda: gateway.detail() == "", "nothing is missing")


# --- commands


def test_token_makes_keys_that_only_the_owner_reads_and_never_overwrites(tmp_path):
    for algorithm in ("HS256", "RS256", "ES256", "EdDSA"):
        keys = Keys(tmp_path / algorithm, algorithm)
        assert stat.S_IMODE(os.stat(keys.path).st_mode) == 0o600
        before = keys.path.read_bytes()
        again = run_coupond("token", "--new-keys", keys.path, "--alg", algorithm)
        assert again.returncode == 1 and "already exists" in again.stderr and keys.path.read_bytes() == before
        parts = keys.token("alice", "--role", "seller,user", "--segment", "vip,new", "--expires", "2h").split(".")
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "===")) for part in parts[:2])
        assert head["alg"] == algorithm and head["kid"] == json.loads(before)["keys"][0]["kid"]
        assert (claims["sub"], claims["roles"], claims["segments"]) == ("alice", ["seller", "user"], ["vip", "new"])
        assert claims["exp"] - claims["iat"] == 7200
        if algorithm == "HS256":
            assert run_coupond("token", "--keys", keys.path, "--public").returncode == 1
        else:
            assert '"d"' not in keys.public() and '"p"' not in keys.public()
    many = run_coupond("token", "--keys", tmp_path / "HS256", "--count", "1000").stdout.split()
    assert len(set(many)) == 1000


@pytest.mark.parametrize("words, reason", [
    (["token"], "--new-keys FILE"), (["token", "--keys", "a"], "--user USER"),
    (["token", "--keys", "a", "--new-keys", "b"], "--new-keys FILE"),
    (["token", "--keys", "a", "--alg", "HS256"], "a key has its algorithm"),
    (["token", "--new-keys", "a", "--alg", "none"], "none of HS256"),
    (["token", "--keys", "a", "--user", "a b"], "--user"),
    (["token", "--keys", "a", "--user", "a", "--role", "x"], "--role"),
    (["token", "--keys", "a", "--user", "a", "--expires", "1y"], "--expires"),
    (["token", "--keys", "a", "--user", "a", "--count", "0"], "--count"),
    (["keygen", "--api-key", "a/b"], "--api-key"), (["keygen", "--api-key", "admin"], "--api-key"),
    (["keygen", "--api-key", "a", "--role", "root"], "--role"),
    (["keygen", "--api-key", "a", "file"], "either FILE or"), (["keygen"], "FILE is missing"),
    (["keygen", "--role", "user", "file"], "--role"),
])
def test_commands_say_what_they_need(tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    result = run_coupond(*words)
    assert result.returncode == 2 and reason in result.stderr, result
    assert not list(tmp_path.iterdir())
