"""What a person may correct in a message, and what nobody may."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.his.hl7v2.pages import by_profile
from middleware.domain.correction import MAX_CORRECTIONS, correctable, corrected, letter_ids, needs_two, wire_id
from middleware.domain.fault import Fault
from middleware.domain.his import ChangeAccount, MergePatients, UpdatePatient
from tests.adapters.his.messages import posting, registration

UPDATE, MERGE, ACCOUNT = (
    next(message for _, message, _ in by_profile() if isinstance(message, kind))
    for kind in (UpdatePatient, MergePatients, ChangeAccount)
)
DIGITS = st.integers(20_000_101_000_000, 20_991_231_235_959)


def test_department_doctor_and_item_are_corrected_in_the_message_and_amounts_never():
    told = corrected(posting(lines=2), {"line.L0001.hospital_code": "H2", "line.L0002.doctor_code": "D9"})

    assert (told.lines[0].hospital_code, told.lines[1].doctor_code) == ("H2", "D9")
    assert [line.amount for line in told.lines] == [line.amount for line in posting(lines=2).lines]
    assert corrected(registration(), {"department_name": "外科"}).department_name == "外科"


@pytest.mark.parametrize(
    "field",
    [
        "line.L0001.amount", "line.L0001.unit_price", "line.L0001.quantity", "line.L0001.charged_at", "line.L0009.name",
        "settlement_number", "settled_at", "split", "holder", "id_number", "control_id", "visit_id", "line..name", "lines",
    ],
)  # fmt: skip
def test_what_was_settled_is_corrected_by_nobody(field):
    with pytest.raises(Fault) as caught:
        corrected(posting(), {field: "1"})

    assert caught.value.code == "letter.field"


@pytest.mark.parametrize("value", ["", "x" * 65, "a\nb"])
def test_a_value_is_one_short_line(value):
    with pytest.raises(Fault):
        corrected(registration(), {"department_name": value})


def test_who_the_patient_is_takes_two_persons_and_the_rest_one():
    assert needs_two({"doctor_code": "D1", "patient_name": "测试乙"})
    assert not needs_two({"doctor_code": "D1", "line.1.name": "药"})
    assert not any(needs_two({field: "x"}) for field in correctable(posting()))


def test_of_notices_words_about_the_person_are_corrected_and_what_was_decided_never():
    told = corrected(UPDATE, {"nation": "02", "phone": "13900000001", "patient_number": "P9", "patient_name": "测试乙"})
    known = told.patient
    assert (known.holder.nation, known.holder.phone, known.patient_number.reveal()) == ("02", "13900000001", "P9")
    assert known.holder.name.reveal() == "测试乙"
    assert set(correctable(UPDATE).values()) == {""}  # what is told of a person is shown to nobody
    assert corrected(ACCOUNT, {"patient_number": "P9"}).patient_number == "P9"
    merged = corrected(MERGE, {"patient_name": "测试乙", "prior_name": "测试丙"})
    assert (merged.kept.name.reveal(), merged.prior.name.reveal()) == ("测试乙", "测试丙")
    for message, field in (
        (MERGE, "patient_number"), (MERGE, "prior_number"), (ACCOUNT, "visit_number"), (UPDATE, "insurance"),
        (UPDATE, "id_number"),
    ):  # fmt: skip
        with pytest.raises(Fault):
            corrected(message, {field: "1"})
    assert needs_two({"prior_name": "x"})


@given(
    st.datetimes(min_value=dt.datetime(2021, 1, 1), max_value=dt.datetime(2099, 12, 31)),  # noqa: DTZ001 - any moment
    st.integers(0, 999999), st.sampled_from("UMN"), st.sampled_from(["", "p"]), st.integers(1, MAX_CORRECTIONS),
)  # fmt: skip
def test_a_corrected_notice_has_an_id_of_its_own_that_leads_back_to_its_letter(moment, serial, letter, mark, revision):
    control_id = f"{letter}{moment:%y%m%d%H%M%S}{serial:06d}{mark}"
    wire = wire_id(control_id, revision)
    names, found = letter_ids(wire)

    assert len(wire) <= 20
    assert control_id in names
    assert found == revision


@given(DIGITS, st.integers(0, 9999), st.sampled_from("RPC"), st.sampled_from(["", "p"]), st.integers(0, MAX_CORRECTIONS))
def test_a_corrected_message_has_an_id_of_its_own_that_leads_back_to_its_letter(stamp, serial, letter, mark, revision):
    control_id = f"{letter}{stamp}{serial:04d}{mark}"
    wire = wire_id(control_id, revision)
    names, found = letter_ids(wire)

    assert len(wire) <= 20
    assert control_id in names
    assert found == revision
    assert (wire == control_id) is (revision == 0)
