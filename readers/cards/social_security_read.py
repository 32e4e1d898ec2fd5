"""From a powered card to one ``CardRead``: whole and checked, or a ``Fault`` and nothing.

Order: what is free on every generation first (EF05), then version and validity, and only then the holder (EF06), so
that a card which cannot be used gives away no more than its issuer's data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from attrs import frozen

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from readers.apdu import Exchange
from readers.cards import social_security as ss
from readers.cards.declaration import Access, CardFile, Encoding, Generation
from readers.cards.detect import detect, unreadable
from readers.cards.encoding import Malformed, decode, decode_as, unpadded
from readers.cards.health import HOLDER
from readers.cards.kinds import Kind
from readers.cards.reading import FileReader

REGION_DIGITS = 6
FREE_ONLY = frozenset({Access.FREE})


@frozen(slots=True)
class CardContext:
    """What the link knows and the card does not say: where it is, its historical bytes (hex), and which day it is."""

    reader: str
    atr_historical: str
    today: dt.date
    control: Callable[[int, bytes], bytes] | None = None  # SCardControl of the reader, where the link has one


@frozen(slots=True)
class Reading:
    """A complete read, and what looked odd without being wrong: codes for the log, never data."""

    card: CardRead
    warnings: tuple[str, ...] = ()


class NeedsReadKeyError(Fault):
    """A resident health card: whoever has a PSAM knows by this what to do."""

    def __init__(self) -> None:
        super().__init__("card.needs_authentication", f"{HOLDER.path}: {Access.READ_KEY}")


CardProcedure = Callable[[Exchange, CardContext], Reading]
"""How one kind of card is read; the link takes it as an argument and knows no kind itself."""


def read_social_security_card(exchange: Exchange, context: CardContext) -> Reading:
    """Read a 1.x or 2.x social-security card.

    Raises ``card.unsupported`` (another kind of card), ``card.needs_authentication`` (3.x), ``card.expired``,
    ``card.not_yet_valid``, ``card.id_number``, ``card.malformed``, ``card.status_word``, ``card.locked``, and whatever
    ``exchange`` raises.
    """
    files = FileReader(exchange)
    files.select_environment(ss.SSSE)
    return read_selected(files, context)


def in_order(order: tuple[str, ...]) -> CardProcedure:
    """The procedure that first finds out which card it is, then reads it; a kind that we do not read is said by name.

    No exchange more than ``read_social_security_card`` where the social-security card comes first in ``order``.
    """

    def read(exchange: Exchange, context: CardContext) -> Reading:
        detection = detect(exchange, bytes.fromhex(context.atr_historical), order)
        if detection.kind is None or not detection.kind.readable:
            raise unreadable(detection)
        if detection.kind.key == Kind.HEALTH:
            raise NeedsReadKeyError
        return read_selected(FileReader(exchange), context)

    return read


def read_selected(files: FileReader, context: CardContext, granted: frozenset[Access] = FREE_ONLY) -> Reading:
    """The same with the environment already selected; ``granted``: what was proved on this card since its last reset."""
    files.select_file(ss.EF05)
    issuer = _Values(ss.EF05)
    for item in ss.EF05.items:
        issuer.take(item.tag, files.read_item(ss.EF05, item))
    generation = generation_of(issuer.text(ss.SPEC_VERSION))
    if ss.EF06.access[generation] not in granted:
        raise Fault("card.needs_authentication", f"{ss.EF06.path}: {ss.EF06.access[generation]}")
    issued_on, expires_on = issuer.date(ss.ISSUED_ON), issuer.date(ss.EXPIRES_ON)
    _check_validity(issued_on, expires_on, context.today)
    files.select_file(ss.EF06)
    holder = _Values(ss.EF06)
    for item in ss.EF06.items:
        if item.since <= generation:
            holder.take(item.tag, files.read_item(ss.EF06, item, generation))
    card = CardRead(
        kind=ss.KIND,
        region_code=_region(issuer),
        card_id_code=CardIdCode(issuer.text(ss.CARD_ID_CODE)),
        card_class=issuer.text(ss.CARD_CLASS),
        spec_version=issuer.text(ss.SPEC_VERSION),
        issuing_organisation=issuer.text(ss.ORGANISATION),
        issued_on=issued_on,
        expires_on=expires_on,
        card_number=_card_number(issuer),
        id_number=_id_number(holder),
        name=_name(holder),
        sex=_sex(holder),
        nation=holder.text(ss.NATION),
        birthplace=holder.text(ss.BIRTHPLACE),
        birth_date=holder.date(ss.BIRTH_DATE),
        atr_historical=context.atr_historical,
        reader=context.reader,
    )
    return Reading(card, _warnings(card))


class _Values:
    """The values read from one file; every complaint names file and item."""

    def __init__(self, file: CardFile) -> None:
        self._file = file
        self._raw: dict[int, bytes] = {}

    def take(self, tag: int, value: bytes | None) -> None:
        if value is not None:
            self._raw[tag] = value

    def raw(self, tag: int) -> bytes:
        """The bytes, or nothing where the card lacks the item."""
        return self._raw.get(tag, b"")

    def text(self, tag: int) -> str:
        try:
            return decode(self._file.item(tag), self._raw[tag])
        except Malformed as exc:
            raise self.malformed(tag, str(exc)) from None

    def date(self, tag: int) -> dt.date:
        return dt.date.fromisoformat(self.text(tag))

    def malformed(self, tag: int, rule: str, code: str = "card.malformed") -> Fault:
        return Fault(code, f"{self._file.where(self._file.item(tag))}: {rule}")


def generation_of(version: str) -> Generation:
    """The generation of a spec version; ``card.malformed`` for one that nobody knows."""
    try:
        return Generation(version[:1])
    except ValueError:
        where = ss.EF05.where(ss.EF05.item(ss.SPEC_VERSION))
        raise Fault("card.malformed", f"{where}: no known generation") from None


def _check_validity(issued_on: dt.date, expires_on: dt.date, today: dt.date) -> None:
    """A card is good from its issue date to its expiry date, both included."""
    if expires_on < issued_on:
        where = ss.EF05.where(ss.EF05.item(ss.EXPIRES_ON))
        raise Fault("card.malformed", f"{where}: before the issue date")
    if today < issued_on:
        raise Fault("card.not_yet_valid", ss.EF05.where(ss.EF05.item(ss.ISSUED_ON)))
    if today > expires_on:
        raise Fault("card.expired", ss.EF05.where(ss.EF05.item(ss.EXPIRES_ON)))


def _region(issuer: _Values) -> str:
    region = issuer.text(ss.CARD_ID_CODE)[:REGION_DIGITS]
    if not region.isdecimal():
        raise issuer.malformed(ss.CARD_ID_CODE, "the region is not six digits")
    return region


def _card_number(issuer: _Values) -> CardNumber:
    number = issuer.text(ss.CARD_NUMBER)
    if len(number) != ss.NUMBER_CHARACTERS:
        raise issuer.malformed(ss.CARD_NUMBER, f"{len(number)} characters, not {ss.NUMBER_CHARACTERS}")
    return CardNumber(number)


def _id_number(holder: _Values) -> IdNumber:
    try:
        return IdNumber.parse(holder.text(ss.ID_NUMBER))
    except ValueError as exc:
        raise holder.malformed(ss.ID_NUMBER, str(exc), "card.id_number") from None


def _name(holder: _Values) -> PersonName:
    """Tag 09 and tag 4E together: the cut may fall inside a character, so bytes are joined before they are decoded.

    Only a full field ends inside a character: half of one before padding is never completed by what follows elsewhere.
    """
    field, first = holder.raw(ss.NAME), unpadded(holder.raw(ss.NAME))
    try:
        if len(first) < len(field):
            decode_as(Encoding.GB18030, first)
        return PersonName(decode_as(Encoding.GB18030, first + unpadded(holder.raw(ss.NAME_EXTENSION))))
    except Malformed as exc:
        raise holder.malformed(ss.NAME, str(exc)) from None


def _sex(holder: _Values) -> str:
    sex = holder.text(ss.SEX)
    if sex not in ss.SEXES:
        raise holder.malformed(ss.SEX, "not a code of GB/T 2261.1")
    return sex


def _warnings(card: CardRead) -> tuple[str, ...]:
    """Odd but no reason to turn a patient away: the rules behind these have one source, or issuers break them."""
    number = card.card_number.reveal()
    found = []
    if ss.number_check_character(number[:-1]) != number[-1:]:
        found.append("card_number_check_character")
    if card.birth_date != card.id_number.birth_date:
        found.append("birth_date_differs_from_id_number")
    if card.sex in {"1", "2"} and (card.sex == "1") != card.id_number.is_male:
        found.append("sex_differs_from_id_number")
    return tuple(found)
