"""Anchors at a URL: the bureau's machine keeps them, and this one can only add (issue 3).

What is asked of it: ``GET`` gives every line so far (404 or an empty body: none yet) and may honour a ``Range`` of the last
bytes; ``POST`` of one line, its LF included, adds it and says 200, 201 or 204 once it is durable there, and 409 when the
line does not follow the last one. ``Authorization: Bearer`` carries the token, when there is one. No redirect is followed.
Blocking; it runs in the anchor's own thread and in commands.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store.places import MAX_LINE, FilePlace, Pen, Place

TIMEOUT_S = 20.0  # of each read and write
MAX_TAIL = (
    1 << 26
)  # where no Range is honoured the whole is read for its end: a century of anchors each five minutes is less
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_DONE = {200, 201, 204}


def check_url(url: str) -> None:
    """Raise ``ValueError`` unless it is https, or http to this machine, without user and fragment."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("url must be https://HOST/PATH (http to this machine only)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("url must hold no user, password or fragment: the token has a file of its own")


@frozen(slots=True)
class UrlPlace:
    """Anchors at ``url``. ``token_file`` holds the bearer token, ``ca_file`` the authority of the server's certificate."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None

    def __str__(self) -> str:
        return self.url

    @contextmanager
    def pen(self) -> Iterator[Pen]:
        """Nothing is held: the server refuses (409) what does not follow its last line."""
        yield _UrlPen(self)

    def lines(self) -> Iterator[bytes]:
        """From the first on, as they come."""
        with self._asked("GET") as reply:
            if reply.status == http.client.NOT_FOUND:
                return
            _must(reply, {200}, "GET")
            while raw := reply.readline(MAX_LINE):
                yield raw

    def missing(self) -> bool:
        """Never surely: what does not answer may hold anchors."""
        return False

    def tail(self) -> bytes:
        """The last bytes."""
        with self._asked("GET", {"Range": f"bytes=-{MAX_LINE}"}) as reply:
            if reply.status in {http.client.NOT_FOUND, http.client.REQUESTED_RANGE_NOT_SATISFIABLE}:
                return b""  # 416 is how a server says that nothing is there to take the end of
            _must(reply, {200, 206}, "GET")
            body = reply.read(MAX_TAIL + 1)
        if len(body) > MAX_TAIL:
            raise Fault("system.anchor", f"{self.url} holds more than {MAX_TAIL} bytes and honours no Range")
        return body[-MAX_LINE:]

    def add(self, line: bytes) -> None:
        """Send it once. No answer means that it may be there: the next anchor reads the end first and goes on from it."""
        with self._asked("POST", {"Content-Type": "application/json"}, line) as reply:
            _must(reply, _DONE, "POST")

    @contextmanager
    def _asked(
        self, method: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.url)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, body, {**self._token(), **(headers or {})})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as exc:
            raise Fault("system.anchor", f"{self.url} does not answer: {type(exc).__name__}") from exc
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as exc:
            raise Fault("system.anchor", f"no authority can be read from {self.ca_file}") from exc
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)

    def _token(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        try:
            token = self.token_file.read_text("ascii").strip()
        except (OSError, UnicodeError) as exc:
            raise Fault("system.anchor", f"no token can be read from {self.token_file}") from exc
        if not token.isprintable() or not token:
            raise Fault("system.anchor", f"no token can be read from {self.token_file}")
        return {"Authorization": f"Bearer {token}"}


@frozen(slots=True)
class _UrlPen:
    place: UrlPlace

    def tail(self) -> bytes:
        return self.place.tail()

    def add(self, line: bytes) -> None:
        self.place.add(line)


def _must(reply: http.client.HTTPResponse, wanted: set[int], method: str) -> None:
    if reply.status not in wanted:
        raise Fault("system.anchor", f"the anchors' server answered {reply.status} to {method}")


def place_of(text: str, token_file: Path | None = None, ca_file: Path | None = None) -> Place:
    """A file's name or a URL as a place. Raises ``ValueError`` for a URL that may not be used."""
    if "://" not in text:
        return FilePlace(Path(text))
    check_url(text)
    return UrlPlace(text, token_file, ca_file)
