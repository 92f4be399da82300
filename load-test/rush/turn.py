"""One turn: the system with that many gateways, the crowd, and the result."""

import base64
import json
import secrets
import statistics
import time

from . import cpu
from .locusts import LocustError, Locusts, read_stats

DRAIN_SECONDS = 120


def window_of(seconds, length):
    """The first and the last full second during which the whole crowd is present. `seconds`: {second: answers}; it ends
    with the run."""
    last = max(seconds)
    return min(max(last - length + 1, min(seconds) + 1), last), max(last - 1, min(seconds))


def rate_in(seconds, window):
    """The median of the answers in each second of the window."""
    first, last = window
    counts = [seconds.get(second, 0) for second in range(first, last + 1)]
    return statistics.median(counts) if counts else max(seconds.values())


def wait_drained(system):
    deadline = time.monotonic() + DRAIN_SECONDS
    while system.backlog() != 0:
        if time.monotonic() > deadline:
            raise LocustError(f"the database did not store everything within {DRAIN_SECONDS} s; {system.backlog()} "
                              "rows are left")
        time.sleep(0.1)


def verify(system):
    """The result of `coupond verify`: {kept, issues, text}."""
    result = system.coupond("verify", "--json")
    if result.returncode not in (0, 1):
        raise LocustError(f"coupond verify could not run: {result.stdout}{result.stderr}")
    report = json.loads(result.stdout)
    return {"kept": result.returncode == 0, "issues": report.get("issues"),
            "text": "" if result.returncode == 0 else result.stdout[:2000]}


def what_is_wrong(promises, verified, stats, status):
    """Every reason why a turn fails, as text; none if the promises are kept and every request had an allowed answer."""
    wrong = [f"broken: {words}" for words in promises["broken"]]
    if promises["kept"] is None:
        wrong.append(f"not checked: {promises.get('error')}")
    if not verified["kept"]:
        wrong.append(f"coupond verify: {verified['text']}")
    if stats["failures"]:
        wrong.append(f"{stats['failures']:,} of {stats['requests']:,} requests failed; see the report")
    if status != 0 and not wrong:
        wrong.append(f"Locust ended with status {status}")
    return wrong


def measure(system, locusts, seconds, machine_cores):
    """Runs a crowd against a running system, and returns the figures of the turn."""
    with locusts, cpu.Sampler({**system.pids(), **locusts.pids()}) as sampler:
        status = locusts.wait()
    promises, stats = locusts.promises(), read_stats(locusts.prefix)
    if not promises.get("seconds"):
        raise LocustError(f"no requests were sent: {promises}")
    wait_drained(system)
    answers = {int(second): count for second, count in promises.pop("seconds").items()}
    window = window_of(answers, seconds)
    cores = sampler.cores(window[0], window[1] + 1)
    verified = verify(system)
    return {"rate": rate_in(answers, window), **stats, "cores": cores, "cores_by": cpu.by_group(cores),
            "limit": cpu.limit_of(cores, machine_cores), "promises": promises, "verify": verified,
            "wrong": what_is_wrong(promises, verified, stats, status)}


ADMIN_TOKEN = "admin"  # of systems that live for one turn on loopback


def identity_options(scenario, folder):
    """The options of a system whose users have tokens, and its keys in the folder; none for other scenarios."""
    if scenario != "impostors":
        return None
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    keys = {"keys": [{"kty": "oct", "kid": "crowd", "alg": "HS256", "k": key}]}
    path = folder.resolve() / "keys.json"
    path.write_text(json.dumps(keys), encoding="utf-8")
    return {"gateway/identity": "on", "gateway/jwk_set_file": str(path), "gateway/admin_token": ADMIN_TOKEN}


def run(options, gateways, folder, make_system, machine_cores):
    with make_system(gateways) as system:
        prefix = folder / f"gateways-{gateways}"
        more = ["--coupon-quantity", str(options.coupon_quantity), "--rate", str(options.rate)]
        if options.scenario == "impostors":
            more += ["--admin-token", ADMIN_TOKEN, "--token-keys", str(folder.resolve() / "keys.json")]
        locusts = Locusts(system.front_url, prefix, options.scenario, options.workers, options.users, options.seconds,
                          options.countdown, more)
        return {"gateways": gateways, **measure(system, locusts, options.seconds, machine_cores)}
