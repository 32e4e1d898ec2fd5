"""Sequence numbers as the disk has them: given before a message leaves, under the lock that all writers take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.domain.numbering import FAULT, MAX_NUMBER, LinkState, Numbers
from middleware.store import tables as t
from middleware.store.units import WorkRefusedError

Work = Callable[[sa.Connection], None]
_l, _o = t.his_link.c, t.outbox.c
MAX_WHY = 80


def numbers_of(connection: sa.Connection, name: str) -> Numbers:
    """How a link stands; a link that never sent anything begins at 1."""
    row = connection.execute(sa.select(t.his_link).where(_l.name == name)).one_or_none()
    return Numbers() if row is None else Numbers(row.next, row.open, LinkState(row.state), row.why)


def read_numbers(engine: sa.Engine, name: str) -> Numbers:
    """The same, for whoever has no transaction."""
    with engine.connect() as connection:
        return numbers_of(connection, name)


def give(name: str, control_id: str, now: dt.datetime, given: list[tuple[int, bool]]) -> Work:
    """The next number becomes this letter's, or it keeps the one that it has; ``given`` gets it, and whether it is new.

    Refused while the link is not open, or another letter that bears a number has no answer.
    """

    def work(connection: sa.Connection) -> None:
        numbers = numbers_of(connection, name)
        mine = connection.scalar(sa.select(_o.number).where(_o.control_id == control_id, _o.outcome == ""))
        if mine is None:
            raise WorkRefusedError(Fault("desk.stale", "the letter is closed"))
        if numbers.state is not LinkState.OPEN:
            raise WorkRefusedError(Fault(FAULT, numbers.why))
        if mine:
            given.append((mine, False))
            return
        if numbers.open not in {"", control_id}:
            raise WorkRefusedError(Fault("desk.stale", f"{numbers.open} has no answer"))
        if numbers.next > MAX_NUMBER:
            raise WorkRefusedError(Fault(FAULT, "the numbers are used up"))
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id).values(number=numbers.next))
        _put(connection, name, now, next=numbers.next + 1, open=control_id)
        given.append((numbers.next, True))

    return work


def answered(name: str, control_id: str, now: dt.datetime, *, counted: bool, frozen: str) -> Work:
    """The letter has its answer. A number that was not counted is the next one again."""

    def work(connection: sa.Connection) -> None:
        numbers = numbers_of(connection, name)
        values: dict[str, Any] = {}
        if numbers.open == control_id:
            values = {"open": "", "next": numbers.next if counted else numbers.next - 1}
        if frozen:
            values |= {"state": str(LinkState.FROZEN), "why": frozen[:MAX_WHY]}
        if values:
            _put(connection, name, now, **values)

    return work


def taken_back(name: str, control_id: str, now: dt.datetime) -> Work:
    """The letter's number was given and has certainly not left: it is the next one again."""

    def work(connection: sa.Connection) -> None:
        answered(name, control_id, now, counted=False, frozen="")(connection)
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id, _o.outcome == "").values(number=0))

    return work


def turned(name: str, state: LinkState, why: str, now: dt.datetime) -> Work:
    """From now on the link stands so."""
    return lambda connection: _put(connection, name, now, state=str(state), why=why[:MAX_WHY])


def forgotten(connection: sa.Connection, control_id: str) -> None:
    """A letter will never be answered: its number, if it has one, is used up."""
    connection.execute(sa.update(t.his_link).where(_l.open == control_id).values(open=""))


def _put(connection: sa.Connection, name: str, now: dt.datetime, **values: Any) -> None:
    values["at"] = now.isoformat()
    mine = sa.update(t.his_link).where(_l.name == name)
    if connection.execute(mine.values(**values)).rowcount:
        return
    first = {"next": 1, "open": "", "state": str(LinkState.OPEN), "why": ""}
    connection.execute(sa.insert(t.his_link).values(name=name, **(first | values)))
