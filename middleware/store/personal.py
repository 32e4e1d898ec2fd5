"""What is personal, and where it lies: the parts of visits and answers that are sealed, and every sealed column.

In clear stay: states, amounts, the centre's numbers of visits and settlements, codes, our own texts. Sealed are: the
holder, the bill (it shows diagnoses), the centre's person number, a stranger's words and a caller's free text.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import evolve, frozen

from middleware.domain.fault import Fault
from middleware.domain.visit import Settlement, Trouble, Visit
from middleware.store import tables as t
from middleware.store.codec import decode_visit, encode
from middleware.store.vault import Vault, row_name

SALT_BYTES = 16


@frozen(slots=True)
class SealedColumn:
    """A column whose values the vault made; "" is a value that was never there."""

    table: sa.Table
    name: str

    @property
    def column(self) -> sa.Column[Any]:
        """The column itself."""
        return self.table.c[self.name]

    @property
    def key(self) -> tuple[sa.Column[Any], ...]:
        """The columns of the row's primary key."""
        return tuple(self.table.primary_key.columns)


# Every column that tables.py marks: rotation, destruction, the start check and restore go by this list.
SEALED = tuple(
    SealedColumn(table, column.name)
    for table in t.metadata.sorted_tables
    for column in table.c
    if column.info.get("sealed")
)


# -- a visit

VISIT = (t.visit.c.visit_id, t.visit.c.body, t.visit.c.sealed)  # what ``open_visit`` reads; a body alone is not the visit


class _Sealed(msgspec.Struct, omit_defaults=True):
    """The sealed members of a visit; by settlement, "" for the visit's own."""

    person_number: str = ""
    foreign: dict[str, str] = {}
    reasons: dict[str, str] = {}


_parts = msgspec.json.Decoder(_Sealed)


def part_visit(visit: Visit) -> tuple[Visit, str]:
    """The visit without what is personal, and that as text, "" when there is none."""
    foreign = {s.settlement_id: s.trouble.foreign for s in visit.settlements if s.trouble and s.trouble.foreign}
    if visit.trouble is not None and visit.trouble.foreign:
        foreign[""] = visit.trouble.foreign
    reasons = {s.settlement_id: s.cancel_reason for s in visit.settlements if s.cancel_reason}
    if not (visit.person_number or foreign or reasons):
        return visit, ""
    clear = evolve(visit, person_number="", trouble=_mute(visit.trouble))
    if foreign or reasons:
        muted = tuple(evolve(s, trouble=_mute(s.trouble), cancel_reason="") for s in visit.settlements)
        clear = evolve(clear, settlements=muted)
    return clear, encode(_Sealed(visit.person_number, foreign, reasons))


def join_visit(visit: Visit, text: str) -> Visit:
    """The inverse."""
    parts = _parts.decode(text)
    joined = tuple(_joined(s, parts) for s in visit.settlements) if parts.foreign or parts.reasons else visit.settlements
    trouble = _speaking(visit.trouble, parts.foreign.get("", ""))
    return evolve(visit, person_number=parts.person_number, trouble=trouble, settlements=joined)


def open_visit(vault: Vault, row: Any) -> Visit:
    """A visit of its row (visit_id, body, sealed). Of a destroyed period: what is not personal, and nothing else."""
    visit = decode_visit(row.body)
    if not row.sealed:
        return visit
    try:
        return join_visit(visit, vault.open("visit", row.visit_id, "sealed", row.sealed))
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return visit


def _mute(trouble: Trouble | None) -> Trouble | None:
    return evolve(trouble, foreign="") if trouble is not None and trouble.foreign else trouble


def _speaking(trouble: Trouble | None, words: str) -> Trouble | None:
    return evolve(trouble, foreign=words) if trouble is not None and words else trouble


def _joined(s: Settlement, parts: _Sealed) -> Settlement:
    sid = s.settlement_id
    return evolve(s, trouble=_speaking(s.trouble, parts.foreign.get(sid, "")), cancel_reason=parts.reasons.get(sid, ""))


# -- an answer

_FORGOTTEN = encode({"fault": "person.forgotten", "detail": "", "foreign": ""})


def part_answer(text: str) -> tuple[str, str]:
    """A stored answer without the members about a person, and those as text; the same text and "" when it has none."""
    if '"holder":' not in text and ('"fault":' not in text or '"foreign":""' in text):
        return text, ""
    answer = msgspec.json.decode(text)
    if answer.get("foreign"):
        return encode(answer | {"foreign": ""}), encode({"foreign": answer["foreign"]})
    result = answer.get("result") or {}
    if not result.get("holder"):
        return text, ""
    # An empty one keeps its place: joined again it is the same text, to the last character (invariant 6).
    return encode(answer | {"result": result | {"holder": {}}}), encode({"holder": result["holder"]})


def open_answer(vault: Vault, row: Any) -> str:
    """The answer of a request's row; where it is about a person who is forgotten, the fault ``person.forgotten``.

    Amounts are answered as ever, and a refusal without the other side's words.
    """
    if not row.sealed:
        return str(row.answer)
    answer = msgspec.json.decode(row.answer)
    try:
        parts = msgspec.json.decode(vault.open("request", row_name(row.account, row.key), "sealed", row.sealed))
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return str(row.answer) if "fault" in answer else _FORGOTTEN
    if "fault" in answer:
        return encode(answer | parts)
    return encode(answer | {"result": answer["result"] | parts})


# -- words in the journal


def commitment(salt: bytes, text: str) -> str:
    """What the chain says of words that it does not hold: SM3(salt + text), 64 hex digits.

    The salt is sealed with the words: when both are forgotten, nobody can try words against the digest.
    """
    return hashlib.new("sm3", salt + text.encode()).hexdigest()


def words_box(salt: bytes, text: str) -> str:
    """The words and their salt as one text to seal."""
    return encode({"salt": salt.hex(), "text": text})


def open_words(vault: Vault, digest: str, sealed: str) -> str:
    """The words that a journal row names by this digest, "" when they are forgotten.

    Raises ``Fault("system.keys")`` when they are not the words that the row was written with.
    """
    try:
        raw = msgspec.json.decode(vault.open("words", digest, "sealed", sealed))
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return ""
    if commitment(bytes.fromhex(raw["salt"]), raw["text"]) != digest:
        raise Fault("system.keys", f"words {digest}: not those that the journal's row was written with")
    return str(raw["text"])
