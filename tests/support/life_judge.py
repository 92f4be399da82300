"""What must hold after a crowd (life_crowd.py) has ended, and the store has everything: each user's history is
linearizable with what wallet, issuer and code say in the end; wallets and lists agree; the coupon counts what they
have.

    judge(cluster, crowd, limits)
"""

import asyncio
import collections

from http_connection import Connection
from issue_lists import pages
from life_crowd import Known, word_of
from life_model import SWEPT, Step, is_linearizable

CONNECTIONS = 64
PAUSE_SECONDS, ATTEMPTS_MAX = 0.1, 300  # of one request, on a machine that is busy with other tests


def judge(cluster, crowd, limits):
    wallets = read_wallets(cluster, crowd)
    listed = {coupon: list(pages(cluster, f"/v1/coupons/{coupon}/issues")) for coupon in limits}
    assert_lists_agree(crowd, wallets, listed)
    for coupon in limits:
        assert_counted(cluster.coupon(coupon), listed[coupon])
    add_endings(cluster, crowd, wallets)
    wrong = [key for key, history in crowd.histories.items() if not is_linearizable(history, limits[key[0]])]
    assert wrong == [], f"{len(wrong)}, first {wrong[0]}:\n" + "\n".join(map(str, crowd.histories[wrong[0]]))


def fetch(addresses, paths):
    """{path: (status, body)} of GET requests over many connections, each repeated until it is answered for good."""
    answers = {}

    async def ask(connection, path):
        for _ in range(ATTEMPTS_MAX):
            answer = await connection.exchange("GET", path) if await connection.open() else None
            if answer is not None and answer[0] != 503:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{path}: {answer}")

    async def serve(number, left):
        connection = Connection(addresses[number % len(addresses)])
        for path in left:
            answers[path] = await ask(connection, path)
        connection.close()

    async def run():
        left = iter(paths)
        await asyncio.gather(*(serve(number, left) for number in range(CONNECTIONS)))

    asyncio.run(run())
    return answers


def read_wallets(cluster, crowd):
    """{(coupon, user): [issue, …]} in the order of their numbers; every user is there, with every coupon."""
    wallets = {(coupon, f"u{number}"): [] for number in range(crowd.users) for coupon in crowd.coupons}
    for status, page in fetch(cluster.addresses, [f"/v1/users/u{number}/issues?limit=200"
                                                  for number in range(crowd.users)]).values():
        assert status == 200 and page["next_cursor"] is None, page
        for issue in page["issues"]:
            del issue["title"], issue["benefit"]
            wallets[issue["coupon_id"], issue["user_id"]].append(issue)
    for wallet in wallets.values():
        wallet.sort(key=lambda issue: issue["nth"])
        assert [issue["nth"] for issue in wallet] == list(range(1, len(wallet) + 1)), wallet
    return wallets


def assert_lists_agree(crowd, wallets, listed):
    """The coupons' lists have what the wallets have, in sequence and without gaps, and what clients were told of."""
    for coupon, issues in listed.items():
        assert [issue["sequence"] for issue in issues] == list(range(1, len(issues) + 1))
        times = [issue["issued_at"] for issue in issues]
        assert times == sorted(times)
        in_wallets = [issue for (of, _), wallet in wallets.items() if of == coupon for issue in wallet]
        assert sorted(in_wallets, key=lambda issue: issue["sequence"]) == issues
    there = {(issue["coupon_id"], issue["user_id"], issue["nth"]):
             Known(issue["sequence"], issue["code"], issue["issued_at"])
             for issues in listed.values() for issue in issues}
    assert len({known.code for known in there.values()}) == len(there)
    assert {key: there.get(key) for key in crowd.issues} == crowd.issues


def assert_counted(coupon, issues):
    states = collections.Counter(issue["state"] for issue in issues)
    assert (coupon["issued"], coupon["redeemed"], coupon["returned"]) == (
        len(issues), states["redeemed"], states["revoked"]), (coupon, states)  # all are revoked with restock=true


def add_endings(cluster, crowd, wallets):
    """Adds to each history what sweeps did to the issues, and what wallet, issuer and the first issue's code say."""
    latest = fetch(cluster.addresses, [f"/v1/coupons/{coupon}/issues/{user}" for coupon, user in wallets])
    codes = fetch(cluster.addresses, [f"/v1/codes/{wallet[0]['code']}" for wallet in wallets.values() if wallet])
    for (coupon, user), wallet in wallets.items():
        end = crowd.tick()

        def ended(request, answer, history=crowd.histories[coupon, user], end=end):
            history.append(Step(request, end, end, answer))

        crowd.histories[coupon, user] += [
            Step(("sweep", sweep.again, issue["nth"]), sweep.begun, sweep.ended, SWEPT)
            for sweep in crowd.sweeps if sweep.coupon == coupon for issue in wallet if issue["sequence"] <= sweep.until]
        ended(("wallet",), tuple((issue["state"], reference_of(issue)) for issue in wallet))
        ended(("look",), told(*latest[f"/v1/coupons/{coupon}/issues/{user}"]))
        if wallet:
            ended(("look", 1), told(*codes[f"/v1/codes/{wallet[0]['code']}"]))


def reference_of(issue):
    return issue["redemption"]["reference"] if issue["state"] == "redeemed" else None


def told(status, body):
    if "detail" in body:
        return status, word_of(body), None, None
    return status, body["state"], body["nth"], reference_of(body)
