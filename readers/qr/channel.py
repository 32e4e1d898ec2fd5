"""What lies between a code service's messages and its wire: nothing, or a channel that seals them."""

from __future__ import annotations

from typing import Protocol


class Channel(Protocol):
    """Short work, done in the reactor's thread; free of waiting."""

    def wrap(self, body: bytes) -> bytes:
        """What is sent of a request."""

    def unwrap(self, body: bytes) -> bytes:
        """The reply in it. Raises ``Fault("code.*")`` for what must not be believed."""


class Open:
    """Messages go as they are: TLS is all that protects them."""

    def wrap(self, body: bytes) -> bytes:
        """See ``Channel``."""
        return body

    def unwrap(self, body: bytes) -> bytes:
        """See ``Channel``."""
        return body
