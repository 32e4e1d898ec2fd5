"""The driver-shaped interface: what the unified card driver (SSCardDriver) did, function by function, as texts of fields.

Each field ends with ``|``. What was a process's global there is a session here: the first step of several opens it, and
the others name it, so that another card, another desk or another moment is noticed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from attrs import evolve, frozen

from middleware.domain.card import CardRead
from middleware.domain.card_debit import DebitProof, moment_of, order_of
from middleware.domain.card_key import (
    FACTOR_BYTES,
    HOLDER_KEY,
    PROOF_BYTES,
    RELOAD_KEY,
    UNBLOCK_ADDRESS,
    FileAsk,
    KeyAsk,
    KeyChallenge,
    KeyProof,
    OpenedCard,
    Pin,
)
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.engine.card_debit import STEP_1, CardDebiting
from middleware.engine.card_sessions import CardSessions
from middleware.store.card_debits import Debit

SM4 = "03"
UNBLOCK_HEADER, RELOAD_HEADER = "84240000", "84240001"
DEBIT_ADDRESS, DEBIT_KIND = "0020", "06"  # assumed, with the rest of docs/card-keys.md's table
MAC_BYTES = 4
MAX_FILES = 16
MAX_TAGS = 64
MAX_SECURE_BYTES = 64
_ROOT = "3F00"  # met in file addresses for the environment
_FILE = re.compile(r"(SSSE|3F00|DF0[1-4])(EF[0-9A-F]{2})\Z")
_TAG = re.compile(r"[0-9A-F]{2}\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")


@frozen(slots=True, repr=False)
class DriverAnswer:
    """The text of ``out``, and the session that the next step names ("" when there is none)."""

    out: str
    session_id: str = ""


class Driver:
    """The functions. ``reader``: a name, or "" for the only reader with a card. Every output is in clear."""

    def __init__(self, sessions: CardSessions, debiting: CardDebiting) -> None:
        self._sessions = sessions
        self._debiting = debiting

    # -- iReadCardBas

    async def read_basic(self, caller: Caller, reader: str) -> DriverAnswer:
        """Eleven fields; a third-generation card by the PSAM."""
        why = "iReadCardBas"
        async with self._sessions.once(caller, self._reader(reader), why) as session_id:
            read, _ = await self._sessions.identity(caller, session_id, why)
        return DriverAnswer(await self._basics(read))

    async def read_basic_1(self, caller: Caller, reader: str) -> DriverAnswer:
        """What the HSM needs; the four fields of authentication are empty on cards that want none."""
        async with self._sessions.begun(caller, self._reader(reader), "iReadCardBas_HSM_Step1") as (session_id, card):
            made = await self._sessions.challenge(caller, session_id, HOLDER_KEY) if card.needs_key else None
            terminal, _ = await self._sessions.terminal_numbers()
        return DriverAnswer(_fields(_card_fields(card), _four(made), (terminal,)), session_id)

    async def read_basic_2(self, caller: Caller, session_id: str, key: str) -> DriverAnswer:
        """Eleven fields, of the card of step 1. ``key``: what the HSM gave; anything for a card that wants no proof."""
        why = "iReadCardBas_HSM_Step2"
        try:
            if self._sessions.card(caller, session_id).needs_key:
                await self._sessions.prove(caller, session_id, mutual_proof(key), why)
            read, _ = await self._sessions.identity(caller, session_id, why)
        finally:
            await self._sessions.close(caller, session_id)
        return DriverAnswer(await self._basics(read))

    # -- iReadCard

    async def read_card(
        self, caller: Caller, reader: str, info: str, address: str, pin: Pin | None, *, by_pin: bool
    ) -> DriverAnswer:
        """The items of ``address``, in its own form; by the PSAM, or by the holder's PIN."""
        why, asks = "iReadCard", file_asks(address)
        async with self._sessions.once(caller, self._reader(reader), why) as session_id:
            self._check(caller, session_id, info)
            if by_pin:
                await self._sessions.verify_pin(caller, session_id, pin, why)
            found = await self._sessions.files(caller, session_id, asks, why, psam=not by_pin)
        return DriverAnswer(_mirrored(found))

    async def read_card_1(self, caller: Caller, reader: str, info: str, address: str) -> DriverAnswer:
        """Algorithm, key address, process factor, source."""
        asks = file_asks(address)
        async with self._sessions.begun(caller, self._reader(reader), "iReadCard_HSM_Step1") as (session_id, card):
            self._check(caller, session_id, info)
            key = await self._sessions.key_for(caller, session_id, asks)
            made = await self._sessions.challenge(caller, session_id, evolve(_needed(key), mutual=False))
        return DriverAnswer(_fields((card.algorithm, made.ask.address, *_external(made))), session_id)

    async def read_card_2(self, caller: Caller, session_id: str, address: str, key: str) -> DriverAnswer:
        """The items of ``address``, which is that of step 1."""
        why, asks = "iReadCard_HSM_Step2", file_asks(address)
        try:
            await self._sessions.prove(caller, session_id, KeyProof(_bytes(key, PROOF_BYTES)), why)
            found = await self._sessions.files(caller, session_id, asks, why, psam=False)
        finally:
            await self._sessions.close(caller, session_id)
        return DriverAnswer(_mirrored(found))

    # -- PINs

    async def verify_pin(self, caller: Caller, reader: str, pin: Pin | None) -> DriverAnswer:
        """By the PIN given, or by the reader's pad."""
        async with self._sessions.once(caller, self._reader(reader), "iVerifyPIN") as session_id:
            await self._sessions.verify_pin(caller, session_id, pin, "iVerifyPIN")
        return DriverAnswer("")

    async def change_pin(self, caller: Caller, reader: str, old: Pin, new: Pin) -> DriverAnswer:
        """Old and new in one command."""
        async with self._sessions.once(caller, self._reader(reader), "iChangePIN") as session_id:
            await self._sessions.change_pin(caller, session_id, old, new, "iChangePIN")
        return DriverAnswer("")

    async def reload_pin_1(self, caller: Caller, reader: str, info: str) -> DriverAnswer:
        """Algorithm, 0090, process factor, source."""
        async with self._sessions.begun(caller, self._reader(reader), "iReloadPIN_HSM_Step1") as (session_id, card):
            self._check(caller, session_id, info)
            made = await self._sessions.challenge(caller, session_id, RELOAD_KEY)
        return DriverAnswer(_fields((card.algorithm, RELOAD_KEY.address, *_external(made))), session_id)

    async def reload_pin_2(self, caller: Caller, session_id: str, key: str, pin: Pin) -> DriverAnswer:
        """Algorithm, 0173, process factor, header, the new PIN: for the HSM, which enciphers it."""
        why = "iReloadPIN_HSM_Step2"
        try:
            await self._sessions.prove(caller, session_id, KeyProof(_bytes(key, PROOF_BYTES)), why)
            return DriverAnswer(await self._secure(caller, session_id, RELOAD_HEADER, pin), session_id)
        except BaseException:
            await self._sessions.close(caller, session_id)
            raise

    async def reload_pin_3(self, caller: Caller, session_id: str, key: str) -> DriverAnswer:
        """PIN UNBLOCK with the HSM's data."""
        return await self._unblocked(caller, session_id, key, "iReloadPIN_HSM_Step3", reload=True)

    async def unblock_pin_1(self, caller: Caller, reader: str, info: str) -> DriverAnswer:
        """Algorithm, 0173, process factor, header."""
        async with self._sessions.begun(caller, self._reader(reader), "iUnblockPIN_HSM_Step1") as (session_id, _):
            self._check(caller, session_id, info)
            return DriverAnswer(await self._secure(caller, session_id, UNBLOCK_HEADER, None), session_id)

    async def unblock_pin_2(self, caller: Caller, session_id: str, key: str) -> DriverAnswer:
        """PIN UNBLOCK with the HSM's data; the PIN stays what it was."""
        return await self._unblocked(caller, session_id, key, "iUnblockPIN_HSM_Step2", reload=False)

    async def by_psam(self, caller: Caller, reader: str, info: str, why: str) -> DriverAnswer:
        """PIN reload and unblock in one step: nothing public says how a PSAM makes their command, so the HSM does."""
        async with self._sessions.once(caller, self._reader(reader), why) as session_id:
            self._check(caller, session_id, info)
        raise Fault("psam.no_key", f"{why}: use its HSM steps")

    # -- the medical account

    async def do_debit(
        self, caller: Caller, reader: str, key: str, info: str, pay_info: str, pin: Pin | None
    ) -> DriverAnswer:
        """Transaction number, time, offline counter, TAC, MAC2; by the PSAM, which has checked MAC2."""
        self._debiting.offered()
        order = order_of(pay_info)
        debit = await self._debiting.by_psam(
            caller, self._reader(reader), key, info, order, pin, lambda session_id: self._check(caller, session_id, info)
        )
        return DriverAnswer(_receipt(debit))

    async def do_debit_1(self, caller: Caller, reader: str, info: str, pay_info: str, pin: Pin | None) -> DriverAnswer:
        """Algorithm, key address, random, offline counter, both amounts, kind, terminal: for the HSM's MAC1."""
        self._debiting.offered()
        order = order_of(pay_info)
        async with self._sessions.begun(caller, self._reader(reader), STEP_1) as (session_id, card):
            self._check(caller, session_id, info)
            made = await self._debiting.begin(caller, session_id, order, pin)
        amounts = (f"{order.individual_fen:08X}", f"{order.pooled_fen:08X}")
        fields = (card.algorithm, DEBIT_ADDRESS, made.random.hex().upper(), f"{made.counter:04X}", *amounts, DEBIT_KIND)
        return DriverAnswer(_fields(fields, (made.terminal,)), session_id)

    async def do_debit_2(self, caller: Caller, session_id: str, key: str, proof: str) -> DriverAnswer:
        """The fields of :meth:`do_debit`; MAC2 is for the HSM to check."""
        try:
            debit = await self._debiting.by_hsm(caller, session_id, key, debit_proof(proof))
        finally:
            await self._sessions.close(caller, session_id)
        return DriverAnswer(_receipt(debit))

    async def debit_records(
        self, caller: Caller, reader: str, first: int, count: int, pin: Pin | None, *, by_pin: bool
    ) -> DriverAnswer:
        """Records of the transaction log: fields as declared, ``$`` behind each record."""
        why = "iReadDebitRecord"
        async with self._sessions.once(caller, self._reader(reader), why) as session_id:
            if by_pin:
                await self._sessions.verify_pin(caller, session_id, pin, why)
                await self._debiting.look(caller, session_id)
            found = await self._sessions.records(caller, session_id, first, count, why, psam=not by_pin)
        return DriverAnswer(_mirrored(found))

    # -- parts

    async def _secure(self, caller: Caller, session_id: str, header: str, pin: Pin | None) -> str:
        card = self._sessions.card(caller, session_id)
        factor = await self._sessions.unblock_challenge(caller, session_id)
        block = 0 if pin is None else _pin_block_bytes(card, pin)
        fields = (card.algorithm, UNBLOCK_ADDRESS, factor.hex().upper(), f"{header}{block + MAC_BYTES:02X}")
        return _fields(fields) if pin is None else _fields(fields, (pin.reveal(),))

    async def _unblocked(self, caller: Caller, session_id: str, key: str, why: str, *, reload: bool) -> DriverAnswer:
        try:
            await self._sessions.unblock_pin(caller, session_id, _bytes(key), why, reload=reload)
        finally:
            await self._sessions.close(caller, session_id)
        return DriverAnswer("")

    def _reader(self, reader: str) -> str:
        return reader or self._sessions.choose()

    async def _basics(self, read: CardRead) -> str:
        return _fields((
            read.region_code, read.id_number.reveal(), read.card_number.reveal(), read.card_id_code.reveal(),
            read.name.reveal(), read.atr_historical, read.spec_version, _day(read.issued_on), _day(read.expires_on),
            *await self._sessions.terminal_numbers(),
        ))  # fmt: skip

    def _check(self, caller: Caller, session_id: str, info: str) -> None:
        """``card.other_card`` when ``pCardInfo`` names another than the one in the reader."""
        parts = info.rstrip("|").split("|")
        if len(parts) != 2 or not all(parts):  # noqa: PLR2004 - code and number
            raise Fault("request.bad_params", "params.pCardInfo: card identification code|card number|")
        if not self._sessions.card(caller, session_id).is_of(*parts):
            raise Fault("card.other_card")


def file_asks(address: str) -> tuple[FileAsk, ...]:
    """``SSSEEF05|06|07|$SSSEEF06|08|09|$`` as files and tags; ``request.bad_params`` names the rule that is broken."""
    asks = []
    for part in address.upper().removesuffix("$").split("$"):
        head, *tags = part.removesuffix("|").split("|")
        match = _FILE.match(head)
        if match is None or not tags or not all(map(_TAG.match, tags)):
            raise Fault(
                "request.bad_params", "params.pFileAddr: application and file, then tags, each ended by |, files by $"
            )
        application = "SSSE" if match[1] == _ROOT else match[1]
        asks.append(FileAsk(application, int(match[2], 16), tuple(int(tag, 16) for tag in tags)))
    if len(asks) > MAX_FILES or sum(len(ask.tags) for ask in asks) > MAX_TAGS:
        raise Fault("request.bad_params", f"params.pFileAddr: at most {MAX_FILES} files and {MAX_TAGS} items")
    return tuple(asks)


def mutual_proof(key: str) -> KeyProof:
    """The pKey of iReadCardBas: internal result and data, a separator, and what the card is sent."""
    first, second = key[: 4 * FACTOR_BYTES], key[4 * FACTOR_BYTES + 1 :].rstrip("|")
    if key[4 * FACTOR_BYTES : 4 * FACTOR_BYTES + 1] != "|":
        raise Fault("card.proof_rule", "pKey: 32 hex digits, |, 32 hex digits")
    internal, external = _bytes(first, 2 * FACTOR_BYTES), _bytes(second, PROOF_BYTES)
    return KeyProof(external, internal[:FACTOR_BYTES])


def debit_proof(key: str) -> DebitProof:
    """The pKey of iDoDebit_HSM_Step2: transaction number (8 hex digits), time, MAC1 (8 hex digits), each with |."""
    fields = key.removesuffix("|").split("|")
    if len(fields) != 3:  # noqa: PLR2004 - number, time, MAC1
        raise Fault("card.proof_rule", "pKey: transaction number|yyyymmddhhmmss|MAC1|")
    number, mac1 = _bytes(fields[0], MAC_BYTES), _bytes(fields[2], MAC_BYTES)
    return DebitProof(number.hex().upper(), moment_of(fields[1], "params.pKey"), mac1)


def _receipt(debit: Debit) -> str:
    return _fields((debit.transaction_number, debit.order.at, f"{debit.counter:04X}", debit.tac, debit.mac2))


def _bytes(key: str, size: int = 0) -> bytes:
    """Hex digits of that many bytes (0: of one to many)."""
    text = key.rstrip("|")
    if not _HEX.match(text) or (size and len(text) != 2 * size) or len(text) > 2 * MAX_SECURE_BYTES:
        raise Fault("card.proof_rule", f"pKey: {2 * size or 'an even number of'} hex digits")
    return bytes.fromhex(text)


def _needed(key: KeyAsk | None) -> KeyAsk:
    if key is None:
        raise Fault("card.hsm_not_needed")
    return key


def _card_fields(card: OpenedCard) -> tuple[str, ...]:
    return card.region_code, card.historical, card.algorithm, card.card_id_code.reveal()


def _four(made: KeyChallenge | None) -> tuple[str, ...]:
    if made is None:
        return ("",) * 4
    return made.internal_factor.hex().upper(), made.internal_source.hex().upper(), *_external(made)


def _external(made: KeyChallenge) -> tuple[str, str]:
    return made.external_factor.hex().upper(), made.external_source.hex().upper()


def _pin_block_bytes(card: OpenedCard, pin: Pin) -> int:
    """Length, digits and 80 00.. in whole blocks of the card's cipher."""
    size = 16 if card.algorithm == SM4 else 8
    return -(-(2 + (pin.digits + 1) // 2) // size) * size


def _day(day: dt.date | None) -> str:
    return f"{day:%Y%m%d}" if day is not None else ""


def _fields(*groups: Iterable[str]) -> str:
    return "".join(f"{field}|" for group in groups for field in group)


def _mirrored(found: tuple[tuple[str, ...], ...]) -> str:
    return "".join(_fields(values) + "$" for values in found)
