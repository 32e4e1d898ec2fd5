"""What is done with a card that is held, step by step, pure: over its exchanges, without a clock, a thread or a key.

After EXTERNAL AUTHENTICATE no application is selected anew before what it opened was read: a SELECT may take rights away.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from middleware.domain.card_key import FileAsk, KeyAsk, KeyChallenge, KeyProof, OpenedCard
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber
from readers.apdu import Exchange
from readers.auth import commands
from readers.auth.tables import MARKERS
from readers.cards import social_security as ss
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, CardFile, Environment, Generation, Structure
from readers.cards.encoding import Malformed, decode, is_blank
from readers.cards.fci import algorithm
from readers.cards.reading import FileReader
from readers.cards.social_security_read import REGION_DIGITS, CardContext, Reading, generation_of, read_selected

_OPENED = (ss.CARD_ID_CODE, ss.SPEC_VERSION, ss.ISSUED_ON, ss.EXPIRES_ON, ss.CARD_NUMBER)
WITH_KEY = frozenset({Access.FREE, Access.RKSSSE})


@frozen(slots=True, repr=False)
class Asked:
    """A challenge, and what the card itself computed of it: kept here and compared, never handed out."""

    challenge: KeyChallenge
    own: bytes = b""


def opened(exchange: Exchange, context: CardContext) -> OpenedCard:
    """Which card this is. Raises ``card.unsupported`` for what is no social-security card, and what a reading raises."""
    files = FileReader(exchange)
    cipher = algorithm(files.select_environment(ss.SSSE))
    files.select_file(ss.EF05)
    text = {tag: _text(files, ss.EF05, tag) for tag in _OPENED}
    version, code = text[ss.SPEC_VERSION], text[ss.CARD_ID_CODE]
    generation = generation_of(version)
    if not code[:REGION_DIGITS].isdecimal():
        raise Fault("card.malformed", f"{ss.EF05.where(ss.EF05.item(ss.CARD_ID_CODE))}: the region is not six digits")
    return OpenedCard(
        reader=context.reader,
        kind=ss.KIND,
        region_code=code[:REGION_DIGITS],
        card_id_code=CardIdCode(code),
        card_number=CardNumber(text[ss.CARD_NUMBER]),
        spec_version=version,
        algorithm=MARKERS[cipher],
        historical=context.atr_historical,
        issued_on=text[ss.ISSUED_ON],
        expires_on=text[ss.EXPIRES_ON],
        needs_key=ss.EF06.access[generation] is not Access.FREE,
    )


def challenged(exchange: Exchange, card: OpenedCard, ask: KeyAsk) -> Asked:
    """Let the card give what a key holder needs.

    In the order that is in use: internal source, internal factor, the card's own result, external source, external factor.
    """
    files = FileReader(exchange)
    files.select_environment(environment_of(ask.application))
    internal_source = internal_factor = own = b""
    if ask.mutual:
        internal_source = commands.challenge(exchange, "internal source")
        internal_factor = commands.challenge(exchange, "internal factor")
        own = commands.prove_itself(exchange, internal_factor, internal_source)
    external_source = commands.challenge(exchange, "external source")
    external_factor = commands.challenge(exchange, "external factor")
    made = KeyChallenge(
        ask=ask,
        algorithm=card.algorithm,
        region=card.region_code,
        historical=card.historical,
        internal_factor=internal_factor,
        internal_source=internal_source,
        external_factor=external_factor,
        external_source=external_source,
    )
    return Asked(made, own)


def check_internal(asked: Asked, answer: KeyProof) -> None:
    """The card computed what a genuine one computes, or ``card.not_genuine``."""
    if asked.challenge.ask.mutual and answer.internal != asked.own:
        raise Fault("card.not_genuine", "internal authentication")


def identity(exchange: Exchange, context: CardContext, card: OpenedCard, granted: frozenset[Access]) -> Reading:
    """The holder, whole and checked, of the very card that was opened; no SELECT of the environment before it."""
    reading = read_selected(FileReader(exchange), context, granted)
    if reading.card.card_id_code != card.card_id_code:
        raise Fault("card.session_gone", "another card answers")
    return reading


def same_card(exchange: Exchange, card: OpenedCard) -> None:
    """``card.session_gone`` when another card answers than the one that was opened."""
    files = FileReader(exchange)
    files.select_environment(ss.SSSE)
    files.select_file(ss.EF05)
    if _text(files, ss.EF05, ss.CARD_ID_CODE) != card.card_id_code.reveal():
        raise Fault("card.session_gone", "another card answers")


def declared(ask: FileAsk, generation: Generation) -> CardFile:
    """The declaration of what was asked for; ``request.bad_params`` names the file or tag that no card of this kind has."""
    for file in environment_of(ask.application).files_of(generation):
        if file.file_id == ask.file_id:
            known = {item.tag for item in file.items}
            if file.structure is not Structure.TAGGED:
                raise Fault("request.bad_params", f"{ask.path} has no records by tag")
            unknown = [tag for tag in ask.tags if tag not in known]
            if unknown:
                raise Fault("request.bad_params", f"{ask.path} has no tag {unknown[0]:02X}")
            return file
    raise Fault("request.bad_params", f"cards of this generation have no {ask.path}")


def read_files(
    exchange: Exchange, card: OpenedCard, asks: Iterable[FileAsk], *, keep: str = ""
) -> tuple[tuple[str, ...], ...]:
    """The items as text, "" for what was never written or is lawfully missing. ``keep``: the application now selected."""
    generation = generation_of(card.spec_version)
    files = FileReader(exchange)
    found = []
    for ask in asks:
        file = declared(ask, generation)
        if ask.application != keep:
            files.select_environment(environment_of(ask.application))
            keep = ask.application
        files.select_file(file)
        found.append(tuple(_item(files, file, tag, generation) for tag in ask.tags))
    return tuple(found)


def read_records(exchange: Exchange, file: CardFile, first: int, count: int) -> tuple[tuple[str, ...], ...]:
    """Numbered records of a file in the selected application, as text; ends with the first that is not there or blank."""
    files = FileReader(exchange)
    files.select_file(file)
    found: list[tuple[str, ...]] = []
    for number in range(first, min(first + count, file.records + 1)):
        fields = files.read_fields(file, number)
        if fields is None or is_blank(b"".join(fields)):
            break
        found.append(tuple(_decoded(file, item.tag, raw) for item, raw in zip(file.items, fields, strict=True)))
    return tuple(found)


def select(exchange: Exchange, label: str) -> None:
    """Enter that application."""
    FileReader(exchange).select_environment(environment_of(label))


def environment_of(label: str) -> Environment:
    """The application of that label; ``request.bad_params`` when a social-security card has none such."""
    for environment in SOCIAL_SECURITY:
        if environment.label == label:
            return environment
    raise Fault("request.bad_params", f"there is no application {label[:8]!r}")


def key_of(file: CardFile, generation: Generation) -> KeyAsk | None:
    """The key that opens a file, or ``None`` when it needs none or none is known."""
    rule = file.access[generation]
    if rule in {Access.FREE, Access.PIN, Access.NEVER} or not file.key:
        return None
    application = file.path.partition("/")[0]
    return KeyAsk(file.key, f"{file.key:04X}", application, mutual=application == ss.SSSE.label)


def _text(files: FileReader, file: CardFile, tag: int) -> str:
    value = files.read_item(file, file.item(tag))
    return _decoded(file, tag, value or b"")


def _item(files: FileReader, file: CardFile, tag: int, generation: Generation) -> str:
    item = file.item(tag)
    if item.since > generation:
        return ""
    raw = files.read_item(file, item, generation)
    return "" if raw is None or is_blank(raw) else _decoded(file, tag, raw)


def _decoded(file: CardFile, tag: int, raw: bytes) -> str:
    item = file.item(tag)
    try:
        return decode(item, raw)
    except Malformed as exc:
        raise Fault("card.malformed", f"{file.where(item)}: {exc}") from None
