"""The requests of the life of an issue, for tests: each returns status and body.

    life = Life(cluster, "COUPON")
    status, issue = life.ensure("alice")
    status, issue = life.redeem("alice", "order-1")
"""

import contextlib
import http.client
import urllib.parse

from cluster import metric_sum


class Life:
    def __init__(self, cluster, coupon, gateway=0):
        self.cluster = cluster
        self.coupon = coupon
        self.gateway = gateway

    def ask(self, method, path="", body=None, headers=None):
        answer = self.cluster.request(method, f"/v1/coupons/{self.coupon}{path}", body, headers, gateway=self.gateway)
        return answer[0], answer[2]

    def create(self, quantity=100, **more):
        return self.cluster.create_coupon(self.coupon, quantity, **more)

    def read(self):
        return self.cluster.coupon(self.coupon)

    def change(self, headers=None, **members):
        return self.ask("PATCH", "", members, headers)

    def post(self, user, key=None):
        return self.ask("POST", "/issues", {"user_id": user}, {"Idempotency-Key": key} if key is not None else None)

    def ensure(self, user, nth=None):
        return self.ask("PUT", f"/issues/{user}" + (f"/{nth}" if nth is not None else ""))

    def look(self, user):
        return self.ask("GET", f"/issues/{user}")

    def redeem(self, user, reference, sequence=None):
        named = {} if sequence is None else {"sequence": sequence}
        return self.ask("PUT", f"/issues/{user}/redemption", {"reference": reference, **named})

    def undo(self, user, reference, **more):
        return self.ask("DELETE", f"/issues/{user}/redemption?{_query(reference=reference, **more)}")

    def revoke(self, user, **more):
        return self.ask("DELETE", f"/issues/{user}?{_query(**more)}")


def _query(**more):
    return urllib.parse.urlencode({name: str(value).lower() if isinstance(value, bool) else value
                                   for name, value in more.items()})


def raw(cluster, method, path, body=None, headers=()):
    """Status and text; headers may be repeated."""
    connection = http.client.HTTPConnection(cluster.addresses[0], timeout=60)
    try:
        connection.putrequest(method, path)
        for name, value in [*headers, *([("Content-Type", "application/json")] if body else [])]:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def told(answer):
    """(status, code) of a refusal, (status, state) of an issue"""
    status, body = answer
    return status, body["code"] if "status" in body else body["state"]


def verdicts(cluster):
    """{verdict: how often the issuer has decided so}, of all partitions"""
    metrics = cluster.issuer.metrics()
    name = "coupond_issuer_verdicts_total"
    found = {key.split('verdict="')[1].split('"')[0] for key in metrics if key.startswith(name)}
    return {verdict: sum(value for key, value in metrics.items()
                         if key.startswith(name) and f'verdict="{verdict}"' in key) for verdict in found}


def _counted(cluster):
    """The verdicts but those on readers, with all decisions up to now: a partition counts those of one turn before it
    begins the next, and every partition answers a list."""
    assert cluster.request("GET", "/v1/coupons?limit=1")[0] == 200
    return {name: count for name, count in verdicts(cluster).items() if name not in ("found", "none")}


@contextlib.contextmanager
def deciding(cluster, **expected):
    """Asserts that the issuer decides exactly so meanwhile, reading aside."""
    before = _counted(cluster)
    yield
    after = _counted(cluster)
    decided = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert decided == expected, decided


def answered(cluster, route, status, gateway=0):
    """How often the gateway has answered requests of the route with the status."""
    return metric_sum(cluster.gateways[gateway].metrics(),
                      f'coupond_gateway_requests_total{{route="{route}",status="{status}"}}')
