"""A debit of the medical accounts on a card: what is asked, what the card said, and what may be concluded. Pure."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

from attrs import field, frozen

from middleware.domain.fault import Fault
from middleware.domain.money import Money

MAX_DEBIT_FEN = 0xFFFF_FFFF  # four bytes on the card
COUNTER_END = 0x1_0000  # the log's numbers begin anew behind FFFF
_YUAN = re.compile(r"[0-9]{1,8}\.[0-9]{2}\Z", re.ASCII)
_MOMENT = "%Y%m%d%H%M%S"
_DIGITS = re.compile(r"[0-9]{14}\Z", re.ASCII)
_NOTHING = frozenset({"", "0", "0.00"})


class DebitState(StrEnum):
    """What is known of one debit. ``sent`` is durable before the card hears of it, so a crash leaves it so."""

    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"  # the card said no
    NOT_DONE = "not-done"  # established later: the card never did it


OPEN = frozenset({DebitState.SENT, DebitState.UNKNOWN})


@frozen(slots=True)
class DebitOrder:
    """Amounts in fen, and the moment that the caller writes on it (yyyymmddhhmmss, the terminal's own time)."""

    individual_fen: int
    pooled_fen: int
    at: str


@frozen(slots=True, repr=False)
class Accounts:
    """What a card says of its accounts: balance of the individual one, year and sum of the pooled one, newest log record.

    ``last`` is that record's number, -1 on a log without one; ``record`` its terminal, moment and first two amounts.
    """

    balance_fen: int
    year: str
    pooled_fen: int
    last: int = -1
    record: tuple[str, ...] = ()


@frozen(slots=True)
class DebitChallenge:
    """What MAC1 is made of. ``random`` is the card's, fresh; it dies with the power session."""

    order: DebitOrder
    terminal: str
    algorithm: str
    region: str
    historical: str
    counter: int
    key_version: int
    key_algorithm: int
    random: bytes = field(repr=False)


@frozen(slots=True)
class DebitProof:
    """A key holder's word that this terminal may debit this card: its transaction number (8 hex digits), moment, MAC1."""

    transaction_number: str
    at: str
    mac1: bytes = field(repr=False)


@frozen(slots=True)
class DebitReceipt:
    """The card's word that it was done: TAC for the clearing, MAC2 for the terminal; eight hex digits each."""

    tac: str
    mac2: str


def order_of(text: str) -> DebitOrder:
    """``pPayInfo``: individual amount|pooled amount|...|yyyymmddhhmmss| with yuan as "12.34".

    Without the point nobody could tell yuan from fen, and of the fields between nobody published what they mean: they must
    be empty or zero. Raises ``request.bad_params``.
    """
    fields = text.removesuffix("|").split("|")
    if len(fields) < 3 or not all(map(_YUAN.match, fields[:2])):  # noqa: PLR2004 - two amounts and a moment
        raise Fault("request.bad_params", "params.pPayInfo: individual amount|pooled amount|...|yyyymmddhhmmss|, as 12.34")
    if any(one not in _NOTHING for one in fields[2:-1]):
        raise Fault("request.bad_params", "params.pPayInfo: fields between the amounts and the time must be empty")
    individual, pooled = (Money.parse(one).fen for one in fields[:2])
    if not individual + pooled or max(individual, pooled) > MAX_DEBIT_FEN:
        raise Fault("request.bad_params", "params.pPayInfo: nothing to debit, or more than a card can hold")
    return DebitOrder(individual, pooled, moment_of(fields[-1], "params.pPayInfo"))


def moment_of(text: str, where: str) -> str:
    """Fourteen digits that are a moment of the calendar, or ``request.bad_params``."""
    try:
        dt.datetime.strptime(text, _MOMENT)  # noqa: DTZ007 - the terminal's own time, which has no zone
    except ValueError:
        text = ""
    if not _DIGITS.match(text):
        raise Fault("request.bad_params", f"{where}: the time is yyyymmddhhmmss")
    return text


def judged(order: DebitOrder, terminal: str, at: str, before: Accounts, after: Accounts) -> DebitState | None:
    """What two looks at one card prove of a debit between them; ``None``: a person decides.

    Nothing at all changed: it was not done. The log went on by one, that record is ours and both accounts fit: it was
    done. Whatever else happened - another terminal, a new year, a load - is no proof of either.
    """
    if after == before:
        return DebitState.NOT_DONE
    fits = (
        after.last == (before.last + 1) % COUNTER_END or (before.last < 0 <= after.last),
        after.record == record_of(order, terminal, at),
        after.balance_fen == before.balance_fen - order.individual_fen,
        (after.year, after.pooled_fen) == (before.year, before.pooled_fen + order.pooled_fen),
    )
    return DebitState.DONE if all(fits) else None


def record_of(order: DebitOrder, terminal: str, at: str) -> tuple[str, ...]:
    """What the log's newest record says once it was done: terminal, moment, both amounts."""
    moment = dt.datetime.strptime(at, _MOMENT)  # noqa: DTZ007 - as above
    return terminal, moment.isoformat(), Money(order.individual_fen).yuan, Money(order.pooled_fen).yuan
