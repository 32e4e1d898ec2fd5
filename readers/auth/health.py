"""The read keys of a resident health card, pure: what card and PSAM are asked. Each assumption stands in docs/card-keys.md.

The key is proved behind the SELECT of the file, as the one published implementation does it: nothing is selected between
proof and reading but files of the same application.
"""

from __future__ import annotations

from attrs import field, frozen

from middleware.domain.card_key import FACTOR_BYTES
from middleware.domain.fault import Fault
from readers.apdu import Command, Exchange, Response, select_file, transmit
from readers.auth import commands, psam, tables
from readers.cards import health
from readers.cards.declaration import Access, CardFile, Environment, Generation
from readers.cards.health_read import OpenedHealth, enter
from readers.cards.reading import ROOT_FORM, FileReader
from readers.cards.social_security_read import FREE_ONLY

GRANTED = FREE_ONLY | {Access.READ_KEY}
_SELECT, _READS = 0xA4, frozenset({0xB0, 0xB2})
_DENIED = b"\x69\x82"
# What says only that this PSAM does not open that application: the rest of the card is read all the same.
_NOT_THIS_ONE = frozenset({"psam.no_key", "psam.key_level"})


@frozen(slots=True)
class HealthChallenge:
    """What a PSAM needs, fresh from the card: good once. ``place``: of the application, 0 DDF1, 1-3 DF01 to DF03."""

    place: int
    historical: str
    city: str
    source: bytes = field(repr=False)
    factor: bytes = field(repr=False)

    @property
    def reference(self) -> int:
        """The card's number of the key."""
        return health.CARD_KEY if self.place == 0 else health.APPLICATION_KEY


def challenged(exchange: Exchange, card: OpenedHealth, environment: Environment) -> HealthChallenge:
    """Select the application and its first file behind the key, and let the card give two challenges."""
    files = FileReader(exchange)
    enter(files, environment)
    files.select_file(next(file for file in environment.files if file.key))
    return _asked(exchange, card, health.HEALTH.index(environment))


def psam_proof(exchange: Exchange, challenge: HealthChallenge, terms: psam.Terms) -> bytes:
    """What EXTERNAL AUTHENTICATE takes: eight bytes, the source that they were made of, and 01.

    Raises ``psam.no_algorithm`` (no application of health cards), ``psam.no_key``, ``psam.key_level``, ``psam.failed``.
    """
    if not psam.health_entered(exchange):
        raise Fault("psam.no_algorithm", "no application of resident health cards")
    card = bytes.fromhex(challenge.historical)[-tables.CARD_FACTOR_BYTES :]
    city = challenge.city[:2].encode("ascii") + tables.HEALTH_CITY_SUFFIX
    key = terms.health_key + challenge.place
    where = f"PSAM key {key:02X}"
    chosen = Command(0x80, 0xDE, tables.HEALTH_USAGE, key, data=card + city + challenge.factor)
    _must(transmit(exchange, chosen, where), where)
    block = challenge.source + bytes(FACTOR_BYTES)
    answer = _must(transmit(exchange, Command(0x80, 0xFA, 0x00, 0x00, data=block, le=len(block)), where), where)
    if len(answer.data) != len(block):
        raise Fault("psam.failed", f"{where}: {len(answer.data)} bytes, not {len(block)}")
    return psam.folded(answer.data) + challenge.source + tables.HEALTH_PROOF_SUFFIX


def proving(exchange: Exchange, card: OpenedHealth, psam_exchange: Exchange, terms: psam.Terms) -> Exchange:
    """An ``Exchange`` for whoever reads the whole card and knows of no keys: each is proved before its first file is read.

    An application whose key this PSAM lacks stays closed by the card's own word; without that of DDF1 there is no reading.
    """
    return _Proving(exchange, card, psam_exchange, terms)


class _Proving:
    """Where the card is, by the commands that pass, and what is open there."""

    def __init__(self, exchange: Exchange, card: OpenedHealth, psam_exchange: Exchange, terms: psam.Terms) -> None:
        self._exchange = exchange
        self._card = card
        self._psam = psam_exchange
        self._terms = terms
        self._at = health.DDF1
        self._guarded = False
        self._open = False
        self._refused = False
        self._applications = {
            select_file(environment.identifiers[-1], ROOT_FORM).encode(): environment for environment in health.HEALTH
        }

    def __call__(self, command: bytes) -> bytes:
        if command[1] == _SELECT:
            self._selected(command)
        elif command[1] in _READS and self._guarded and not self._open:
            if self._refused:
                return _DENIED
            try:
                self._prove()
            except Fault as fault:
                if fault.code not in _NOT_THIS_ONE or self._at is health.DDF1:
                    raise
                self._refused = True
                return _DENIED
        return self._exchange(command)

    def _selected(self, command: bytes) -> None:
        environment = self._applications.get(command)
        if environment is not None:
            self._at, self._guarded, self._open, self._refused = environment, False, False, False
            return
        named = command[5:7]
        self._guarded = any(file.file_id.to_bytes(2, "big") == named and file.key for file in self._files())

    def _files(self) -> tuple[CardFile, ...]:
        return self._at.files_of(Generation.FIRST)

    def _prove(self) -> None:
        challenge = _asked(self._exchange, self._card, health.HEALTH.index(self._at))
        made = psam_proof(self._psam, challenge, self._terms)
        commands.prove_to(self._exchange, challenge.reference, made)
        self._open = True


def _asked(exchange: Exchange, card: OpenedHealth, place: int) -> HealthChallenge:
    source = commands.challenge(exchange, "source")
    factor = commands.challenge(exchange, "factor")  # the last one that the card gave is the one that it knows
    return HealthChallenge(place, card.historical, card.city, source, factor)


def _must(response: Response, where: str) -> Response:
    if not response.ok:
        raise psam.refused(response, where)
    return response
