"""Letters to the HIS as bytes: our mapping, rules and codec write them and read the answers; the HIS reads by its own hand.

hl7apy, which the daemon asks once per shape, stays outside: the shapes are the same and were agreed to elsewhere.
"""

from __future__ import annotations

import random
import re

from attrs import frozen

from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.faults import outcome_of
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.mapping import read_ack
from adapters.his.hl7v2.repertoire import segments_of
from adapters.his.hl7v2.rules import check, rules_of
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted, HisMessage
from middleware.domain.outcome import Outcome
from middleware.hl7.blocks import Block, Framer, wrap

_DIALECT = Dialect()
_RULES = rules_of(_DIALECT.version)
_ESCAPES = {"E": "\\", "F": "|", "S": "^", "T": "&", "R": "~"}
_CANCELLED = "C"


def bytes_of(message: HisMessage) -> bytes:
    """The block, as the link would send it. Raises ``Fault("his.message")``."""
    segments = segments_of(message, _DIALECT)
    check(segments, _RULES)
    return wrap(encode(segments).encode(_DIALECT.codec))


@frozen(slots=True)
class Letter:
    """What the HIS makes of a block: texts, as they stand there. ``amounts``: total, fund, account, cash, in yuan."""

    control_id: str
    card_number: str
    name: str
    settlement_number: str = ""
    cancelled: bool = False
    amounts: tuple[str, ...] = ()


def heard(block: bytes) -> Letter:
    """By the HIS's own hand: lines, bars and carets, nothing of our codec."""
    text = block[1:-2].decode("utf-8")
    rows = {line[:3]: line.split("|") for line in text.split("\r") if line}
    person, money = rows["PID"], rows.get("ZST")
    numbers = [one.split("^") for one in person[3].split("~")]
    card = next(parts[0] for parts in numbers if parts[-1] == "HC")
    name = _plain(person[5].split("^")[0])
    control_id = _plain(rows["MSH"][9])  # MSH-1 is the bar itself
    if money is None:
        return Letter(control_id, card, name)
    amounts = tuple(money[number].split("^")[0] for number in range(8, 12))
    return Letter(control_id, card, name, _plain(money[3]), money[2] == _CANCELLED, amounts)


def _plain(text: str) -> str:
    return re.sub(r"\\([EFSTR])\\", lambda match: _ESCAPES[match[1]], text)


def acknowledgement(control_id: str, code: str, text: str, patient: str) -> bytes:
    """The HIS's answer, by its own hand."""
    lines = [
        f"MSH|^~\\&|HIS||YIKATONG||20261121080000||ACK|A{control_id[:18]}|P|2.5||||||UNICODE UTF-8",
        f"MSA|{code}|{control_id}|{text}",
    ]
    if patient:
        lines.append(f"PID|1||{patient}^^^^PI")
    return b"\x0b" + "\r".join(lines).encode() + b"\r\x1c\r"


def spoiled(answer: bytes, control_id: str, rng: random.Random) -> tuple[str, bytes]:
    """One way in which an answer arrives that is none to this letter: its name, and the bytes."""
    ours = control_id.encode()
    ways = {
        "another-letters": answer.replace(b"|" + ours + b"|", b"|Z" + ours[1:] + b"|"),
        "cut-short": answer[: answer.index(b"MSA|") + 5],
        "unknown-code": re.sub(rb"MSA\|A[AER]", b"MSA|XX", answer),
        "no-block": answer[1:],
        "no-message": b"\x0bbusy\x1c\r",
    }
    name = rng.choice(sorted(ways))
    return name, ways[name]


def understood(answer: bytes, control_id: str) -> Outcome[HisAccepted] | None:
    """What our link makes of these bytes for that letter; None when they are no answer to it."""
    for token in Framer().feed(answer):
        if not isinstance(token, Block):
            continue
        try:
            ack = read_ack(token.payload, _DIALECT)
        except Fault:
            continue
        if ack.control_id == control_id:
            return outcome_of(ack)
    return None
