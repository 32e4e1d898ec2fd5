"""What a PSAM is asked, pure: its serial and terminal, and the proof of a key for one card. Its keys never leave it."""

from __future__ import annotations

from attrs import frozen

from middleware.domain.card_key import FACTOR_BYTES, KeyChallenge, KeyProof
from middleware.domain.fault import Fault
from readers.apdu import Command, Exchange, Response, read_binary, select_by_name, select_file, transmit
from readers.auth import tables
from readers.cards.declaration import Algorithm

NEVER_HEARD = frozenset({0x6A82, 0x6A86, 0x6A81, 0x6D00, 0x6E00})
NO_KEY = frozenset({0x6A88, 0x9403, 0x6A83})
TOO_LOW = frozenset({0x6985, 0x6981})
OTHER_CLASS = 0x6E00
MAX_LEVELS = 3


@frozen(slots=True)
class PsamFacts:
    """Who it is: serial (20 hex digits) and terminal number (12), "" where its public files do not say."""

    serial: str
    terminal: str


@frozen(slots=True)
class Terms:
    """How this site's PSAM numbers the keys and how far it diversifies them."""

    levels: int = MAX_LEVELS
    internal_key: int = tables.INTERNAL_KEY
    health_key: int = tables.HEALTH_KEY


def facts(exchange: Exchange, algorithms: tuple[Algorithm, ...] = tuple(Algorithm)) -> PsamFacts:
    """Find it out; ``psam.absent`` when the card in that slot is no PSAM of ours."""
    if not any(_entered(exchange, algorithm) for algorithm in algorithms) and not health_entered(exchange):
        raise Fault("psam.absent", "the card in its slot is no PSAM")
    return PsamFacts(
        _public(exchange, tables.SERIAL_FILE, tables.SERIAL_BYTES),
        _public(exchange, tables.TERMINAL_FILE, tables.TERMINAL_BYTES),
    )


def proof(exchange: Exchange, challenge: KeyChallenge, terms: Terms) -> KeyProof:
    """What the card should have computed, and what opens it.

    Raises ``psam.no_algorithm``, ``psam.no_key``, ``psam.key_level``, ``psam.failed``.
    """
    algorithm = tables.BY_MARKER[challenge.algorithm]
    entered(exchange, algorithm)
    internal = b""
    if challenge.internal_source:
        internal = _computed(
            exchange, challenge, algorithm, terms, terms.internal_key, challenge.internal_factor, challenge.internal_source
        )
    reference = challenge.ask.reference
    external = _computed(
        exchange, challenge, algorithm, terms, reference, challenge.external_factor, challenge.external_source
    )
    return KeyProof(external + challenge.external_factor, internal)


def health_entered(exchange: Exchange) -> bool:
    """Whether it has the application of resident health cards, which is selected from here on: DF01 under the root."""
    transmit(exchange, select_file(tables.ROOT, 0x00), "PSAM root")  # out of whatever was selected; some know no such file
    response = transmit(exchange, select_file(tables.HEALTH_DF01, 0x00), "PSAM health DF01")
    if not response.ok and response.sw not in NEVER_HEARD:
        raise _failed(response, "PSAM health DF01")
    return response.ok


def entered(exchange: Exchange, algorithm: Algorithm) -> None:
    """Its application for that cipher is selected, or ``psam.no_algorithm``."""
    if not _entered(exchange, algorithm):
        raise Fault("psam.no_algorithm", f"no environment for {algorithm}")


def factors_of(historical: str, region: str) -> tuple[bytes, bytes]:
    """What takes a key down to one card: the card's factor, and the city's."""
    return bytes.fromhex(historical)[-tables.CARD_FACTOR_BYTES :], region.encode("ascii") + tables.CITY_SUFFIX


def _entered(exchange: Exchange, algorithm: Algorithm) -> bool:
    where = f"PSAM {algorithm}"
    response = transmit(exchange, select_by_name(tables.PSAM_ENVIRONMENTS[algorithm]), where)
    if not response.ok:
        if response.sw in NEVER_HEARD:
            return False
        raise _failed(response, where)
    inner = transmit(exchange, select_by_name(tables.PSAM_DF01), f"{where} DF01")
    if inner.ok:
        return True
    # A person's card has the environment "sx1.sh." too, and no such application behind it.
    if inner.sw in NEVER_HEARD:
        return False
    raise _failed(inner, f"{where} DF01")


def _public(exchange: Exchange, short_id: int, size: int) -> str:
    response = transmit(exchange, read_binary(short_id << 8, size), "PSAM public file")
    return response.data[:size].hex().upper() if response.ok else ""


def _computed(
    exchange: Exchange,
    challenge: KeyChallenge,
    algorithm: Algorithm,
    terms: Terms,
    key: int,
    factor: bytes,
    source: bytes,
) -> bytes:
    """Choose the key, take it down to this card and this message, and let it compute."""
    card, city = factors_of(challenge.historical, challenge.region)
    factors = {1: (factor,), 2: (card, factor), 3: (card, city, factor)}[terms.levels]
    usage = terms.levels << tables.LEVELS_SHIFT | tables.ENCRYPTION
    where = f"PSAM key {key:02X}"
    response = Response(b"", OTHER_CLASS)
    for cla in tables.PSAM_CLASSES:
        response = transmit(exchange, Command(cla, 0xDE, usage, key, data=b"".join(factors)), where)
        if response.sw != OTHER_CLASS:
            break
    if not response.ok:
        raise refused(response, where)
    wide = algorithm in tables.BLOCK_OF_16
    block = source + bytes(FACTOR_BYTES) if wide else source
    answer = transmit(exchange, Command(0x80, 0xFA, 0x00, 0x00, data=block, le=len(block)), where)
    if not answer.ok:
        raise refused(answer, where)
    if len(answer.data) != len(block):
        raise Fault("psam.failed", f"{where}: {len(answer.data)} bytes, not {len(block)}")
    return folded(answer.data) if wide else answer.data


def folded(block: bytes) -> bytes:
    """The two halves of sixteen bytes, one over the other (the 16-byte ciphers)."""
    return bytes(a ^ b for a, b in zip(block[:FACTOR_BYTES], block[FACTOR_BYTES:], strict=True))


def refused(response: Response, where: str) -> Fault:
    """What a PSAM's status word says: no such key, one of too low a level, or a failure."""
    if response.sw in NO_KEY:
        return Fault("psam.no_key", f"{where}: status {response.sw:04X}", status=response.sw)
    if response.sw in TOO_LOW:
        return Fault("psam.key_level", f"{where}: status {response.sw:04X}", status=response.sw)
    return _failed(response, where)


def _failed(response: Response, where: str) -> Fault:
    return Fault("psam.failed", f"{where}: status {response.sw:04X}", status=response.sw)
