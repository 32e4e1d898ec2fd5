"""What is done with cards, as the audit keeps it: who did what, where, by which PSAM, to which files, and how it ended.

Nothing that was read, written or typed is in it. Which card it was is said only to the audit's own window, where it is
kept as a keyed digest; the journal, which cannot forget, hears of it only in a flag, by a token.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.card import CardRead
from middleware.domain.card_key import OpenedCard
from middleware.domain.order import Role


class Act(StrEnum):
    """What was done, or tried."""

    READ = "read"  # identity, or the files named
    WRITE = "write"
    AUTHENTICATE = "authenticate"  # the card and a PSAM or HSM prove themselves to each other
    PIN_VERIFY = "pin-verify"
    PIN_CHANGE = "pin-change"
    PIN_RELOAD = "pin-reload"
    PIN_UNBLOCK = "pin-unblock"
    DEBIT = "debit"
    SETTLE = "settle"  # a settlement that was about to begin: noted when the card was refused


PIN_ACTS = frozenset({Act.PIN_VERIFY, Act.PIN_CHANGE, Act.PIN_RELOAD, Act.PIN_UNBLOCK})

# The journal's words: what happened, and what was tried and refused.
EVENTS: dict[Act, tuple[str, str]] = {
    Act.READ: ("CardRead", "CardReadFailed"),
    Act.WRITE: ("CardWritten", "CardWriteFailed"),
    Act.AUTHENTICATE: ("CardAuthenticated", "CardAuthenticationFailed"),
    Act.PIN_VERIFY: ("PinVerified", "PinVerifyFailed"),
    Act.PIN_CHANGE: ("PinChanged", "PinChangeFailed"),
    Act.PIN_RELOAD: ("PinReloaded", "PinReloadFailed"),
    Act.PIN_UNBLOCK: ("PinUnblocked", "PinUnblockFailed"),
    Act.DEBIT: ("CardDebited", "CardDebitFailed"),
    Act.SETTLE: ("CardAccepted", "CardRefused"),
}

MAX_FILES = 32
MAX_WHY = 64


@frozen(slots=True)
class CardAct:
    """One thing done with a card.

    ``code`` is the fault that ended it, "" when it was done. ``files`` are names of the declarations ("SSSE/EF06"), never
    contents. ``why`` is the business that asked for it, as a method's name: no free text. ``card`` is who was read, or
    which card is held, when that is known; of it the journal is told kind and issuing region and nothing else.
    """

    act: Act
    reader: str
    code: str = ""
    card: CardRead | OpenedCard | None = None
    kind: str = ""  # the kind of card when ``card`` is not known
    psam: str = ""  # serial of the PSAM, or name of the HSM
    files: tuple[str, ...] = ()
    why: str = ""
    tries_left: int | None = None  # of a PIN


@frozen(slots=True)
class Seen:
    """An act as the window of the rules has it. ``card`` is a keyed digest, "" when nobody knows which card it was."""

    audit_id: str
    at: dt.datetime
    act: Act
    code: str
    card: str
    role: Role
    account: str
    terminal: str
    region: str = ""
    psam: str = ""
    differs: tuple[str, ...] = ()  # what on the card does not agree with its id number: "birth_date", "sex"
