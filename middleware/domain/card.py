"""What a card says of its holder, after every check that the card side can make."""

from __future__ import annotations

import datetime as dt

from attrs import frozen

from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName


@frozen(slots=True)
class CardRead:
    """One complete and checked read of a card: never half an identity.

    Dates are the card's own; ``sex`` is GB/T 2261.1 ("1" man, "2" woman, "0"/"9" not said), ``nation`` the two digits of
    GB 3304, ``birthplace`` six digits of GB/T 2260. ``atr_historical`` is upper-case hex.
    """

    kind: str  # "social-security-card"
    region_code: str  # first six of the card identification code: who issued it
    card_id_code: CardIdCode
    card_class: str
    spec_version: str  # "1.00", "2.00", "2.01"
    issuing_organisation: str  # 24 hex digits
    issued_on: dt.date
    expires_on: dt.date
    card_number: CardNumber
    id_number: IdNumber  # tag 08: the social-security number is the citizen id number
    name: PersonName
    sex: str
    nation: str
    birthplace: str
    birth_date: dt.date
    atr_historical: str
    reader: str  # the reader's name as PC/SC gives it


@frozen(slots=True)
class ReaderStatus:
    """What is known of one reader now. ``state`` is one of READER_STATES."""

    name: str
    state: str
    fault: str = ""  # a fault code, when state is "failed"


READER_STATES = ("absent", "empty", "card-present", "busy", "mute", "failed")


@frozen(slots=True)
class CardEvent:
    """A card came or went: ``kind`` is "inserted" or "removed"."""

    kind: str
    reader: str
    at: dt.datetime
