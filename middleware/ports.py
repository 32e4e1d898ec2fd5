"""What the engine asks of the edges. Edges implement these; nothing in middleware imports an edge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.centre import Call, CentreReply, CentreRequest, SignIn
from middleware.domain.health import PartHealth
from middleware.domain.his import HisAccepted, HisMessage
from middleware.domain.outcome import Outcome
from middleware.domain.payment import BankCall, BankReply, BankRequest


class Part(Protocol):
    """Everything with a life: started once, stopped once, always able to say how it is."""

    def start(self) -> None:
        """Begin. Returns at once; a part that cannot work yet says so by ``health`` and keeps trying."""

    async def stop(self) -> None:
        """End in bounded time; nothing of it runs afterwards."""

    def health(self) -> PartHealth:
        """How it is now; never blocks."""


@frozen(slots=True)
class PreparedCall:
    """A centre message, complete and checked, whose bytes are fixed. ``body`` is the adapter's own; opaque here."""

    message_id: str
    call: Call
    digest: str  # SHA-256 of the bytes that will be sent, hex: goes into the journal before them (invariant 5)
    body: Any
    sign_number: str = ""  # of the sign-in that it goes out under, where a region compares by business cycle; else ""


class Centre(Part, Protocol):
    """The insurance centre."""

    def needs_sign_in(self, at: dt.datetime) -> bool:
        """Whether a 9001 must be answered before any other call; asked before each call."""

    def sign_in_request(self) -> SignIn:
        """The 9001 to send."""

    def clock_ahead_s(self) -> float | None:
        """Seconds by which our wall clock is certainly ahead of the centre's (negative: behind); None: it never said."""

    async def prepare(self, message_id: str, request: CentreRequest, at: dt.datetime) -> PreparedCall:
        """Make the message; sends nothing. Raises ``Fault("centre.field")`` naming transaction, field and rule."""

    async def send(
        self,
        call: PreparedCall,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[CentreReply]], None],
    ) -> Outcome[CentreReply]:
        """Send it once and say how it ended, within the adapter's total deadline. Never raises, never sends twice.

        ``on_first_byte`` is called in the reactor thread just before the first byte is handed to the wire.
        ``on_late_reply`` may be called once after ``Unknown("time-out")`` was returned, when a definite answer still
        came on the same connection.
        """


@frozen(slots=True)
class PreparedPayment:
    """A message to the bank whose bytes are fixed. ``digest`` is of them without the card's data; ``body`` is opaque."""

    message_id: str
    call: BankCall
    digest: str
    body: Any


class Bank(Part, Protocol):
    """The bank, or its acquirer, that takes own shares from cards."""

    async def prepare(self, message_id: str, request: BankRequest) -> PreparedPayment:
        """Make the message; sends nothing. Raises ``Fault("payment.field")`` naming field and rule."""

    async def send(
        self,
        call: PreparedPayment,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[BankReply]], None],
    ) -> Outcome[BankReply]:
        """Send it once and say how it ended, within the adapter's total deadline. Never raises, never sends twice.

        A refusal is a ``BankRefusal``. ``on_late_reply`` may be called once after ``Unknown("time-out")``.
        """


class His(Part, Protocol):
    """The hospital information system."""

    async def deliver(self, message: HisMessage) -> Outcome[HisAccepted]:
        """Tell it, and say how that ended. Safe to repeat: the control id and the bytes are the same each time.

        ``Refused`` is AE/AR (CE/CR); ``Unknown`` is silence or a lost link; ``NotSent`` never left.
        """


class Readers(Part, Protocol):
    """All card readers of this machine."""

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader now; never blocks."""

    async def read_card(self, reader: str) -> CardRead:
        """Read the card in that reader, whole and checked, within the reader's own deadline, or raise ``Fault``."""

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """Call ``observer`` in the reactor thread at each insertion and removal; returns what ends the watch."""


class Clock(Protocol):
    """Time as an argument (rule 4). A Twisted reactor is one; so is ``twisted.internet.task.Clock``."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Any:  # noqa: A002, N802
        """Twisted's own."""
