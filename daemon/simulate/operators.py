"""The manual desk of the second phase: what waits for a person is decided by two, by the truth of the others' books.

They are people: now and then one approves what he proposed himself, or approves what was overtaken; both must be refused.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate.bank import BankBook, key_of
from daemon.simulate.checks import Books
from daemon.simulate.ledger import Held, Ledger
from daemon.simulate.node import Node
from daemon.simulate.story import Story
from middleware.domain.centre import SETTLE_CALLS
from middleware.domain.decision import CentreAmounts, Decision, Evidence, EvidenceKind, Verdict
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.domain.payment import BankCall, LegState

ROUNDS = 6
TRIES = 5
CARELESS = 0.3  # of decisions: somebody does what the desk must refuse
_WAIT_S = 180.0
_MAX_ROWS = 500
_PEOPLE = tuple(Caller(Role.OPERATOR, name, "desk") for name in ("operator-1", "operator-2", "operator-3"))
_PERSON = {str(LegState.MANUAL), str(LegState.COLLECT)}
Row = dict[str, Any]


class Room(Protocol):
    """What an operator sees of the world."""

    clock: Clock
    story: Story
    bank: BankBook

    @property
    def node(self) -> Node:
        """A node that is there."""

    def day(self) -> dt.datetime:
        """True time."""

    def clocks_right(self) -> None:
        """Every node's clock is set to true time."""


class Operators:
    """All who sit at the desk."""

    def __init__(self, room: Room, ledger: Ledger, rng: random.Random) -> None:
        self._room = room
        self._ledger = ledger
        self._rng = rng
        self._desk = room.node.desk

    async def clear(self, books: Books) -> None:
        """Decide all that waits in these books, one after the other, at one node's desk."""
        self._desk = self._room.node.desk
        listed = await self._desk.list("", _MAX_ROWS)
        shown = {row["settlement_id"] for row in listed["rows"]}
        for s in waiting(books):
            sid = s["settlement_id"]
            self._room.story.require(
                "10", f"{sid} is not on the desk's list", holds=sid in shown or _collects(s), about=sid
            )
            if s["state"] == "Manual":
                await self._decide(sid, self._centres_word(s))
            for leg in s["legs"]:
                if leg["state"] in _PERSON:
                    await self._decide(sid, self._banks_word(leg))

    # -- the truth

    def _centres_word(self, s: Row) -> Decision:
        """As the centre's clerk reads it from the centre's books, on the telephone."""
        if s["unknown_call"] not in {str(call) for call in SETTLE_CALLS}:
            undone = (h for h in self._ledger.settlements.values() if h.state == "cancelled")
            held = next((h for h in undone if h.cancel_message_id == s["cancel_message_id"]), None)
            if held is None:
                return Decision(Verdict.STANDS)
            return Decision(Verdict.CANCELLED, held.cancel_number, _second(held.cancelled_at))
        held = self._ledger.settlements.get(s["settle_message_id"])
        if held is None or held.state != "approved":
            return Decision(Verdict.REVERSED)
        if s["written_off"] == s["settle_message_id"]:
            held.state = "reversed"  # the bill may be paid otherwise since: the clerk undoes it at the operator's word
            self._room.story.tell(f"centre's clerk undid {held.message_id}")
            return Decision(Verdict.REVERSED)
        held.told = True  # now somebody was
        return _settled(held)

    def _banks_word(self, leg: Row) -> Decision:
        if leg["state"] == LegState.COLLECT:
            return Decision(Verdict.PAYMENT_COLLECTED)
        hold = self._room.bank.ledger.holds.get(key_of(leg["hold"]))
        match leg["call"]:
            case BankCall.CAPTURE:
                taken = hold is not None and hold.captured > 0
                return Decision(Verdict.PAYMENT_CAPTURED if taken else Verdict.PAYMENT_NOT_CAPTURED)
            case BankCall.REFUND:
                given = hold is not None and hold.refunded > 0
                return Decision(Verdict.PAYMENT_REFUNDED if given else Verdict.PAYMENT_NOT_REFUNDED)
        if hold is not None and hold.state == "held":
            hold.state = "released"  # the bank's clerk lets it go
            self._room.story.tell(f"bank's clerk released {hold.key}")
        return Decision(Verdict.PAYMENT_RELEASED)

    # -- the desk

    async def _decide(self, sid: str, decision: Decision) -> None:
        maker, checker = self._rng.sample(_PEOPLE, 2)
        evidence = Evidence(EvidenceKind.TELEPHONE, f"call-{self._rng.randrange(10_000)}")
        for _ in range(TRIES):
            try:
                digest = await self._propose(maker, sid, decision, evidence)
            except Fault as fault:
                if fault.code == "desk.not_fitting" and "in the future" in fault.detail:
                    self._room.clocks_right()  # the paper shows a later time than the screen: it is the clock that is wrong
                elif fault.code == "desk.too_early":
                    await self._sleep(_WAIT_S)
                else:
                    raise
                continue
            if self._rng.random() < CARELESS:
                digest = await self._carelessly(maker, checker, sid, digest, decision)
            if decision.verdict is Verdict.PAYMENT_NOT_REFUNDED:
                self._room.bank.not_refunded[sid] += 1
            await self._desk.approve(checker, sid, digest)
            await self._desk.approve(checker, sid, digest)  # the answer was lost, and it is said again
            self._room.story.tell(f"desk {sid} {decision.verdict} by {maker.account} and {checker.account}")
            return

    async def _propose(self, maker: Caller, sid: str, decision: Decision, evidence: Evidence) -> str:
        view = await self._desk.propose(maker, sid, decision, evidence)
        return str(view["proposal"]["proposal"])

    async def _carelessly(self, maker: Caller, checker: Caller, sid: str, digest: str, decision: Decision) -> str:
        """What must be refused is refused; the digest that counts then."""
        kind = self._rng.choice(("same-person", "stale", "rejected"))
        self._room.story.fault(f"desk-{kind}", sid)
        if kind == "same-person":
            await self._refused(maker, sid, digest, "desk.same_person")
            return digest
        if kind == "stale":  # somebody proposes anew while the first proposal is still on the other's screen
            again = await self._propose(maker, sid, decision, Evidence(EvidenceKind.PORTAL, "seen again"))
            await self._refused(checker, sid, digest, "desk.stale")
            return again
        await self._desk.reject(checker, sid, digest, "another telephone number")
        await self._refused(checker, sid, digest, "desk.stale")
        return await self._propose(maker, sid, decision, Evidence(EvidenceKind.LETTER, "on paper"))

    async def _refused(self, who: Caller, sid: str, digest: str, code: str) -> None:
        try:
            await self._desk.approve(who, sid, digest)
        except Fault as fault:
            heard = fault.code
        else:
            heard = "yes"
        self._room.story.require("27", f"{who.account} approves {sid} and hears {heard}", holds=heard == code, about=sid)

    async def _sleep(self, seconds: float) -> None:
        waiter: Deferred[None] = Deferred()
        self._room.clock.callLater(seconds, waiter.callback, None)
        await waiter


def waiting(b: Books) -> list[Row]:
    """The settlements in which a person must decide something."""
    return [s for s in b.settlements() if s["state"] == "Manual" or any(leg["state"] in _PERSON for leg in s["legs"])]


def _collects(s: Row) -> bool:
    """Whether all that waits is money for the cashier, which is no doubt."""
    return s["state"] != "Manual" and all(leg["state"] != LegState.MANUAL for leg in s["legs"])


def _second(at: dt.datetime | None) -> dt.datetime | None:
    return at.replace(microsecond=0) if at is not None else None


def _settled(held: Held) -> Decision:
    split = held.request.quoted
    amounts = CentreAmounts(split.total, split.fund, split.account, split.cash, split.hospital)
    return Decision(Verdict.SETTLED, held.number, _second(held.settled_at), amounts, "11", "1", "999900")


def nobody_decides_alone(b: Books) -> None:
    """Invariant 27: of whatever was decided, who proposed and who approved are two."""
    for s in b.settlements():
        for decided in (s["decided"], *(leg["decided"] for leg in s["legs"])):
            if decided is not None:
                alone = decided["proposal"]["proposed_by"] == decided["approved_by"]
                b.story.require("27", "one person decided alone", holds=not alone, about=s["settlement_id"])


def nothing_waits_for_a_person(b: Books) -> None:
    """Liveness: once the desk has done its work nothing is open at all."""
    for s in b.settlements():
        sid = s["settlement_id"]
        good = s["state"] != "Manual" and all(leg["state"] not in _PERSON for leg in s["legs"])
        b.story.require("live", f"{sid} {s['state']} still waits for a person", holds=good, about=sid)
