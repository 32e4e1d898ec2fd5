"""Charge lines that a HIS told: each once, its changes seen, and at most one settlement that may ever hold it.

Whether a line may go into a quote is asked inside the transaction that writes the quote, under the lock of all who write.
A line belongs to the settlement that took it until that one is certain to hold no money (``FREE``), or until its quote is
good for nothing any more: it expired, the HIS changed a line of it, or it came to rest before it was one. That a quote
still has all its lines is asked again inside the transaction that confirms it (``still_held``), under the same lock, so
that no line is taken from a settlement that is on its way. A line of a stay belongs to the errand that charged it, until
the centre declined that or it was taken back; ``settlement_id`` has either one's id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from attrs import asdict, frozen

from middleware.domain.charge import MAX_LINES, ChargeLine
from middleware.domain.errand import ErrandState
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.payment import LEG_OPEN
from middleware.domain.told import LineAct, LineTold
from middleware.domain.visit import SettlementState
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.links import Work
from middleware.store.prepared import Prepared
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault, row_name

OPEN, WITHDRAWN = "open", "withdrawn"
FREE = frozenset({SettlementState.REFUSED, SettlementState.CANCELLED, SettlementState.REVERSED})
FOR_GOOD = (SettlementState.SETTLED, SettlementState.DELIVERED)
ERRAND = "U"  # how an errand's id begins
EARLY = frozenset({SettlementState.RECEIVED, SettlementState.ITEMISED})
_c, _s = t.his_charge.c, t.settlement.c
# Written once: both are asked before each settlement.
_STILL_OWN = (
    sa.select(sa.func.count())
    .select_from(t.his_charge)
    .where(_c.settlement_id == sa.bindparam("settlement"), _c.state == OPEN, ~_c.late)
)
_TAKEN = Prepared(
    sa.select(t.his_quote.c.lines, _STILL_OWN.scalar_subquery().label("own")).where(
        t.his_quote.c.settlement_id == sa.bindparam("settlement")
    )
)


@frozen(slots=True)
class Stored:
    """A line as it is on the disk. ``late``: the HIS said something else of it after it was taken."""

    link: str
    line: ChargeLine
    lacks: tuple[str, ...]
    state: str
    encounter: str
    version: int
    late: bool
    settlement_id: str
    sequence: int
    patient: str


class HisCharges:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def of_patients(self, numbers: Sequence[str], most: int, *, every: bool) -> list[Stored]:
        """Lines of a patient, by any of the HIS's numbers of it; ``every``: also those that were taken or withdrawn."""
        digests = self._vault.standing_digests(*(("his-charge", number) for number in numbers)) if numbers else []
        query = sa.select(t.his_charge).where(_c.patient_digest.in_(digests)).order_by(_c.sequence, _c.line_id)
        if not every:
            query = query.where(_c.state == OPEN)
        with self._engine.connect() as connection:
            return [self.stored(row) for row in connection.execute(query.limit(most))] if digests else []

    def to_charge(self, numbers: Sequence[str], encounter: str, most: int) -> list[Stored]:
        """Open lines of a patient that nothing holds for good, the oldest first; of one encounter, "" = of all.

        What a settlement has settled, or a stay was charged with, is no open line any more and is left out quietly.
        """
        digests = self._vault.standing_digests(*(("his-charge", number) for number in numbers)) if numbers else []
        mine = sa.and_(_c.patient_digest.in_(digests), _c.state == OPEN)
        if encounter:
            mine = sa.and_(mine, _c.encounter == encounter)
        settled = sa.exists().where(_s.settlement_id == _c.settlement_id, _s.state.in_(FOR_GOOD))
        query = sa.select(t.his_charge).where(mine, ~settled).order_by(_c.sequence, _c.line_id).limit(most)
        errands = sa.select(_c.visit_id, _c.settlement_id).where(mine, _c.settlement_id.startswith(ERRAND)).distinct()
        with self._engine.connect() as connection:
            if not digests:
                return []
            done = [one.settlement_id for one in connection.execute(errands) if _errand_state(connection, one) == _CHARGED]
            return [self.stored(row) for row in connection.execute(query.where(_c.settlement_id.not_in(done)))]

    def late(self, most: int) -> list[Stored]:
        """Lines of which the HIS said something else after a settlement had taken them: for a person."""
        query = sa.select(t.his_charge).where(_c.late, _c.settlement_id != "").order_by(_c.sequence).limit(most)
        with self._engine.connect() as connection:
            return [self.stored(row) for row in connection.execute(query)]

    def holds(self, settlement_id: str) -> bool | None:
        """Whether all lines that a settlement was quoted with, or a stay charged, are still its own and as they were.

        None for whatever took none.
        """
        with self._engine.connect() as connection:
            return _holds(connection, settlement_id)

    def stored(self, row: Any) -> Stored:
        """A row, opened."""
        clear = decode_json(self._vault.open("his_charge", row_name(row.link, row.line_id), "sealed", row.sealed))
        line = clear["line"]
        whole = line | {
            "unit_price": Decimal(line["unit_price"]),
            "quantity": Decimal(line["quantity"]),
            "amount": Money(line["amount"]),
            "charged_at": dt.datetime.fromisoformat(line["charged_at"]),
        }
        return Stored(
            row.link, ChargeLine(**whole), tuple(clear["lacks"]), row.state, row.encounter, row.version, bool(row.late),
            row.settlement_id, row.sequence, clear["patient"],
        )  # fmt: skip

    def put(
        self, link: str, told: Sequence[LineTold], patient: str, encounter: str, sequence: int, now: dt.datetime
    ) -> Work:
        """What a message says of these lines. The same again changes nothing; an older message never changes a newer's."""
        rows = [self._row(link, one, patient, encounter, now) for one in told]

        def work(connection: sa.Connection) -> None:
            for one, values in zip(told, rows, strict=True):
                _put(connection, values | {"sequence": sequence}, withdraw=one.act is LineAct.WITHDRAW)

        return work

    def _row(self, link: str, told: LineTold, patient: str, encounter: str, now: dt.datetime) -> dict[str, Any]:
        line = told.line
        plain = asdict(line, recurse=False) | {
            "unit_price": str(line.unit_price),
            "quantity": str(line.quantity),
            "amount": line.amount.fen,
            "charged_at": line.charged_at.isoformat(),
        }
        clear = encode({"line": plain, "lacks": told.lacks, "patient": patient})
        name = row_name(link, line.line_id)
        return {
            "link": link,
            "line_id": line.line_id,
            "patient_digest": self._vault.standing_digest("his-charge", patient, now),
            "encounter": encounter,
            "digest": self._vault.standing_digest("his-line", clear, now),
            "changed_at": now.isoformat(),
            "sealed": self._vault.seal_standing("his_charge", name, "sealed", clear, now),
        }


def _put(connection: sa.Connection, values: dict[str, Any], *, withdraw: bool) -> None:
    mine = sa.and_(_c.link == values["link"], _c.line_id == values["line_id"])
    row = connection.execute(sa.select(t.his_charge).where(mine)).one_or_none()
    state = WITHDRAWN if withdraw else OPEN
    if row is None:
        fresh = {"state": state, "version": 1, "late": False, "settlement_id": "", "visit_id": ""}
        connection.execute(sa.insert(t.his_charge).values(**values | fresh))
        return
    if values["sequence"] < row.sequence:
        return
    if withdraw:  # the words of a credit are not the line's: what it was stays to be seen
        changed = {"state": WITHDRAWN, "sequence": values["sequence"], "changed_at": values["changed_at"]}
        if row.state == WITHDRAWN:
            return
    elif (row.digest, row.state) == (values["digest"], OPEN):
        return
    else:
        changed = values | {"state": OPEN}
    # Its settlement has a bill of its own; here stands what the HIS says now, and that it says so late.
    held = bool(row.settlement_id) and not _free(connection, row)
    owner = {} if held else {"settlement_id": "", "visit_id": ""}
    connection.execute(sa.update(t.his_charge).where(mine).values(**changed | owner, late=held, version=row.version + 1))


def _free(connection: sa.Connection, row: Any) -> bool:
    if row.settlement_id.startswith(ERRAND):
        return _errand_state(connection, row) == _NOT_CHARGED
    state = connection.scalar(sa.select(_s.state).where(_s.settlement_id == row.settlement_id))
    return state in FREE


_CHARGED, _NOT_CHARGED, _PENDING = "charged", "not charged", "pending"


def _errand_state(connection: sa.Connection, row: Any) -> str:
    """Whether the centre holds what that errand charged. An errand has no row of its own: its visit says so."""
    body = connection.scalar(sa.select(t.visit.c.body).where(t.visit.c.visit_id == row.visit_id))
    visit = decode_json(body) if body else {}
    errand: dict[str, Any] = next((one for one in visit.get("errands", ()) if one["errand_id"] == row.settlement_id), {})
    if errand.get("withdrawn") or errand.get("state") == ErrandState.DECLINED:
        return _NOT_CHARGED
    return _CHARGED if errand.get("state") == ErrandState.DONE else _PENDING


def _holds(connection: sa.Connection, settlement_id: str) -> bool | None:
    taken = _TAKEN.row(connection, settlement=settlement_id)
    return None if taken is None else bool(taken.own == taken.lines)


def still_held(owners: Sequence[str]) -> Work:
    """Each of these settlements and errands has all its lines, as they were. Refused with ``settlement.quote_changed``."""

    def work(connection: sa.Connection) -> None:
        if any(_holds(connection, owner) is False for owner in owners):
            raise WorkRefusedError(Fault("settlement.quote_changed", "the HIS changed a line, or it was quoted anew"))

    return work


def claim(settlement_id: str, visit_id: str, lines: Sequence[Stored], now: dt.datetime) -> Work:
    """These lines go into that settlement, or errand of a stay, and into no other.

    Refused with ``charge.claimed`` when another settlement may hold one, with ``settlement.quote_changed`` when one is no
    longer as it was read.
    """
    owner = {"settlement_id": settlement_id, "visit_id": visit_id, "late": False}

    def work(connection: sa.Connection) -> None:
        for one in lines:
            mine = sa.and_(_c.link == one.link, _c.line_id == one.line.line_id)
            row = connection.execute(sa.select(t.his_charge).where(mine)).one_or_none()
            if row is None or (row.version, row.state) != (one.version, OPEN):
                raise WorkRefusedError(Fault("settlement.quote_changed", "the HIS changed a line meanwhile"))
            if row.settlement_id and not _free(connection, row) and not _superseded(connection, row, visit_id, now):
                raise WorkRefusedError(Fault("charge.claimed", row.settlement_id))
            connection.execute(sa.update(t.his_charge).where(mine).values(**owner))
        connection.execute(sa.insert(t.his_quote).values(settlement_id=settlement_id, lines=len(lines)))

    return work


def _superseded(connection: sa.Connection, row: Any, visit_id: str, now: dt.datetime) -> bool:
    """Whether what holds the line can be confirmed no more: another till's quote is left alone while it can.

    A quote stays one while the payer's bank is asked, or the channel for an order: it is confirmed already.
    """
    body = connection.scalar(sa.select(t.visit.c.body).where(t.visit.c.visit_id == row.visit_id))
    known = decode_json(body)["settlements"] if body else ()
    quote = next((one for one in known if one["settlement_id"] == row.settlement_id), None)
    if quote is None:
        return False
    if quote["state"] in EARLY:
        return row.visit_id == visit_id or not quote.get("awaiting")
    paying = quote.get("awaiting") or any(leg["state"] in LEG_OPEN for leg in quote.get("legs", ()))
    if quote["state"] != SettlementState.QUOTED or paying:
        return False
    expires_at = quote.get("expires_at")
    expired = expires_at is not None and dt.datetime.fromisoformat(expires_at) <= now
    return expired or _holds(connection, row.settlement_id) is False


def check_lines(lines: Sequence[Stored]) -> tuple[ChargeLine, ...]:
    """The lines of a bill. Raises ``charge.none`` and ``charge.incomplete``."""
    if not lines:
        raise Fault("charge.none")
    lacking = [f"{one.line.line_id}: {', '.join(one.lacks)}" for one in lines if one.lacks]
    if lacking:
        raise Fault("charge.incomplete", "; ".join(lacking[:5]))
    if len(lines) > MAX_LINES or len({one.line.line_id for one in lines}) != len(lines):
        raise Fault("charge.incomplete", f"more than {MAX_LINES} lines, or one number on two links")
    return tuple(one.line for one in lines)
