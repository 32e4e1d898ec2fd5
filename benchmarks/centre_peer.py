"""``python -m benchmarks.centre_peer``: a centre that says the same each time, in a process of its own.

On its standard input a line of JSON, ``{"kind": content type, "body": text, "after_s": how long it takes}``;
on its output the port. Ends with the input.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from simulators.ports import free_port

reactor: Any = _reactor  # its methods come with the real reactor


class Same(Resource):
    """POST anything."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, kind: str, body: str, after_s: float) -> None:
        super().__init__()
        self._kind, self._body, self._after_s = kind.encode(), body.encode(), after_s

    def render_POST(self, request: Any) -> Any:  # noqa: N802 - Twisted's name
        """The reply, at once or after its time."""
        request.setHeader(b"Content-Type", self._kind)
        if not self._after_s:
            return self._body
        request.setHeader(b"Content-Length", b"%d" % len(self._body))
        reactor.callLater(self._after_s, lambda: (request.write(self._body), request.finish()))
        return NOT_DONE_YET


class _UntilTheEnd(Protocol):
    def connectionLost(self, reason: Any = None) -> None:  # noqa: ARG002, N802 - Twisted's
        """Whoever asked has gone."""
        reactor.stop()


class _Quiet(Site):
    noisy = False

    def log(self, request: Any) -> None:
        """Nothing."""


def main() -> None:
    """Listen until the input ends."""
    port = free_port()
    reactor.listenTCP(port, _Quiet(Same(**json.loads(sys.stdin.readline()))), interface="127.0.0.1", backlog=512)
    print(port, flush=True)
    StandardIO(_UntilTheEnd())
    reactor.run()


if __name__ == "__main__":
    main()
