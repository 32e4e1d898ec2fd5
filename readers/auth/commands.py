"""The commands of authentication and PINs, pure. A command with a PIN is a buffer that is wiped once it was sent."""

from __future__ import annotations

from typing import cast

from middleware.domain.card_key import Pin, wipe
from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import Command, Exchange, Response, transmit
from readers.auth import tables

FACTOR = 8
PIN_BLOCKED = frozenset({0x6983, 0x6984, 0x63C0})
UNBLOCK, RELOAD = 0x00, 0x01  # P2 of PIN UNBLOCK: as it was, or with the new PIN that comes along


def challenge(exchange: Exchange, where: str) -> bytes:
    """GET CHALLENGE of 8 bytes."""
    response = transmit(exchange, Command(0x00, 0x84, 0, 0, le=FACTOR), where)
    _must(response, where)
    if len(response.data) != FACTOR:
        raise Fault("card.malformed", f"{where}: {len(response.data)} bytes, not {FACTOR}")
    return response.data


def prove_itself(exchange: Exchange, factor: bytes, source: bytes) -> bytes:
    """INTERNAL AUTHENTICATE: what the card computes of the source, 8 bytes."""
    where = "internal authentication"
    response = transmit(exchange, Command(0x00, 0x88, 0, 0, data=factor + source, le=FACTOR), where)
    _must(response, where)
    if len(response.data) != FACTOR:
        raise Fault("card.malformed", f"{where}: {len(response.data)} bytes, not {FACTOR}")
    return response.data


def prove_to(exchange: Exchange, reference: int, proof: bytes) -> None:
    """EXTERNAL AUTHENTICATE; ``card.key_refused`` (with the tries left) or ``card.locked``.

    Only 9000 is a yes. Public code that looks at each byte apart takes 6F00 for one.
    """
    response = transmit(exchange, Command(0x00, 0x82, 0x00, reference, data=proof), f"key {reference:02X}")
    if response.ok:
        return
    if status_words.tries_left(response.sw) is not None:
        raise Fault("card.key_refused", f"key {reference:02X}: status {response.sw:04X}", status=response.sw)
    raise status_words.as_fault(response.sw, f"key {reference:02X}")


def verify_pin(exchange: Exchange, pin: Pin) -> None:
    """VERIFY; ``card.pin_wrong`` with the tries left, ``card.pin_blocked``."""
    judge_pin(_secret(exchange, (0x00, 0x20, 0x00, 0x00), pin.packed()))


def change_pin(exchange: Exchange, old: Pin, new: Pin) -> None:
    """CHANGE PIN: old, FF, new."""
    body = old.packed()
    second = new.packed()
    body += b"\xff"
    body += second
    wipe(second)
    judge_pin(_secret(exchange, (0x80, 0x5E, 0x01, 0x00), body))


def unblock_pin(exchange: Exchange, p2: int, data: bytes) -> None:
    """PIN UNBLOCK under secure messaging; ``data`` is the HSM's, a new PIN inside it is enciphered."""
    where = "PIN unblock"
    response = transmit(exchange, Command(0x84, 0x24, 0x00, p2, data=data), where)
    _must(response, where)


def judge_pin(sw: int) -> None:
    """What the card, or a reader's PIN pad, says to a PIN."""
    if sw == 0x9000:  # noqa: PLR2004 - the one yes
        return
    pad = _PAD.get(sw)
    if pad:
        raise Fault(pad, f"PIN pad: {sw:04X}", status=sw)
    if sw in PIN_BLOCKED:
        raise Fault("card.pin_blocked", f"status {sw:04X}", status=sw)
    left = status_words.tries_left(sw)
    if left is not None:
        raise Fault("card.pin_wrong", f"{left} tries left", status=sw)
    raise status_words.as_fault(sw, "PIN")


_PAD = {
    tables.PAD_TIMEOUT: "card.pin_timeout",
    tables.PAD_CANCELLED: "card.pin_cancelled",
    tables.PAD_DIFFER: "card.pins_differ",
    tables.PAD_LENGTH: "card.pin_rule",
}


def _secret(exchange: Exchange, header: tuple[int, int, int, int], body: bytearray) -> int:
    """Send what holds a PIN and wipe both buffers, whatever happens; the status word."""
    command = bytearray((*header, len(body)))
    command += body
    wipe(body)
    try:
        return Response.decode(exchange(cast("bytes", command)), "PIN").sw
    finally:
        wipe(command)


def _must(response: Response, where: str) -> None:
    if not response.ok:
        raise status_words.as_fault(response.sw, where)
