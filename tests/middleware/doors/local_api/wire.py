"""A raw client and the patience that goes with it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.middleware.doors.fakes import HIS_TOKEN, in_thread


async def beside(work, *args):
    from twisted.internet import reactor

    return await in_thread(reactor, work, *args)


async def until(true) -> None:
    """Turn the reactor until it is so; pytest-timeout is the bound."""
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    while not true():
        await deferLater(reactor, 0.005)


class Wire:
    """A raw client: bytes out, lines in."""

    def __init__(self, path: Path | None = None, port: int = 0) -> None:
        if path is not None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(path))
        else:
            self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(10)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def say(self, *raw: bytes) -> None:
        self.sock.sendall(b"".join(raw))

    def hear(self, charset: str = "utf-8") -> dict:
        line = self.file.readline()
        return json.loads(line.decode(charset)) if line else {}

    def ask(self, *raw: bytes) -> dict:
        self.say(*raw)
        return self.hear()

    def code(self, *raw: bytes) -> str:
        return self.ask(*raw).get("error", {}).get("data", {}).get("code", "ok")

    def hello(self, token: str = HIS_TOKEN, **more) -> dict:
        return self.ask(request("session.hello", {"token": token, **more}))

    @property
    def ended(self) -> bool:
        try:
            return self.file.read() == b""
        except OSError:
            return True


def request(method: str, params: dict | None = None, number: object = 1) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


STATUS = request("system.status")
