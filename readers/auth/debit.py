"""The debit on a card, step by step, pure: look at the accounts, begin, and the one command that moves money.

Between ``begin`` and ``debit`` nothing else is sent: the card's random is for one command. Unpublished details are those
of ``debit_terms``.
"""

from __future__ import annotations

from middleware.domain.card_debit import Accounts, DebitChallenge, DebitOrder, DebitProof, DebitReceipt
from middleware.domain.card_key import OpenedCard
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from readers import status_words
from readers.apdu import SW1_MORE, Command, Exchange, Response, transmit
from readers.auth import debit_terms as terms
from readers.auth import psam, tables
from readers.cards import social_security_medical as medical
from readers.cards.declaration import CardFile, Item
from readers.cards.encoding import Malformed, decode, is_blank
from readers.cards.reading import FileReader
from readers.cards.social_security_read import generation_of

_LOG_FILE = 0xEF08
_SAID = (0x03, 0x04, 0x05, 0x06)  # of a log record: terminal, moment, two amounts


def accounts(exchange: Exchange, card: OpenedCard) -> Accounts:
    """What the card says of its accounts; the holder's PIN must have been shown. DF04 stays selected."""
    files = FileReader(exchange)
    files.select_environment(medical.DF04)
    individual, pooled = (files.ask(balance) for balance in medical.BALANCES[:2])
    if individual is None or pooled is None:
        raise Fault("card.not_found", "DF04: no account")
    (balance,), (year, total) = (
        [_text(one.where(item), item, raw) for item, raw in zip(one.items, raws, strict=True)]
        for one, raws in zip(medical.BALANCES[:2], (individual, pooled), strict=True)
    )
    generation = generation_of(card.spec_version)
    log = next(file for file in medical.DF04.files_of(generation) if file.file_id == _LOG_FILE)
    files.select_file(log)
    newest = files.read_fields(log, terms.NEWEST)
    found = Accounts(Money.parse(balance).fen, year, Money.parse(total).fen)
    if newest is None or is_blank(b"".join(newest)):
        return found
    said = {item.tag: _text(log.where(item), item, raw) for item, raw in zip(log.items, newest, strict=True)}
    return Accounts(found.balance_fen, year, found.pooled_fen, _number(log, said[0x01]), tuple(said[tag] for tag in _SAID))


def begin(exchange: Exchange, card: OpenedCard, order: DebitOrder, terminal: str, known: Accounts) -> DebitChallenge:
    """INITIALIZE: nothing moves. Raises ``card.debit_funds`` when the individual account has less."""
    if known.balance_fen < order.individual_fen:
        raise Fault("card.debit_funds")
    data = bytes((terms.KEY_INDEX,)) + amounts_of(order) + bytes.fromhex(terminal)
    response = transmit(exchange, Command(*terms.BEGIN, data=data, le=terms.BEGUN_BYTES), "debit begin")
    if response.sw == terms.NO_FUNDS:
        raise Fault("card.debit_funds", status=response.sw)
    if not response.ok:
        raise status_words.as_fault(response.sw, "debit begin")
    said = response.data
    if len(said) != terms.BEGUN_BYTES or int.from_bytes(said[:4], "big") != known.balance_fen:
        raise Fault("card.malformed", "debit begin: not 15 bytes, or another balance than the account's")
    return DebitChallenge(
        order=order,
        terminal=terminal,
        algorithm=card.algorithm,
        region=card.region_code,
        historical=card.historical,
        counter=int.from_bytes(said[4:6], "big"),
        key_version=said[9],
        key_algorithm=said[10],
        random=said[11:],
    )


def debit(exchange: Exchange, proof: DebitProof) -> DebitReceipt:
    """The command that moves money, once: a card that wants another Le (6Cxx) is not sent it again, either.

    ``card.debit_refused``: it did not move; any other fault: nobody knows.
    """
    data = bytes.fromhex(proof.transaction_number + proof.at) + proof.mac1
    command = Command(*terms.DEBIT, data=data, le=terms.RECEIPT_BYTES)
    answered = exchange(command.encode())
    response = Response.decode(answered, "debit")
    if response.sw >> 8 == SW1_MORE:
        response = transmit(exchange, command, "debit", answered)
    if response.sw in terms.REFUSALS:
        raise Fault("card.debit_refused", f"status {response.sw:04X}", status=response.sw)
    if not response.ok or len(response.data) != terms.RECEIPT_BYTES:
        raise Fault("card.debit_unknown", f"status {response.sw:04X}, {len(response.data)} bytes", status=response.sw)
    said = response.data.hex().upper()
    return DebitReceipt(said[: 2 * terms.MAC_BYTES], said[2 * terms.MAC_BYTES :])


def psam_proof(exchange: Exchange, challenge: DebitChallenge) -> DebitProof:
    """MAC1 and the terminal's own transaction number, by the PSAM. Raises ``psam.no_algorithm``, ``psam.no_key``..."""
    algorithm = tables.BY_MARKER[challenge.algorithm]
    psam.entered(exchange, algorithm)
    at = challenge.order.at
    data = b"".join((
        challenge.random, challenge.counter.to_bytes(2, "big"), amounts_of(challenge.order), bytes((terms.KIND,)),
        bytes.fromhex(at), bytes((challenge.key_version, challenge.key_algorithm)),
        *psam.factors_of(challenge.historical, challenge.region),
    ))  # fmt: skip
    response = transmit(exchange, Command(*terms.PSAM_BEGIN, data=data, le=terms.PSAM_BYTES), "PSAM debit")
    if not response.ok:
        raise psam.refused(response, "PSAM debit")
    if len(response.data) != terms.PSAM_BYTES:
        raise Fault("psam.failed", f"PSAM debit: {len(response.data)} bytes, not {terms.PSAM_BYTES}")
    return DebitProof(response.data[:4].hex().upper(), at, response.data[4:])


def psam_check(exchange: Exchange, mac2: str) -> None:
    """The card that answered is the genuine one; ``card.mac`` when its MAC2 is not what the PSAM expects."""
    response: Response = transmit(exchange, Command(*terms.PSAM_CHECK, data=bytes.fromhex(mac2)), "PSAM MAC2")
    if response.sw >> 4 == 0x63C or response.sw == 0x9302:  # noqa: PLR2004 - both are met for a MAC that is wrong
        raise Fault("card.mac", f"MAC2: status {response.sw:04X}", status=response.sw)
    if not response.ok:
        raise Fault("psam.failed", f"MAC2: status {response.sw:04X}", status=response.sw)


def amounts_of(order: DebitOrder) -> bytes:
    """Both amounts as the card takes them."""
    return order.individual_fen.to_bytes(4, "big") + order.pooled_fen.to_bytes(4, "big")


def _number(log: CardFile, text: str) -> int:
    if not text.isdecimal():
        raise Fault("card.malformed", f"{log.path}: its number is none")
    return int(text)


def _text(where: str, item: Item, raw: bytes) -> str:
    try:
        return decode(item, raw)
    except Malformed as exc:
        raise Fault("card.malformed", f"{where}: {exc}") from None
