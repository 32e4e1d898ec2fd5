"""What a HIS is sent only where its profile says so: updates, merges, queries, accounts, references; and what it keeps of it."""

from __future__ import annotations

import itertools
import json

import pytest
import pytest_twisted
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.his.hl7v2 import tables, validator
from adapters.his.hl7v2.checker import Shape
from adapters.his.hl7v2.dialect import Asking, Dialect
from adapters.his.hl7v2.found import MAX_FOUND, read_found
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.options import AccountOptions, FindOptions, Hl7Options, IdentifierTypes
from adapters.his.hl7v2.pages import by_profile
from adapters.his.hl7v2.repertoire import segments_of, structure_of
from adapters.his.hl7v2.rules import check, rules_of
from config.load import problems_of
from middleware.domain.fault import Fault as DomainFault
from middleware.domain.his import FindBy, FindPatient, HisFound, MergePatients, UpdatePatient
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.order import References
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.told import PatientFacts
from simulators.his import Fault, Patient
from tests.adapters.his.messages import ID_TEXT, NOW, holder, posting, registration
from tests.adapters.his.test_delivery import hospital

EXAMPLES = by_profile()
FIND = FindPatient("Q1", NOW, FindBy.PERSON, IdNumber(ID_TEXT), MediumNumber(""), PersonName("测试甲"), "19800101", "1", 10)
BY_NUMBER = evolve(FIND, by=FindBy.NUMBER)
KNOWN = next(message.patient for _, message, _ in EXAMPLES if isinstance(message, UpdatePatient))


def update(control_id="U1", **changes):
    return UpdatePatient(control_id, NOW, evolve(KNOWN, holder=holder(), media=(), **changes))


def facts(number, name="测试甲", document=ID_TEXT):
    return PatientFacts(MediumNumber(number), PersonName(name), IdNumber(document))


@pytest.mark.parametrize(("place", "version"), list(itertools.product(range(len(EXAMPLES)), ("2.5", "2.4"))))
def test_hl7apy_agrees_to_the_shape_of_every_message_of_a_profile_to_the_last_character(place, version):
    _, message, wanted = EXAMPLES[place]
    dialect = Dialect(version=version, **wanted)
    segments = segments_of(message, dialect)
    structure = structure_of(message, dialect)[2]

    check(segments, rules_of(version))
    shape = Shape(structure, version, segments)
    assert validator.er7(structure, version, json.loads(json.dumps(shape.values()))) == encode(segments)


def test_hl7apy_refuses_a_query_with_another_type_of_qpd_3_and_a_merge_without_its_prior_number():
    query = segments_of(BY_NUMBER, Dialect(asking=Asking("Q23")))
    merge = segments_of(MergePatients("M1", NOW, facts("P1"), facts("P2")), Dialect(merge_event="A40"))
    two = [*query[:1], evolve(query[1], fields=(*query[1].fields[:2], query[1].fields[2] * 2)), query[2]]

    for structure, segments in (("QBP_Q21", two), ("ADT_A39", merge[:-1])):
        with pytest.raises(validator.Invalid):
            validator.er7(structure, "2.5", json.loads(json.dumps(Shape(structure, "2.5", tuple(segments)).values())))


def test_what_a_site_is_not_sent_is_never_made():
    for message in (update(), MergePatients("M1", NOW, facts("P1"), facts("P2")), FIND):
        with pytest.raises(DomainFault):
            segments_of(message, Dialect())
    with pytest.raises(DomainFault, match="unmerge_event"):
        segments_of(MergePatients("M1", NOW, facts("P1"), facts("P2"), undone=True), Dialect(merge_event="A40"))


def test_references_stand_where_the_site_reads_them_and_are_never_guessed_onto_a_line():
    two, one = References("AP1", ("O1", "O2")), References("", ("O1",))

    def text(message, **wanted):
        return encode(segments_of(message, Dialect(**wanted)))

    assert "ORC|SC|O1\rORC|SC|O2\r" in text(posting(references=two), orders_field="ORC-2")
    assert "ORC|SC||O1\r" in text(posting(references=one), orders_field="ORC-3")
    assert text(posting(references=one), orders_field="FT1-23") != text(posting())
    assert text(posting(references=two), orders_field="FT1-23") == text(posting())
    assert "ZRF|1|AP1|O1~O2\r" in text(registration(references=two), orders_field="ZRF-3", appointment_field="ZRF-2")
    assert "|AP1\r" in text(registration(references=two), appointment_field="PV1-50")
    assert text(registration(references=two)) == text(registration())


@pytest_twisted.ensureDeferred
async def test_an_update_reaches_the_register_once_and_registers_no_visit():
    async with hospital(update_event="A31", identifiers=IdentifierTypes(old_card="Card_No")) as (simulator, his):
        await his.deliver(registration())
        changed = evolve(
            KNOWN, holder=evolve(holder("测试·甲"), phone="13900000000"), patient_number=MediumNumber("P000000001")
        )
        outcomes = [await his.deliver(UpdatePatient("U1", NOW, changed)) for _ in range(2)]

        assert [type(one) for one in outcomes] == [Answered, Answered]
        assert simulator.book.updates == [("U1", "P000000001")]
        patient = simulator.book.patients["P000000001"]
        assert (patient.name, patient.phone, patient.old_cards) == ("测试·甲", "13900000000", (("C0000123", "20261121"),))
        assert list(simulator.book.visits) == ["V0001"]


@pytest_twisted.ensureDeferred
async def test_a_merge_and_its_undoing_stand_in_the_books_of_the_his():
    async with hospital(merge_event="A40", unmerge_event="A37") as (simulator, his):
        merge = MergePatients("M1", NOW, facts("P1"), facts("P2", "", ""))
        await his.deliver(merge)
        assert simulator.book.standing() == {"P2": "P1"}
        await his.deliver(evolve(merge, control_id="M2", undone=True))
        assert simulator.book.standing() == {}


@pytest_twisted.ensureDeferred
async def test_an_account_takes_the_place_of_the_charges_with_the_same_amounts():
    modes = AccountOptions(outpatient=tables.INSTEAD)
    async with hospital(accounts=modes) as (simulator, his):
        await his.deliver(registration())
        await his.deliver(posting())
        assert [one.event for one in simulator.book.accounts] == ["P06"]
        assert [entry.total_fen for entry in simulator.book.settled().values()] == [2500]
        await his.deliver(posting("YKT3", cancelled=True))

        assert [(one.event, one.account) for one in simulator.book.accounts] == [("P06", "V0001"), ("P01", "V0001")]
        assert simulator.book.settled() == {}
        assert not any(message.message_type == "DFT^P03" for message in simulator.received)


@pytest.mark.parametrize(("event", "query"), [("Q22", FIND), ("ZP7", FIND), ("Q22", BY_NUMBER), ("Q23", BY_NUMBER)])
@pytest_twisted.ensureDeferred
async def test_a_patient_is_found_by_person_or_number_in_each_way_of_asking(event, query):
    async with hospital(find=FindOptions(event=event)) as (_simulator, his):
        await his.deliver(registration())
        outcome = await his.find(query)

        assert isinstance(outcome, Answered)
        (one,) = outcome.reply.patients
        assert (one.number.reveal(), one.document.reveal(), one.name.reveal()) == ("P000000001", ID_TEXT, "测试甲")


@pytest_twisted.ensureDeferred
async def test_a_query_asks_for_its_reply_in_original_mode_and_in_enhanced_mode_waits_for_it_behind_ca():
    for mode, asked in (("NE", ("", "")), ("AL", ("AL", "AL"))):
        async with hospital(find=FindOptions(event="Q22"), application_ack=mode) as (simulator, his):
            await his.deliver(registration())
            outcome = await his.find(FIND)
            query = simulator.received[-1]
            assert (query.value("MSH", 15), query.value("MSH", 16)) == asked
            assert [one.number.reveal() for one in outcome.reply.patients] == ["P000000001"]


@pytest_twisted.ensureDeferred
async def test_whatever_else_a_his_says_to_a_query_has_a_name_of_its_own():
    async with hospital(find=FindOptions(event="Q22", deadline_s=0.3)) as (simulator, his):
        assert await his.find(FIND) == Answered(HisFound(()))
        simulator.book.enter(Patient("P7", "测试甲", ID_TEXT, "", "", "19800101", "M"))

        async def with_knob(fault, control_id):
            simulator.knobs.turn("QBP^Q22", fault, delay_s=5)
            return await his.find(evolve(FIND, control_id=control_id))

        several = await with_knob(Fault.SEVERAL, "Q2")
        assert [one.number.reveal() for one in several.reply.patients] == ["P7", "P900000001"]
        assert await with_knob(Fault.UNKNOWN, "Q3") == Answered(HisFound(()))
        assert isinstance(await with_knob(Fault.QUERY_ERROR, "Q4"), Refused)
        assert isinstance(await with_knob(Fault.ANSWER_AR, "Q5"), Refused)
        assert (await with_knob(Fault.WRONG_CHARSET, "Q6")).cause == "unreadable"
        assert (await with_knob(Fault.OTHER_QUERY, "Q7")).cause == "unreadable"
        assert await with_knob(Fault.NO_ANSWER, "Q8") == Unknown("time-out")
    async with hospital() as (_, his):
        assert await his.find(FIND) == NotSent("his.find_off")


def rsp(*segments, charset="UNICODE UTF-8"):
    lines = (f"MSH|^~\\&|H||Y||20261121||RSP^K22|A1|P|2.5||||||{charset}", "MSA|AA|Q1", *segments)
    return "".join(f"{line}\r" for line in lines).encode()


def test_a_reply_is_bounded_and_whoever_has_no_number_of_the_his_is_not_counted():
    many = [f"PID|{n}||P{n}^^^^PI||甲" for n in range(MAX_FOUND + 5)]
    outcome = read_found(rsp("QAK|Q1|OK", *many), "Q1", Dialect())
    assert (len(outcome.reply.patients), outcome.reply.more) == (MAX_FOUND, True)

    assert read_found(rsp("QAK|Q1|OK||9", "PID|1||P1^^^^PI"), "Q1", Dialect()).reply.more
    assert read_found(rsp("QAK|Q1|OK", "PID|1||P1^^^^XX||甲"), "Q1", Dialect()).cause == "unreadable"
    assert read_found(rsp(), "Q1", Dialect()).cause == "unreadable"
    assert read_found(rsp("QAK|Q1|NF", charset="KLINGON"), "Q1", Dialect()).cause == "unreadable"
    (other,) = read_found(rsp("PID|1||P1^^^^PI~12^^^^NNCHN"), "Q1", Dialect()).reply.patients
    assert other.document
    assert other.document != IdNumber(ID_TEXT)
    both = read_found(rsp("QAK||OK", "PID|1||P1^^^^PI~P2^^^^PI~P1^^^^PI"), "Q1", Dialect()).reply.patients
    assert [one.number.reveal() for one in both] == ["P1", "P2"]


@given(
    st.lists(st.sampled_from(["PID|1||", "QAK|Q1|", "OK", "^", "~", "|", "\r", "P1^^^^PI", "\x00", "甲", "&", "\\X0\\"]))
)
def test_no_reply_whatever_raises_anything(parts):
    outcome = read_found(rsp("".join(parts)), "Q1", Dialect())
    assert isinstance(outcome, Answered | Refused | Unknown)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_are_taken_for_somebody(raw):
    assert not isinstance(read_found(raw, "Q1", Dialect()), Answered)


def test_a_profile_that_contradicts_itself_is_refused_with_the_whole_list():
    wrong = {
        "unmerge_event": "A37",
        "find": {"at_registration": "person"},
        "identifiers": {"id_number": ""},
        "accounts": {"outpatient": "instead"},
        "references": {"orders": "ORC-2"},
    }
    (problem,) = problems_of(Hl7Options, wrong)
    for said in ("unmerge_event needs", "at_registration needs", "references.orders"):
        assert said in str(problem)
