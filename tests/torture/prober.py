"""Requests of the harness itself, which determine the issuer's time and its decisions at that time. They are part of
the history."""

import datetime
import http.client
import itertools
import json
import time

from cluster import ClusterError
from history import FINAL, Op, outcome

PATIENCE_SECONDS = 3  # per answer


class Prober:
    def __init__(self, addresses, is_over):
        self.addresses, self.is_over = addresses, is_over
        self.ops = []
        self._numbers = itertools.count(1)

    def ask(self, kind, coupon, user=None, wanted=None, seconds=float("inf")):
        """Repeats the request until there is a final answer; None if there is none in time."""
        until = time.monotonic() + seconds
        while not self.is_over():
            op = self._attempt(kind, coupon, user, wanted)
            if outcome(op) == FINAL:
                return op
            if time.monotonic() > until:
                return None
            time.sleep(0.05)
        raise ClusterError("the run is over")

    def create(self, coupon, **policy):
        return self.ask("create", coupon, wanted={"quantity": 1, **policy})

    def clock(self):
        """The offset of the issuer's time from the harness's in seconds."""
        op = self.ask("change", "probe", wanted={})
        while op.status != 200:
            self.create("probe")
            op = self.ask("change", "probe", wanted={})
        return time_of(op).timestamp() - time.time()

    def _attempt(self, kind, coupon, user, wanted):
        if kind in ("create", "change"):
            wanted = {"title": f"probe-{next(self._numbers)}", **wanted}  # identifies the attempt that took effect
        request = {"create": ("POST", "/v1/coupons", {"id": coupon, **(wanted or {})}),
                   "change": ("PATCH", f"/v1/coupons/{coupon}", wanted),
                   "post": ("POST", f"/v1/coupons/{coupon}/issues", {"user_id": user})}[kind]
        sent = time.monotonic()
        status, body = self._exchange(*request)
        op = Op(kind, coupon, user, sent, time.monotonic() if status else None, status, body, wanted)
        self.ops.append(op)
        return op

    def _exchange(self, method, path, content):
        connection = http.client.HTTPConnection(self.addresses[len(self.ops) % len(self.addresses)],
                                                timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, json.dumps(content), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()


def time_of(op):
    """The issuer's time in the answer."""
    return datetime.datetime.fromisoformat(op.body["updated_at"].replace("Z", "+00:00"))
