"""What is written together or not at all: one unit is one step of the flow with all that follows from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar

import sqlalchemy as sa
from attrs import field, frozen

from middleware.domain.centre import Holder
from middleware.domain.charge import Bill
from middleware.domain.destination import HIS
from middleware.domain.fault import Fault
from middleware.domain.payment import BankCard
from middleware.domain.shift import ClosedShift, ShiftRow
from middleware.domain.visit import Visit


@frozen(slots=True)
class Record:
    """One journal record. ``body`` is JSON without personal data.

    ``words`` is a stranger's text, or a caller's: sealed beside the chain, which keeps a digest of it.
    """

    at: dt.datetime
    visit_id: str
    settlement_id: str
    event: str
    before: str
    after: str
    body: str
    words: str = ""


@frozen(slots=True)
class Request:
    """One caller's request, by its idempotency key."""

    account: str
    key: str
    method: str
    digest: str
    visit_id: str
    settlement_id: str
    created_at: dt.datetime
    answer: str = ""  # JSON, once it is final


@frozen(slots=True)
class Intent:
    """A message to the centre that may leave once this is durable (invariant 4)."""

    message_id: str
    visit_id: str
    settlement_id: str
    call: str
    digest: str
    amount_fen: int
    intended_at: dt.datetime
    sign_number: str = ""  # of the sign-in that it goes out under: an old centre's business cycle


@frozen(slots=True)
class Ending:
    """How a message to the centre ended."""

    message_id: str
    outcome: str
    ended_at: dt.datetime


@frozen(slots=True)
class Letter:
    """A message for one destination, to be delivered in order. A ``copy`` moves nothing, whatever is answered.

    ``number`` is its sequence number (MSH-13), 0 = it has none yet; ``revision`` counts the corrections that were applied.
    """

    control_id: str
    visit_id: str
    settlement_id: str
    matter: str
    created_at: dt.datetime
    destination: str = HIS
    copy: bool = False
    number: int = 0
    revision: int = 0


@frozen(slots=True)
class FeedEntry:
    """A row for the bureau, before it has a number."""

    kind: str
    settlement_id: str
    at: dt.datetime
    body: dict[str, Any]


@frozen(slots=True)
class Put:
    """A row of the reconciliation's, the audit's window or the notes on letters: new, or in the place of its key's."""

    table: str
    row: dict[str, Any]
    content: bytes = b""  # of a file: goes into the column ``sealed``


@frozen(slots=True)
class Incoming:
    """Something that came over an HL7 link, as it came: a write of its own. ``why``: the fault for which it is only kept.

    ``why`` "" = it is taken. Of what is taken no two have the same link and control id. ``ack`` is what was answered, for
    whoever sends it again.
    """

    visit: ClassVar[None] = None  # what a unit may have and a message never has
    work: ClassVar[None] = None

    link: str
    control_id: str
    type: str
    why: str
    raw: bytes
    ack: bytes
    at: dt.datetime


@frozen(slots=True)
class Unit:
    """One step's writes.

    ``version`` is that of the visit from which the step was computed; 0: there was none yet. ``epoch`` is the life in which
    that was; 0: whichever has the database now. ``since`` is from when on that life's clock tells the visit's times.
    """

    records: tuple[Record, ...] = ()
    visit: Visit | None = None
    now: dt.datetime | None = None
    person: tuple[str, Holder] | None = None
    bill: tuple[str, Bill] | None = None
    request: Request | None = None
    answers: tuple[tuple[str, str, str], ...] = ()  # account, key, answer
    intents: tuple[Intent, ...] = ()
    endings: tuple[Ending, ...] = ()
    letters: tuple[Letter, ...] = ()
    closed_letters: tuple[tuple[str, str], ...] = ()  # control id, outcome
    feed: tuple[FeedEntry, ...] = field(default=())
    meta: tuple[tuple[str, str], ...] = ()  # name, value
    card: tuple[str, BankCard] | None = None  # a payer's, under its reference: number and expiry, nothing else
    forgotten: tuple[str, ...] = ()  # references of cards that no message will name any more
    version: int = 0
    epoch: int = 0
    since: str = ""
    work: Callable[[sa.Connection], None] | None = None  # done first, inside the transaction; raises WorkRefusedError
    puts: tuple[Put, ...] = ()
    shift_rows: tuple[ShiftRow, ...] = ()  # what became certain; they get the number of the unit's last record
    closed_shift: ClosedShift | None = None  # its number must be new


Write = Unit | Incoming


class KeyTakenError(Exception):
    """The unit's request key, or another key that must be new, is there already; nothing of the unit was written."""


class RepeatedError(Exception):
    """The incoming message has a control id that was taken on its link before; it was not written."""


class StaleError(Exception):
    """The visit on the disk is another than the one the step was computed from; nothing of the unit was written."""


class FencedError(Exception):
    """The life in which the unit was made is over (invariant 17); nothing of the unit was written."""


class WorkRefusedError(Exception):
    """What the unit's ``work`` found speaks against it; nothing of the unit was written. ``fault`` says what."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class StoreError(Exception):
    """The database did not take it. Nothing of the unit was written, as far as the database told."""
