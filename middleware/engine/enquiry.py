"""What callers ask the centre about a person, a visit or a settlement (2001, 52xx, 53xx); and who is meant.

Each question is journalled with who asked and about whom, as an opaque visit; what was answered is not kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import evolve, frozen

from middleware.domain.centre import Holder, Insurance, PersonKnown, QueryPerson
from middleware.domain.fault import Fault
from middleware.domain.filing import About
from middleware.domain.order import Caller
from middleware.domain.query import MAX_DAYS, NOBODY, AskCentre, CentreRows, Fact, Insured, Question, must_fit
from middleware.domain.statement import StatementRules
from middleware.domain.visit import Visit
from middleware.engine.asking import Asker, Patience
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine
from middleware.store.codec import encode
from middleware.store.units import Record, Unit

# A caller waits: one more try, and no long pause before it.
PATIENCE = Patience(tries=2, repeat_s=0.2, repeat_max_s=0.2)


@frozen(slots=True)
class Person:
    """Who is meant, as the centre knows them."""

    insured: Insured
    holder: Holder
    visit: Visit | None = None


@frozen(slots=True)
class Enquiry:
    """One question of a caller. What a question has no use for is "" or None."""

    question: Question
    about: About = About()  # noqa: RUF009 - frozen
    settlement_id: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    month: str = ""
    application: str = ""
    med_type: str = ""
    disease_code: str = ""
    disease_name: str = ""


class Cards(Protocol):
    """Whose card was read."""

    def holder(self, caller: Caller, card_read_id: str) -> Holder:
        """See ``CounterService.holder``."""


class Enquiries(Protocol):
    """What the door asks; every method raises ``Fault``."""

    async def ask(self, caller: Caller, enquiry: Enquiry, passed: int, limit: int) -> Answer:
        """The centre's rows behind the first ``passed``, at most ``limit``; each page asks the centre anew."""


class EnquiryDesk:
    """Implements ``Enquiries``."""

    def __init__(self, engine: Engine, cards: Cards) -> None:
        self._engine = engine
        self._means = engine.means
        self._cards = cards
        self._asker = Asker(engine, StatementRules(), PATIENCE, lambda: engine.stopping)

    def stop(self) -> None:
        """End the pauses; what is asked next is refused."""
        self._asker.wake()

    async def ask(self, caller: Caller, enquiry: Enquiry, passed: int, limit: int) -> Answer:
        """See ``Enquiries.ask``."""
        must_fit(enquiry.question, _given(enquiry))
        request, visit_id = await self._request(caller, enquiry)
        rows = await self.rows(caller, request, visit_id)
        page = rows[passed : passed + limit]
        return {
            "query": str(enquiry.question),
            "asked_at": self._means.now().isoformat(),
            "rows": [dict(row) for row in page],
            "next_after": passed + len(page),
            "complete": passed + limit >= len(rows),
        }

    async def rows(self, caller: Caller, request: AskCentre, visit_id: str) -> tuple[Mapping[str, str], ...]:
        """The centre's rows; the look is journalled."""
        now = self._means.now()
        body = encode({"query": str(request.question), "account": caller.account, "visit_id": visit_id})
        beside = Unit(records=(Record(now, "", "", "CentreAsked", "", "", body),), now=now)
        reply: CentreRows = await self._asker.ask(request, CentreRows, beside=beside)
        return reply.rows

    async def whom(self, caller: Caller, about: About) -> Person:
        """Who is meant. Raises ``card.read_expired``, ``visit.not_registered``, ``centre.*``, ``request.*``."""
        if bool(about.visit_id) is bool(about.card_read_id):
            raise Fault("request.bad_params", "params: exactly one of visit_id and card_read_id")
        if about.visit_id:
            visit = await self._engine.visits.visit(about.visit_id)
            if not visit.person_number:
                raise Fault("visit.not_registered", "the centre has not told who it is")
            who = Insured(visit.person_number, visit.insured_region, about.insurance or visit.insurance)
            return Person(who, await self._engine.visits.holder(visit), visit)
        holder = self._cards.holder(caller, about.card_read_id)
        known = await self._asker.ask(QueryPerson(holder, self._means.now()), PersonKnown)
        if not known.same_person:
            raise Fault("centre.person_differs")
        chosen = _chosen(known.insurances, about.insurance)
        return Person(Insured(known.person_number, chosen.region, chosen.kind), holder)

    async def _request(self, caller: Caller, enquiry: Enquiry) -> tuple[AskCentre, str]:
        """What the centre is asked, and about which visit of ours ("" for none)."""
        since, until = self._span(enquiry)
        asked = AskCentre(
            enquiry.question,
            NOBODY,
            since=since,
            until=until,
            month=enquiry.month,
            application=enquiry.application,
            med_type=enquiry.med_type,
            disease_code=enquiry.disease_code,
            disease_name=enquiry.disease_name,
        )
        if enquiry.settlement_id:
            return await self._of_settlement(asked, enquiry.settlement_id)
        if enquiry.question is Question.STAYS and not (enquiry.about.visit_id or enquiry.about.card_read_id):
            return asked, ""
        person = await self.whom(caller, enquiry.about)
        asked = evolve(asked, who=person.insured)
        if person.visit is None:
            if enquiry.question is Question.BENEFITS and not enquiry.med_type:
                raise Fault("request.bad_params", "params.med_type: needed where no visit is named")
            return asked, ""
        number = person.visit.visit_number if enquiry.question is Question.DIAGNOSES else ""
        med_type = enquiry.med_type or person.visit.order.med_type
        return evolve(asked, visit_number=number, med_type=med_type), person.visit.visit_id

    async def _of_settlement(self, asked: AskCentre, settlement_id: str) -> tuple[AskCentre, str]:
        visit_id = await self._engine.visits.visit_of(settlement_id)
        if not visit_id:
            raise Fault("request.not_found", "settlement")
        visit = await self._engine.visits.visit(visit_id)
        settled = visit.settlement(settlement_id).settled
        if settled is None:
            raise Fault("request.not_found", "the centre's number of the settlement is not known")
        who = Insured(visit.person_number, visit.insured_region, visit.insurance)
        number = visit.visit_number or settled.visit_number
        return evolve(asked, who=who, visit_number=number, settlement_number=settled.settlement_number), visit_id

    def _span(self, enquiry: Enquiry) -> tuple[dt.datetime | None, dt.datetime | None]:
        """From when until when, at most a year; what a question needs and was not told is now."""
        now = self._means.now()
        since = enquiry.since or (now if enquiry.question is Question.BENEFITS else None)
        until = enquiry.until
        if since is None:
            return None, None
        if until is None and enquiry.question is not Question.BENEFITS:
            until = now
        if until is not None and not since <= until <= since + dt.timedelta(days=MAX_DAYS):
            raise Fault("request.bad_params", f"params.until: not before since, and at most {MAX_DAYS} days after it")
        return since, until


def _given(enquiry: Enquiry) -> frozenset[Fact]:
    told: dict[Fact, Any] = {
        Fact.VISIT: enquiry.about.visit_id,
        Fact.SETTLEMENT: enquiry.settlement_id,
        Fact.SINCE: enquiry.since,
        Fact.UNTIL: enquiry.until,
        Fact.MONTH: enquiry.month,
        Fact.APPLICATION: enquiry.application,
        Fact.MED_TYPE: enquiry.med_type,
        Fact.DISEASE: enquiry.disease_code,
    }
    return frozenset(fact for fact, value in told.items() if value)


def _chosen(insurances: tuple[Insurance, ...], wanted: str) -> Insurance:
    """The insurance that is wanted, or the first that is active."""
    for one in insurances:
        if one.active and wanted in {"", one.kind}:
            return one
    raise Fault("centre.not_insured", f"wanted {wanted or 'any active insurance'}")
