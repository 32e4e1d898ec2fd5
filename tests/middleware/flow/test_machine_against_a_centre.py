"""The machines against a centre that answers, refuses, loses, answers late and lets us crash, in any order.

The model centre protects nobody: it approves every 2207 that reaches it. That nothing is charged twice is our doing.
"""

from __future__ import annotations

import datetime as dt
import itertools

from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from middleware.domain import event as e
from middleware.domain import outcome as o
from middleware.domain.centre import CANCEL_CALLS, SETTLE_CALLS, Call, Reversed, call_of
from middleware.domain.charge import Bill
from middleware.domain.command import CallCentre, HisMatter, TellHis, WakeAt
from middleware.domain.decision import Verdict
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.rules import DischargeBy, KindRules
from middleware.domain.visit import IN_FLIGHT, MONEY_OPEN
from middleware.domain.visit import SettlementState as S
from middleware.flow.guards import charges_mark
from middleware.flow.outcomes import event_of
from middleware.flow.requests import centre_request
from middleware.flow.step import At, Policy
from middleware.flow.visit import step
from tests.middleware.flow.making import CANCELLED, CHECKER, EVIDENCE, MAKER, SETTLED, decision, settlement, visit
from tests.middleware.flow.test_kinds import ORDERS
from tests.support.fakes import HIS, NOW, lines, split

LIMIT_S = 120  # no message is carried out later than this after it left
POLICY = Policy(
    reversible=SETTLE_CALLS | CANCEL_CALLS, quote_valid_s=10**9, max_attempts=6, processing_limit_s=LIMIT_S,
    not_found_codes=frozenset({"2611"}), already_reversed_codes=frozenset({"2612"}),
    kinds=dict.fromkeys(VisitKind, KindRules(discharge=DischargeBy.AFTER)),
)  # fmt: skip
MAX_BILLS = 6
BILL = Bill(lines(10000), ())
ENDS = [
    "answered",
    "answered",
    "not sent",
    "refused",
    "lost",
    "lost, may answer late",
    "carried out, answer lost",
    "carried out, answer lost, may answer late",
    "carried out, answer slow, may answer late",
]
RESTING = {S.QUOTED, S.SETTLED, S.DELIVERED, S.CANCELLED, S.REFUSED, S.REVERSED, S.MANUAL}
TERMINAL = {S.CANCELLED, S.REFUSED, S.REVERSED}


@define
class Message:
    """One message on its way; ``waited_for`` while the daemon still listens for its answer."""

    command: CallCentre
    original: str
    left_at: dt.datetime
    answer: o.Outcome | None = None
    carried_out: bool = False
    waited_for: bool = True
    left: bool = False
    may_answer_late: bool = False


@define
class ModelCentre:
    """message id of a 2207 -> "approved" | "reversed" | "cancelled"; 2208s by their own id."""

    ledger: dict[str, str] = field(factory=dict)
    settled_for: dict[str, str] = field(factory=dict)  # 2207 message -> settlement
    cancels: dict[str, str] = field(factory=dict)  # 2208 message -> the 2207 it undid
    undone_cancels: set[str] = field(factory=set)

    def approved(self, settlement_id):
        return [m for m, how in self.ledger.items() if how == "approved" and self.settled_for[m] == settlement_id]

    def says(self, s):
        """What it answers to a person who asks what became of the message in doubt."""
        if s.unknown_call in SETTLE_CALLS:
            return Verdict.SETTLED if self.ledger.get(s.settle_message_id) == "approved" else Verdict.REVERSED
        done = s.cancel_message_id in self.cancels and s.cancel_message_id not in self.undone_cancels
        return Verdict.CANCELLED if done else Verdict.STANDS

    def carry_out(self, message):
        command = message.command
        if command.call in SETTLE_CALLS:
            self.ledger[command.message_id] = "approved"
            self.settled_for[command.message_id] = command.settlement_id
            return o.Answered(SETTLED)
        if command.call in CANCEL_CALLS:
            return self._cancel(command)
        return self._reverse(message.original)

    def _cancel(self, command):
        standing = self.approved(command.settlement_id)
        if not standing:
            return o.Refused("2082")
        self.ledger[standing[0]] = "cancelled"
        self.cancels[command.message_id] = standing[0]
        return o.Answered(CANCELLED)

    def _reverse(self, original):
        if original in self.cancels:
            if original in self.undone_cancels:
                return o.Refused("2612")
            self.undone_cancels.add(original)
            self.ledger[self.cancels[original]] = "approved"
            return o.Answered(Reversed())
        if original not in self.ledger:
            return o.Refused("2611")
        if self.ledger[original] != "approved":
            return o.Refused("2612" if self.ledger[original] == "reversed" else "2614")
        self.ledger[original] = "reversed"
        return o.Answered(Reversed())


class Counter(RuleBasedStateMachine):
    """The daemon as the engine runs it, without wires: state, commands, timers."""

    @initialize(begun=st.sampled_from(["quoted", "asked", "settled"]), kind=st.sampled_from(VisitKind))
    def open(self, begun, kind):
        self.order = ORDERS[kind]
        self.visit = visit(*(self.bill(one) for one in ("S1", "S2")), order=self.order)
        self.centre = ModelCentre()
        self.start()
        if begun != "quoted":
            self.confirm("S1")
        if begun == "settled":
            self.the_answer_comes(self.messages[0])
            self.ask_to_cancel("S1")

    def bill(self, settlement_id):
        """Quoted, of the charges that a stay has now."""
        mark = charges_mark(visit(order=self.order))
        return settlement(S.QUOTED, settlement_id=settlement_id, charges_mark=mark)

    def start(self):
        self.now = NOW
        self.numbers = itertools.count(1)
        self.messages: list[Message] = []
        self.sent_ids: set[str] = set()
        self.letters: list[TellHis] = []
        self.told: list[tuple[HisMatter, str]] = []

    # -- the engine

    def take(self, happened):
        at = At(self.now, lambda: f"M{next(self.numbers)}", 0.5, POLICY)
        before = self.visit
        done = step(self.visit, happened, at)
        self.visit = done.state
        self.check_moves(before, happened)
        for command in done.commands:
            match command:
                case CallCentre():
                    self.leave(command)
                case TellHis(matter, _, settlement_id):
                    self.letters.append(command)
                    self.told.append((matter, settlement_id))
                case WakeAt(_, due):
                    assert due >= self.now

    def leave(self, command):
        assert command.message_id not in self.sent_ids, "a message id never goes out twice"
        self.sent_ids.add(command.message_id)
        request = centre_request(command, self.visit, None, BILL, self.now)
        assert call_of(request) is command.call, "the request is of the kind's own call"
        original = request.original_message_id if command.call is Call.REVERSE else ""
        assert (original in self.sent_ids) == (command.call is Call.REVERSE), "invariant 11: one original that we sent"
        self.messages.append(Message(command, original, self.now))

    def check_moves(self, before, happened):
        for old, new in zip(before.settlements, self.visit.settlements, strict=True):
            if old.state in TERMINAL and new.state is not old.state:
                assert isinstance(happened, e.CentreSettled), "a terminal state is left only by a late approval"
                assert new.state is S.UNKNOWN, "invariant 13"

    def asked(self, happened):
        try:
            self.take(happened)
        except Fault:
            return

    def pick(self, number, *, waited_for):
        able = [m for m in self.messages if m.waited_for is waited_for]
        return able[number % len(able)]

    def end(self, message, outcome):
        message.waited_for = False
        self.take(event_of(message.command, outcome, POLICY))

    # -- what people and the HIS do

    def confirm(self, which):
        self.asked(e.SettleConfirmed(which, HIS, split().total, split().cash))

    def ask_to_cancel(self, which):
        self.asked(e.CancelConfirmed(which, HIS, ""))

    @rule(number=st.integers(0, 3))
    def somebody_asks(self, number):
        able = [s for s in self.visit.settlements if s.state in {S.QUOTED, S.SETTLED, S.DELIVERED}]
        if not able and len(self.visit.settlements) < MAX_BILLS:
            able = [self.bill(f"S{len(self.visit.settlements) + 1}")]
            self.visit = visit(*self.visit.settlements, *able, order=self.order)
        if able:
            s = able[number % len(able)]
            (self.confirm if s.state is S.QUOTED else self.ask_to_cancel)(s.settlement_id)

    @precondition(lambda self: self.letters)
    @rule(accepts=st.booleans())
    def the_his_answers(self, accepts):
        letter = self.letters.pop(0)
        cancelled = letter.matter is HisMatter.CANCELLED
        if accepts:
            self.take(e.HisAcceptedCharges(letter.settlement_id, cancelled))
        else:
            self.take(e.HisRefusedCharges(letter.settlement_id, cancelled, "AE", ""))

    # -- what the wire and the centre do

    def waiting(self):
        return any(m.waited_for for m in self.messages)

    @precondition(lambda self: any(m.waited_for and not m.left for m in self.messages))
    @rule()
    def the_first_byte_leaves(self):
        message = next(m for m in self.messages if m.waited_for and not m.left)
        message.left = True
        self.take(e.FirstByteLeft(message.command.settlement_id, message.command.message_id))

    @precondition(waiting)
    @rule(number=st.integers(0, 3), how=st.sampled_from(ENDS))
    def a_call_ends(self, number, how):
        message = self.pick(number, waited_for=True)
        match how:
            case "answered":
                self.the_answer_comes(message)
            case "not sent":
                self.messages.remove(message)
                self.end(message, o.NotSent("centre.unreachable"))
            case "refused" if message.command.call is not Call.REVERSE:
                self.messages.remove(message)
                self.end(message, o.Refused("1"))
            case _:
                if "carried out" in how:
                    self.carry_out(message)
                message.may_answer_late = how.endswith("late")
                self.end(message, o.Unknown("time-out"))

    def the_answer_comes(self, message):
        self.carry_out(message)
        self.end(message, message.answer or o.Unknown("time-out"))

    def carry_out(self, message):
        """Perhaps long after we gave up, though never after the centre's own limit."""
        if not message.carried_out and (self.now - message.left_at).total_seconds() <= LIMIT_S:
            message.carried_out = True
            message.answer = self.centre.carry_out(message)

    @precondition(lambda self: any(not m.waited_for and not m.carried_out for m in self.messages))
    @rule(number=st.integers(0, 3))
    def the_centre_carries_it_out_later(self, number):
        lost = [m for m in self.messages if not m.waited_for and not m.carried_out]
        self.carry_out(lost[number % len(lost)])

    @precondition(lambda self: any(m.may_answer_late and m.answer for m in self.messages))
    @rule(number=st.integers(0, 3))
    def the_answer_comes_late(self, number):
        able = [m for m in self.messages if m.may_answer_late and m.answer]
        message = able[number % len(able)]
        message.may_answer_late = False
        self.take(event_of(message.command, message.answer, POLICY, late=True))

    # -- what time and power do

    @rule(seconds=st.sampled_from([1, 30, 200]))
    def time_passes(self, seconds):
        self.now += dt.timedelta(seconds=seconds)

    @precondition(lambda self: any(s.state is S.UNKNOWN for s in self.visit.settlements))
    @rule(patient=st.sampled_from([True, True, True, False]))
    def the_timer_fires(self, patient):
        for s in self.visit.settlements:
            if s.state is S.UNKNOWN:
                self.now = max(self.now, s.next_due) if patient else self.now
                self.take(e.DueTimePassed(s.settlement_id))

    @precondition(lambda self: any(s.state in {S.UNKNOWN, S.MANUAL} for s in self.visit.settlements))
    @rule(checked=st.booleans())
    def two_persons_ask_the_centre_and_decide(self, checked):
        for s in self.visit.settlements:
            if s.state in {S.UNKNOWN, S.MANUAL}:
                self.decide(s, checked=checked)

    def decide(self, s, *, checked=True):
        truth = decision(self.centre.says(s))
        if truth.centre_time is not None:
            truth = evolve(truth, centre_time=self.now)
        self.asked(e.ManualProposed(s.settlement_id, MAKER, truth, EVIDENCE))
        waiting = self.visit.settlement(s.settlement_id).proposal
        if checked and waiting is not None:
            self.asked(e.ManualApproved(s.settlement_id, CHECKER, waiting.digest))

    @precondition(waiting)
    @rule(chance=st.sampled_from([False, False, True]))
    def the_daemon_is_killed_and_starts_again(self, chance):
        if chance:
            self.restart()

    def restart(self):
        for message in self.messages:
            message.waited_for = message.may_answer_late = False
        for s in self.visit.settlements:
            if s.state in IN_FLIGHT:
                self.take(e.DaemonRestarted(s.settlement_id))
        assert not any(s.state in IN_FLIGHT for s in self.visit.settlements), "invariant 9"

    # -- what must hold at every moment

    @invariant()
    def invariant_1_the_centre_holds_at_most_one_approved_settlement_a_request(self):
        for s in self.visit.settlements:
            assert len(self.centre.approved(s.settlement_id)) <= 1

    @invariant()
    def invariant_7_at_most_one_settlement_of_the_visit_is_open(self):
        opened = [s for s in self.visit.settlements if s.state in MONEY_OPEN and not s.written_off]
        assert len(opened) <= 1

    @invariant()
    def invariant_10_every_unknown_has_a_due_time(self):
        for s in self.visit.settlements:
            assert (s.next_due is not None) == (s.state is S.UNKNOWN)

    @invariant()
    def the_his_hears_of_a_settlement_once(self):
        assert len(self.told) == len(set(self.told))

    # -- when everybody is well again

    def teardown(self):
        if not hasattr(self, "visit"):
            return
        self.restart()
        for _ in range(60):
            if all(s.state in RESTING for s in self.visit.settlements):
                break
            self.now += dt.timedelta(seconds=LIMIT_S)
            for s in self.visit.settlements:
                if s.next_due is not None and s.next_due <= self.now:
                    self.take(e.DueTimePassed(s.settlement_id))
            while self.waiting():
                self.the_answer_comes(self.pick(0, waited_for=True))
        self.now += dt.timedelta(seconds=LIMIT_S)
        for s in self.visit.settlements:
            assert s.state in RESTING, "all comes to rest"
            if s.state is S.MANUAL:
                self.decide(s)
        for s in self.visit.settlements:
            self.books_agree(s)

    def books_agree(self, s):
        holds = len(self.centre.approved(s.settlement_id))
        match s.state:
            case S.MANUAL:
                assert holds == 1, "invariant 13: only what was called undone and is held all the same stays here"
                assert s.written_off == s.settle_message_id
            case S.SETTLED | S.DELIVERED:
                assert holds == 1
            case S.QUOTED | S.REVERSED | S.REFUSED | S.CANCELLED:
                assert holds == 0


TestCounter = Counter.TestCase
TestCounter.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
