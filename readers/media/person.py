"""One checked identity out of what an id card, a layout or a code service says; the checks are the same for all.

The id number passes its own check (GB 11643, or ICAO 9303 for foreigners' older ones) or there is no identity. A birth
date or sex that does not agree with it is odd and goes into the log as a code: issuers break that rule.
"""

from __future__ import annotations

import datetime as dt
import unicodedata

import structlog

from middleware.domain.card import CardRead, person_read
from middleware.domain.credential import Credential, Document
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, PersonName

log = structlog.get_logger()

SEXES = frozenset("0129")
MAX_NAME = 50  # characters: what the centre takes
_SPACES = " \u3000"
# Categories of characters that no name has; unassigned ones stay, for this Python's tables are of one year.
_NO_TEXT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_text(text: str) -> bool:
    """Whether these are characters that a person could write."""
    return not any(unicodedata.category(char) in _NO_TEXT for char in text)


def name_of(text: str, where: str) -> PersonName:
    """The name without the spaces around it. Raises ``card.malformed`` when there is none, or what is no text."""
    name = text.strip(_SPACES)
    if not name or len(name) > MAX_NAME or not is_text(name):
        raise Fault("card.malformed", f"{where}: no name of 1-{MAX_NAME} characters")
    return PersonName(name)


def id_number_of(text: str, where: str, document: Document = Document.CITIZEN) -> IdNumber:
    """The number, checked. Raises ``card.id_number``."""
    try:
        return IdNumber.parse_foreigner(text) if document is Document.FOREIGNER else IdNumber.parse(text)
    except ValueError as exc:
        raise Fault("card.id_number", f"{where}: {exc}") from None


def date_of(text: str, where: str) -> dt.date:
    """A day of the calendar, yyyymmdd or yyyy-mm-dd. Raises ``card.malformed``."""
    digits = text.strip(_SPACES).replace("-", "")
    try:
        if len(digits) == len("yyyymmdd") and digits.isascii() and digits.isdecimal():
            return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        pass
    raise Fault("card.malformed", f"{where}: no day of the calendar")


def check_validity(issued_on: dt.date, expires_on: dt.date, today: dt.date, where: str) -> None:
    """Good from its first to its last day, both included. Raises ``card.expired``, ``.not_yet_valid``, ``.malformed``."""
    if expires_on < issued_on:
        raise Fault("card.malformed", f"{where}: ends before it begins")
    if today < issued_on:
        raise Fault("card.not_yet_valid", where)
    if today > expires_on:
        raise Fault("card.expired", where)


def identity(
    kind: str,
    reader: str,
    credential: Credential,
    id_number: IdNumber,
    name: PersonName,
    *,
    sex: str = "",
    nation: str = "",
    birth_date: dt.date | None = None,
    validity: tuple[dt.date | None, dt.date | None] = (None, None),
    photo: bytes = b"",
) -> CardRead:
    """The read. Sex and birth date that nobody said are those of the id number, which then must say them."""
    if id_number.is_detailed:
        birth_date = birth_date or id_number.birth_date
        sex = sex if sex in SEXES else "21"[id_number.is_male]
    if birth_date is None:
        raise Fault("card.malformed", f"{kind}: no birth date")
    sex = sex if sex in SEXES else "9"
    odd = id_number.differs(birth_date, sex)
    if odd:
        log.warning("card_odd", reader=reader, warnings=[f"{what}_differs_from_id_number" for what in odd])
    return person_read(
        kind,
        reader,
        credential,
        id_number,
        name,
        birth_date=birth_date,
        sex=sex,
        nation=nation,
        validity=validity,
        photo=photo,
    )
