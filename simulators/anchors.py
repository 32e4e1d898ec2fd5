"""The bureau's server for anchors: a file that lines are only ever added to, over real HTTP.

It refuses (409) a line that does not name the SM3 of its last one, and what no token opens (401). Knobs: ``status``
answers every request so; ``lose_reply`` stores the next line and cuts the connection; ``ranges`` off gives the whole.
"""

from __future__ import annotations

import hashlib
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GENESIS = "0" * 64
MAX_LINE = 4096


class AnchorServer:
    """Listens on loopback from ``start`` to ``stop``; ``content`` is what it keeps."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.content = b""
        self.status: HTTPStatus | None = None
        self.lose_reply = False
        self.ranges = True
        outer = self

        class Handler(_Handler):
            server_side = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="anchors", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/anchors/hospital"

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    def follows(self, line: bytes) -> bool:
        """Whether the line names our last one."""
        last = self.content[:-1].rpartition(b"\n")[2]
        wanted = hashlib.new("sm3", last).hexdigest() if last else GENESIS
        try:
            said = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            return False
        return bool(said == wanted)


class _Handler(BaseHTTPRequestHandler):
    server_side: AnchorServer

    def do_GET(self) -> None:
        """All lines, or the last bytes of them."""
        content = self.server_side.content
        wanted = self.headers.get("Range", "")
        if self._refused():
            return
        if not content:
            self._answer(HTTPStatus.NOT_FOUND)
        elif self.server_side.ranges and wanted.startswith("bytes=-"):
            self._answer(HTTPStatus.PARTIAL_CONTENT, content[-int(wanted[7:]) :])
        else:
            self._answer(HTTPStatus.OK, content)

    def do_POST(self) -> None:
        """One line more."""
        line = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_LINE))
        server = self.server_side
        if self._refused():
            return
        if not line.endswith(b"\n") or not server.follows(line[:-1]):
            self._answer(HTTPStatus.CONFLICT)
            return
        server.content += line
        if server.lose_reply:
            server.lose_reply = False
            self.close_connection = True
            return
        self._answer(HTTPStatus.CREATED)

    def _refused(self) -> bool:
        server = self.server_side
        if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
            self._answer(HTTPStatus.UNAUTHORIZED)
        elif server.status is not None:
            self._answer(server.status)
        else:
            return False
        return True

    def _answer(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            self.send_header("Location", "/anchors/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing."""
