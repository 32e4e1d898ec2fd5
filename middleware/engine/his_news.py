"""What follows from the HIS's yes, and what it is told of persons beside visits: changes and accounts.

A change is told once, in the person's order, and only of a person whose registration the HIS took. Nothing of a visit or of
money waits for the answer: a refused notice is a dead letter that an operator sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import structlog
from attrs import evolve

from middleware.domain.centre import Holder
from middleware.domain.command import HisMatter
from middleware.domain.destination import addressed
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted, HisPatient, MergePatients, OldMedium, UpdatePatient
from middleware.domain.his_patient import differs, registered_again, seen_again, with_medium
from middleware.domain.identity import MediumNumber
from middleware.domain.kind import VisitKind
from middleware.domain.visit import Visit
from middleware.engine.runner import Engine, Means
from middleware.store.codec import encode
from middleware.store.his_notices import Letters, add_letters
from middleware.store.links import Work
from middleware.store.units import Letter, Record, Unit, WorkRefusedError

log = structlog.get_logger()

BESIDES = "besides"  # an account's end is told beside the charges; what is told instead of them is a settlement's letter
Accounts = Mapping[str, Mapping[VisitKind, str]]  # by destination
_LIVES = 100
_NOTHING = Fault("desk.stale", "nothing of it is news")


class HisNews:
    """``accounts``: which destinations keep accounts of which visits, and how; ``old_cards``: linked cards are told."""

    def __init__(self, engine: Engine, accounts: Accounts, *, old_cards: bool = False) -> None:
        self._engine = engine
        self._means = engine.means
        self._accounts = accounts
        self._old_cards = old_cards
        engine.follows = self.follows

    def wants(self, matter: HisMatter) -> bool:
        """Whether anybody wants to hear of that."""
        return any(matter in one.wants for one in self._means.destinations)

    def letters(self, matter: HisMatter, base_id: str) -> Letters:
        """One to each who wants to hear of it."""
        return Letters(base_id, tuple(addressed(self._means.destinations, matter, base_id)))

    def new_id(self, letter: str) -> str:
        """A control id of 19 characters that no earlier life gave in the same second."""
        return f"{letter}{self._means.next_message_id()[14:30]}{self._means.journal.epoch % _LIVES:02d}"

    def kick(self) -> None:
        """There may be a letter that was not there a moment ago."""
        self._engine.letter_added()

    # -- of persons

    async def seen(self, holder: Holder) -> None:
        """Somebody was read again: what is known otherwise since is told. Raises nothing: a read must not fail by it."""
        if self.wants(HisMatter.UPDATED):
            try:
                await self._seen(holder)
            except Fault as fault:
                log.warning("his_news.not_told", code=fault.code)

    async def _seen(self, holder: Holder) -> None:
        means, id_number = self._means, holder.id_number.reveal()
        known = await means.pool.run(means.reader.his_notices.standing, id_number)
        if known is not None and differs(known, _seen_by(known, holder)):
            await self._tell(id_number, lambda before: _seen_by(before, holder) if before is not None else None)

    async def linked(self, id_number: str, kind: str, number: MediumNumber, *, moved: bool) -> None:
        """An old card is that person's, or is good for nothing since; undisputed. Raises nothing."""
        if not (self._old_cards and self.wants(HisMatter.UPDATED)):
            return
        medium = OldMedium(kind, number, self._means.now().date() if moved else None)
        try:
            await self._tell(id_number, lambda before: with_medium(before, medium) if before is not None else None)
        except Fault as fault:
            log.warning("his_news.not_told", code=fault.code)

    async def _tell(self, id_number: str, change: Any) -> None:
        means, now = self._means, self._means.now()
        told = self.letters(HisMatter.UPDATED, self.new_id("U"))
        changed = means.reader.his_notices.changed(id_number, change, told, now)

        def work(connection: sa.Connection) -> None:
            if not changed(connection):
                raise WorkRefusedError(_NOTHING)

        record = Record(now, "", "", "HisUpdateWritten", "", "", encode({"control_id": told.base_id}))
        try:
            await means.journal.commit(Unit(records=(record,), now=now, work=work))
        except Fault as fault:
            if fault.code != _NOTHING.code:
                raise
            return  # another node was faster, or nothing of it is news
        self._engine.letter_added()

    # -- what follows from a yes

    async def follows(self, letter: Letter, accepted: HisAccepted) -> Work | None:
        """What is written with the yes to a letter that decides; the letters leave when that is durable."""
        matter = HisMatter(letter.matter)
        known = self.wants(HisMatter.UPDATED) and matter is HisMatter.REGISTERED
        if not (known or self.wants(HisMatter.ACCOUNT_OPENED) or self.wants(HisMatter.ACCOUNT_ENDED)):
            return None
        visit = await self._engine.visits.visit(letter.visit_id)
        works: list[Work] = []
        if known:
            works.append(self._registered(visit, await self._engine.visits.holder(visit), accepted))
        works += self._account(letter, matter, visit.order.kind)

        def work(connection: sa.Connection) -> None:
            for one in works:
                one(connection)

        return work if works else None

    def _registered(self, visit: Visit, holder: Holder, accepted: HisAccepted) -> Work:
        number = MediumNumber(accepted.patient_number or visit.order.patient_number)
        new = HisPatient(holder, number, visit.person_number, visit.insurance, visit.visit_id, visit.order.kind)

        def change(before: HisPatient | None) -> HisPatient:
            return new if before is None else registered_again(before, new)

        told = self.letters(HisMatter.UPDATED, self.new_id("U"))
        changed = self._means.reader.his_notices.changed(holder.id_number.reveal(), change, told, self._means.now())

        def work(connection: sa.Connection) -> None:
            changed(connection)

        return work

    def _account(self, letter: Letter, matter: HisMatter, kind: VisitKind) -> list[Work]:
        """The account's letter, to those who keep one for such visits."""
        about, number = {
            HisMatter.REGISTERED: (HisMatter.ACCOUNT_OPENED, "A" + letter.visit_id[1:]),
            HisMatter.SETTLED: (HisMatter.ACCOUNT_ENDED, "E" + letter.settlement_id[1:]),
            HisMatter.CANCELLED: (HisMatter.ACCOUNT_OPENED, "O" + letter.settlement_id[1:]),
        }.get(matter, (None, ""))
        if about is None:
            return []
        modes = {name: said.get(kind, "") for name, said in self._accounts.items()}
        # An account is opened with the visit however its end is told.
        wanting = [name for name, mode in modes.items() if mode == BESIDES or (mode and matter is HisMatter.REGISTERED)]
        to = tuple(one for one in addressed(self._means.destinations, about, number) if one.destination in wanting)
        now = self._means.now()

        def work(connection: sa.Connection) -> None:
            add_letters(connection, about, letter.visit_id, letter.settlement_id, Letters(number, to), now)

        return [work] if to else []


def _seen_by(known: HisPatient, holder: Holder) -> HisPatient:
    return evolve(known, holder=seen_again(known.holder, holder))


async def content_of(means: Means, letter: Letter) -> UpdatePatient | MergePatients:
    """The message of a letter whose content was fixed when it was written; ``Fault("his.message")`` once it is gone."""
    base_id = letter.control_id[:-1] if letter.copy else letter.control_id
    try:
        message: UpdatePatient | MergePatients = await means.pool.run(
            means.reader.his_notices.message, letter.control_id, base_id, letter.created_at
        )
    except Fault as fault:
        if fault.code in {"person.forgotten", "request.not_found"}:
            raise Fault("his.message", fault.code) from fault
        raise
    return message
