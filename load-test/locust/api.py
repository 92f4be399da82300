"""The requests of the master before and after a run, one at a time."""

import json
import time
import urllib.error
import urllib.request

TRIES, PAUSE_SECONDS, TIMEOUT_SECONDS = 30, 0.5, 10


class ApiError(Exception):
    """The API returned an answer that the run cannot use."""


class Api:
    def __init__(self, host, token=""):
        self.host = host.rstrip("/")
        self.token = token

    def ask(self, method, path, body=None):
        """Status and JSON; repeats the request while there is no answer or a 503."""
        request = urllib.request.Request(f"{self.host}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            status, answer = self._once(request)
            if status not in (0, 503):
                return status, answer
        raise ApiError(f"{method} {path}: {answer}")

    @staticmethod
    def _once(request):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read()
            is_json = "json" in error.headers.get("Content-Type", "")
            return error.code, json.loads(text) if is_json else text.decode(errors="replace")
        except OSError as error:
            return 0, str(error)

    def make_coupon(self, coupon, quantity, starts_at=None):
        window = {} if starts_at is None else {"starts_at": starts_at}
        status, answer = self.ask("POST", "/v1/coupons",
                                  {"id": coupon, "title": "load test", "quantity": quantity, **window})
        # It was created, and the first answer was lost.
        if status != 201 and not (status == 409 and answer["code"] == "coupon_exists"):
            raise ApiError(f"cannot create the coupon {coupon}: {status} {answer}")

    def coupon(self, coupon):
        status, answer = self.ask("GET", f"/v1/coupons/{coupon}")
        return answer if status == 200 else None

    def users_of(self, coupon):
        """Those whom the store knows as holders."""
        users, cursor = [], ""
        while cursor is not None:
            status, page = self.ask("GET", f"/v1/coupons/{coupon}/issues?limit=200{cursor}")
            if status != 200:
                raise ApiError(f"cannot list the issues of {coupon}: {status} {page}")
            users += [issue["user_id"] for issue in page["issues"]]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        return users

    def sequence_of(self, coupon, user):
        """The sequence that the user holds, or None."""
        status, answer = self.ask("GET", f"/v1/coupons/{coupon}/issues/{user}")
        return answer["sequence"] if status == 200 else None
