"""Whom the HIS has: asked before a registration makes somebody new there, and by counters. Nothing is guessed.

A patient is taken for the person of the card only when the HIS answers with one whose document is the card's own, or that
it has by that very number. Several, or one that is known by name and birth date alone, are shown to a person, who chooses.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from attrs import evolve, field, frozen

from middleware.domain.centre import Holder
from middleware.domain.document import NOBODYS
from middleware.domain.fault import Fault
from middleware.domain.his import FindBy, FindPatient, HisFound
from middleware.domain.identity import MediumNumber, PersonName
from middleware.domain.order import Caller, Role
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused
from middleware.domain.patients import contradicts, speaking
from middleware.domain.told import PatientFacts
from middleware.engine.counter import Answer
from middleware.engine.runner import Means
from middleware.ports import PatientIndex
from middleware.store.codec import encode
from middleware.store.units import Record, Unit

_LIVES = 100


@frozen(slots=True)
class FindRules:
    """``at_registration``: by what a registration asks first, None: it does not; ``register_anyway``: if nobody answers."""

    at_registration: FindBy | None = None
    register_anyway: bool = False
    most: int = 10


@frozen(slots=True)
class Judged:
    """What an answer says of the person who was asked for. ``others`` are surely somebody else."""

    sure: tuple[PatientFacts, ...] = ()
    likely: tuple[PatientFacts, ...] = ()
    others: tuple[PatientFacts, ...] = ()
    more: bool = False

    @property
    def outcome(self) -> str:
        """One, several or none: one only when it is certain who it is and that there is no other."""
        if len(self.sure) == 1 and not self.likely and not self.more:
            return "one"
        return "several" if self.sure or self.likely or self.more else "none"


def judged(found: HisFound, person: PatientFacts, by: FindBy) -> Judged:
    """Who of them is the person. Pure. What was found by the number itself is the person's unless its document says no."""
    sure, likely, others = [], [], []
    for one in found.patients:
        if contradicts(one, person):
            others.append(one)
        elif one.document or by is FindBy.NUMBER:
            sure.append(one)
        else:
            likely.append(one)
    return Judged(tuple(sure), tuple(likely), tuple(others), found.more)


@frozen(slots=True)
class Finding:
    """Each look is journalled without whom it was about."""

    means: Means
    index: PatientIndex
    rules: FindRules = field(factory=FindRules)

    async def look(self, caller: Caller, person: PatientFacts, by: FindBy) -> Answer:
        """``patient.find_in_his``: what the HIS said, and what speaks for and against each. Raises ``his.find_off``."""
        outcome = await self._ask(caller, person, by)
        match outcome:
            case Answered(found):
                seen = judged(found, person, by)
                rows = [*seen.sure, *seen.likely, *seen.others]
                return {
                    "outcome": seen.outcome,
                    "more": seen.more,
                    "patients": [_view(one, person, clear=caller.role is Role.HIS) for one in rows],
                }
            case Refused(code, _):
                return {"outcome": "refused", "why": code, "more": False, "patients": []}
            case NotSent(fault, _):
                return {"outcome": "no_answer", "why": fault, "more": False, "patients": []}
        return {"outcome": "no_answer", "why": outcome.cause, "more": False, "patients": []}

    async def before_registration(self, caller: Caller, holder: Holder) -> str:
        """The HIS's number of that person, "" for one whom it has not.

        Raises ``his.several``, and ``his.refused`` or ``his.no_answer`` where a registration waits for the answer.
        """
        by = self.rules.at_registration
        if by is None:
            return ""
        person = person_of(holder)
        outcome = await self._ask(caller, person, by)
        if isinstance(outcome, Answered):
            seen = judged(outcome.reply, person, by)
            if seen.outcome == "several":
                raise Fault("his.several", f"{len(seen.sure) + len(seen.likely)}" + ("+" if seen.more else ""))
            return seen.sure[0].number.reveal() if seen.sure else ""
        if self.rules.register_anyway:
            return ""
        if isinstance(outcome, Refused):
            raise Fault("his.refused", "query", foreign=f"{outcome.code} {outcome.message}".strip())
        raise Fault("his.no_answer", "query")

    async def _ask(self, caller: Caller, person: PatientFacts, by: FindBy) -> Outcome[HisFound]:
        means, now = self.means, self.means.now()
        number = f"Q{means.next_message_id()[14:30]}{means.journal.epoch % _LIVES:02d}"
        query = FindPatient(
            number, now, by, person.document, person.number, person.name, person.birth_date, person.sex, self.rules.most
        )
        outcome = await self.index.find(query)
        if isinstance(outcome, NotSent) and outcome.fault in {"his.find_off", "his.message"}:
            raise Fault(outcome.fault, outcome.detail)
        await self._looked(caller, query, outcome, now)
        return outcome

    async def _looked(self, caller: Caller, query: FindPatient, outcome: Outcome[HisFound], now: dt.datetime) -> None:
        count = len(outcome.reply.patients) if isinstance(outcome, Answered) else 0
        body: dict[str, Any] = {"role": str(caller.role), "account": caller.account, "terminal": caller.terminal}
        body |= {"by": str(query.by), "query": query.control_id, "outcome": type(outcome).__name__, "found": count}
        words = f"{outcome.code} {outcome.message}" if isinstance(outcome, Refused) else ""
        record = Record(now, "", "", "PatientSoughtInHis", "", "", encode(body), words)
        await self.means.journal.commit(Unit(records=(record,), now=now))


def person_of(holder: Holder) -> PatientFacts:
    """The person of a card that was read."""
    born = holder.birth_date.strftime("%Y%m%d")
    return PatientFacts(MediumNumber(""), holder.name, holder.id_number, born, holder.sex)


def known_by(number: MediumNumber) -> PatientFacts:
    """Somebody of whom only the HIS's own number is known."""
    return PatientFacts(number, PersonName(""), NOBODYS)


def _view(one: PatientFacts, person: PatientFacts, *, clear: bool) -> Answer:
    good, bad = speaking(evolve(person, number=MediumNumber("")), one) if person.document else ((), ())
    return {
        "number": one.number.reveal(),
        "name": one.name.reveal() if clear else one.name.masked,
        "id_number": one.document.reveal() if clear else one.document.masked,
        "birth_date": one.birth_date if clear else "",
        "sex": one.sex,
        "speaks_for": list(good),
        "speaks_against": list(bad),
    }
