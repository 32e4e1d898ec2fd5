"""What a HIS was told of persons apart from visits: how it knows them now, and the letters that say so. Sealed.

A letter's content is fixed when it is written, in the transaction of what it tells; so it is written once, and is the same
on every repeat. Values lie in the period of their moment: with that they can be forgotten, and then nobody is told of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from attrs import evolve, frozen

from middleware.domain.command import HisMatter
from middleware.domain.destination import Addressed
from middleware.domain.fault import Fault
from middleware.domain.his import HisPatient, MergePatients, OldMedium, UpdatePatient
from middleware.domain.his_patient import differs
from middleware.domain.identity import MediumNumber
from middleware.domain.kind import VisitKind
from middleware.domain.told import PatientFacts
from middleware.store import tables as t
from middleware.store.codec import decode_holder, decode_json, encode, encode_holder
from middleware.store.his_people import HisPeople, clear_of, facts_of
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

_s, _n, _o = t.his_standing.c, t.his_notice.c, t.outbox.c
_ID = "id_number"
Change = Callable[[HisPatient | None], HisPatient | None]


@frozen(slots=True)
class Letters:
    """One message to everybody who wants it; ``base_id`` is its control id without a destination's mark."""

    base_id: str
    to: tuple[Addressed, ...]


class HisNotices:
    """Reads in the pool's threads; writes inside the writer's transaction."""

    def __init__(self, engine: sa.Engine, vault: Vault, people: HisPeople) -> None:
        self._engine = engine
        self._vault = vault
        self._people = people

    def standing(self, id_number: str) -> HisPatient | None:
        """The person as the HIS was last told; None for one whom it was told nothing of, or who is forgotten."""
        with self._engine.connect() as connection:
            row = self._row(connection, id_number)
            return self._opened(row) if row is not None else None

    def message(self, control_id: str, base_id: str, created_at: dt.datetime) -> UpdatePatient | MergePatients:
        """The letter's content; ``base_id`` is the control id without a destination's mark.

        Raises ``Fault("person.forgotten")``, and ``Fault("request.not_found")`` where there is none.
        """
        with self._engine.connect() as connection:
            sealed = connection.scalar(sa.select(_n.sealed).where(_n.control_id == base_id))
        if sealed is None:
            raise Fault("request.not_found", "the letter's content")
        clear = decode_json(self._vault.open("his_notice", base_id, "sealed", sealed))
        if "patient" in clear:
            return UpdatePatient(control_id, created_at, _patient_of(clear["patient"]))
        kept, prior = facts_of(clear["kept"]), facts_of(clear["prior"])
        return MergePatients(control_id, created_at, kept, prior, clear["undone"])

    # -- writing: inside the writer's transaction

    def changed(self, id_number: str, change: Change, told: Letters, now: dt.datetime) -> Callable[[sa.Connection], bool]:
        """Judge ``change`` by what stands on the disk; write what stands then, and the letters if that is news to the HIS.

        The work gives whether letters were written. ``change`` gives None when nothing is to be written.
        """

        def work(connection: sa.Connection) -> bool:
            row = self._row(connection, id_number, now)
            before = self._opened(row) if row is not None else None
            after = change(before)
            if after is None or after == before:
                return False
            number = self._people.current(connection, after.patient_number.reveal(), now)
            after = evolve(after, patient_number=MediumNumber(number))
            news = before is not None and differs(before, after)
            standing_id = self._put(connection, row, after, id_number, now, same=before is not None and not news)
            if not news or not told.to:
                return False
            self.write(connection, {"patient": _clear_of(after)}, told, HisMatter.UPDATED, after.visit_id, now, standing_id)
            return True

        return work

    def _put(
        self, connection: sa.Connection, row: Any, after: HisPatient, id_number: str, now: dt.datetime, *, same: bool
    ) -> str:
        """``same``: nothing of it is news, so that a letter that was refused still says what is known."""
        standing_id: str = row.standing_id if row is not None else "T" + after.visit_id[1:]
        values = {
            "person_digest": self._vault.digest(_ID, id_number, now),
            "changed_at": row.changed_at if same else now.isoformat(),
            "sealed": self._vault.seal("his_standing", standing_id, "sealed", encode(_clear_of(after)), now),
        }
        if row is None:
            connection.execute(sa.insert(t.his_standing).values(standing_id=standing_id, **values))
        else:
            connection.execute(sa.update(t.his_standing).where(_s.standing_id == standing_id).values(**values))
        return standing_id

    def write(
        self,
        connection: sa.Connection,
        content: Mapping[str, Any],
        told: Letters,
        matter: HisMatter,
        lane: str,
        now: dt.datetime,
        standing_id: str = "",
    ) -> None:
        """A letter to each of them; ``lane``: the visit in whose patient's order it leaves, or the merge."""
        if connection.scalar(sa.select(_n.control_id).where(_n.control_id == told.base_id)) is not None:
            raise WorkRefusedError(Fault("system.busy", "the number of a letter was taken"))
        sealed = self._vault.seal("his_notice", told.base_id, "sealed", encode(content), now)
        values = {"control_id": told.base_id, "standing_id": standing_id, "sealed": sealed}
        connection.execute(sa.insert(t.his_notice).values(**values))
        add_letters(connection, matter, lane, "", told, now)

    def _row(self, connection: sa.Connection, id_number: str, now: dt.datetime | None = None) -> Any:
        """``now`` for a writer: the key may have been made in its own transaction."""
        digests = self._vault.digests(_ID, id_number)
        if now is not None:
            digests.append(self._vault.digest(_ID, id_number, now))
        query = sa.select(t.his_standing).where(_s.person_digest.in_(digests)).order_by(_s.changed_at.desc()).limit(1)
        return connection.execute(query).one_or_none() if digests else None

    def _opened(self, row: Any) -> HisPatient | None:
        try:
            return _patient_of(decode_json(self._vault.open("his_standing", row.standing_id, "sealed", row.sealed)))
        except Fault as fault:
            if fault.code != "person.forgotten":
                raise
            return None


def add_letters(
    connection: sa.Connection, matter: HisMatter, visit_id: str, settlement_id: str, told: Letters, now: dt.datetime
) -> None:
    """Letters of a fact that is in this transaction; one that is there already is not written again."""
    for one in told.to:
        if connection.scalar(sa.select(_o.control_id).where(_o.control_id == one.control_id)) is None:
            values = {"control_id": one.control_id, "visit_id": visit_id, "settlement_id": settlement_id, "copy": one.copy}
            values |= {"matter": str(matter), "destination": one.destination, "created_at": now.isoformat(), "outcome": ""}
            connection.execute(sa.insert(t.outbox).values(**values))


def merge_content(kept: PatientFacts, prior: PatientFacts, *, undone: bool) -> dict[str, Any]:
    """What a merge's letter says."""
    return {"kept": clear_of(kept), "prior": clear_of(prior), "undone": undone}


def _clear_of(one: HisPatient) -> dict[str, Any]:
    return {
        "holder": encode_holder(one.holder),
        "number": one.patient_number.reveal(),
        "person_number": one.person_number,
        "insurance": one.insurance,
        "visit_id": one.visit_id,
        "kind": str(one.visit_kind),
        "media": [
            [medium.kind, medium.number.reveal(), medium.moved_on.isoformat() if medium.moved_on else ""]
            for medium in one.media
        ],
    }


def _patient_of(clear: dict[str, Any]) -> HisPatient:
    return HisPatient(
        holder=decode_holder(clear["holder"]),
        patient_number=MediumNumber(clear["number"]),
        person_number=clear["person_number"],
        insurance=clear["insurance"],
        visit_id=clear["visit_id"],
        visit_kind=VisitKind(clear["kind"]),
        media=tuple(
            OldMedium(kind, MediumNumber(number), dt.date.fromisoformat(moved) if moved else None)
            for kind, number, moved in clear["media"]
        ),
    )
