"""The window of acts with cards that the rules look through, and the flags that came of it.

Rows of the window name a card by keyed digests and hold its numbers sealed; they are taken away when no rule needs them.
Flags are chained as the feed is - hash = SM3(previous + LF + line) - and numbered under the lock of all who write.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.audit import Act, Seen
from middleware.domain.card import CardRead
from middleware.domain.card_key import OpenedCard
from middleware.domain.card_list import names_of
from middleware.domain.centre import Holder
from middleware.domain.fault import Fault
from middleware.domain.order import Role
from middleware.store import tables as t
from middleware.store.chain import link
from middleware.store.codec import decode_json, encode
from middleware.store.database import snapshot
from middleware.store.feed import FeedPage, FeedRow
from middleware.store.units import Put, WorkRefusedError
from middleware.store.vault import Vault, row_name
from middleware.store.writer import read_head

Work = Callable[[sa.Connection], None]
PRUNED_PAGE = 2000
MAX_PAGE = 1000
_a, _f = t.audit_event.c, t.flag.c
# Written once: they are asked for each act with a card.
_WAITING = sa.select(t.audit_event).where(_a.waiting).order_by(_a.audit_id).limit(sa.bindparam("most"))
_AROUND = (
    sa.select(t.audit_event)
    .where(_a.card == sa.bindparam("card"), _a.at >= sa.bindparam("since"), _a.at <= sa.bindparam("until"))
    .order_by(_a.at.desc(), _a.audit_id.desc())
    .limit(sa.bindparam("most"))
)


@frozen(slots=True)
class Subject:
    """Which card it was: keyed digests of its identification code and of its number, and both to be sealed."""

    card: str = ""
    number: str = ""
    clear: bytes = b""

    def __repr__(self) -> str:
        return f"Subject({self.card[:8]})"


NOBODY = Subject()


@frozen(slots=True)
class Waiting:
    """An act that no rule has looked at, with the digest of its card's number and what is sealed of it."""

    seen: Seen
    number: str
    sealed: str


@frozen(slots=True)
class Raised:
    """A flag before it has a number. ``audit_id`` is the act whose card it is about; of the same ``key`` there is one."""

    rule: str
    key: str
    body: dict[str, Any]
    audit_id: str
    sealed: str


@frozen(slots=True)
class Flag:
    """A flag as it is on the disk."""

    sequence: int
    rule: str
    line: dict[str, Any]
    seen_by: str
    seen_at: str


class Window:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def subject(self, of: CardRead | OpenedCard | Holder, at: dt.datetime) -> Subject:
        """Which card it is. What has no identification code is known by its holder's number."""
        code, number = of.card_id_code.reveal(), of.card_number.reveal()
        id_number = "" if isinstance(of, OpenedCard) else of.id_number.reveal()
        names = names_of(code, number) or ((("id_number", id_number),) if id_number else ())
        if not names:
            return NOBODY
        digests = [self._vault.standing_digest(kind, text, at) for kind, text in names]
        clear = encode({"card_id_code": code, "card_number": number, "id_number": id_number})
        return Subject(digests[0], digests[1] if len(digests) > 1 else "", clear.encode())

    def waiting(self, limit: int) -> list[Waiting]:
        """Acts that no rule has looked at."""
        with self._engine.connect() as connection:
            found = connection.execute(_WAITING, {"most": limit})
            return [Waiting(_seen(row), row.number, row.sealed) for row in found]

    def around(self, card: str, since: dt.datetime, until: dt.datetime, limit: int) -> list[Seen]:
        """The newest acts with that card in a stretch of time, the oldest first."""
        within = {"card": card, "since": _text(since), "until": _text(until), "most": limit}
        with self._engine.connect() as connection:
            return [_seen(row) for row in reversed(connection.execute(_AROUND, within).all())]

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these flags were raised already."""
        with self._engine.connect() as connection:
            return set(connection.scalars(sa.select(_f.key).where(_f.key.in_(keys))))

    def unseen(self) -> tuple[int, dict[str, int]]:
        """How many flags nobody has looked at, in all and by rule."""
        query = sa.select(_f.rule, sa.func.count()).where(_f.seen_by == "").group_by(_f.rule)
        with self._engine.connect() as connection:
            by_rule = {rule: count for rule, count in connection.execute(query).all()}  # noqa: C416 - rows are not tuples
        return sum(by_rule.values()), by_rule

    def flags(self, after: int, limit: int, *, unseen: bool) -> list[Flag]:
        """Flags by their numbers; ``unseen``: those that nobody has looked at."""
        query = sa.select(t.flag).where(_f.sequence > after).order_by(_f.sequence).limit(limit)
        query = query.where(_f.seen_by == "") if unseen else query
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Flag(row.sequence, row.rule, decode_json(row.line), row.seen_by, row.seen_at) for row in rows]

    def whose(self, sequence: int) -> dict[str, str] | None:
        """The numbers of the card that a flag is about; None when there is no such flag.

        Raises ``Fault("person.forgotten")`` when the period was destroyed.
        """
        with self._engine.connect() as connection:
            sealed = connection.scalar(sa.select(_f.sealed).where(_f.sequence == sequence))
        if sealed is None:
            return None
        found: dict[str, str] = decode_json(self._vault.open("flag", str(sequence), "sealed", sealed)) if sealed else {}
        return found

    def flag_page(self, after: int, limit: int) -> FeedPage:
        """As the feed: rows after a cursor and the head, from one snapshot."""
        query = sa.select(t.flag).where(_f.sequence > after).order_by(_f.sequence).limit(max(0, min(limit, MAX_PAGE)))
        with snapshot(self._engine) as connection:
            head = read_head(connection, t.flag)
            rows = connection.execute(query).all()
        found = tuple(FeedRow(row.sequence, row.previous, row.hash, row.line) for row in rows)
        return FeedPage(found, head.sequence, head.hash)


def put_of(seen: Seen, subject: Subject) -> Put:
    """An act as a row of the window."""
    row = {
        "audit_id": seen.audit_id,
        "at": _text(seen.at),
        "act": str(seen.act),
        "code": seen.code,
        "card": subject.card,
        "number": subject.number,
        "role": str(seen.role),
        "account": seen.account,
        "terminal": seen.terminal,
        "region": seen.region,
        "psam": seen.psam,
        "differs": " ".join(seen.differs),
        "waiting": True,
        "sealed": "",
    }
    return Put("audit_event", row, subject.clear)


def judged(vault: Vault, acts: Sequence[str], flags: Sequence[Raised], at: dt.datetime) -> Work:
    """These acts were looked at, and this came of it: numbered and chained here, under the lock of all who write."""

    def work(connection: sa.Connection) -> None:
        head = read_head(connection, t.flag)
        sequence, previous = head.sequence, head.hash
        for one in flags:
            sequence += 1
            line = encode({"sequence": sequence, "rule": one.rule, **one.body})
            digest = link(previous, line)
            sealed = _sealed_anew(vault, one, sequence, at)
            row = {
                "sequence": sequence,
                "rule": one.rule,
                "key": one.key,
                "previous": previous,
                "hash": digest,
                "line": line,
                "sealed": sealed,
            }
            connection.execute(sa.insert(t.flag).values(**row))
            previous = digest
        connection.execute(sa.update(t.audit_event).where(_a.audit_id.in_(acts)).values(waiting=False))

    return work


def _sealed_anew(vault: Vault, one: Raised, sequence: int, at: dt.datetime) -> str:
    """The numbers of the act's card, sealed in their new place; "" when there are none any more."""
    if not one.sealed:
        return ""
    try:
        clear = vault.open("audit_event", row_name(one.audit_id), "sealed", one.sealed)
        return vault.seal("flag", str(sequence), "sealed", clear, at)
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise WorkRefusedError(fault) from fault
        return ""


def looked_at(sequence: int, by: str, at: dt.datetime) -> Work:
    """Somebody looked at a flag; refused when there is none, or somebody did already."""

    def work(connection: sa.Connection) -> None:
        mine = sa.and_(_f.sequence == sequence, _f.seen_by == "")
        if connection.execute(sa.update(t.flag).where(mine).values(seen_by=by, seen_at=at.isoformat())).rowcount != 1:
            raise WorkRefusedError(Fault("request.not_found", "no such flag waits to be looked at"))

    return work


def prune(before: dt.datetime, pruned: list[int]) -> Work:
    """Take away a page of acts that no rule needs any more; ``pruned`` hears how many."""

    def work(connection: sa.Connection) -> None:
        old = sa.select(_a.audit_id).where(_a.at < _text(before), sa.not_(_a.waiting)).limit(PRUNED_PAGE)
        ids = list(connection.scalars(old))
        connection.execute(sa.delete(t.audit_event).where(_a.audit_id.in_(ids)))
        pruned.append(len(ids))

    return work


def _text(when: dt.datetime) -> str:
    """A time as text that sorts, to the microsecond: which of two uses came first decides what a rule sees."""
    return when.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _seen(row: Any) -> Seen:
    return Seen(
        audit_id=row.audit_id,
        at=dt.datetime.fromisoformat(row.at),
        act=Act(row.act),
        code=row.code,
        card=row.card,
        role=Role(row.role),
        account=row.account,
        terminal=row.terminal,
        region=row.region,
        psam=row.psam,
        differs=tuple(row.differs.split()),
    )
