"""Whose document, which card: permits, foreigners, newborns, cards that changed. Found by what is said, proved by nothing."""

from __future__ import annotations

import pytest
import pytest_twisted

from middleware.domain.document import document_of, is_payable
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.identity import IdNumber, MediumNumber, PersonName, id_check_character
from middleware.domain.outcome import Answered
from middleware.domain.told import NumberKind
from middleware.doors.mllp.profile import profile_of
from middleware.doors.mllp.reading import reader_of
from middleware.engine.linking import LinkDesk
from middleware.store import tables as t
from tests.middleware.engine.test_gate import LI, fault_of
from tests.middleware.engine.test_intake import JIA, YI, His, ft1, of_the_card, pid
from tests.support.counter import rig, rows

PERMITS = profile_of(["HKM=hk-macao-permit", "TWN=taiwan-permit", "FRC=citizen"])


def residence(region):
    """The number of a Hong Kong (81), Macao (82) or Taiwan (83) resident's residence permit: checked as a citizen's."""
    first = f"{region}0000199001010{5:02d}1"[:17]
    return first + id_check_character(first)


def foreigner():
    """An old permanent residence number: letters, digits, and the check digit of ICAO 9303."""
    first = "USA99990010101"
    return first + str(sum(int(c, 36) * (7, 3, 1)[n % 3] for n, c in enumerate(first)) % 10)


def numbered(number, kind, patient="P001", name="测试甲"):
    return f"PID|1||{patient}^^^^PI~{number}^^^^{kind}||{name}||19900101|M"


@pytest.mark.parametrize(
    ("number", "kind", "payable"),
    [
        ("H1234567801", "HKM", False), ("12345678", "TWN", False), ("E12345678", "PPN", False),
        (residence("81"), "IdentifyNO", True), (residence("83"), "IdentifyNO", True), (foreigner(), "FRC", True),
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_permits_and_foreigners_are_found_by_their_own_documents_and_only_checked_ones_become_links(
    tmp_path, number, kind, payable
):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        his.told.intake._read = reader_of({"his": ("utf-8", PERMITS)})
        await his.tell("ADT^A04", numbered(number, kind))
        assert await his.failures() == []
        document = document_of(PERMITS.identifiers[kind], number)
        assert is_payable(document) is payable
        (one,) = await his.known(document.reveal(), NumberKind.DOCUMENT)
        assert one["number"] == "P001"
        assert [row.kind for row in rows(r, t.medium_link)] == (["his-patient"] if payable else [])

        # Charges of a permit's holder are nobody's whose card was read.
        visit, _ = await of_the_card(r)
        await his.tell("DFT^P03", numbered(number, kind), ft1("L1", "10.00"))
        assert (await fault_of(his.quote(visit, "q1"))).code == "identity.mismatch"


@pytest_twisted.ensureDeferred
async def test_a_newborn_is_treated_under_its_own_number_and_never_taken_for_its_mother(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        r.his.script = [Answered(HisAccepted("P001"))]
        visit, mother = await of_the_card(r)
        await his.tell("ADT^A04", pid("P001", document=mother.id_number.reveal(), name=mother.name.reveal()))
        child = pid("B001", document="", name="测试之子", born="20261122", mother="P001")
        await his.tell("ADT^A01", child)
        await his.tell("DFT^P03", child, ft1("L1", "10.00"))
        assert (await fault_of(his.quote(visit, "q1", "B001"))).code == "identity.mismatch"
        assert (await fault_of(his.quote(visit, "q2", "P001"))).code == "charge.none"

        await his.tell("ADT^A08", pid("B001", document=YI, name="测试乙"))  # a year later, with an id of its own
        (one,) = await his.known("B001")
        assert (one["id_number"], one["mother"], one["birth_date"]) == (YI, "P001", "20261122")
        assert await his.matters() == []


@pytest_twisted.ensureDeferred
async def test_a_new_card_of_a_person_is_a_question_and_what_was_decided_against_finds_nobody(store_url):
    async with rig(store_url) as r:
        his, desk = His(r), LinkDesk(r.engine.means)
        await his.tell("ADT^A04", pid(card="C0001"))
        await his.tell("ADT^A08", pid(card="C0002"))
        (matter,) = await his.matters()
        assert matter["kind"] == "two-media"
        with pytest.raises(Fault, match="disputed"):
            await desk.whose("treatment-card", MediumNumber("C0002"))
        await his.decide(matter["key"], "second")
        assert (await desk.whose("treatment-card", MediumNumber("C0002"))).id_number == JIA
        assert (await fault_of(desk.whose("treatment-card", MediumNumber("C0001")))).code == "medium.no_identity"


@pytest_twisted.ensureDeferred
async def test_an_old_number_that_was_moved_stays_moved_whatever_the_his_still_calls_it(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his, desk = His(r), LinkDesk(r.engine.means)
        await his.tell("ADT^A04", pid(card="C0001"))
        await desk.link(LI, "treatment-card", MediumNumber("C0001"), IdNumber(JIA), PersonName("测试甲"), moved=True)
        await his.tell("ADT^A08", pid(card="C0001"))
        assert (await fault_of(desk.whose("treatment-card", MediumNumber("C0001")))).code == "link.moved"
        assert await his.matters() == []
        (one,) = await his.known("C0001", NumberKind.TREATMENT_CARD)  # the HIS's patient is found by it all the same
        assert one["number"] == "P001"


@pytest_twisted.ensureDeferred
async def test_more_numbers_of_one_patient_than_anybody_has_are_kept_and_left_to_a_person(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await his.tell("ADT^A04", "PID|1||" + "~".join(f"P{n}^^^^PI" for n in range(5000)) + "||测试甲")
        assert await his.failures() == [("hl7.content", "PID-3 has more than 20 numbers")]
        assert rows(r, t.his_person) == []
