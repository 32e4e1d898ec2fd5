"""What a dialect is to the one link: how a message's bytes are made, and what a whole reply stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.insurance.exchange.cells import Output
from adapters.insurance.exchange.frame import HttpReply
from adapters.insurance.exchange.wire import Message
from adapters.insurance.schema import Input, Row
from middleware.domain.centre import Call, CentreReply
from middleware.domain.outcome import Outcome

Reading = Callable[[Output | None], CentreReply]


class Dialect(Protocol):
    """Blocking and free of state between messages: the link calls it in threads of its own."""

    def write(self, code: str, head: Row, nodes: Input) -> Message:
        """The message, the same for the same fields, which the tables have checked. ``Fault("centre.field")``."""

    def understand(self, call: Call, message_id: str, reply: HttpReply, read: Reading) -> tuple[Outcome[CentreReply], str]:
        """The outcome, and the time that the centre says it is, or "". Never raises over what a stranger sent."""
