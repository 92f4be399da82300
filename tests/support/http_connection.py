"""One keep-alive connection to one gateway, for clients that go on while members are killed (asyncio).

    connection = Connection("127.0.0.1:8080")
    if await connection.open():
        answer = await connection.exchange("GET", "/v1/coupons/A")   # (200, {…}), or None
"""

import asyncio
import json

CONNECT_SECONDS = 2
ANSWER_SECONDS = 12  # longer than any gateway takes to answer


class Connection:
    def __init__(self, address):
        self.address = address
        self.reader = self.writer = None

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def open(self):
        """Connects unless it is connected; True if it is connected afterwards."""
        if self.writer is not None and not self.reader.at_eof():
            return True
        self.close()
        host, port = self.address.rsplit(":", 1)
        try:
            self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError):
            return False
        return True

    async def exchange(self, method, path, content=None, headers=None):
        """(status, body), or None if no complete answer arrived."""
        body = b"" if content is None else json.dumps(content).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: test", "Cache-Control: no-cache",
                 *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if content is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        try:
            self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            return await asyncio.wait_for(self._read(), ANSWER_SECONDS)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.close()
            return None

    async def _read(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"\r\ncontent-length:") + 17
        body = await self.reader.readexactly(int(head[at:head.index(b"\r\n", at)]))
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head[9:12]), json.loads(body)
