"""Clients in front of HAProxy that record every answer, and a judge that requests each issue again.

Each client sends requests for one user after another, most by POST and every fourth by PUT. After a 503 or a lost
connection it retries by PUT until the answer is final, and counts the outcomes in between. An issue that was answered
with 201 or 200 must never change.
"""

import collections
import http.client
import json
import threading
import time

from progress import CheckFailed, check, step

CLIENTS = 4
PAUSE_SECONDS = 0.015
FINAL = (200, 201)
NO_ANSWER = "no answer"

Issue = collections.namedtuple("Issue", "coupon user sequence")


class Client:
    """One connection, reopened when it is lost."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def ask(self, method, path, body=None):
        """(status, body); (NO_ANSWER, reason) if the connection was refused, closed or silent."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.address, timeout=30)
            self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.will_close:
                self.close()
            return answer.status, json.loads(content) if content else {}
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return NO_ANSWER, type(error).__name__

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Crowd:
    """Clients in the background, from start() to finish()."""

    def __init__(self, address, coupon):
        self.address, self.coupon = address, coupon
        self.issues = []
        self.outcomes = collections.Counter()
        self.wrong = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = []
        self.generation = 0

    def start(self):
        self.generation += 1
        self.stopping.clear()
        self.threads = [threading.Thread(target=self.work, args=(f"{self.generation}-{number}",), daemon=True)
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def finish(self):
        """Returns when every request has a final answer."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            check(not thread.is_alive(), "a client has no final answer two minutes after its last request")
        check(not self.wrong, f"answers that are never allowed: {self.wrong[:5]}")

    def snapshot(self):
        with self.lock:
            return self.outcomes.copy()

    def work(self, name):
        client = Client(self.address)
        number = 0
        while not self.stopping.is_set():
            number += 1
            self.one(client, f"u-{name}-{number}", number)
            time.sleep(PAUSE_SECONDS)
        client.close()

    def one(self, client, user, number):
        path = f"/v1/coupons/{self.coupon}/issues"
        if number % 4:
            status, body = client.ask("POST", path, json.dumps({"user_id": user}))
        else:
            status, body = client.ask("PUT", f"{path}/{user}")
        while not self.record(user, status, body):
            time.sleep(0.1)
            status, body = client.ask("PUT", f"{path}/{user}")

    def record(self, user, status, body):
        """True when the answer is final."""
        with self.lock:
            self.outcomes[(status, kind_of(body))] += 1
            if status in FINAL:
                self.issues.append(Issue(self.coupon, user, body["sequence"]))
                return True
            if status not in (503, NO_ANSWER):
                self.wrong.append((user, status, body))
                return True
        return False


def kind_of(body):
    """The code of an error, and whether HAProxy gave it. The code of an issue is another matter."""
    if not isinstance(body, dict):
        return body
    if "status" not in body or "detail" not in body:
        return ""
    return body.get("code",
                    "") + (" by HAProxy"
                           if body.get("detail", "").startswith(("No gateway is ready", "The gateway did not answer"))
                           else "")


def told(outcomes):
    """The counts of outcomes, as one line."""
    return ", ".join(f"{number} × {status}{f' {code}' if code else ''}"
                     for (status, code), number in sorted(outcomes.items(), key=str)) or "none"


def judge(address, issues):
    """Requests every issue again that a client has read: the sequence must be the same, and no sequence may have two
    holders."""
    holders = {}
    for issue in issues:
        other = holders.setdefault((issue.coupon, issue.sequence), issue.user)
        check(other == issue.user,
              f"sequence {issue.sequence} of {issue.coupon} was answered to {other} and to {issue.user}")
    todo, wrong = collections.deque(issues), []

    def work():
        client = Client(address)
        while todo:
            try:
                issue = todo.popleft()
            except IndexError:
                break
            status, body = ask_patiently(client, issue)
            if status != 200 or body.get("sequence") != issue.sequence:
                wrong.append((issue, status, body))
        client.close()

    with step(f"request {len(issues)} issues again"):
        threads = [threading.Thread(target=work, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if wrong:
        raise CheckFailed(f"{len(wrong)} of {len(issues)} issues have another answer: {wrong[:5]}")


def ask_patiently(client, issue):
    deadline = time.monotonic() + 60
    while True:
        status, body = client.ask("GET", f"/v1/coupons/{issue.coupon}/issues/{issue.user}")
        if status not in (503, NO_ANSWER) or time.monotonic() > deadline:
            return status, body if isinstance(body, dict) else {"error": body}
        time.sleep(0.1)
