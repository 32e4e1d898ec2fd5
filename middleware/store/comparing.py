"""What a restore must know before it touches anything, and what it leaves behind: the same on both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.chain import Head
from middleware.store.inspection import Findings
from middleware.store.walk import holds, read_meta, write_meta
from middleware.store.writer import read_head

RESTORED = "restored"


@frozen(slots=True)
class Present:
    """What is in place now."""

    head: Head
    epoch: int
    newest_message: str


@frozen(slots=True)
class Restored:
    """What a restore did. All from ``since`` until now must be compared with the centre.

    ``kept`` names what was in place before; ``lost_rows`` is None when nobody can tell.
    """

    findings: Findings
    since: str
    kept: tuple[str, ...]
    lost_rows: int | None


def present_in(engine: sa.Engine) -> Present | None:
    """What is there now; None when it cannot be read, for that is what a restore is for."""
    try:
        with engine.begin() as connection:
            newest: str | None = connection.scalar(sa.select(sa.func.max(t.message.c.message_id)))
            return Present(read_head(connection, t.journal), int(read_meta(connection, "epoch") or 0), newest or "")
    except (sa.exc.SQLAlchemyError, ValueError):
        return None


def lost_rows(present: Present | None, findings: Findings) -> int | None:
    """How many journal rows go; None when nobody can tell."""
    return max(0, present.head.sequence - findings.journal.sequence) if present else None


def refuse_loss(copy: sa.Engine, present: Present | None, also: Callable[[sa.Engine], str], *, accept_loss: bool) -> None:
    """Raise ``Fault("system.backup")`` when the copy lacks what is known to have been, unless that was accepted."""
    why = also(copy) or _shorter_than_present(copy, present)
    if why and not accept_loss:
        raise Fault("system.backup", f"{why}; --accept-loss restores it nevertheless")


def _shorter_than_present(copy: sa.Engine, present: Present | None) -> str:
    if present is None:
        return ""
    head = present.head
    with copy.connect() as connection:
        mine = read_head(connection, t.journal)
        if holds(connection, t.journal, head):
            return ""
    more = head.sequence - mine.sequence
    if more > 0:
        return f"the database in place has {more} journal rows that the backup has not"
    return "the database in place has another history than the backup"


def refuse_early(findings: Findings, present: Present | None, now: dt.datetime) -> None:
    """Message ids are of the clock: behind what was sent, ids that a restore loses would be given again (invariant 23)."""
    known = present.newest_message[12:26] if present else ""
    early = bool(findings.newest) and now < dt.datetime.fromisoformat(findings.newest)
    if early or now.strftime("%Y%m%d%H%M%S") < known:
        raise Fault("system.backup", "this machine's clock is behind the newest row or message: set it first")


def mark(copy: sa.Engine, findings: Findings, present: Present | None, now: dt.datetime) -> str:
    """Into the copy: since when nothing is known, and an epoch that no life before has had (invariant 17).

    A mark that is in the backup already is of a restore that nobody has compared yet: the time goes back to its start.
    """
    epoch = max(present.epoch if present else 0, findings.epoch) + 1
    with copy.begin() as connection:
        since = read_meta(connection, RESTORED).partition(" .. ")[0] or findings.newest or "the beginning"
        write_meta(connection, RESTORED, f"{since} .. {now.isoformat()}")
        write_meta(connection, "epoch", str(epoch))
    return since


def unmark(engine: sa.Engine) -> str:
    """Take away the mark: a person has compared. What it said, "" when there was none."""
    try:
        with engine.begin() as connection:
            said = read_meta(connection, RESTORED)
            write_meta(connection, RESTORED, "")
    except sa.exc.SQLAlchemyError as exc:
        raise Fault("system.backup", f"the database cannot be changed: {cause(exc)}") from exc
    return said


def cause(exc: sa.exc.SQLAlchemyError) -> str:
    """The driver's word for it, without data."""
    return type(getattr(exc, "orig", exc)).__name__
