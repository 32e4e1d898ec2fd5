"""What a message tells by a link's profile: site types, documents, charges with orders, lost line ends; any bytes end in ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.domain.document import document_of, is_payable
from middleware.domain.fault import Fault
from middleware.domain.patients import after_message, contradicts, speaking
from middleware.domain.told import ChargesTold, LineAct, MergeTold, NumberKind, PatientTold
from middleware.doors.mllp.profile import USUAL, profile_of, with_line_ends
from middleware.doors.mllp.reading import query_of, read
from middleware.hl7.message import decode
from tests.support.fakes import id_number

JIA = id_number(1).reveal()
HEAD = "MSH|^~\\&|HIS|H1|YKT|H1|20261122090000||{}|M1|P|2.4|||||CHN|UTF-8"
PID = "PID|1||P001^^^^PI~C0001^^^^Card_No~{}^^^^IdentifyNO~77^^^^UPID~9^^^^NeverHeard||测试^甲||19900101|女"
FT1 = "FT1|1|L1||20261122||CG|H01^血常规^L^XA01|||2|10.00&CNY|5.00|0101^内科||||||||D01^测试医生"


def told(kind, *segments, profile=USUAL):
    return read("\r".join((HEAD.format(kind), *segments)).encode(), "utf-8", profile)


def fault_of(kind, *segments, profile=USUAL):
    with pytest.raises(Fault) as raised:
        told(kind, *segments, profile=profile)
    assert raised.value.code == "hl7.content"
    return raised.value.detail


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31", "ADT^ZP1"])
def test_types_of_numbers_are_read_as_the_profile_says(kind):
    facts = told(kind, PID.format(JIA)).facts
    assert (facts.number.reveal(), facts.name.reveal(), facts.sex) == ("P001", "测试甲", "2")
    assert facts.document.reveal() == JIA
    assert [(one.kind, one.number.reveal()) for one in facts.numbers] == [
        (NumberKind.TREATMENT_CARD, "C0001"), (NumberKind.MASTER, "77"),
    ]  # fmt: skip
    own = profile_of(["NeverHeard=health-card"])
    assert told(kind, PID.format(JIA), profile=own).facts.numbers[-1].kind is NumberKind.HEALTH_CARD
    for secret in (JIA, "测试甲", "C0001"):
        assert secret not in repr(told(kind, PID.format(JIA)))


@pytest.mark.parametrize("bad", [["Card_No"], ["Card_No=nothing"]])
def test_a_profile_that_means_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="identifiers"):
        profile_of(bad)
    with pytest.raises(ValueError, match="fields"):
        profile_of([], ["catalogue=FT1"])


@pytest.mark.parametrize(
    ("kind", "number", "good"),
    [
        ("citizen", JIA, True), ("hk-macao-permit", "H1234567801", True), ("hk-macao-permit", "X12345678", False),
        ("taiwan-permit", "12345678", True), ("passport", "E12345678", True), ("passport", "E1", False),
        ("citizen", "123456", False),
    ],
)  # fmt: skip
def test_a_permit_is_never_taken_for_a_citizens_number(kind, number, good):
    if not good:
        with pytest.raises(ValueError) as raised:
            document_of(kind, number)
        assert number not in str(raised.value)
        return
    document = document_of(kind, number)
    assert is_payable(document) is (kind == "citizen")
    assert document != document_of("citizen", "") == document_of(kind, " ")


def test_two_documents_of_one_worth_contradict_each_other_and_a_checked_one_is_worth_more():
    other = id_number(3).reveal()
    two = f"PID|1||P001^^^^PI~{JIA}^^^^IdentifyNO~{other}^^^^NI||测试甲"
    assert fault_of("ADT^A04", two) == "PID-3 has two documents"
    permit = f"PID|1||P001^^^^PI~E12345678^^^^PPN~{JIA}^^^^IdentifyNO||测试甲"
    assert told("ADT^A04", permit).facts.document.reveal() == JIA


def test_a_merge_names_one_prior_number_that_is_not_the_patients_own():
    merged = told("ADT^A40", PID.format(JIA), "MRG|P000^^^^PI")
    assert isinstance(merged, MergeTold)
    assert merged.prior.reveal() == "P000"
    for mrg in ("MRG|P001^^^^PI", "MRG|", "MRG|P0~P1"):
        assert fault_of("ADT^A40", PID.format(JIA), mrg).startswith("MRG-1")


def test_charges_are_read_with_what_they_lack_and_in_whole_fen():
    charges = told("DFT^P03", PID.format(JIA), "PV1|1|O" + "|" * 17 + "Z9", FT1, FT1.replace("L1", "").replace("^XA01", ""))
    assert isinstance(charges, ChargesTold)
    first, second = charges.lines
    assert (charges.encounter, first.line.amount.fen, str(first.line.quantity), first.lacks) == ("Z9", 1000, "2", ())
    assert (second.line.line_id, second.lacks) == ("M1.1", ("catalogue_code",))
    assert fault_of("DFT^P03", PID.format(JIA), FT1.replace("10.00", "10.02")).startswith("FT1[1]-11")
    assert fault_of("DFT^P03", PID.format(JIA), FT1.replace("10.00", "-10.00")).startswith("FT1[1]-11")
    assert fault_of("DFT^P03", PID.format(JIA), FT1, FT1) == "FT1 has one line twice"


def test_charges_that_come_with_orders_are_read_where_the_link_says_so():
    obr = "OBR|1|T1||T0^体检套餐^L^XB02||20261122|||| 0102^体检科||||||D02^测试医生|||||||30.00".replace("| 0102", "|0102")
    assert told("ZMG^Z30", PID.format(JIA), obr) is None
    charges = told("ZMG^Z30", PID.format(JIA), obr, profile=profile_of(charges=["ZMG^Z30"]))
    (line,) = charges.lines
    assert (line.line.line_id, line.line.amount.fen, line.line.catalogue_code) == ("T1", 3000, "XB02")
    assert line.lacks == ("department_name",)


@pytest.mark.parametrize("control", ["CA", "OC", "CR", "DC", "OD", "DR", "ca"])
def test_an_order_that_is_cancelled_or_discontinued_takes_its_lines_back_and_no_other(control):
    obr = "OBR|{0}|T{0}||T0^体检套餐^L^XB02||20261122||||0102^体检科||||||D02^测试医生|||||||30.00"
    rows = (f"ORC|{control}|T1", obr.format(1), obr.format(2), "ORC|XO|T3", obr.format(3))
    charges = told("ORM^O01", PID.format(JIA), *rows, profile=profile_of(charges=["ORM^O01"]))
    acts = [LineAct.WITHDRAW, LineAct.WITHDRAW, LineAct.CHARGE]
    assert [(one.line.line_id, one.act) for one in charges.lines] == list(zip(["T1", "T2", "T3"], acts, strict=True))


def test_a_message_that_lost_its_line_ends_is_read_where_the_link_says_so():
    whole = "\r".join((HEAD.format("ADT^A08"), PID.format(JIA), "PV1|1|O")).encode()
    lost = whole.replace(b"\r", b"")
    with pytest.raises(Fault):
        read(lost, "utf-8", USUAL)
    assert isinstance(read(lost, "utf-8", profile_of(lost=True)), PatientTold)
    assert with_line_ends(lost) == whole
    assert with_line_ends(whole) == whole


def query(qpd, event="Q22"):
    return query_of(decode("\r".join((HEAD.format(f"QBP^{event}"), qpd, "RCP|I|5^RD|R")).encode()), USUAL)


def test_queries_ask_by_a_number_or_by_name_and_birth_date_and_are_bounded():
    assert query("QPD|Q22|T|C0001^^^^Card_No", "Q23").kind is NumberKind.TREATMENT_CARD
    asked = query("QPD|ZP7|T|@PID.5.1^测试甲~@PID.7.1^19900101", "ZP7")
    assert (asked.name.reveal(), asked.birth_date, asked.most) == ("测试甲", "19900101", 5)
    for bad in ("QPD|Q22|T|@PID.5.1^测试甲", "QPD|Q22|T|@PID.11^x", "QPD|Q22|T|1^^^^Nothing", "QPD|Q22"):
        with pytest.raises(Fault):
            query(bad)


_bits = st.sampled_from(
    ["|", "^", "~", "&", "\\", "\r", "PID", "FT1|", "MRG|", "QPD|", JIA, "20261122", "1e9", "NaN", "-0", "男", "\x00", "9" * 40]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["ADT^A04", "ADT^A40", "DFT^P03", "QBP^Q22"]), st.lists(_bits | st.text(max_size=8), max_size=40))
def test_any_text_in_any_field_ends_in_ours_and_no_fault_quotes_it(kind, pieces):
    raw = "\r".join((HEAD.format(kind), PID.format(JIA), "".join(pieces))).encode("utf-8", "replace")
    try:
        read(raw, "utf-8", USUAL)
        query_of(decode(raw), USUAL)
    except Fault as fault:
        assert JIA not in fault.detail  # noqa: PT017 - whatever is raised is ours, and says nothing about anybody


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_end_in_ours(data, lost):
    for raw in (data, b"MSH|^~\\&|||||||ADT^A04|1|P|2.4\rPID|" + data):
        try:
            read(raw, "utf-8", profile_of(lost=lost))
        except Fault as fault:
            assert fault.code.startswith("hl7.")  # noqa: PT017 - any other exception fails the test


def test_what_is_known_is_never_taken_away_or_overwritten_by_a_contradiction():
    known = told("ADT^A04", PID.format(JIA)).facts
    other = told("ADT^A08", PID.format(id_number(3).reveal()).replace("测试^甲", "别人")).facts
    bare = told("ADT^A08", "PID|1||P001^^^^PI||").facts
    assert contradicts(known, other)
    assert after_message(known, other, older=False) == known
    for older in (False, True):
        assert after_message(known, bare, older=older) == known
        assert after_message(bare, known, older=older) == known
    good, bad = speaking(known, other)
    assert ("number" in good, "document" in bad, set(good) & set(bad)) == (True, True, set())
