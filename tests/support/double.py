"""A stand-in for coupond's gateway that can lie. It proves that the checks of answers can fail.

Double(lie=...) serves POST /v1/coupons, GET /v1/coupons/{id}, POST /v1/coupons/{id}/issues, and PUT and GET of a user's
issue, on a free loopback port, on a thread of its own. Lies: "repeat" (a sequence is told twice), "beyond" (sequences
above the quantity), "twice" (a user is issued again), "deny" (a holder hears sold_out), "miscount" (the coupon tells
fewer issues than there are), "garbage" (no JSON), "silent" (every tenth request is never answered), "hang_up" (every
tenth request ends the connection), "late" (every hundredth answer comes after LATE_SECONDS).
"""

import asyncio
import json
import threading

LATE_SECONDS = 0.2


class Double:
    def __init__(self, quantity=100, lie=None):
        self.quantity = quantity
        self.lie = lie
        self.sequences = {}
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
            return self._issue(path.split("/")[-2], body["user_id"])
        if "/issues/" in path:
            return self._user(method, *path.split("/")[-3::2])
        if method == "POST":
            self.quantity = body["quantity"]
            return 201, b"{}"
        issued = self.issued - (3 if self.lie == "miscount" else 0)
        return 200, json.dumps({"quantity": self.quantity, "issued": max(0, issued),
                                "remaining": self.quantity - max(0, issued), "per_user_limit": 1}).encode()

    def _user(self, method, coupon, user):
        if user in self.sequences:
            return 200, json.dumps({"coupon_id": coupon, "user_id": user, "sequence": self.sequences[user]}).encode()
        return self._issue(coupon, user) if method == "PUT" else (404, b'{"code": "not_issued"}')

    def _issue(self, coupon, user):
        if self.lie == "garbage":
            return 201, b"<html>"
        held = self.sequences.get(user)
        if held is not None and self.lie == "deny":
            return 409, b'{"code": "sold_out"}'
        if held is not None and self.lie != "twice":
            issue = {"coupon_id": coupon, "user_id": user, "sequence": held}
            return 409, json.dumps({"code": "already_issued", "issue": issue}).encode()
        if self.issued >= self.quantity and self.lie != "beyond":
            return 409, b'{"code": "sold_out"}'
        self.issued += 1
        sequence = self.issued // 2 + 1 if self.lie == "repeat" else self.issued
        self.sequences[user] = sequence
        return 201, json.dumps({"coupon_id": coupon, "user_id": user, "sequence": sequence}).encode()
