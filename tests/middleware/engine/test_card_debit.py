"""Debits on cards, over the socket's methods, with the real engine and store: what is durable, what is done, what is known."""

from __future__ import annotations

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.store import tables as t
from simulators.card.faults import WithdrawnError
from simulators.card.hsm import answer_of
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.purse import PurseCard, PurseFaults
from simulators.card.secure import FIRST_PIN
from simulators.people import PEOPLE
from tests.readers.waiting import until
from tests.support.keyed import PSAM, READER, InlineReaders, keyed_desk

THIRD, SECOND = PEOPLE["third-generation"], PEOPLE["employee"]
AT = "20260302101500"
ONE, OTHER = Caller(Role.OPERATOR, "op-1", "D1"), Caller(Role.OPERATOR, "op-2", "D2")


def info(person) -> str:
    return f"{person.card_id_code}|{person.card_number}|"


def asked(key="k1", person=THIRD, pay=f"12.30|4.05||{AT}|") -> dict[str, str]:
    return {"request_id": key, "pCardInfo": info(person), "pPayInfo": pay, "pin": FIRST_PIN}


class Slots(InlineReaders):
    """A card that pulls itself out is pulled out, as a reader sees it; ``put`` puts it in again."""

    def __init__(self, card, psam=None):
        super().__init__(**{READER: card, PSAM: psam or PsamCard()})
        card.answer = self._guarded(card, card.answer)

    def _guarded(self, card, answer):
        def work(apdu):
            try:
                return answer(apdu)
            except WithdrawnError:
                self.cards[READER] = None
                raise Fault("card.withdrawn", "during an exchange") from None

        return work

    def put(self, card, faults=None):
        card.purse_faults = faults or PurseFaults()
        self.cards[READER] = card


def rows(desk):
    with desk.rig.database.connect() as connection:
        return connection.execute(sa.select(t.card_debit).order_by(t.card_debit.c.debit_id)).all()


def events(desk):
    return [event for event, _ in desk.journal() if event.startswith("CardDebit")]


@pytest.mark.parametrize("person", [THIRD, SECOND])
@pytest_twisted.ensureDeferred
async def test_a_debit_by_the_psam_moves_both_accounts_once_and_the_same_key_gives_the_same_answer(
    tmp_path, person
) -> None:
    card = PurseCard(person)
    async with keyed_desk(tmp_path, Slots(card), debit="on") as desk:
        first = await desk.driver("iDoDebit", **asked(person=person))
        again = await desk.driver("iDoDebit", **asked(person=person))

        assert first == again
        code, out, _ = first
        assert (code, out.split("|")[:3]) == (0, ["00000001", AT, "0007"])
        assert (card.debits, card.individual_fen, card.pooled_fen) == ([(1230, 405)], 8770, 405)
        assert events(desk) == ["CardDebitIntended", "CardDebitDone", "CardDebited"]
        text = " ".join(line for _, line in desk.journal()) + str([tuple(row) for row in rows(desk)])
        assert [one for one in (person.id_number, person.card_id_code, person.card_number, FIRST_PIN) if one in text] == []
        assert (await desk.driver("iDoDebit", **asked(person=person, pay=f"12.31|4.05||{AT}|")))[0] == -14


@pytest_twisted.ensureDeferred
async def test_without_being_switched_on_nothing_is_debited_and_the_answer_is_the_published_one(tmp_path) -> None:
    card = PurseCard(THIRD)
    async with keyed_desk(tmp_path, Slots(card)) as desk:
        assert (await desk.driver("iDoDebit", **asked()))[0] == -13
        step = {name: value for name, value in asked().items() if name != "request_id"}
        assert (await desk.driver("iDoDebit_HSM_Step1", **step))[0] == -13
        assert (card.debits, card.commands, rows(desk)) == ([], [], [])


@pytest_twisted.ensureDeferred
async def test_no_debit_leaves_without_a_durable_intent(tmp_path) -> None:
    card = PurseCard(THIRD)
    async with keyed_desk(tmp_path, Slots(card), debit="on") as desk:
        seen = []
        answer = card.answer

        def watched(apdu):
            if apdu[:2] == b"\x80\x54":
                seen.append([(row.state, row.individual_fen, row.transaction_number) for row in rows(desk)])
            return answer(apdu)

        card.answer = watched
        assert (await desk.driver("iDoDebit", **asked()))[0] == 0
        assert seen == [[("sent", 1230, "00000001")]]

        commit = desk.rig.journal.commit

        def refusing(unit):
            if any(record.event == "CardDebitIntended" for record in unit.records):
                failed: Deferred[None] = Deferred()
                failed.errback(Fault("system.journal", "the disk is full"))
                return failed
            return commit(unit)

        desk.rig.journal.commit = refusing
        answer_ = await desk.ask("driver.iDoDebit", reader=READER, **asked("k2"))
        assert answer_["error"]["data"]["code"] == "system.journal"
        assert (len(seen), len(card.debits)) == (1, 1)


@pytest.mark.parametrize(
    ("faults", "done", "events_"),
    [
        (PurseFaults(pulled_after=True), True, "CardDebitEstablished"),
        (PurseFaults(pulled_before=True), False, "CardDebitEstablished"),
        (PurseFaults(answers=0x6581), False, "CardDebitEstablished"),
        (PurseFaults(answers=0x6C08), False, "CardDebitEstablished"),
        (PurseFaults(answers_after=0x6F00), True, "CardDebitEstablished"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_nobody_knows_is_established_when_the_card_is_read_again(tmp_path, faults, done, events_) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        slots.put(card, faults)
        code, out, _ = await desk.driver("iDoDebit", reader=READER, **asked())
        assert (code, "请勿另行收费" in out, rows(desk)[0].state) == (-999, True, "unknown")
        assert (await desk.call("debit.list", ONE))["rows"][0]["individual"] == "12.30"
        slots.cards[READER] = None
        answer = await desk.call("driver.iDoDebit", reader=READER, **asked())
        assert answer["fault"]["code"] == "card.debit_unknown"  # an empty reader says nothing of money
        slots.put(card)
        answer = await desk.call("driver.iDoDebit", reader=READER, **asked())

        assert (answer["code"] == 0) == done
        assert done or answer["fault"]["code"] == "card.debit_not_done"
        assert (len(card.debits), sum(command[:2] == b"\x80\x54" for command in card.commands) <= 1) == (int(done), True)
        assert events(desk)[-1] == events_
        assert (await desk.call("debit.list", ONE))["rows"] == []


@pytest.mark.parametrize("done", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_crash_between_intent_and_answer_leaves_it_open_and_the_log_by_pin_resolves_it(tmp_path, done) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        slots.put(card, PurseFaults(pulled_after=done, pulled_before=not done))
        commit = desk.rig.journal.commit
        # As kill -9: what would be written after the command never is.
        desk.rig.journal.commit = lambda unit: (
            Deferred() if any(record.event == "CardDebitUnknown" for record in unit.records) else commit(unit)
        )
        left = Deferred.fromCoroutine(desk.ask("driver.iDoDebit", reader=READER, **asked()))
        await until(lambda: not slots.cards[READER], lambda: "pulled")
        assert [row.state for row in rows(desk)] == ["sent"]
        left.addErrback(lambda _: None)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:  # the next life
        slots.put(card)
        desk.debits.start()
        await until(lambda: desk.debits.health().fault == "card.debit_open", lambda: "counted")
        assert (await desk.driver("iReadDebitRecord", reader=READER, iAuthType=1, pin=FIRST_PIN))[0] == 0
        assert [row.state for row in rows(desk)] == ["done" if done else "not-done"]
        desk.debits.kick()
        await until(lambda: desk.debits.health().condition == "good", lambda: "counted again")
        desk.debits.stop()


@pytest_twisted.ensureDeferred
async def test_another_request_is_told_that_the_earlier_one_was_done_before_anything_is_debited_again(tmp_path) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        slots.put(card, PurseFaults(pulled_after=True))
        await desk.driver("iDoDebit", reader=READER, **asked())
        slots.put(card)
        answer = await desk.call("driver.iDoDebit", reader=READER, **asked("k2"))
        assert (answer["fault"]["code"], len(card.debits)) == ("card.debit_found", 1)
        assert (await desk.driver("iDoDebit", reader=READER, **asked("k2")))[0] == 0
        assert len(card.debits) == 2


@pytest_twisted.ensureDeferred
async def test_what_the_card_cannot_prove_locks_it_until_two_persons_decided(tmp_path) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        slots.put(card, PurseFaults(pulled_before=True))
        await desk.driver("iDoDebit", reader=READER, **asked())
        card.individual_fen += 100  # somebody loaded it elsewhere
        slots.put(card)
        for key in ("k1", "k2"):
            answer = await desk.call("driver.iDoDebit", reader=READER, **asked(key))
            assert (answer["fault"]["code"], card.debits) == ("card.debit_unknown", [])
        assert sum(command[:2] == b"\x80\x50" for command in card.commands) == 1  # not even begun
        (row,) = (await desk.call("debit.list", ONE))["rows"]
        named = {"debit_id": row["debit_id"]}
        made = await desk.call("debit.propose", ONE, **named, decision="not-done", reference="来电 17 号")
        named["proposal"] = made["proposal"]["proposal"]
        assert await desk.code("debit.approve", ONE, **named) == "desk.same_person"
        assert await desk.code("debit.approve", OTHER, **named | {"proposal": "0" * 32}) == "desk.stale"
        assert "proposal" not in await desk.call("debit.reject", OTHER, **named)
        made = await desk.call("debit.propose", ONE, debit_id=row["debit_id"], decision="not-done", reference="来电 18 号")
        decided = await desk.call("debit.approve", OTHER, **named | {"proposal": made["proposal"]["proposal"]})
        assert (decided["state"], decided["why"]) == ("not-done", "desk")
        assert (await desk.driver("iDoDebit", reader=READER, **asked("k2")))[0] == 0


@pytest_twisted.ensureDeferred
async def test_a_card_that_refuses_is_not_debited_and_says_its_status_word(tmp_path) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card, PsamCard(PsamFaults(wrong=True)))
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        assert (await desk.driver("iDoDebit", **asked()))[0] == -0x9302
        assert (await desk.driver("iDoDebit", **asked()))[0] == -0x9302
        assert (card.debits, rows(desk)[0].state) == ([], "refused")
        funds = await desk.call("driver.iDoDebit", **asked("k2", pay=f"100.01|0.00|{AT}|"))
        assert (funds["fault"]["code"], len(rows(desk))) == ("card.debit_funds", 1)
        assert sum(command[:2] == b"\x80\x54" for command in card.commands) == 1


@pytest_twisted.ensureDeferred
async def test_a_wrong_mac2_is_no_receipt_and_no_evidence_of_that_card_resolves_it(tmp_path) -> None:
    card = PurseCard(THIRD)
    slots = Slots(card)
    async with keyed_desk(tmp_path, slots, debit="on") as desk:
        slots.put(card, PurseFaults(wrong_mac2=True))
        for _ in range(2):
            answer = await desk.call("driver.iDoDebit", **asked())
            assert answer["fault"]["code"] == "card.debit_unknown"
        assert (rows(desk)[0].why, len(card.debits)) == ("card.mac", 1)


@pytest.mark.parametrize("blind", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_swapped_card_is_refused_and_neither_is_debited(tmp_path, blind) -> None:
    first, second = PurseCard(THIRD), PurseCard(SECOND, seed=2)
    slots = Slots(first)
    slots.blind = blind
    async with keyed_desk(tmp_path, slots, debit="on", psam_reader="", terminal_number="999900000007") as desk:
        step = {name: value for name, value in asked().items() if name != "request_id"}
        _, step1, session = await desk.driver("iDoDebit_HSM_Step1", reader=READER, **step)
        slots.swap(READER, second)
        key = answer_of("debit", step1, AT, named(first))
        code, _, _ = await desk.driver("iDoDebit_HSM_Step2", request_id="k1", session_id=session, pKey=key)

        assert code == (-26371 if blind else -3)  # the other card never heard of a debit begun
        assert (first.debits, second.debits) == ([], [])
        assert (await desk.driver("iDoDebit", reader=READER, **asked("k2")))[0] in {-22, -2201}


def named(card) -> str:
    return f"{card.person.region}|{card.atr[-14:-1].hex().upper()}|"


@pytest_twisted.ensureDeferred
async def test_the_hsm_debits_in_two_steps_and_the_second_only_once(tmp_path) -> None:
    card = PurseCard(SECOND)
    options = {"debit": "on", "psam_reader": "", "terminal_number": "999900000007"}
    async with keyed_desk(tmp_path, Slots(card), **options) as desk:
        step = {name: value for name, value in asked(person=SECOND).items() if name != "request_id"}
        _, step1, session = await desk.driver("iDoDebit_HSM_Step1", reader=READER, **step)
        assert (len(step1.split("|")), step1.split("|")[1], card.debits) == (9, "0020", [])
        key = answer_of("debit", step1, AT, named(card))
        again = {"request_id": "k1", "session_id": session, "pKey": key}
        first = await desk.driver("iDoDebit_HSM_Step2", **again)
        assert (first[0], card.debits) == (0, [(1230, 405)])
        assert await desk.driver("iDoDebit_HSM_Step2", **again) == first
        assert (await desk.driver("iDoDebit_HSM_Step2", **again | {"request_id": "k9"}))[0] == -3
        assert (card.debits, rows(desk)[0].way, desk.cards.count) == ([(1230, 405)], "HSM", 0)


@pytest_twisted.ensureDeferred
async def test_once_the_command_has_left_no_fault_of_ours_says_that_nothing_moved(tmp_path) -> None:
    card = PurseCard(THIRD)
    async with keyed_desk(tmp_path, Slots(card), debit="on") as desk:
        commit = desk.rig.journal.commit

        def full(unit):
            if any(record.event == "CardDebitDone" for record in unit.records):
                failed: Deferred[None] = Deferred()
                failed.errback(Fault("system.journal", "the disk is full"))
                return failed
            return commit(unit)

        desk.rig.journal.commit = full
        answer = await desk.call("driver.iDoDebit", **asked())
        assert (answer["fault"]["code"], answer["fault"]["money"]) == ("card.debit_unknown", "unknown")
        desk.rig.journal.commit = commit
        assert ((await desk.driver("iDoDebit", **asked()))[0], len(card.debits)) == (0, 1)
