"""The whole state x event matrix of both machines: no cell is undefined, and each does what it says."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call
from middleware.domain.command import CallCentre, HisMatter, TellHis, WakeAt
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.visit import IN_FLIGHT, MONEY_OPEN, SettlementState, VisitState
from middleware.flow.step import IllegalEvent, cell
from middleware.flow.visit import ERRAND_ROWS, PAYER_ROWS, REGISTRATION_ROWS, SETTLEMENT_ROWS, step
from tests.middleware.flow.making import at, event, fit, members, settlement, visit
from tests.support.fakes import HIS

MACHINES = {
    "registration": (REGISTRATION_ROWS, VisitState, e.VisitEvent),
    "settlement": (SETTLEMENT_ROWS, SettlementState, e.SettlementEvent),
}
CELLS = [
    pytest.param(name, state, kind, id=f"{name}-{state}-{kind.__name__}")
    for name, (rows, states, _) in MACHINES.items()
    for state, kind in itertools.product(states, rows)
]
S = SettlementState


@pytest.mark.parametrize("name", MACHINES)
def test_every_event_of_the_union_has_exactly_one_row(name):
    rows, _, union = MACHINES[name]

    assert set(members(union)) == set(rows)
    assert all(row.event is kind for kind, row in rows.items())


@pytest.mark.parametrize("name", MACHINES)
def test_a_row_names_only_states_of_its_machine_and_none_twice(name):
    rows, states, _ = MACHINES[name]

    for row in rows.values():
        assert set(row.moves) | set(row.ignored) <= set(states)
        assert not set(row.moves) & set(row.ignored)


def test_every_event_of_the_vocabulary_belongs_to_a_machine_or_begins_one():
    begins = {e.RegistrationRequested, e.QuoteRequested, e.ErrandRequested}

    rows = set(REGISTRATION_ROWS) | set(SETTLEMENT_ROWS) | set(ERRAND_ROWS) | set(PAYER_ROWS)
    assert set(members(e.Event)) == rows | begins
    declared = {kind for kind in vars(e).values() if isinstance(kind, type) and kind.__module__ == e.__name__}
    assert set(members(e.Event)) == declared | set(members(e.PaymentEvent))


@pytest.mark.parametrize(("name", "state", "kind"), CELLS)
def test_every_cell_is_a_move_or_has_a_reason_and_step_does_what_it_says(name, state, kind):
    rows = MACHINES[name][0]
    row = rows[kind]
    before = visit(state=state) if name == "registration" else visit(fit(state, kind))
    happened = event(kind, state)
    words = cell(rows, state, kind)

    if state in row.moves:
        assert words
        assert not words.startswith(("ignored", "illegal"))
        try:
            done = step(before, happened, at())
        except Fault:
            return
        legal(name, done)
        return
    if state in row.ignored:
        assert words.removeprefix("ignored: ").strip()
        done = step(before, happened, at())
        assert (done.state, done.commands) == (before, ())
        return
    assert words.removeprefix("illegal: ").strip(), "a cell without a word is an undefined cell"
    with pytest.raises(IllegalEvent):
        step(before, happened, at())


def legal(name, done):
    """What must hold of any visit that a move leaves."""
    assert isinstance(done.state.state, VisitState)
    for s in done.state.settlements:
        assert isinstance(s.state, S)
        assert (s.next_due is not None) == (s.state in {S.UNKNOWN, S.ORDERED}), "invariant 10"
        assert s.unknown_call is not None or s.state not in {S.UNKNOWN, S.REVERSAL_INTENDED, S.REVERSAL_SENT}
        assert s.settled is not None or s.state not in {
            S.SETTLED,
            S.DELIVERED,
            S.CANCEL_INTENDED,
            S.CANCEL_SENT,
            S.CANCELLED,
        }
        assert (s.cancelled is not None) == (s.state is S.CANCELLED)
    calls = [c for c in done.commands if isinstance(c, CallCentre)]
    assert len(calls) <= 1
    for call in calls:
        owner = done.state if name == "registration" else done.state.settlements[0]
        ids = {
            Call.SETTLE: "settle_message_id",
            Call.REVERSE: "reversal_message_id",
            Call.CANCEL: "cancel_message_id",
            Call.CONFIRM: "confirm_message_id",
            Call.PLACE_ORDER: "settle_message_id",
            Call.REFUND_ORDER: "cancel_message_id",
        }
        if call.call is Call.QUERY_ORDER:
            assert owner.mobile.query_id == call.message_id, "the question whose answer counts is in the state"
            continue
        if call.call in ids:
            assert getattr(owner, ids[call.call]) == call.message_id, "the intent is in the state"
            assert owner.state in IN_FLIGHT
        else:
            assert owner.awaiting is call.call


@pytest.mark.parametrize("name", MACHINES)
def test_no_move_is_without_a_first_line_that_says_where_it_leads(name):
    for row in MACHINES[name][0].values():
        for move in row.moves.values():
            assert (move.__doc__ or "").strip().startswith(("->", "Stays", "Refused to the asker")), move


def test_an_event_that_is_of_the_other_machine_is_our_mistake():
    with pytest.raises(IllegalEvent):
        step(visit(), e.CentreQuoted("", settlement(S.QUOTED).quoted), at())
    with pytest.raises(KeyError):
        step(visit(), e.DueTimePassed("S9999"), at())


def table_of_the_design():
    """(state, event, where it leads) of the machine of one settlement, as SETTLEMENT.md has it, in its order."""
    return [
        (S.RECEIVED, e.CentreTookCharges, S.ITEMISED),
        (S.ITEMISED, e.CentreQuoted, S.QUOTED),
        (S.QUOTED, e.SettleConfirmed, S.SETTLE_INTENDED),
        (S.SETTLE_INTENDED, e.FirstByteLeft, S.SETTLE_SENT),
        (S.SETTLE_INTENDED, e.SettleNotSent, S.QUOTED),
        (S.SETTLE_INTENDED, e.DaemonRestarted, S.UNKNOWN),
        (S.SETTLE_SENT, e.CentreSettled, S.SETTLED),
        (S.SETTLE_SENT, e.CentreRefusedSettle, S.QUOTED),
        (S.SETTLE_SENT, e.SettleUnanswered, S.UNKNOWN),
        (S.SETTLE_SENT, e.DaemonRestarted, S.UNKNOWN),
        (S.UNKNOWN, e.CentreSettled, S.SETTLED),
        (S.UNKNOWN, e.CentreRefusedSettle, S.REFUSED),
        (S.UNKNOWN, e.DueTimePassed, S.REVERSAL_INTENDED),
        (S.REVERSAL_INTENDED, e.FirstByteLeft, S.REVERSAL_SENT),
        (S.REVERSAL_SENT, e.CentreReversed, S.REVERSED),
        (S.REVERSAL_SENT, e.ReversalUnanswered, S.UNKNOWN),
        (S.REVERSAL_SENT, e.DaemonRestarted, S.UNKNOWN),
        (S.SETTLED, e.HisAcceptedCharges, S.DELIVERED),
        (S.DELIVERED, e.CancelConfirmed, S.CANCEL_INTENDED),
        (S.CANCEL_INTENDED, e.FirstByteLeft, S.CANCEL_SENT),
        (S.CANCEL_SENT, e.CentreCancelled, S.CANCELLED),
        (S.CANCEL_SENT, e.CancelUnanswered, S.UNKNOWN),
        (S.CANCEL_SENT, e.CentreRefusedCancel, S.DELIVERED),
    ]


@pytest.mark.parametrize(("state", "kind", "leads_to"), table_of_the_design())
def test_the_machine_is_the_one_of_the_design(state, kind, leads_to):
    before = settlement(state)
    if state is S.REVERSAL_SENT:
        before = evolve(before, reversal_attempts=1)

    done = step(visit(before), event(kind, state), at())

    assert done.state.settlements[0].state is leads_to


@pytest.mark.parametrize("state", [S.CANCELLED, S.REFUSED, S.REVERSED])
def test_a_terminal_state_is_left_only_by_a_late_approval(state):
    for kind in SETTLEMENT_ROWS:
        try:
            done = step(visit(fit(state, kind)), event(kind, state), at())
        except (Fault, IllegalEvent):
            continue
        late = {e.CentreSettled, e.CentreConfirmed, e.CentrePlacedOrder, e.OrderNoticed}
        if kind in late and state is not S.CANCELLED:
            assert done.state.settlements[0].state is S.UNKNOWN, "invariant 13"
        else:
            assert done.state.settlements[0].state is state


def test_invariant_9_a_restart_leaves_nothing_in_flight():
    for state in S:
        done = step(visit(settlement(state)), e.DaemonRestarted("S0001"), at())
        after = done.state.settlements[0]

        assert after.state not in IN_FLIGHT
        assert after.awaiting is None
        if state in IN_FLIGHT:
            assert after.state is S.UNKNOWN
            assert done.commands == (WakeAt("S0001", after.next_due),)


@pytest.mark.parametrize("other", sorted(MONEY_OPEN))
def test_invariant_7_no_wish_of_an_asker_opens_a_second_settlement_of_a_visit(other):
    busy = settlement(other, settlement_id="S0002")
    wishes = [
        (S.QUOTED, event(e.SettleConfirmed)),
        (S.SETTLED, event(e.CancelConfirmed)),
        (S.DELIVERED, event(e.CancelConfirmed)),
    ]
    for state, wish in wishes:
        with pytest.raises(Fault) as caught:
            step(visit(settlement(state), busy), wish, at())
        assert caught.value.code == "visit.locked"
    request = e.QuoteRequested("S0003", HIS, Money(1), "b", "d", use_account=True)
    with pytest.raises(Fault) as caught:
        step(visit(busy), request, at())
    assert caught.value.code == "visit.locked"


def test_a_settlement_tells_the_his_when_it_holds_and_when_it_is_undone_and_at_no_other_time():
    told = {}
    for state, kind in itertools.product(S, SETTLEMENT_ROWS):
        try:
            done = step(visit(fit(state, kind)), event(kind, state), at())
        except (Fault, IllegalEvent):
            continue
        for command in done.commands:
            if isinstance(command, TellHis):
                told.setdefault(command.matter, set()).add((state, done.state.settlements[0].state))

    assert {after for _, after in told[HisMatter.SETTLED]} == {S.SETTLED}
    assert {after for _, after in told[HisMatter.CANCELLED]} == {S.CANCELLED}
    assert set(told) == {HisMatter.SETTLED, HisMatter.CANCELLED}
