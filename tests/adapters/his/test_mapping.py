"""What stands where in a message, and what is read of an answer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.mapping import Ack, read_ack
from adapters.his.hl7v2.repertoire import segments_of
from adapters.his.hl7v2.values import number_text
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from tests.adapters.his.messages import ID_TEXT, NOW, holder, line, posting, registration

DIALECT = Dialect()


def text_of(message, dialect=DIALECT) -> list[str]:
    return encode(segments_of(message, dialect)).split("\r")[:-1]


def test_a_registration_word_for_word():
    assert text_of(registration(patient_number="P1")) == [
        "MSH|^~\\&|YIKATONG||HIS||20261121101112||ADT^A04^ADT_A01|YKT00000001|P|2.5|||AL|NE|CHN|UNICODE UTF-8",
        "EVN|A04|20261121101112||||20261121101112",
        (
            f"PID|1||P1^^^^PI~00A123456^^^^HC~{ID_TEXT}^^^^NNCHN~{ID_TEXT}^^^^SS||测试甲^^^^^^L||19800101|M"
            f"|||||||||||{ID_TEXT}|||01^^99GB3304"
        ),
        (
            "PV1|1|O|0101^^^^^^^^内科||||D001^测试医生||||||||||||V0001^^^^VN"
            "|||||||||||||||||||||||||20261121101112||||||M0001"
        ),
        "IN1|1|310^职工基本医疗保险^99NHSA|NHSA" + "|" * 46 + "99990000000001",
    ]


def test_a_posting_word_for_word():
    assert text_of(posting())[3:] == [
        "PV1|1|O|||||||||||||||||V0001^^^^VN|||||||||||||||||||||||||||||||M0001",
        (
            "FT1|1|L0001||20261121101112|20261121101112|CG|0007^阿莫西林胶囊^L^XA01AA^^99NHSA|||2|25.00&CNY|12.5&CNY"
            "|0101^内科|310^职工基本医疗保险^99NHSA||||||D001^测试医生"
        ),
        "IN1|1|310^职工基本医疗保险^99NHSA|NHSA",
        (
            "ZST|1|S|SETL0001|S0001|M0001|20261121101112|310^职工基本医疗保险^99NHSA|25.00^CNY|15.00^CNY|6.00^CNY|4.00^CNY"
            "|0.00^CNY|0.00^CNY|1234.56^CNY"
        ),
    ]


def test_a_cancelled_line_is_a_credit_of_negative_amounts():
    fields = text_of(posting(cancelled=True))[4].split("|")

    assert (fields[6], fields[10], fields[11], fields[12]) == ("CD", "2", "-25.00&CNY", "-12.5&CNY")


def test_a_line_that_is_negative_already_stays_negative_when_it_is_cancelled():
    bill = posting(cancelled=True, lines=0)
    fields = text_of(evolve(bill, lines=(line(amount=Money(-2500)),)))[4].split("|")

    assert fields[11] == "-25.00&CNY"


def test_the_balance_is_not_negated_by_a_cancellation():
    assert text_of(posting(cancelled=True))[-1].endswith(
        "|-25.00^CNY|-15.00^CNY|-6.00^CNY|-4.00^CNY|0.00^CNY|0.00^CNY|1234.56^CNY"
    )


def test_the_site_names_the_identifier_types_and_drops_those_it_does_not_want():
    dialect = evolve(
        DIALECT, card_type="Card_No", id_number_type="IdentifyNO", social_security_type="", patient_type="PatientNO",
        ssn_in_pid19=False,
    )  # fmt: skip
    fields = text_of(registration(patient_number="007"), dialect)[2].split("|")

    assert fields[3] == f"007^^^^PatientNO~00A123456^^^^Card_No~{ID_TEXT}^^^^IdentifyNO"
    assert fields[19] == ""


def test_leading_zeros_stay_in_every_number_that_is_a_name():
    message = registration(control_id="0001", visit_id="0002", visit_number="0003", patient_number="0004")
    text = "\r".join(text_of(message))

    assert all(part in text for part in ("|0001|", "|0002^", "|0003", "|0004^", "~00A123456^", "|0101^"))


def test_the_same_moment_makes_the_same_bytes_in_whatever_zone_it_was_stored():
    utc = NOW.astimezone(dt.UTC)

    assert text_of(registration(created_at=utc, begun_at=utc)) == text_of(registration())


def test_a_time_without_its_zone_is_refused():
    with pytest.raises(Fault, match=r"his\.message"):
        text_of(registration(created_at=dt.datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(("code", "sex"), [("1", "M"), ("2", "F"), ("0", "U"), ("9", "U"), ("5", "O")])
def test_sex_is_translated_from_gb_t_2261(code, sex):
    assert text_of(registration(holder=holder(sex=code)))[2].split("|")[8] == sex


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2.0000", "2"),
        ("0.500", "0.5"),
        ("100", "100"),
        ("1E+2", "100"),
        ("0.000001", "0.000001"),
        ("-0.00", "0"),
        ("0", "0"),
    ],
)
def test_numbers_are_plain_digits(value, text):
    assert number_text(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_a_number_is_never_changed(value):
    assert Decimal(number_text(value)) == value


def answer(msa: str, *more: str, charset: str = "UNICODE UTF-8") -> str:
    return "\r".join([f"MSH|^~\\&|HIS||YIKATONG||20261121||ACK|1|P|2.5||||||{charset}", msa, *more, ""])


def test_an_ack_is_its_code_its_id_and_the_number_of_our_type():
    text = answer("MSA|AA|YKT1|好", "PID|1||99^^^^MR~0012^^^^PI")

    assert read_ack(text.encode(), DIALECT) == Ack("AA", "YKT1", "好", "0012")


def test_a_refusal_says_what_err_says_in_2_5_and_in_2_4():
    newer = answer("MSA|AE|1|no", "ERR||PID^1^3|101^Required field missing|E||||卡号缺失")
    older = answer("MSA|AE|1|no", "ERR|PID^1^3^101&missing")

    assert read_ack(newer.encode(), DIALECT).text == "no 101 Required field missing 卡号缺失"
    assert read_ack(older.encode(), DIALECT).text == "no 101"


@pytest.mark.parametrize("charset", ["GB 18030-2000", "GB18030", "GBK", "gb2312", "GB 2312", "CP936"])
def test_an_answer_is_read_by_its_own_msh_18(charset):
    text = answer("MSA|AE|1|医保卡号不存在", charset=charset)

    assert read_ack(text.encode("gb18030"), DIALECT).text == "医保卡号不存在"


def test_an_answer_without_msh_18_is_read_by_our_charset():
    text = answer("MSA|AE|1|医保", charset="")

    assert read_ack(text.encode("gb18030"), evolve(DIALECT, codec="gb18030")).text == "医保"


def test_a_text_in_the_wrong_charset_costs_the_text_only():
    ack = read_ack(answer("MSA|AA|YKT1|医保", "PID|1||张三^^^^PI").encode("gb18030"), DIALECT)

    assert (ack.code, ack.control_id, ack.patient_number) == ("AA", "YKT1", "")


@given(
    st.one_of(
        st.binary(max_size=80), st.binary(max_size=80).map(lambda raw: b"MSH|^~\\&|A\rMSA|AA|1|" + raw + b"\rPID|1||" + raw)
    )
)
def test_no_answer_whatever_raises_anything_but_a_fault(payload):
    for codec in ("utf-8", "gb18030"):
        try:
            read_ack(payload, evolve(DIALECT, codec=codec))
        except Fault as fault:
            assert fault.code == "his.no_answer"  # noqa: PT017 - an answer may also be read
