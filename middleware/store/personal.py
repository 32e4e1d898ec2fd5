"""What is personal, and where it lies: the parts of visits and answers that are sealed, and every sealed column.

In clear stay: states, amounts, the centre's numbers of visits and settlements, codes, our own texts. Sealed are: the
holder, the bill (it shows diagnoses), the centre's person number, a stranger's words and a caller's free text.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import evolve, frozen

from middleware.domain.fault import Fault
from middleware.domain.visit import Visit
from middleware.store import tables as t
from middleware.store.chain import sm3
from middleware.store.codec import decode_visit, encode, encoded
from middleware.store.vault import Vault, row_name
from middleware.store.words_in import Look, looking_for

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


# Members of a visit's body, wherever in it, that hold words of somebody else or of a caller.
# The last three are as good as money for a while.
WORDS = ("foreign", "cancel_reason", "voucher", "token", "cashier")


class _Sealed(msgspec.Struct, omit_defaults=True):
    """The sealed members of a visit; ``words`` by their path in the body."""

    person_number: str = ""
    words: dict[str, str] = {}


_parts = msgspec.json.Decoder(_Sealed)


def part_visit(visit: Visit) -> tuple[bytes, bytes]:
    """The visit's body as JSON without what is personal, and that as JSON, empty when there is none; both in UTF-8."""
    body = encoded(visit)
    if visit.person_number:
        # Out of the text, where it stands once, for less than half of what a copy of the visit costs.
        before, found, after = body.partition(b'"person_number":%b' % encoded(visit.person_number))
        assert found  # noqa: S101 - the visit was just written with it
        body = b'%b"person_number":""%b' % (before, after)
    words: dict[str, str] = {}
    if _may_hold_words()(visit):
        tree = msgspec.json.decode(body)
        _silence(tree, "", words)
        body = encoded(tree)
    if not (visit.person_number or words):
        return body, b""
    return body, encoded(_Sealed(visit.person_number, words))


@cache
def _may_hold_words() -> Look:
    return looking_for(WORDS, Visit)


def join_visit(body: str, text: str) -> Visit:
    """The inverse."""
    parts = _parts.decode(text)
    if parts.words:
        tree = msgspec.json.decode(body)
        for path, words in parts.words.items():
            *way, last = path.split("/")
            place = tree
            for step in way:
                place = place[int(step) if isinstance(place, list) else step]
            place[last] = words
        body = encode(tree)
    return evolve(decode_visit(body), person_number=parts.person_number)


def _silence(tree: Any, path: str, words: dict[str, str]) -> None:
    """Take the words out of the tree, and note where they were."""
    for name, value in enumerate(tree) if isinstance(tree, list) else list(tree.items()):
        if isinstance(value, dict | list):
            _silence(value, f"{path}{name}/", words)
        elif name in WORDS and value:
            words[f"{path}{name}"] = value
            tree[name] = ""


def open_visit(vault: Vault, row: Any) -> Visit:
    """A visit of its row (visit_id, body, sealed). Of a destroyed period: what is not personal, and nothing else."""
    if not row.sealed:
        return decode_visit(row.body)
    try:
        return join_visit(row.body, vault.open("visit", row.visit_id, "sealed", row.sealed))
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return decode_visit(row.body)


# -- an answer

_FORGOTTEN = encode({"fault": "person.forgotten", "detail": "", "foreign": ""})


_HIDDEN = ("holder", "pay")  # members of a result: whom it is about, where an order is paid


def part_answer(text: str) -> tuple[str, str]:
    """A stored answer without the members about a person, and those as text; the same text and "" when it has none."""
    hidden = [name for name in _HIDDEN if f'"{name}":' in text]
    if not hidden and ('"fault":' not in text or '"foreign":""' in text):
        return text, ""
    answer = msgspec.json.decode(text)
    if answer.get("foreign"):
        return encode(answer | {"foreign": ""}), encode({"foreign": answer["foreign"]})
    result = answer.get("result") or {}
    parts = {name: result[name] for name in hidden if result.get(name)}
    if not parts:
        return text, ""
    # An empty one keeps its place: joined again it is the same text, to the last character (invariant 6).
    return encode(answer | {"result": result | {name: {} for name in parts}}), encode(parts)


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


def commitment(salt: bytes, words: str | bytes) -> str:
    """What the chain says of words that it does not hold: SM3(salt + words), 64 hex digits.

    The salt is sealed with the words: when both are forgotten, nobody can try words against the digest.
    """
    return sm3(salt + (words.encode() if isinstance(words, str) else words))


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
