"""What the HIS tells is acted on once, after it is durable: patients, merges, charges; contradictions wait for two persons."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.centre import Call
from middleware.domain.charge import Diagnosis
from middleware.domain.document import CITIZEN, document_of
from middleware.domain.health import Condition
from middleware.domain.his import HisAccepted
from middleware.domain.identity import MediumNumber, PersonName
from middleware.domain.order import HisQuoteOrder
from middleware.domain.outcome import Answered, NotSent
from middleware.domain.payment import BankCall
from middleware.domain.told import NumberKind, Query
from middleware.doors.mllp.reading import TELLING, reader_of
from middleware.engine.inbox import Inbox
from middleware.engine.intake import TOGETHER
from middleware.engine.registries import registry_of
from middleware.engine.told import his_told
from middleware.flow.audit_rules import Limits
from middleware.store import tables as t
from middleware.store.inbox import InboxReader
from middleware.store.units import Incoming
from tests.middleware.engine.test_gate import LI, WANG, fault_of
from tests.middleware.engine.test_payments import rig as with_bank
from tests.support.bank import BY_CARD, REPLY
from tests.support.counter import order_of, registered, rig, rows, until_seen
from tests.support.fakes import HIS, id_number

JIA, YI = id_number(1).reveal(), id_number(3).reveal()


def message(kind, *segments, number=1):
    head = f"MSH|^~\\&|HIS|H1|YKT|H1|20261122090000||{kind}|M{number}|P|2.4|||||CHN|UTF-8"
    return "\r".join((head, *segments)).encode() + b"\r"


def pid(patient="P001", *, document=JIA, name="测试甲", card="", born="", sex="", mother=""):
    numbers = f"{patient}^^^^PI" + (f"~{document}^^^^IdentifyNO" if document else "~^^^^IdentifyNO")
    numbers += f"~{card}^^^^Card_No" if card else ""
    return f"PID|1||{numbers}||{name}||{born}|{sex}|||||||||||||{mother}"


def ft1(line="L1", amount="10.00", *, kind="CG", catalogue="XA01", price=None, quantity="1"):
    at = dt.datetime.now(dt.UTC).strftime("%Y%m%d")
    code = f"H01^血常规^L^{catalogue}"
    tail = "0101^内科||||||||D01^测试医生"
    return f"FT1|1|{line}||{at}||{kind}|{code}|||{quantity}|{amount}|{price or amount}|{tail}"


class His:
    """A HIS that tells, and the daemon's part that hears."""

    def __init__(self, r):
        self.r, self.sent = r, 0
        registry, _ = registry_of(r.counter, Limits(), 1000)
        self.desk, means = registry.desk, r.engine.means
        self.told = his_told(means, registry, InboxReader(r.database, r.vault), reader_of({}), TELLING)
        self.inbox = Inbox(r.journal, r.pool, InboxReader(r.database, r.vault), r.now, means.clock)

    async def tell(self, kind, *segments):
        await self.say(kind, *segments)
        await self.told.intake.look()

    async def say(self, kind, *segments):
        self.sent += 1
        raw = message(kind, *segments, number=self.sent)
        await self.inbox.keep(Incoming("his", f"M{self.sent}", kind, "", raw, b"", self.r.now()))

    async def failures(self):
        return [(row["code"], row["detail"]) for row in (await self.told.intake.failures(0, 100))["rows"]]

    async def known(self, number, kind=NumberKind.PATIENT, reason="检查"):
        return (await self.told.identities.show(LI, kind, MediumNumber(number), reason))["patients"]

    async def matters(self, *, every=False, reason=""):
        return (await self.told.identities.matters(LI, "", 100, reason, every=every))["rows"]

    async def decide(self, key, decision):
        made = await self.told.identities.resolve(LI, key, decision, "")
        assert (await fault_of(self.desk.approve(LI, made["proposal"]))).code == "desk.same_person"
        await self.desk.approve(WANG, made["proposal"])

    async def quote(self, visit, key, patient="P001"):
        diagnoses = (Diagnosis("J00", "感冒"),)
        order = HisQuoteOrder(visit["visit_id"], patient, "", diagnoses)
        return await self.r.counter.quote_from_his(HIS, key, order)


async def of_the_card(r, key="r1"):
    """A visit, and the document of its card."""
    visit = await registered(r, key=key)
    state = await r.engine.visits.visit(visit["visit_id"])
    holder = await r.engine.visits.holder(state)
    return visit, holder


async def with_a_line(r, amount="100.00"):
    """A HIS that has charged one line to the patient of a visit: it, the visit, and the patient's segment."""
    his = His(r)
    visit, holder = await of_the_card(r)
    person = pid(document=holder.id_number.reveal(), name=holder.name.reveal())
    await his.tell("DFT^P03", person, ft1("L1", amount))
    return his, visit, person


@pytest_twisted.ensureDeferred
async def test_a_registration_is_acted_on_once_and_its_numbers_become_links(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("ADT^A04", pid(card="C0001"))
        assert await his.told.intake.look() == 0

        (one,) = await his.known("C0001", NumberKind.TREATMENT_CARD)
        assert (one["number"], one["id_number"]) == ("P001", JIA)
        links = rows(r, t.medium_link)
        assert sorted(row.kind for row in links) == ["his-patient", "treatment-card"]
        assert [row.state for row in rows(r, t.hl7_outcome)] == ["done"]
        for row in rows(r, t.his_person) + rows(r, t.journal) + rows(r, t.his_number):
            assert not any(secret in str(row) for secret in (JIA, "P001", "测试甲", "C0001"))


@pytest_twisted.ensureDeferred
async def test_another_document_for_one_patient_number_changes_nothing_and_is_listed_for_two_persons(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("ADT^A04", pid())
        await his.tell("ADT^A08", pid(document=YI, name="测试乙"))

        assert [one["id_number"] for one in await his.known("P001")] == [JIA]
        (matter,) = await his.matters()
        assert (matter["kind"], matter["first"]["name"]) == ("two-persons", "测**")
        assert set(matter["speaks_against"]) >= {"document", "name"}
        assert matter["speaks_for"][-1] == "number"
        (clear,) = await his.matters(reason="核对")
        assert {clear[side]["name"] for side in ("first", "second")} == {
            "测试甲", "测试乙",
        }  # fmt: skip

        await his.decide(matter["key"], "first")
        assert await his.matters() == []


@pytest_twisted.ensureDeferred
async def test_a_newborn_has_no_document_until_it_has_one_and_a_message_that_leaves_it_out_takes_nothing(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await his.tell("ADT^A01", pid("B001", document="", name="测试之子", born="20261122", mother="P001"))
        assert rows(r, t.medium_link) == []
        assert [(one["id_number"], one["mother"]) for one in await his.known("B001")] == [("", "P001")]

        await his.tell("ADT^A08", pid("B001", document=YI, name="测试乙"))
        await his.tell("ADT^A31", pid("B001", document="", name=""))

        (one,) = await his.known("B001")
        assert (one["id_number"], one["name"], one["mother"]) == (YI, "测试乙", "P001")
        assert [row.kind for row in rows(r, t.medium_link)] == ["his-patient"]


@pytest_twisted.ensureDeferred
async def test_a_merge_is_followed_and_two_persons_may_undo_it_for_good(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("ADT^A04", pid("P001"))
        await his.tell("ADT^A40", pid("P002", document=""), "MRG|P001^^^^PI")
        assert [one["number"] for one in await his.known("P001")] == ["P002"]
        (merge,) = await his.matters(every=True)
        assert (merge["state"], await his.matters()) == ("followed", [])

        await his.decide(merge["key"], "undo")
        assert [one["number"] for one in await his.known("P001")] == ["P001"]
        await his.tell("ADT^A40", pid("P002", document=""), "MRG|P001^^^^PI")
        assert [one["number"] for one in await his.known("P001")] == ["P001"]


@pytest_twisted.ensureDeferred
async def test_a_merge_of_two_documents_is_not_followed_until_two_persons_say_so(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("ADT^A04", pid("P001"))
        await his.tell("ADT^A04", pid("P002", document=YI, name="测试乙"))
        await his.tell("ADT^A40", pid("P002", document=YI, name="测试乙"), "MRG|P001^^^^PI")

        assert [one["number"] for one in await his.known("P001")] == ["P001"]
        (matter,) = await his.matters()
        assert (matter["matter"], matter["state"]) == ("merge", "disputed")
        assert his.told.intake.health().fault == "identity.disputed"
        await his.decide(matter["key"], "follow")
        assert [one["number"] for one in await his.known("P001")] == ["P002"]


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_acted_on_waits_with_its_reason_holds_nobody_up_and_may_be_tried_again(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await his.tell("ADT^A04", "EVN|A04")
        await his.tell("ADT^A04", pid(document=JIA[:-1] + ("0" if JIA[-1] != "0" else "1")))
        await his.tell("ADT^A04", pid("P003"))
        assert [code for code, _ in await his.failures()] == ["hl7.content"] * 2
        assert JIA[:-1] not in str(await his.failures())
        assert his.told.intake.health().fault == "hl7.failed"
        assert [one["number"] for one in await his.known("P003")] == ["P003"]

        his.told.intake._read = reader_of({})  # as a daemon whose configuration was mended
        first = (await his.told.intake.failures(0, 1))["rows"][0]["sequence"]
        await his.told.intake.retry(LI, first)
        await his.told.intake.look()

        (again, _) = (await his.told.intake.failures(0, 100))["rows"]
        assert (again["sequence"], again["state"], again["attempts"]) == (first, "failed", 2)
        assert (await fault_of(his.told.intake.retry(LI, 999_999))).code == "request.not_found"


@pytest_twisted.ensureDeferred
async def test_messages_that_wait_are_acted_on_in_order_and_together_and_one_that_cannot_be_takes_nobody_with_it(store_url):
    async with rig(store_url) as r:
        his = His(r)
        intake = his.told.intake
        for number in range(TOGETHER):
            await his.say("ADT^A04", pid(f"P{number % 5}", name=f"测试{number}"))
        written = []
        write, intake._write = intake._write, lambda unit: written.append(unit) or write(unit)
        assert await intake.look() == TOGETHER
        assert [len(unit.records) for unit in written] == [TOGETHER]

        for segment in (pid("P0", name="后来"), "EVN|A04", pid("P0", name="最后")):
            await his.say("ADT^A04", segment)
        assert await intake.look() == 3
        assert [row.state for row in rows(r, t.hl7_outcome)] == ["done"] * (TOGETHER + 1) + ["failed", "done"]
        assert [one["name"] for number in range(5) for one in await his.known(f"P{number}")] == [
            "最后",
            *(f"测试{max(n for n in range(TOGETHER) if n % 5 == number)}" for number in range(1, 5)),
        ]


@pytest_twisted.ensureDeferred
async def test_how_far_the_acting_is_behind_is_told_while_something_waits(tmp_path):
    async with rig(tmp_path) as r:
        his = His(r)
        intake = his.told.intake
        await his.say("ADT^A04", pid())
        r.offset += dt.timedelta(seconds=100)
        seen = []
        act, intake._act_on = (
            intake._act_on,
            lambda *what: seen.append((intake.behind_s(), intake.health().fault)) or act(*what),
        )
        await intake.look()

        ((behind, fault),) = seen
        assert 100 <= behind < 200
        assert fault == "system.busy"
        assert (intake.behind_s(), intake.health().condition) == (0, Condition.GOOD)


@pytest_twisted.ensureDeferred
async def test_charges_of_the_his_are_quoted_and_settled_once(store_url):
    async with rig(store_url) as r:
        his = His(r)
        visit, holder = await of_the_card(r)
        document, name = holder.id_number.reveal(), holder.name.reveal()
        await his.tell("DFT^P03", pid(document=document, name=name), ft1("L1", "60.00"), ft1("L2", "40.00"))
        await his.tell("DFT^P03", pid(document=document, name=name), ft1("L1", "60.00"))  # the same line again

        quote = await his.quote(visit, "q1")
        assert quote["split"]["total"] == "100.00"
        assert await his.quote(visit, "q1") == quote
        assert (await fault_of(his.quote(visit, "q2"))).code == "charge.claimed"
        await r.counter.settle(HIS, "s1", order_of(quote))
        assert (await fault_of(his.quote(visit, "q3"))).code == "charge.none"
        other, _ = await of_the_card(r, key="r2")
        assert (await fault_of(his.quote(other, "q4"))).code == "charge.none"


@pytest_twisted.ensureDeferred
async def test_a_line_that_the_his_changes_after_the_quote_is_not_settled_as_it_was(store_url):
    async with rig(store_url) as r:
        his, visit, person = await with_a_line(r)
        quote = await his.quote(visit, "q1")
        await his.tell("DFT^P03", person, ft1("L1", "90.00"))

        assert (await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))).code == "settlement.quote_changed"
        (line,) = (await his.told.charges.list(MediumNumber(""), every=False))["lines"]
        assert (line["line_id"], line["amount"], line["changed_late"]) == ("L1", "90.00", True)

        # The old quote is good for nothing any more: the line goes into a new one at once, and the old one stays refused.
        again = await his.quote(visit, "q2")
        assert again["split"]["total"] == "90.00"
        assert (await fault_of(r.counter.settle(HIS, "s2", order_of(quote)))).code == "settlement.quote_changed"
        assert (await r.counter.settle(HIS, "s3", order_of(again)))["state"] == "Settled"


@pytest_twisted.ensureDeferred
async def test_a_quote_that_was_left_lying_holds_its_lines_against_another_visit_until_it_expires(store_url):
    async with rig(store_url) as r:
        his, visit, _ = await with_a_line(r)
        other, _ = await of_the_card(r, key="r2")
        quote = await his.quote(visit, "q1")
        assert (await fault_of(his.quote(other, "q2"))).code == "charge.claimed"

        r.offset = dt.timedelta(days=2)
        again = await his.quote(other, "q3")
        assert (await r.counter.settle(HIS, "s1", order_of(again)))["state"] == "Settled"
        r.offset = dt.timedelta(0)  # a clock that goes back makes no quote good again
        assert (await fault_of(r.counter.settle(HIS, "s2", order_of(quote)))).code == "settlement.quote_changed"


@pytest_twisted.ensureDeferred
async def test_while_the_bank_is_asked_a_quote_keeps_its_lines_though_the_his_changes_one(store_url):
    async with with_bank(store_url) as r:
        his, visit, person = await with_a_line(r)
        other, _ = await of_the_card(r, key="r2")
        order = order_of(await his.quote(visit, "q1"))
        r.bank.script[BankCall.HOLD] = [waiting := Deferred()]
        asked = ensureDeferred(r.counter.settle(HIS, "s1", evolve(order, payment=BY_CARD)))
        await until_seen(r, order.settlement_id, lambda settlement: settlement.leg is not None)
        await his.tell("DFT^P03", person, ft1("L1", "90.00"))

        assert (await fault_of(his.quote(other, "q2"))).code == "charge.claimed"
        waiting.callback(Answered(REPLY))
        assert (await asked)["state"] == "Settled"
        assert (await fault_of(his.quote(other, "q3"))).code == "charge.none"
        assert len(r.centre.calls(Call.SETTLE)) == 1


@pytest_twisted.ensureDeferred
async def test_a_quote_that_never_became_one_holds_no_line_against_another_visit(store_url):
    async with rig(store_url) as r:
        his, visit, _ = await with_a_line(r)
        other, _ = await of_the_card(r, key="r2")
        r.centre.script[Call.PRE_SETTLE] = [NotSent("centre.unreachable")]
        assert (await fault_of(his.quote(visit, "q1"))).code == "centre.unreachable"
        quote = await his.quote(other, "q2")
        late = await his.quote(visit, "q1")  # the same request again goes on where it stopped
        settled = await r.counter.settle(HIS, "s1", order_of(quote))

        assert settled["state"] == "Settled"
        assert (await fault_of(r.counter.settle(HIS, "s2", order_of(late)))).code == "settlement.quote_changed"


@pytest_twisted.ensureDeferred
async def test_lines_that_go_elsewhere_between_the_question_and_the_intent_are_not_settled(store_url):
    async with rig(store_url) as r:
        his, visit, person = await with_a_line(r)
        quote = await his.quote(visit, "q1")
        before_money, anew = r.counter.gate.before_money, []

        async def slow(*what):
            if not anew:
                await his.tell("DFT^P03", person, ft1("L1", "90.00"))
                anew.append(await his.quote(visit, "q2"))
            await before_money(*what)

        r.counter.gate.before_money = slow
        assert (await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))).code == "settlement.quote_changed"
        assert (await r.counter.settle(HIS, "s2", order_of(anew[0])))["state"] == "Settled"
        assert len(r.centre.calls(Call.SETTLE)) == 1


@pytest_twisted.ensureDeferred
async def test_a_withdrawn_line_is_in_no_quote_and_an_incomplete_one_says_what_it_lacks(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        visit, holder = await of_the_card(r)
        person = pid(document=holder.id_number.reveal(), name=holder.name.reveal())
        await his.tell("DFT^P03", person, ft1("L1", "100.00"), ft1("L2", "5.00", catalogue=""))
        fault = await fault_of(his.quote(visit, "q1"))
        assert (fault.code, fault.detail) == ("charge.incomplete", "L2: catalogue_code")

        await his.tell("DFT^P03", person, ft1("L2", "5.00", kind="CR"))
        assert (await his.quote(visit, "q2"))["split"]["total"] == "100.00"


@pytest.mark.parametrize("document", [YI, ""])
@pytest_twisted.ensureDeferred
async def test_charges_of_somebody_else_or_of_nobody_known_are_never_quoted_for_the_holder_of_the_card(tmp_path, document):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        visit, holder = await of_the_card(r)
        assert holder.id_number.reveal() != YI
        await his.tell("DFT^P03", pid("P009", document=document, name="测试乙"), ft1("L1", "100.00"))
        for patient in ("P009", "P404"):
            assert (await fault_of(his.quote(visit, f"q-{patient}", patient))).code == "identity.mismatch"
        with r.database.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(t.his_quote)) == 0


@pytest_twisted.ensureDeferred
async def test_a_disputed_patient_number_pays_nothing(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his, visit, _ = await with_a_line(r)
        await his.tell("ADT^A08", pid(document=YI, name="测试乙"))
        assert (await fault_of(his.quote(visit, "q1"))).code == "identity.mismatch"


@pytest.mark.parametrize("mistaken", ["the document", "the merge"])
@pytest_twisted.ensureDeferred
async def test_two_numbers_of_one_patient_that_name_two_people_are_listed_and_bills_go_on_once_that_is_decided(
    store_url, mistaken
):
    async with rig(store_url) as r:
        r.his.script = [Answered(HisAccepted("P001"))]
        his, visit, person = await with_a_line(r)
        await his.tell("ADT^A01", pid("T001", document="", name="无名氏"))
        await his.tell("ADT^A40", person, "MRG|T001^^^^PI")
        await his.tell("ADT^A08", pid("T001", document=YI, name="测试乙"))
        assert await his.matters() == []
        for key in ("q1", "q2"):
            assert (await fault_of(his.quote(visit, key))).code == "identity.mismatch"
        (matter,) = await his.matters(reason="看过证件")  # asked once, however often somebody hears of it
        assert (matter["kind"], matter["first"]["number"], matter["second"]["number"]) == ("two-persons", "P001", "T001")
        if mistaken == "the document":
            await his.decide(matter["key"], "first")
        else:
            (merge,) = [one for one in await his.matters(every=True) if one["matter"] == "merge"]
            await his.decide(merge["key"], "undo")
            await his.decide(matter["key"], "both")
        assert await his.matters() == []
        assert (await his.quote(visit, "q3"))["split"]["total"] == "100.00"


@pytest_twisted.ensureDeferred
async def test_a_query_finds_by_any_number_or_by_name_with_birth_date_and_nothing_else(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await his.tell("ADT^A04", pid(card="C0001", born="19900101", sex="M"))

        async def found(kind, number="", name="", born=""):
            query = Query(kind, MediumNumber(number), PersonName(name), born)
            return [one.number.reveal() for one in await his.told.asked(query)]

        document = document_of(CITIZEN, JIA).reveal()
        assert await found(None, "C0001") == await found(NumberKind.DOCUMENT, document) == ["P001"]
        assert await found(None, "", "测试甲", "19900101") == ["P001"]
        assert await found(None, "", "测试甲", "19900102") == await found(None, "P404") == []
        assert await found(None, "C0001", "别人") == []
