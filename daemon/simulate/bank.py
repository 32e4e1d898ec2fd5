"""The payers' bank in memory: the simulator's ledger behind a wire that loses, delays, cuts and refuses.

It keeps its promise to do a message within ``BANK_LIMIT_S`` or never. What it is asked is looked at when it is asked: no
capture before the centre holds the settlement, no refund while it stands, no 2207 without the hold that is to pay for it.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import evolve, fields, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate.dials import BANK
from daemon.simulate.ledger import Ledger as CentreLedger
from daemon.simulate.parts import Mortal
from daemon.simulate.story import Story
from middleware.domain.health import Condition, PartHealth
from middleware.domain.outcome import Answered, NotSent, Outcome, Unknown
from middleware.domain.payment import BankCall, BankCard, BankRefusal, BankReply, BankRequest, Means, Payment, Traced
from middleware.flow.step import Policy
from middleware.ports import PreparedPayment
from simulators.bank.ledger import CARDS, Hold, Ledger

BANK_LIMIT_S = 120.0
DEADLINE_S = 45.0
Late = Callable[[Outcome[BankReply]], None]
_WIRED = frozenset({"wire", "hostile", "crashes", "clocks", "nodes"})


@frozen(slots=True)
class BankDials:
    """Chances are per message, 0-1."""

    cards: float = 0.0  # bills whose own share is paid by card
    not_sent: float = 0.0
    request_lost: float = 0.0
    reply_lost: float = 0.0
    slow: float = 0.0
    cut: float = 0.0
    refused: float = 0.0  # of what the bank could have done: "not now", certainly not done
    cancel_on_capture_refusal: bool = False


def draw_bank(seed: int, profile: str) -> BankDials:
    """The bank's dials of a seed, from a stream of their own: half of the days nobody pays by card."""
    rng = random.Random(f"bank/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    hard = rng.choice((0.3, 1.0, 1.0)) if profile in _WIRED else 0.0
    return BankDials(
        cards=rng.choice((0.0, 0.0, 0.6, 1.0)),
        not_sent=0.1 * hard,
        request_lost=0.15 * hard,
        reply_lost=0.2 * hard,
        slow=0.2 * hard,
        cut=0.1 * hard,
        refused=rng.choice((0.0, 0.25)) * hard,
        cancel_on_capture_refusal=rng.choice((False, True)),
    )


def without_bank(dials: BankDials, off: frozenset[str]) -> BankDials:
    """The same bank with those switched off; their names begin with ``BANK``."""
    names = [one.name for one in fields(BankDials) if BANK + one.name in off]
    return evolve(dials, **{name: getattr(BankDials(), name) for name in names})


class BankBook:
    """The bank's own side, and the payers with their cards."""

    def __init__(self, clock: Clock, rng: random.Random, story: Story, dials: BankDials) -> None:
        self.clock = clock
        self.rng = rng
        self.story = story
        self.dials = dials
        self.ledger = Ledger()
        self.left: set[str] = set()
        self.not_refunded: Counter[str] = Counter()  # settlements of which people found that the refund never happened
        self.leaving: Callable[[PreparedPayment], None] = lambda _call: None

    def means(self) -> Payment:
        """How the next payer pays."""
        if self.rng.random() >= self.dials.cards:
            return Payment()
        card = CARDS[self.rng.choice(("rich",) * 8 + ("other",) * 4 + ("poor", "lost"))]
        return Payment(Means.BANK_CARD, BankCard(card.number, card.expiry, f"{card.number}=30121010000000000"))

    def quiet(self) -> None:
        """Nothing more goes wrong."""
        policy = self.dials.cancel_on_capture_refusal
        self.dials = BankDials(cards=self.dials.cards, cancel_on_capture_refusal=policy)

    def does(self, request: BankRequest) -> Outcome[BankReply]:
        """Do it."""
        self.ledger.receipts.append(
            (str(request.call), name_of(request.original or request.traced), request.traced.amount.fen)
        )
        rare = 2 if request.call is BankCall.CAPTURE else 1
        if self.rng.random() < self.dials.refused * rare:
            self.story.fault("bank-refused", str(request.call))
            return BankRefusal("91", "发卡方状态不正常")
        code, hold = self._done(request)
        if code == "00" and hold is not None:
            return Answered(BankReply(hold.reference, hold.authorisation, "1121"))
        return BankRefusal(code, "拒绝", not_found=code == "25", done_before=code == "94")

    def _done(self, request: BankRequest) -> tuple[str, Hold | None]:
        ledger, own, fen = self.ledger, name_of(request.traced), request.traced.amount.fen
        original = name_of(request.original) if request.original else ""
        match request.call:
            case BankCall.HOLD:
                return ledger.hold(own, request.card.number if request.card else "", fen)
            case BankCall.CAPTURE:
                return ledger.capture(own, original, fen)
            case BankCall.RELEASE:
                return ledger.release(own, original)
            case BankCall.REVERSE:
                return ledger.reverse(original, fen)
            case BankCall.REFUND:
                return ledger.refund(own, original, fen)


def name_of(traced: Traced) -> str:
    """As the bank names one message of our terminal."""
    return f"{traced.trace}/{traced.at:%m%d}"


def bank_policy(policy: Policy, bank: BankBook | None) -> Policy:
    """The same with what concerns the payers' bank."""
    if bank is None:
        return policy
    return evolve(policy, bank_limit_s=BANK_LIMIT_S, cancel_on_capture_refusal=bank.dials.cancel_on_capture_refusal)


class BankWire:
    """Implements ``Bank`` for one life of the node."""

    def __init__(self, book: BankBook, life: Mortal) -> None:
        self._book = book
        self._life = life

    async def prepare(self, message_id: str, request: BankRequest) -> PreparedPayment:
        """Fix the bytes: here the record's own text, with the card masked."""
        text = f"{message_id} {request!r}"
        return PreparedPayment(message_id, request.call, hashlib.sha256(text.encode()).hexdigest(), request)

    async def send(
        self, call: PreparedPayment, on_first_byte: Callable[[], None], on_late_reply: Late
    ) -> Outcome[BankReply]:
        """See ``Bank.send``: drawn once, played out on the world's clock."""
        book, life = self._book, self._life
        if not life.alive:
            return await life.never()  # type: ignore[no-any-return]
        ended: Deferred[Outcome[BankReply]] = Deferred()
        life.graves.append(ended)
        flight = _Flight(book, life, call, ended, on_late_reply)
        if book.rng.random() < book.dials.not_sent:
            book.story.fault("bank-not-sent", call.message_id)
            book.clock.callLater(book.rng.uniform(0.01, 2), flight.end, NotSent("payment.unreachable"))
        else:
            book.leaving(call)
            on_first_byte()
            flight.begin()
        return await ended

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("bank", Condition.GOOD)


class _Flight:
    """One message under way."""

    def __init__(
        self, book: BankBook, life: Mortal, call: PreparedPayment, ended: Deferred[Outcome[BankReply]], late: Late
    ) -> None:
        self._book, self._life, self._call = book, life, call
        self._ended, self._late = ended, late
        self._told = ""

    def begin(self) -> None:
        book, rng, dials = self._book, self._book.rng, self._book.dials
        name = f"{self._call.call} {self._call.message_id}"
        work = rng.uniform(0.01, 1.5)
        if rng.random() < dials.slow:
            book.story.fault("bank-slow", name)
            work += rng.uniform(0, BANK_LIMIT_S - 5)
        book.clock.callLater(DEADLINE_S, self.end, Unknown("time-out"))
        if rng.random() < dials.cut:
            book.story.fault("bank-cut", name)
            book.clock.callLater(rng.uniform(0, work), self.end, Unknown("connection-lost"))
        if rng.random() < dials.request_lost:
            book.story.fault("bank-request-lost", name)
        else:
            book.clock.callLater(work, self._do)

    def _do(self) -> None:
        book = self._book
        outcome = book.does(self._call.body)
        book.story.tell(f"bank did {self._call.call} {self._call.message_id} -> {_word(outcome)}")
        # Refunds are few, and their loss is the one that only a person can mend: more of their answers go astray.
        rare = 3 if self._call.call is BankCall.REFUND else 1
        if book.rng.random() < book.dials.reply_lost * rare:
            book.story.fault("bank-reply-lost", f"{self._call.call} {self._call.message_id}")
        else:
            book.clock.callLater(book.rng.uniform(0.005, 0.2), self._answer, outcome)

    def _answer(self, outcome: Outcome[BankReply]) -> None:
        if self._told == "time-out" and self._life.alive:
            self._book.story.fault("bank-late-reply", f"{self._call.call} {self._call.message_id}")
            self._late(outcome)
        else:
            self.end(outcome)

    def end(self, outcome: Outcome[BankReply]) -> None:
        """Tell how it ended, once, to a life that goes on."""
        if self._told:
            return
        self._told = _word(outcome)
        if self._life.alive:
            self._book.story.tell(f"bank line {self._call.call} {self._call.message_id} ended {self._told}")
            self._ended.callback(outcome)


def _word(outcome: Outcome[BankReply]) -> str:
    match outcome:
        case Unknown(cause):
            return cause
        case BankRefusal(code):
            return f"refused {code}"
    return type(outcome).__name__.lower()


class Witness:
    """Looks at each message at the moment when it leaves for the bank, and at each 2207 when it leaves for the centre."""

    def __init__(
        self, book: BankBook, centre: CentreLedger, looker: sqlite3.Connection, story: Story, struck: Callable[[], None]
    ) -> None:
        self._book = book
        self._centre = centre
        self._looker = looker
        self._story = story
        self._struck = struck
        self._captures: dict[str, str] = {}
        book.leaving = self.leaves

    def leaves(self, call: PreparedPayment) -> None:
        """Invariants 4, 5 and 11, and that nothing is taken or given back before the centre's word."""
        mid, request = call.message_id, call.body
        row = self._looker.execute(
            "SELECT call, digest, settlement_id, amount_fen FROM message WHERE message_id = ?", (mid,)
        ).fetchone()
        good = row is not None and row[:2] == (str(call.call), call.digest)
        self._story.require("4", f"{call.call} {mid} leaves without its intent", holds=good, about=mid)
        self._story.require("5", f"{call.call} {mid} leaves twice", holds=mid not in self._book.left, about=mid)
        self._book.left.add(mid)
        sid = row[2] if row else ""
        states = [held.state for held in self._centre.of(sid) if held.told]
        if call.call is BankCall.CAPTURE:
            settled = bool({"approved", "cancelled"} & set(states))
            self._story.require("payer", f"{sid} is taken before it is settled", holds=settled, about=sid)
            first = self._captures.setdefault(f"{sid} {name_of(request.original)}", name_of(request.traced))
            same = first == name_of(request.traced)
            self._story.require("payer", f"{sid}: a repeated capture is another one", holds=same, about=sid)
        if call.call is BankCall.REFUND:
            self._story.require("payer", f"{sid} is refunded, it stands", holds="approved" not in states, about=sid)
            query = (
                "SELECT count(*) FROM message WHERE settlement_id = ? AND call = 'refund' AND outcome NOT LIKE 'not-sent%'"
            )
            (refunds,) = self._looker.execute(query, (sid,)).fetchone()
            may = 1 + self._book.not_refunded[sid]
            self._story.require("payer", f"{refunds} refunds of {sid}", holds=refunds <= may, about=sid)
        if call.call is BankCall.REVERSE:
            self._names_its_hold(sid, request, row[3] if row else 0)
        self._struck()

    def _names_its_hold(self, sid: str, request: BankRequest, fen: int) -> None:
        query = "SELECT amount_fen FROM message WHERE settlement_id = ? AND call = 'hold'"
        holds = {amount for (amount,) in self._looker.execute(query, (sid,))}
        good = -fen in holds and request.original == request.traced
        self._story.require("11", f"a reversal of {sid} names another hold", holds=good, about=sid)

    def settles(self, message_id: str) -> None:
        """Insurance settles only what the payer can pay: the hold stands when its 2207 leaves."""
        query = "SELECT visit_id, settlement_id FROM message WHERE message_id = ?"
        row = self._looker.execute(query, (message_id,)).fetchone()
        if row is None:
            return
        body = json.loads(self._looker.execute("SELECT body FROM visit WHERE visit_id = ?", (row[0],)).fetchone()[0])
        for s in body["settlements"]:
            if s["settlement_id"] == row[1] and s["means"] == Means.BANK_CARD:
                hold = self._book.ledger.holds.get(key_of(s["legs"][-1]["hold"]))
                good = hold is not None and hold.state == "held"
                self._story.require("payer", f"{row[1]} is settled without its hold", holds=good, about=row[1])


def key_of(traced: dict[str, Any]) -> str:
    """The bank's name of a hold as a visit's body has it."""
    return f"{traced['trace']}/{traced['at'][5:7]}{traced['at'][8:10]}"
