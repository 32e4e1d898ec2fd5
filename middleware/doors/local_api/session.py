"""What the door knows of one connection."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from middleware.domain.order import Caller


@define(slots=True, eq=False)
class Session:
    """One connection, from connect to close. Only the dispatcher changes it.

    ``send`` hands one finished line to the connection; it drops it silently once the connection is gone.
    """

    number: int
    peer: str
    send: Callable[[bytes], None]
    caller: Caller | None = None
    charset: str = "UTF-8"
    bad_tokens: int = 0
    in_flight: int = 0
    end_watch: Callable[[], None] | None = None

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way: only then may it be called idle."""
        return self.in_flight == 0 and self.end_watch is None

    def close(self) -> None:
        """End what the session had running towards its client. Requests in flight go on: money is in them."""
        end, self.end_watch = self.end_watch, None
        if end is not None:
            end()
