"""Filings as the store has them: a row is there before the centre hears of it; the first certainty stands.

What was filed and for whom lies sealed by the standing key: a filing outlives the period in which it was made, and without
its number of the person nobody could take it back. Once it was declined or taken back, nothing of that is left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import msgspec
import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.filing import (
    IN_DOUBT,
    OPEN,
    Accident,
    ChronicDisease,
    Documents,
    File,
    FilingKind,
    FilingState,
    OwnInstitution,
    Referral,
    Withdraw,
)
from middleware.domain.query import Insured
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

Work = Callable[[sa.Connection], None]
_c = t.filing.c
_IS_OPEN = _c.state.in_(sorted(OPEN))
_IN_DOUBT = _c.state.in_([sa.literal_column(f"'{state}'") for state in sorted(IN_DOUBT)])
_STANDS = sa.or_(_IN_DOUBT, sa.and_(_c.state == FilingState.DONE, _c.withdrawn.is_(False)))
_SUBJECT = "filing/subject"
_SHAPES: dict[FilingKind, type] = {
    FilingKind.REFERRAL: Referral,
    FilingKind.DISEASE: ChronicDisease,
    FilingKind.INSTITUTION: OwnInstitution,
    FilingKind.ACCIDENT: Accident,
}
_ENDED = frozenset({FilingState.DONE, FilingState.DECLINED})


@frozen(slots=True)
class Filing:
    """A row, without what is sealed. ``undoes``: the filing that this one takes back; "" for one that is made."""

    filing_id: str
    account: str
    digest: str
    terminal: str
    kind: FilingKind
    undoes: str
    state: FilingState
    why: str
    message_id: str
    attempts: int
    number: str
    withdrawn: bool
    visit_id: str
    made_at: str
    sent_at: str
    ended_at: str

    @property
    def open(self) -> bool:
        """It is not certain yet."""
        return self.state in OPEN


class Filings:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def new(self, facts: dict[str, Any], request: File | Withdraw, subject: str, at: dt.datetime) -> dict[str, Any]:
        """A row to be written: ``facts`` are all columns but those made here. Raises ``Fault("system.keys")``."""
        digest = self._vault.standing_digest(_SUBJECT, subject, at)
        sealed = self._vault.seal_standing("filing", facts["filing_id"], "sealed", encode(request), at)
        return facts | {"subject": digest, "sealed": sealed, "said": ""}

    def said(self, filing_id: str, words: str, at: dt.datetime) -> str:
        """The centre's words for the column ``said``."""
        return self._vault.seal_standing("filing", filing_id, "said", words, at) if words else ""

    def standing(self, subject: str) -> Filing | None:
        """A filing of that subject that stands, or may."""
        digests = self._vault.standing_digests((_SUBJECT, subject))
        query = sa.select(t.filing).where(_c.subject.in_(digests), _STANDS).limit(1)
        return self._first(query) if digests else None

    def by_key(self, account: str, key: str) -> Filing | None:
        """What became of a caller's request."""
        return self._first(sa.select(t.filing).where(_c.account == account, _c.key == key))

    def one(self, filing_id: str) -> Filing:
        """That one. Raises ``request.not_found``."""
        found = self._first(sa.select(t.filing).where(_c.filing_id == filing_id))
        if found is None:
            raise Fault("request.not_found", "filing")
        return found

    def page(self, after: str, limit: int, *, every: bool) -> list[Filing]:
        """Filings behind that id; only those in doubt unless ``every``."""
        query = sa.select(t.filing).where(_c.filing_id > after).order_by(_c.filing_id).limit(limit)
        with self._engine.connect() as connection:
            rows = connection.execute(query if every else query.where(_IN_DOUBT)).all()
        return [filing_of(row._asdict()) for row in rows]

    def in_doubt(self) -> int:
        """How many nobody knows the end of."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.filing).where(_IN_DOUBT)) or 0

    def request(self, filing_id: str) -> File | Withdraw:
        """What was, or is to be, sent. Raises ``person.forgotten`` when it was taken out."""
        row = self._sealed(filing_id)
        if not row.sealed:
            raise Fault("person.forgotten", filing_id)
        raw = decode_json(self._vault.open("filing", filing_id, "sealed", row.sealed))
        if row.undoes:
            return msgspec.convert(raw, Withdraw)
        documents = raw["documents"]
        return File(
            msgspec.convert(raw["who"], Insured),
            msgspec.convert(raw["facts"], _SHAPES[FilingKind(row.kind)]),
            None if documents is None else msgspec.convert(documents, Documents),
        )

    def words(self, filing_id: str) -> str:
        """What the centre said to it, "" for nothing."""
        row = self._sealed(filing_id)
        return self._vault.open("filing", filing_id, "said", row.said) if row.said else ""

    def _sealed(self, filing_id: str) -> Any:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.filing).where(_c.filing_id == filing_id)).one_or_none()
        if row is None:
            raise Fault("request.not_found", "filing")
        return row

    def _first(self, query: sa.Select[Any]) -> Filing | None:
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else filing_of(row._asdict())


def intend(row: dict[str, Any]) -> Work:
    """The row is there and no other of that subject stands, or nothing is written."""

    def work(connection: sa.Connection) -> None:
        _must_be_alone(connection, sa.and_(_c.subject == row["subject"], _STANDS))
        same = sa.select(_c.filing_id).where(_c.account == row["account"], _c.key == row["key"])
        if connection.scalar(same) is not None:
            raise WorkRefusedError(Fault("system.busy", "the same request is being worked on"))
        connection.execute(sa.insert(t.filing).values(**row))

    return work


def send_again(filing_id: str, before: str, **facts: Any) -> Work:
    """It goes out under a new message, if nobody else sent it again, learned its end, or filed the same meanwhile."""
    update = _update(sa.and_(_c.filing_id == filing_id, _c.message_id == before, _IS_OPEN), facts)
    subject = sa.select(_c.subject).where(_c.filing_id == filing_id).scalar_subquery()

    def work(connection: sa.Connection) -> None:
        _must_be_alone(connection, sa.and_(_c.subject == subject, _c.filing_id != filing_id, _STANDS))
        update(connection)

    return work


def end(one: Filing, message_id: str, **facts: Any) -> Work:
    """What is known of that message now; refused when the filing is certain already, or goes under another message.

    A withdrawal that was done ends the filing it is of, too; of what is certain to be gone nobody's data stays.
    """
    state = facts["state"]
    gone = bool(state == FilingState.DECLINED or (one.undoes and state in _ENDED))
    update = _update(
        sa.and_(_c.filing_id == one.filing_id, _c.message_id == message_id, _IS_OPEN),
        facts | ({"sealed": ""} if gone else {}),
    )

    def work(connection: sa.Connection) -> None:
        update(connection)
        if one.undoes and state == FilingState.DONE:
            values = {"withdrawn": True, "sealed": "", "said": ""}
            connection.execute(sa.update(t.filing).where(_c.filing_id == one.undoes).values(**values))

    return work


def numbered(filing_id: str, number: str) -> Work:
    """A filing that is certain gets the number that nobody knew."""
    return _update(sa.and_(_c.filing_id == filing_id, _c.state == FilingState.DONE, _c.number == ""), {"number": number})


def _must_be_alone(connection: sa.Connection, others: sa.ColumnElement[bool]) -> None:
    if connection.scalar(sa.select(_c.filing_id).where(others).limit(1)) is not None:
        raise WorkRefusedError(Fault("filing.already", "made here"))


def _update(where: sa.ColumnElement[bool], facts: dict[str, Any]) -> Work:
    def work(connection: sa.Connection) -> None:
        if not connection.execute(sa.update(t.filing).where(where).values(**facts)).rowcount:
            raise WorkRefusedError(Fault("desk.stale", "the filing is not what it was"))

    return work


def filing_of(row: Mapping[str, Any]) -> Filing:
    """A row as it was read, or as it is about to be written."""
    told = {name: row[name] for name in attrs.fields_dict(Filing)}
    return Filing(**told | {"kind": FilingKind(row["kind"]), "state": FilingState(row["state"])})
