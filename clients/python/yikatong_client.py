"""A small synchronous client of the socket door. Standard library only; copy the file into your project.

    with connect("/run/yikatong/api.sock") as client:
        client.hello(token)
        read = client.call("card.read", {"reader": client.call("reader.list")["readers"][0]["name"]})

One client is one connection, used by one thread at a time. A request that moves money carries a ``request_id`` that the
caller made and kept: after a time-out or a broken connection send the same request again with the same request_id, or
ask ``settlement.get``. Never make a new request_id for the same business.
"""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MAX_LINE_BYTES = 16 << 20
_CHUNK_BYTES = 65536
_MAX_NOTICES = 1000


class ApiError(Exception):
    """The daemon refused. ``code`` is stable and is what a program decides by; ``data`` is for it and for people.

    ``data["money"]`` is "no", "yes" or "unknown"; ``data["retry"]`` is "never", "same-key", "ask" or "after-fix".
    """

    def __init__(self, code: str, number: int, data: Mapping[str, Any]) -> None:
        self.code = code
        self.number = number
        self.data = dict(data)
        detail = self.data.get("detail", "")
        super().__init__(f"{code} ({number}): {self.data.get('en', '')}" + (f" - {detail}" if detail else ""))

    @property
    def money_is_unknown(self) -> bool:
        """Whether money may have moved: ask settlement.get, do not charge again."""
        return bool(self.data.get("money") == "unknown")


class ConnectionClosedError(OSError):
    """The connection ended before the answer came. What was asked may have been done."""


class Client:
    """One connection. Build it with :func:`connect`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._charset = "UTF-8"
        self._ids = itertools.count(1)
        self._answers: dict[object, dict[str, Any]] = {}
        self._notices: deque[dict[str, Any]] = deque(maxlen=_MAX_NOTICES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def hello(self, token: str, *, client: str = "yikatong_client/1", charset: str = "UTF-8") -> dict[str, Any]:
        """Open the session; returns role, account, limits and the methods allowed."""
        number = self._send("session.hello", {"token": token, "client": client, "charset": charset})
        answer = self._wait(number, 30.0)
        self._charset = charset  # from the next line on, both ways
        return answer

    def call(self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float = 200.0) -> dict[str, Any]:
        """One request and its result; ``ApiError`` when refused, ``TimeoutError`` after ``timeout`` seconds."""
        return self._wait(self._send(method, params or {}), timeout)

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request without waiting; :meth:`wait` takes the number that this returns."""
        return self._send(method, params or {})

    def wait(self, number: int, *, timeout: float = 200.0) -> dict[str, Any]:
        """The answer of a request sent by :meth:`send`."""
        return self._wait(number, timeout)

    def notifications(self, *, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """Notifications as they come ({method, params}); ends after ``timeout`` seconds without one."""
        while True:
            deadline = None if timeout is None else time.monotonic() + timeout
            while not self._notices:
                try:
                    self._take(self._read_message(deadline))
                except TimeoutError:
                    return
            yield self._notices.popleft()

    def close(self) -> None:
        """End the connection."""
        self._sock.close()

    def _send(self, method: str, params: Mapping[str, Any]) -> int:
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        raw = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(self._charset) + b"\n"
        self._sock.settimeout(30.0)
        self._sock.sendall(raw)
        return number

    def _wait(self, number: int, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while number not in self._answers:
            self._take(self._read_message(deadline))
        return self._result(self._answers.pop(number))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self._notices.append(message)
        elif message.get("id") is None:
            self._result(message)  # an error that answers no request of ours, as "too many connections"
        else:
            self._answers[message["id"]] = message

    @staticmethod
    def _result(message: dict[str, Any]) -> dict[str, Any]:
        error = message.get("error")
        if error is not None:
            data = error.get("data") or {}
            raise ApiError(str(data.get("code", "")), int(error["code"]), data)
        result: dict[str, Any] = message["result"]
        return result

    def _read_message(self, deadline: float | None) -> dict[str, Any]:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise ConnectionClosedError("the daemon's line is longer than this client takes")
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise TimeoutError("no answer in time")
            self._sock.settimeout(remaining)
            chunk = self._sock.recv(_CHUNK_BYTES)
            if not chunk:
                raise ConnectionClosedError("the daemon closed the connection")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        message: dict[str, Any] = json.loads(line.decode(self._charset))
        return message


def connect(
    unix: str | Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 7450,
    tls: ssl.SSLContext | None = None,
    timeout: float = 10.0,
) -> Client:
    """A connection by Unix socket when ``unix`` is given, else by TCP (with ``tls``, verified for ``host``)."""
    if unix is not None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(str(unix))
        except OSError:
            sock.close()
            raise
        return Client(sock)
    sock = socket.create_connection((host, port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        try:
            sock = tls.wrap_socket(sock, server_hostname=host)
        except OSError:
            sock.close()
            raise
    return Client(sock)
