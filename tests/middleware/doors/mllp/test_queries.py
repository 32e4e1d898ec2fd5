"""A query is durable, then answered by who fits: RSP in original mode, CA and RSP in enhanced; nobody stands in the stored answer."""

from __future__ import annotations

import pytest
import pytest_twisted

from middleware.domain.document import document_of
from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber, PersonName
from middleware.domain.told import NumberKind, PatientFacts, TheNumber
from tests.middleware.doors.mllp.rig import framed, hl7
from tests.support.fakes import id_number

JIA = id_number(1).reveal()
FACTS = PatientFacts(
    MediumNumber("P|1"), PersonName("测试甲"), document_of("citizen", JIA), "19900101", "2", MediumNumber(""),
    (TheNumber(NumberKind.TREATMENT_CARD, MediumNumber("C0001")),),
)  # fmt: skip
QPD = "QPD|Q22^Find^HL7|TAG1|@PID.3.1^C0001\rRCP|I|5^RD|R\r"


class Knows:
    def __init__(self, found):
        self.found, self.heard_of, self.queries = found, 0, []

    def heard(self):
        self.heard_of += 1

    async def asked(self, query):
        self.queries.append(query)
        if isinstance(self.found, Fault):
            raise self.found
        return self.found


def listening(site, found, **options):
    one = site(**options)
    one.link._listener = Knows(found)
    return one


@pytest.mark.parametrize(("event", "response"), [("Q22", "K22"), ("Q23", "K23"), ("ZP7", "K22")])
@pytest_twisted.ensureDeferred
async def test_a_query_is_answered_by_who_fits_and_a_repeat_by_who_fits_then(site, event, response):
    one = listening(site, [FACTS])
    sender = await one.connect()
    asked = framed(hl7("Q1", body=QPD, kind=f"QBP^{event}", version="2.5"))
    sender.send(asked)
    ((msh, msa, qak, qpd, pid),) = await sender.acks(1)

    assert msh.split("|")[8] == f"RSP^{response}^RSP_{response}"
    assert (msa, qak, qpd) == ("MSA|AA|Q1", "QAK|TAG1|OK|Q22^Find^HL7|1|1", QPD.split("\r", 1)[0])
    assert pid == f"PID|1||P\\F\\1^^^^PI~C0001^^^^Card_No~{JIA}^^^^IdentifyNO||测试甲||19900101|F".encode().decode(
        "gb18030", "replace"
    )
    assert one.whys() == [""]
    assert one.reader.taken("his", "Q1").ack == b""

    one.link._listener.found = []
    sender.send(asked)
    (again,) = await sender.acks(1)
    assert again[2] == "QAK|TAG1|NF|Q22^Find^HL7|0|0"
    assert len(one.rows()) == 1
    sender.send(framed(hl7("Q1", body=QPD.replace("C0001", "C0002"), kind=f"QBP^{event}", version="2.5")))
    assert await sender.codes(1) == [("AR", "Q1")]


@pytest.mark.parametrize(
    ("modes", "codes"), [("AL|AL", [("CA", "Q1"), ("AA", "Q1")]), ("AL|NE", [("CA", "Q1")]), ("NE|AL", [("AA", "Q1")])]
)
@pytest_twisted.ensureDeferred
async def test_in_enhanced_mode_the_response_is_the_second_answer(site, modes, codes):
    one = listening(site, [FACTS])
    sender = await one.connect()
    sender.send(framed(hl7("Q1", body=QPD, kind="QBP^Q22", modes=modes)), framed(hl7("C2")))
    assert await sender.codes(len(codes) + 1) == [*codes, ("AA", "C2")]
    stored = one.reader.taken("his", "Q1").ack
    assert JIA.encode() not in stored
    assert b"MSA|CA|Q1" in stored if "CA" in codes[0] else stored == b""


@pytest.mark.parametrize(
    ("qpd", "found"), [("QPD|Q22|TAG1|@PID.11^x\r", []), ("QPD|Q22|TAG1\r", []), (QPD, Fault("system.busy", "full"))]
)
@pytest_twisted.ensureDeferred
async def test_a_query_that_cannot_be_answered_is_kept_and_gets_ae_and_the_link_goes_on(site, qpd, found):
    one = listening(site, found)
    sender = await one.connect()
    sender.send(framed(hl7("Q1", body=qpd, kind="QBP^Q22")), framed(hl7("C2")))
    refused, after = await sender.acks(2)
    assert refused[1].startswith("MSA|AE|Q1|")
    assert any(line.startswith("QAK|TAG1|AE") for line in refused)
    assert after[1] == "MSA|AA|C2"
    assert one.whys() == ["", ""]
    assert one.link._listener.heard_of == 1


@pytest_twisted.ensureDeferred
async def test_a_message_that_lost_its_line_ends_is_taken_where_the_link_says_so_and_kept_as_it_came(site):
    one = site(lost_line_ends=True)
    sender = await one.connect()
    text = hl7("C1").replace("\r", "")
    sender.send(framed(text))
    assert await sender.codes(1) == [("AA", "C1")]
    ((_, raw),) = one.rows()
    assert raw == text.encode()
