"""A stand-in for coupond's gateway that can lie. It proves that the checks of answers can fail.

Double(lie=...) serves POST /v1/coupons, GET /v1/coupons/{id}, POST /v1/coupons/{id}/issues, PUT, GET and DELETE of a
user's issue and its redemption, and GET of a user's issues and of a code, on a free loopback port, on a thread of its
own. Lies: "repeat" (a sequence is told twice), "beyond" (sequences above the quantity), "twice" (a user is issued
again), "deny" (a holder hears sold_out), "miscount" (the coupon tells fewer issues than there are), "garbage" (no
JSON), "silent" (every tenth request is never answered), "hang_up" (every tenth request ends the connection), "late"
(every hundredth answer comes after LATE_SECONDS), "redeem_twice" (a redeemed issue is redeemed again), "refuse" (a
redemption is refused), "forget" (a lookup shows no redemption), "omit" (a user's issues are not listed),
"miscount_redeemed" (the coupon tells more redemptions than there are), "behind" (the first time that the coupon is read
after an issue, it tells none).
"""

import asyncio
import json
import threading

LATE_SECONDS = 0.2
ISSUED_AT, AS_OF = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01.000000Z"


class Double:
    def __init__(self, quantity=100, lie=None):
        self.quantity = quantity
        self.lie = lie
        self.coupon = None
        self.sequences = {}
        self.users = {}  # by sequence
        self.redeemed = {}  # users, and the references of their redemptions
        self.revoked = set()
        self.issued = 0
        self.asked = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                length = next((int(line[15:])
                               for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
                body = json.loads(await reader.readexactly(length)) if length else None
                answer = self._answer(method, path, body)
                if answer is None:
                    break
                if answer == "silent":
                    continue
                if self.lie == "late" and path.endswith("/issues") and self.asked % 100 == 0:
                    await asyncio.sleep(LATE_SECONDS)
                status, content = answer
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self, method, path, body):
        if method == "POST" and path.endswith("/issues"):
            self.asked += 1
            if self.lie == "silent" and self.asked % 10 == 0:
                return "silent"
            if self.lie == "hang_up" and self.asked % 10 == 0:
                return None
            self.coupon = path.split("/")[-2]
            return self._issue(body["user_id"])
        if method == "POST":
            self.quantity = body["quantity"]
            return 201, b"{}"
        _, _, kind, name, *rest = path.split("?")[0].split("/")
        if kind == "users":
            return self._wallet(name)
        if kind == "codes":
            return self._show(self.users[int(name)])
        if not rest:
            return self._coupon()
        return self._redemption(method, rest[1], body) if rest[2:] else self._user(method, rest[1])

    def _coupon(self):
        issued = max(0, self.issued - (3 if self.lie == "miscount" else 0))
        if self.lie == "behind" and issued:
            issued, self.lie = 0, None
        redeemed = len(self.redeemed) * (2 if self.lie == "miscount_redeemed" else 1)
        return 200, json.dumps({"quantity": self.quantity, "issued": issued, "remaining": self.quantity - issued,
                                "redeemed": redeemed, "per_user_limit": 1}).encode()

    def _tell(self, user):
        """The issue of a user."""
        sequence, reference = self.sequences[user], self.redeemed.get(user)
        issue = {"coupon_id": self.coupon, "user_id": user, "sequence": sequence, "code": f"{sequence:012}",
                 "issued_at": ISSUED_AT, "state": "revoked" if user in self.revoked else "issued"}
        return issue | ({"state": "redeemed", "redemption": {"reference": reference}} if reference else {})

    def _show(self, user):
        issue = self._tell(user)
        return 200, json.dumps(issue | ({"state": "issued"} if self.lie == "forget" else {})).encode()

    def _wallet(self, user):
        issues = [] if self.lie == "omit" else [self._tell(user)]
        return 200, json.dumps({"as_of": AS_OF, "issues": issues, "next_cursor": None}).encode()

    def _redemption(self, method, user, body):
        if method == "DELETE":
            self.redeemed.pop(user)
            return 200, json.dumps(self._tell(user)).encode()
        if self.lie == "refuse" or (user in self.redeemed and self.lie != "redeem_twice"):
            return 409, b'{"code": "already_redeemed"}'
        self.redeemed[user] = body["reference"]
        return 201, json.dumps(self._tell(user)).encode()

    def _user(self, method, user):
        if method == "PUT" and user not in self.sequences:
            return self._issue(user)
        if user not in self.sequences:
            return 404, b'{"code": "not_issued"}'
        if method == "DELETE":
            self.revoked.add(user)
        return self._show(user)

    def _issue(self, user):
        if self.lie == "garbage":
            return 201, b"<html>"
        held = user in self.sequences
        if held and self.lie == "deny":
            return 409, b'{"code": "sold_out"}'
        if held and self.lie != "twice":
            return 409, json.dumps({"code": "already_issued", "issue": self._tell(user)}).encode()
        if self.issued >= self.quantity and self.lie != "beyond":
            return 409, b'{"code": "sold_out"}'
        self.issued += 1
        self.sequences[user] = self.issued // 2 + 1 if self.lie == "repeat" else self.issued
        self.users[self.sequences[user]] = user
        return 201, json.dumps(self._tell(user)).encode()
