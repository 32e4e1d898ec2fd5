"""Defects to plant. Each takes pytest's monkeypatch; the product knows nothing of them."""

from __future__ import annotations

import contextlib
import datetime as dt

import sqlalchemy as sa
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call, Reverse
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.message_id import MessageIds
from middleware.domain.outcome import Answered
from middleware.domain.visit import SettlementState as S
from middleware.engine import outbox, repeats, runner
from middleware.engine.elapsed import Elapsed
from middleware.engine.members import Members
from middleware.engine.outbox import Outbox
from middleware.engine.repeats import Repeats
from middleware.engine.runner import Engine
from middleware.engine.writing import NOTHING
from middleware.flow import cancel, doubt, outcomes, quote, requests, reversal, settlement
from middleware.flow import visit as flow
from middleware.flow.step import Step
from middleware.store import batch, nodes
from middleware.store.reader import Reader
from middleware.store.writer import Writer

SENT = (S.SETTLE_INTENDED, S.SETTLE_SENT)
REVERSING = (S.REVERSAL_INTENDED, S.REVERSAL_SENT)
CANCELLING = (S.CANCEL_INTENDED, S.CANCEL_SENT)
ROWS = flow.SETTLEMENT_ROWS


def _move(patch, event, states, move):
    """In those states the event does this instead."""
    for state in states:
        patch.setitem(ROWS[event].moves, state, move)


def send_before_commit(patch):
    async def apply(self, visit_id, event, extra=NOTHING, *, only=None):
        async with self.visits.alone(visit_id) as entry:
            work = await self._make(visit_id, entry, event, extra)
            self._leave(visit_id, work)
            await self.means.journal.commit(await self._unit(entry, work, extra))
            self.visits.became(entry, work)
        entry.tell(work.state)
        return work.state

    patch.setattr(Engine, "apply", apply)


def send_though_the_commit_failed(patch):
    async def apply(self, visit_id, event, extra=NOTHING, *, only=None):
        async with self.visits.alone(visit_id) as entry:
            work = await self._make(visit_id, entry, event, extra)
            unit = await self._unit(entry, work, extra)
            with contextlib.suppress(Fault):
                await self.means.journal.commit(unit)
            self.visits.became(entry, work)
        self._leave(visit_id, work)
        entry.tell(work.state)
        return work.state

    patch.setattr(Engine, "apply", apply)


def unknown_is_a_refusal(patch):
    real = outcomes._unanswered

    def planted(command, cause):
        if command.call is Call.SETTLE:
            return e.CentreRefusedSettle(command.settlement_id, command.message_id, cause, "")
        return real(command, cause)

    patch.setattr(outcomes, "_unanswered", planted)


def a_2207_is_sent_again(patch):
    def again(s, event, at, visit):
        message_id = at.message_id()
        return Step(evolve(s, settle_message_id=message_id), (CallCentre(Call.SETTLE, message_id, s.settlement_id),))

    _move(patch, e.SettleUnanswered, SENT, again)


def message_ids_begin_anew_in_each_life(patch):
    real = MessageIds.__init__

    def init(self, institution, _last, *slot):
        real(self, institution, None, *slot)
        self._n = 0

    def following(self, at):
        self._n += 1
        return f"{self._institution}20261121{self._n:010d}"

    patch.setattr(MessageIds, "__init__", init)
    patch.setattr(MessageIds, "next", following)


def an_unknown_has_no_due_time(patch):
    def planted(*args, **kwargs):
        return Step(evolve(real(*args, **kwargs).state, next_due=None))

    real = doubt.doubt
    patch.setattr(settlement, "doubt", planted)
    patch.setattr(cancel, "doubt", planted)


def a_due_time_wakes_nobody(patch):
    patch.setattr(Engine, "_wake", lambda self, visit_id, wake: None)


def due_times_are_not_armed_again_after_a_restart(patch):
    patch.setattr(Engine, "wake_all", lambda self, visit: None)


def a_late_approval_settles_what_was_reversed(patch):
    _move(patch, e.CentreSettled, (S.REVERSED, S.REFUSED), settlement.settled)


def a_late_approval_settles_in_spite_of_a_reversal(patch):
    _move(patch, e.CentreSettled, (S.UNKNOWN, *REVERSING), settlement.settled)


def not_found_ends_a_reversal_at_once(patch):
    real = reversal.refused

    def planted(s, event, at, visit):
        return real(s, event, evolve(at, policy=evolve(at.policy, processing_limit_s=0)), visit)

    _move(patch, e.CentreRefusedReversal, REVERSING, planted)


def any_refused_reversal_is_a_reversal(patch):
    _move(patch, e.CentreRefusedReversal, REVERSING, lambda s, event, at, visit: reversal.undone(s))


def an_unanswered_reversal_is_a_reversal(patch):
    _move(patch, e.ReversalUnanswered, REVERSING, lambda s, event, at, visit: reversal.undone(s))


def an_unsent_reversal_is_a_reversal(patch):
    _move(patch, e.ReversalNotSent, REVERSING, lambda s, event, at, visit: reversal.undone(s))


def giving_up_is_called_reversed(patch):
    patch.setattr(reversal, "hand_over", lambda s, why, foreign="": reversal.undone(s))


def the_wall_clock_says_how_long_it_took(patch):
    patch.setattr(Elapsed, "trusted_since", lambda self: dt.datetime.min.replace(tzinfo=dt.UTC))


def a_reversal_names_itself(patch):
    patch.setattr(requests, "_reverse", lambda visit, s: Reverse(visit.facts, s.reversal_message_id, Call.SETTLE))


def a_reversal_carries_no_amount(patch):
    real = runner.Intent

    def planted(**fields):
        return real(**{**fields, "amount_fen": 0 if fields["call"] == Call.REVERSE else fields["amount_fen"]})

    patch.setattr(runner, "Intent", planted)


def the_intent_is_of_other_bytes(patch):
    real = runner.Intent
    patch.setattr(runner, "Intent", lambda **fields: real(**{**fields, "digest": "0" * 64}))


def a_restart_forgets_what_was_in_flight(patch):
    async def planted(engine):
        return 0

    patch.setattr("daemon.simulate.node.recover", planted)


def a_restart_calls_a_2207_in_flight_unsent(patch):
    _move(patch, e.DaemonRestarted, SENT, lambda s, event, at, visit: Step(evolve(s, state=S.QUOTED)))


def a_restart_calls_a_reversal_in_flight_done(patch):
    _move(patch, e.DaemonRestarted, REVERSING, lambda s, event, at, visit: reversal.undone(s))


def an_unanswered_cancel_never_happened(patch):
    _move(patch, e.CancelUnanswered, CANCELLING, lambda s, event, at, visit: Step(evolve(s, state=s.standing)))


def the_his_hears_of_a_cancel_before_it_is_done(patch):
    real = cancel.confirmed

    def planted(s, event, at, visit):
        step = real(s, event, at, visit)
        letter = TellHis(HisMatter.CANCELLED, "C" + s.settlement_id[1:], s.settlement_id)
        return Step(step.state, (*step.commands, letter))

    _move(patch, e.CancelConfirmed, (S.SETTLED, S.DELIVERED), planted)


def the_visit_is_not_locked(patch):
    for module in (settlement, cancel, flow):
        patch.setattr(module, "money_is_free", lambda visit, but="": None)


def the_clock_s_difference_is_not_looked_at(patch):
    for module in (settlement, cancel):
        patch.setattr(module, "clock_is_right", lambda at: None)


def a_split_is_not_checked(patch):
    patch.setattr(quote, "broken_identities", lambda split: ())


def the_feed_has_each_row_twice(patch):
    real = runner.published
    patch.setattr(runner, "published", lambda *args: real(*args) * 2)


def the_feed_lacks_cancels(patch):
    real = runner.published
    patch.setattr(runner, "published", lambda *args: tuple(x for x in real(*args) if x.kind != "cancelled"))


def the_chain_is_not_chained(patch):
    real = batch.link
    patch.setattr(batch, "link", lambda previous, line: real("0" * 64, line))


def a_change_without_a_record(patch):
    real = Engine._make

    async def planted(self, visit_id, entry, event, extra):
        work = await real(self, visit_id, entry, event, extra)
        if isinstance(event, e.FirstByteLeft):
            work.records.clear()
        return work

    patch.setattr(Engine, "_make", planted)


def the_key_is_not_looked_at(patch):
    real, count = Repeats.once, iter(range(1_000_000))

    async def planted(self, caller, key, *rest):
        return await real(self, caller, f"{key}-{next(count)}", *rest)

    patch.setattr(Repeats, "once", planted)


def the_answer_is_made_anew(patch):
    patch.setattr(repeats, "replay", lambda request: {"settlement_id": request.settlement_id, "state": "Done"})


def a_letter_without_an_answer_is_called_accepted(patch):
    real = Outbox._deliver

    async def planted(self, waiting):
        outcome = await real(self, waiting)
        return Answered(HisAccepted("")) if isinstance(outcome, outbox.Unknown) else outcome

    patch.setattr(Outbox, "_deliver", planted)


def a_letter_is_tried_once(patch):
    patch.setattr(Outbox, "_later", lambda self, *_args, **_how: None)


def letters_of_a_patient_overtake_one_another(patch):
    real = Reader.waiting_letters

    def planted(self, after, limit):
        return [evolve(one, lane=one.letter.control_id) for one in real(self, after, limit)]

    patch.setattr(Reader, "waiting_letters", planted)


# -- several nodes (profile "nodes")


def an_older_epoch_still_writes(patch):
    patch.setattr(nodes, "lives", lambda connection, epoch: True)


def versions_are_not_looked_at(patch):
    patch.setattr(Writer, "_judged", lambda self, units: [None] * len(units))


def the_living_are_taken_over(patch):
    def planted(connection, now, but=0):
        real(connection, now + 3600, but)

    real = nodes._end_overdue
    patch.setattr(nodes, "_end_overdue", planted)


def what_is_in_flight_elsewhere_is_claimed(patch):
    patch.setattr(nodes, "_orphaned", lambda: nodes.t.visit.c.busy)
    patch.setattr(nodes, "_unended", _all_are_dead)


def _all_are_dead(connection, ids, living):
    query = sa.select(nodes.t.message).where(nodes.t.message.c.outcome == "", nodes.t.message.c.visit_id.in_(ids))
    dead = {}
    for row in connection.execute(query):
        dead.setdefault(row.visit_id, {})[row.settlement_id] = (row.message_id,)
    return {visit: (messages, frozenset()) for visit, messages in dead.items()}


def what_is_sent_after_the_lease_is_sent(patch):
    patch.setattr(Members, "lives", lambda self: True)


def two_nodes_deliver_at_once(patch):
    patch.setattr(Members, "holds", lambda self, task: True)


def message_ids_are_everybodys(patch):
    patch.setattr(MessageIds, "resume", _as_if_alone)


def _as_if_alone(self, last, slot):
    self._first, self._end = 0, 10_000
    if last is not None:
        self._last = max(self._last, (last[12:26], int(last[26:])))


def another_nodes_clock_is_believed(patch):
    patch.setattr(runner, "_trusted", lambda since, trusted, now: trusted)


def what_a_dead_node_left_is_nobodys(patch):
    patch.setattr(nodes, "_orphaned", sa.false)


NODES = (
    an_older_epoch_still_writes,
    versions_are_not_looked_at,
    the_living_are_taken_over,
    what_is_in_flight_elsewhere_is_claimed,
    what_is_sent_after_the_lease_is_sent,
    two_nodes_deliver_at_once,
    message_ids_are_everybodys,
    another_nodes_clock_is_believed,
    what_a_dead_node_left_is_nobodys,
)

ALL = (
    send_before_commit,
    send_though_the_commit_failed,
    unknown_is_a_refusal,
    a_2207_is_sent_again,
    message_ids_begin_anew_in_each_life,
    an_unknown_has_no_due_time,
    a_due_time_wakes_nobody,
    due_times_are_not_armed_again_after_a_restart,
    a_late_approval_settles_what_was_reversed,
    a_late_approval_settles_in_spite_of_a_reversal,
    not_found_ends_a_reversal_at_once,
    any_refused_reversal_is_a_reversal,
    an_unanswered_reversal_is_a_reversal,
    an_unsent_reversal_is_a_reversal,
    giving_up_is_called_reversed,
    the_wall_clock_says_how_long_it_took,
    a_reversal_names_itself,
    a_reversal_carries_no_amount,
    the_intent_is_of_other_bytes,
    a_restart_forgets_what_was_in_flight,
    a_restart_calls_a_2207_in_flight_unsent,
    a_restart_calls_a_reversal_in_flight_done,
    an_unanswered_cancel_never_happened,
    the_his_hears_of_a_cancel_before_it_is_done,
    the_visit_is_not_locked,
    the_clock_s_difference_is_not_looked_at,
    a_split_is_not_checked,
    the_feed_has_each_row_twice,
    the_feed_lacks_cancels,
    the_chain_is_not_chained,
    a_change_without_a_record,
    the_key_is_not_looked_at,
    the_answer_is_made_anew,
    a_letter_without_an_answer_is_called_accepted,
    a_letter_is_tried_once,
    letters_of_a_patient_overtake_one_another,
)
