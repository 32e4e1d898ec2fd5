"""Filing at the centre: journal, then wire, then journal; what got no answer is asked about before it is sent again.

The row with what is filed is durable before the first byte. Without a clear answer it is *unknown*: the same request then
asks the centre (5301, 5302, 5304), and sends it again only when the centre does not have it and its processing limit has
certainly passed. Where nothing can be asked, an operator says what the centre's own screen shows (``filing_desk``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from attrs import evolve, frozen
from twisted.internet.defer import DeferredLock

from middleware.domain.centre import CentreReply, Holder
from middleware.domain.fault import Fault
from middleware.domain.filing import (
    CALLS,
    KIND_OF,
    About,
    Accident,
    ChronicDisease,
    Documents,
    Facts,
    File,
    Filed,
    FilingState,
    OwnInstitution,
    Withdraw,
    question_about,
    shown,
    subject_of,
)
from middleware.domain.order import Caller
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.query import Insured
from middleware.engine.asking import once
from middleware.engine.elapsed import Elapsed
from middleware.engine.enquiry import EnquiryDesk
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.store import filings
from middleware.store.codec import encode
from middleware.store.filings import Filing, Work
from middleware.store.units import KeyTakenError, Record, Unit

log = structlog.get_logger()

MAX_WHY = 40
_EVENTS = {
    FilingState.DONE: "FilingDone",
    FilingState.DECLINED: "FilingDeclined",
    FilingState.NOT_SENT: "FilingNotSent",
    FilingState.UNKNOWN: "FilingUnknown",
}


@frozen(slots=True)
class _End:
    """What one message's outcome makes of a filing."""

    state: FilingState
    why: str = ""
    number: str = ""
    words: str = ""


class Filer:
    """Makes and withdraws filings; each method gives the row as it is known then, certain or not."""

    def __init__(self, engine: Engine, enquiries: EnquiryDesk) -> None:
        self._engine = engine
        self._means = engine.means
        self._enquiries = enquiries
        self._store = engine.means.reader.filings
        self._elapsed = Elapsed(engine.means.now, engine.means.clock)
        self._turns: dict[str, DeferredLock] = {}
        self.flying: set[str] = set()
        self.changed: Callable[[], None] = lambda: None

    async def file(self, caller: Caller, key: str, about: About, facts: Facts) -> Filing:
        """It is asked for; a repeat goes on from what is known. Raises ``Fault`` when it cannot even be begun."""
        digest = _digest((str(KIND_OF[type(facts)]), about, facts))
        async with self._turn(f"{caller.account}/{key}"):
            known = await self._known(caller, key, digest)
            if known is not None:
                return await self._go_on(caller, known)
            person = await self._enquiries.whom(caller, about)
            request = File(person.insured, self._placed(facts), _documents(facts, person.holder))
            subject = f"{KIND_OF[type(facts)]}|{person.insured.person_number}|{subject_of(request.facts)}"
            if await self._means.pool.run(self._store.standing, subject) is not None:
                raise Fault("filing.already", "made here")
            if await self._is_there(caller, request.who, request.facts):
                raise Fault("filing.already", "the centre has it")
            visit_id = person.visit.visit_id if person.visit is not None else ""
            return await self._begin(caller, key, digest, request, subject, "", visit_id)

    async def withdraw(self, caller: Caller, key: str, filing_id: str, reason: str) -> Filing:
        """The same for taking one back."""
        digest = _digest((filing_id, reason))
        async with self._turn(f"{caller.account}/{key}"):
            known = await self._known(caller, key, digest)
            if known is not None:
                return await self._go_on(caller, known)
            made = await self._means.pool.run(self._store.one, filing_id)
            if made.undoes or CALLS[made.kind].undo is None:
                raise Fault("request.bad_params", "params.filing_id: no transaction takes that back")
            if made.state is not FilingState.DONE or made.withdrawn:
                raise Fault("filing.unknown" if made.open else "request.not_found", f"{filing_id} {made.state}")
            if not made.number:
                raise Fault("filing.no_number", filing_id)
            original = await self._means.pool.run(self._store.request, filing_id)
            request = Withdraw(original.who, made.kind, made.number, reason)
            return await self._begin(caller, key, digest, request, f"withdraw|{filing_id}", filing_id, made.visit_id)

    # -- going on

    async def _go_on(self, caller: Caller, known: Filing) -> Filing:
        """A repeat: what is certain stays, what never left is sent, what is unknown is established first."""
        if not known.open:
            return known
        self._may_begin()
        request = await self._means.pool.run(self._store.request, known.filing_id)
        if known.state is not FilingState.NOT_SENT:
            there = await self._established(caller, known, request)
            done = there is not None and there is not isinstance(request, Withdraw)
            if done:
                return await self._end(known, _End(FilingState.DONE, "asked"), event="FilingEstablished")
            if there is None or not self.limit_passed(known):
                return known
        return await self._send(caller, known, request, again=True)

    async def _established(self, caller: Caller, known: Filing, request: File | Withdraw) -> bool | None:
        """Whether the centre has what was filed; None when nothing can show it."""
        if isinstance(request, File):
            return await self._is_there(caller, request.who, request.facts)
        original = await self._means.pool.run(self._store.request, known.undoes)
        return await self._is_there(caller, original.who, original.facts) if isinstance(original, File) else None

    async def _is_there(self, caller: Caller, who: Insured, facts: Facts) -> bool | None:
        request = question_about(who, facts, self._means.now())
        if request is None:
            return None
        try:
            return shown(facts, await self._enquiries.rows(caller, request, ""))
        except Fault as fault:
            if fault.code == "centre.not_offered":
                return None
            raise

    def limit_passed(self, known: Filing) -> bool:
        """Whether the centre certainly works no more on its message: by time that really passed (invariant 22)."""
        now, since = self._means.now(), dt.datetime.fromisoformat(known.sent_at)
        trusted = self._elapsed.trusted_since()
        if not trusted <= since <= now:
            since = trusted
        return (now - since).total_seconds() >= self._means.policy.processing_limit_s

    # -- one message

    async def _begin(
        self, caller: Caller, key: str, digest: str, request: File | Withdraw, subject: str, undoes: str, visit_id: str
    ) -> Filing:
        self._may_begin()
        now = self._means.now()
        kind = request.kind if isinstance(request, Withdraw) else KIND_OF[type(request.facts)]
        facts: dict[str, Any] = {
            "filing_id": new_id(self._means, "F"), "account": caller.account, "key": key, "digest": digest,
            "terminal": caller.terminal, "kind": str(kind), "undoes": undoes, "state": str(FilingState.SENT), "why": "",
            "message_id": "", "attempts": 1, "number": "", "withdrawn": False, "visit_id": visit_id,
            "made_at": now.isoformat(), "sent_at": now.isoformat(), "ended_at": "",
        }  # fmt: skip
        row = await self._means.pool.run(self._store.new, facts, request, subject, now)
        known = filings.filing_of(row)
        return await self._send(caller, known, request, again=False, row=row)

    async def _send(
        self, caller: Caller, known: Filing, request: File | Withdraw, *, again: bool, row: dict[str, Any] | None = None
    ) -> Filing:
        """One message of it, and the row as it is known afterwards."""
        means, now = self._means, self._means.now()
        await self._engine.signed_in()
        epoch, message_id = means.journal.epoch, means.next_message_id()
        call = await means.centre.prepare(message_id, request, now)
        sent = evolve(known, message_id=message_id, attempts=known.attempts + again, sent_at=now.isoformat())
        if row is None:
            moved = {"message_id": message_id, "attempts": sent.attempts, "sent_at": sent.sent_at, "why": ""}
            work = filings.send_again(known.filing_id, known.message_id, state=str(FilingState.SENT), **moved)
        else:
            work = filings.intend(row | {"message_id": message_id})
        beside = self._unit(caller, sent, "FilingIntended", FilingState.SENT, work)
        self.flying.add(known.filing_id)
        try:
            await once(means, call, epoch, beside, partial(self._ended, caller, sent), partial(self._late, caller, sent))
        except KeyTakenError:
            raise Fault("system.busy", "the same request is being worked on") from None
        except Fault as fault:
            if fault.code != "desk.stale":  # else somebody else was faster: what they learned is the answer
                raise await self._not_written(sent, fault) from None
        finally:
            self.flying.discard(known.filing_id)
            self.changed()
        return await means.pool.run(self._store.one, known.filing_id)

    async def _not_written(self, sent: Filing, fault: Fault) -> Fault:
        """A fault of the journal: before the intent nothing left; after it nobody may hear that nothing did."""
        if fault.code in {"filing.already", "system.busy"}:
            return fault
        try:
            found = await self._means.pool.run(self._store.one, sent.filing_id)
        except Fault as unread:
            return fault if unread.code == "request.not_found" else Fault("filing.unknown", unread.code)
        return fault if found.message_id != sent.message_id else Fault("filing.unknown", f"not written down: {fault.code}")

    async def _ended(self, caller: Caller, sent: Filing, outcome: Outcome[CentreReply]) -> Unit:
        """The unit that says how the message ended."""
        return await self._end_unit(sent, self._end_of(sent, outcome), caller=caller)

    def _end_of(self, sent: Filing, outcome: Outcome[CentreReply]) -> _End:
        policy = self._means.policy
        match outcome:
            case Answered(Filed(number)):
                return _End(FilingState.DONE, number=number)
            case Refused(code) if code in policy.sign_in_again_codes:
                return _End(FilingState.NOT_SENT, "centre.sign_in")
            case Refused(code) if sent.attempts > 1 and code in policy.already_done_codes:
                return _End(FilingState.DONE, code)
            case Refused(code, message):
                return _End(FilingState.DECLINED, code, words=message)
            case NotSent(fault):
                return _End(FilingState.NOT_SENT, fault)
            case Unknown(cause):
                return _End(FilingState.UNKNOWN, cause)
        return _End(FilingState.UNKNOWN, "unreadable")

    def _late(self, caller: Caller, sent: Filing, outcome: Outcome[CentreReply]) -> None:
        spawn(self._answered_late(caller, sent, outcome), "filing-late")

    async def _answered_late(self, caller: Caller, sent: Filing, outcome: Outcome[CentreReply]) -> None:
        """It counts while the filing goes under that message; after that it is only written down, for a person."""
        end = self._end_of(sent, outcome)
        unit = await self._end_unit(sent, end, caller=caller, event="FilingAnsweredLate")
        try:
            await self._means.journal.commit(unit)
        except Fault as fault:
            log.warning("filing.answered_late", filing_id=sent.filing_id, message_id=sent.message_id, code=fault.code)
            await self._means.journal.commit(evolve(unit, work=None))
        self.changed()

    async def _end(self, known: Filing, end: _End, *, event: str = "") -> Filing:
        await self._means.journal.commit(await self._end_unit(known, end, event=event))
        self.changed()
        return await self._means.pool.run(self._store.one, known.filing_id)

    async def _end_unit(self, known: Filing, end: _End, *, caller: Caller | None = None, event: str = "") -> Unit:
        now = self._means.now()
        said = await self._means.pool.run(self._store.said, known.filing_id, end.words, now)
        ended = "" if end.state in {FilingState.UNKNOWN, FilingState.NOT_SENT} else now.isoformat()
        facts: dict[str, Any] = {"state": str(end.state), "why": end.why[:MAX_WHY], "ended_at": ended, "said": said}
        if end.number:
            facts["number"] = end.number
        work = filings.end(known, known.message_id, **facts)
        named = evolve(known, why=end.why[:MAX_WHY], number=end.number or known.number)
        return self._unit(caller, named, event or _EVENTS[end.state], end.state, work, end.words)

    def _unit(
        self, caller: Caller | None, one: Filing, event: str, after: FilingState, work: Work | None, words: str = ""
    ) -> Unit:
        now = self._means.now()
        body = {"filing_id": one.filing_id, "kind": str(one.kind), "undoes": one.undoes, "message_id": one.message_id}
        body |= {"why": one.why, "number": one.number, "account": caller.account if caller is not None else one.account}
        return Unit(records=(Record(now, "", "", event, "", str(after), encode(body), words),), now=now, work=work)

    # -- small things

    async def _known(self, caller: Caller, key: str, digest: str) -> Filing | None:
        found: Filing | None = await self._means.pool.run(self._store.by_key, caller.account, key)
        if found is not None and found.digest != digest:
            raise Fault("request.key_reused", "request_id")
        return found

    def _turn(self, name: str) -> _Turn:
        return _Turn(self._turns, name)

    def _may_begin(self) -> None:
        if self._engine.stopping:
            raise Fault("system.stopping")

    def _placed(self, facts: Facts) -> Facts:
        """Where no other institution is named, it is this one."""
        if isinstance(facts, ChronicDisease | OwnInstitution) and not facts.at.code:
            return evolve(facts, at=evolve(facts.at, code=self._means.institution))
        return facts


class _Turn:
    """One at a time under one key; a key that nobody waits for is forgotten."""

    def __init__(self, turns: dict[str, DeferredLock], name: str) -> None:
        self._turns, self._name = turns, name

    async def __aenter__(self) -> None:
        await self._turns.setdefault(self._name, DeferredLock()).acquire()

    async def __aexit__(self, *_exc: object) -> None:
        lock = self._turns[self._name]
        if not lock.waiting:
            del self._turns[self._name]
        lock.release()


def _digest(what: object) -> str:
    return hashlib.sha256(encode(what).encode()).hexdigest()


def _documents(facts: Facts, holder: Holder) -> Documents | None:
    if not isinstance(facts, Accident):
        return None
    return Documents(holder.credential.document, holder.id_number.reveal(), holder.name.reveal(), holder.sex)
