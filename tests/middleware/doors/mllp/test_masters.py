"""Master files: each record read by the profile or named with its rule, answered by an MFK; site events with a response."""

from __future__ import annotations

import pytest
import pytest_twisted

from middleware.domain.fault import Fault
from middleware.domain.masters import MAX_RECORDS, MAX_SAID, MAX_TEXT, MasterFacts, MasterKind, MasterState, after_record
from middleware.doors.mllp.profile import profile_of
from middleware.doors.mllp.reading import read
from tests.middleware.doors.mllp.rig import framed, hl7
from tests.middleware.doors.mllp.test_queries import FACTS, listening

DEPARTMENT = (
    "MFI|Department^科室^HIS||UPD|20181225100546|20181225100546|AL\rMFE|MUP|||6090|CE\rZ01|6090|手术室药房||手术室药房|P\r"
)
STAFF = "MFI|Employee^人员^HIS||UPD|||{level}\r"
GOOD = "MFE|MUP|77|20260101|00111|CE\rZ02|00111|测试医生|F|||||id|9103^护理中心\r"
BAD = "MFE|MUP|78||00112|CE\rZ02|00112||F\r"


def told(body, **profile):
    return read(hl7(body=body, kind="MFN^M01").encode(), "utf-8", profile_of(**profile))


def test_departments_and_staff_are_read_as_met_in_the_field_and_items_by_the_standard_or_the_profile():
    (one,) = told(DEPARTMENT).records
    assert (one.kind, one.code, one.state, one.facts.name) == (
        MasterKind.DEPARTMENT, "6090", MasterState.ACTIVE, "手术室药房",
    )  # fmt: skip
    (staff,) = told(STAFF + GOOD).records
    assert (staff.kind, staff.facts.name, staff.facts.department) == (MasterKind.STAFF, "测试医生", "9103")
    assert "测试医生" not in repr(staff)
    item = "MFI|CDM||UPD|||AL\rMFE|MAD|||H01|CE\rCDM|H01^^^XA01||血常规\rPRC|H01||||12.50\r"
    (own,) = told(item).records
    assert (own.kind, own.facts.name, own.facts.catalogue, own.facts.price) == (MasterKind.ITEM, "血常规", "XA01", "12.50")
    elsewhere = told("MFE|MAD|||H01\rZ03|H01|血常规|XA01\r", masters=["item.code=Z03-1", "item.name=Z03-2"])
    assert (elsewhere.records[0].kind, elsewhere.records[0].facts.name) == (MasterKind.ITEM, "血常规")


def test_all_that_a_record_says_is_kept_as_it_came_by_its_place_and_bounded():
    (one,) = told(DEPARTMENT).records
    assert one.facts.said == (("Z01-1", "6090"), ("Z01-2", "手术室药房"), ("Z01-4", "手术室药房"), ("Z01-5", "P"))
    (staff,) = told(STAFF + GOOD.replace("\r", "~77\r").rstrip() + "||" + "x" * 300 + "\rZ02|00111|again\rZ09|\r").records
    said = dict(staff.facts.said)
    assert (said["Z02-3"], said["Z02-8"], said["Z02-9"]) == ("F", "id", "9103^护理中心~77")
    assert (said["Z02[2]-1"], said["Z02[2]-2"]) == ("00111", "again")
    assert len(said["Z02-11"]) == MAX_TEXT
    assert not any(place.startswith(("Z09", "MFE")) for place in said)
    assert "9103" not in repr(staff)
    (nameless,) = told('MFI|Department\rMFE|MUP|||1\rZ01|1|""\r').troubles
    assert nameless.rule == "is added or updated without a name"
    crowd = MasterFacts("x", said=tuple((f"Z02-{place}", "1") for place in range(99)))
    assert len(after_record(MasterFacts(), crowd).said) == MAX_SAID


@pytest.mark.parametrize(("event", "state"), [("MDL", "deleted"), ("MDC", "inactive"), ("MAC", "active")])
def test_a_record_may_say_nothing_but_what_became_of_it(event, state):
    (one,) = told(f"MFI|Department\rMFE|{event}|||6090|CE\r").records
    assert (str(one.state), one.facts) == (state, None)


def test_a_record_that_cannot_be_read_is_named_by_its_rule_and_stops_no_other():
    found = told(STAFF + BAD + GOOD + "MFE|XXX|||1\rZ02|1|n\r" + "MFE|MUP||never|1\rZ02|1|n\r" + "MFE|MUP|||\rZ02||n\r")
    assert [one.code for one in found.records] == ["00111"]
    assert [(one.place, one.rule[:14]) for one in found.troubles] == [
        (1, "is added or up"), (3, "MFE-1 is none "), (4, "MFE-3 is no ti"), (5, "has no code of"),
    ]  # fmt: skip


def test_a_file_that_nobody_declared_tells_nothing_and_one_without_end_is_refused():
    assert told("MFI|Bed\rMFE|MUP|||1|CE\rZ09|1|床\r") is None
    with pytest.raises(Fault, match="hl7"):
        told("MFI|Department\r" + "MFE|MDL|||1\r" * (MAX_RECORDS + 1))


@pytest.mark.parametrize("bad", [["item.code=Z01-1"], ["nothing=Z01-1"], ["item.code=Z"]])
def test_a_profile_of_master_files_that_means_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="masters"):
        profile_of(masters=bad)
    with pytest.raises(ValueError, match="responses"):
        profile_of(responses=["ADT^A04=RSP^K23"])


@pytest.mark.parametrize(("level", "mfas"), [("AL", 2), ("", 2), ("ER", 1), ("SU", 1), ("NE", 0)])
@pytest_twisted.ensureDeferred
async def test_a_master_file_is_durable_then_answered_by_an_mfk_record_by_record_as_it_wants(site, level, mfas):
    one = listening(site, [])
    sender = await one.connect()
    text = framed(hl7("M1", body=STAFF.format(level=level) + BAD + GOOD, kind="MFN^M01", version="2.4"))
    sender.send(text, text)
    answer, again = await sender.acks(2)
    assert answer[0].split("|")[8] == "MFK^M01^MFK_M01"
    assert (answer[1][:9], [line.split("|")[0] for line in answer[2:]]) == ("MSA|AE|M1", ["ERR", "MFI", *["MFA"] * mfas])
    assert answer[1:] == again[1:] or mfas  # MFA-3 is when it is said
    if mfas == 2:
        assert [line.split("|")[4][:3] for line in answer[4:]] == ["U^i", "S"]
        assert answer[5].startswith("MFA|MUP|77|")
    assert one.whys() == [""]
    assert one.link._listener.heard_of == 1
    assert one.reader.taken("his", "M1").ack == b""


@pytest_twisted.ensureDeferred
async def test_a_good_master_file_is_aa_and_in_enhanced_mode_the_mfk_comes_second(site):
    one = listening(site, [])
    sender = await one.connect()
    sender.send(framed(hl7("M1", body=DEPARTMENT, kind="MFN^M01", modes="AL|AL")), framed(hl7("C2")))
    accept, answer, after = await sender.acks(3)
    assert (accept[1], answer[1], after[1]) == ("MSA|CA|M1", "MSA|AA|M1", "MSA|AA|C2")
    assert [line[:3] for line in answer] == ["MSH", "MSA", "MFI", "MFA"]


@pytest.mark.parametrize(("response", "kind"), [("RSP^K23", "RSP^K23^RSP_K23"), ("ZCK^ZP1", "ZCK^ZP1")])
@pytest_twisted.ensureDeferred
async def test_a_site_event_that_expects_a_response_gets_one_with_the_patient_by_profile_else_an_ack(site, response, kind):
    one = listening(site, [FACTS], responses=(f"ADT^ZP1={response}",))
    sender = await one.connect()
    body = "PID|1||P9^^^^PI||测试乙\r"
    sender.send(framed(hl7("Z1", body=body, kind="ADT^ZP1")), framed(hl7("A1", body=body, kind="ADT^A04")))
    answer, plain = await sender.acks(2)
    assert (answer[0].split("|")[8], answer[1]) == (kind, "MSA|AA|Z1")
    assert answer[-1].startswith("PID|1||P\\F\\1^^^^PI~C0001^^^^Card_No~")  # as it is known
    assert plain[0].split("|")[8] == "ACK^A04^ACK"
    assert one.link._listener.heard_of == 2  # it is acted on, too

    one.link._listener.found = []  # nothing is known yet: as the message says it
    sender.send(framed(hl7("Z2", body=body, kind="ADT^ZP1")))
    (fresh,) = await sender.acks(1)
    assert fresh[-1].startswith("PID|1||P9^^^^PI||")
    sender.send(framed(hl7("Z3", body="PV1|1\r", kind="ADT^ZP1")))
    (refused,) = await sender.acks(1)
    assert refused[1].startswith("MSA|AE|Z3|hl7.content: PID is missing")


@pytest_twisted.ensureDeferred
async def test_without_the_profile_a_site_event_gets_its_ack(site):
    sender = await site().connect()
    sender.send(framed(hl7("Z1", kind="ADT^ZP1")))
    (answer,) = await sender.acks(1)
    assert [line[:3] for line in answer] == ["MSH", "MSA"]
