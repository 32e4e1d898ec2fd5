"""Requests to code services and what their replies come to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.credential import Document, Shown
from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.qr.options import CodeOptions
from readers.qr.profile import BUSINESS, read_reply, request_of
from simulators.people import PEOPLE
from tests.readers.attempts import attempt

PERSON = PEOPLE["employee"]
READER = ReaderOptions("e-voucher", "service", business="01301", operator="7", operator_name="张三", office="0301")
VOUCHER = CodeOptions("e-voucher", "https://codes.example/ec", organisation="H99990000001")
OWN = CodeOptions(
    "hospital-code", "https://his.example/code", transaction="who", result_field="status", result_ok="ok",
    id_number_field="person.id", name_field="person.name",
)  # fmt: skip
DATA = {
    "idNo": PERSON.id_number, "idType": "01", "userName": PERSON.name, "ecToken": "T" * 40, "insuOrg": "999900",
    "gender": "1", "birthday": "1974-05-12", "nationality": "CHN", "extData": "",
}  # fmt: skip


def reply(**changes):
    return json.dumps({"code": 0, "message": "成功", "data": DATA | changes}).encode()


def read(body, options=VOUCHER):
    return attempt(lambda: read_reply(body, options, "扫码"))


def test_the_request_is_the_published_one_and_the_text_stands_where_the_site_says():
    sent = json.loads(request_of(VOUCHER, READER, "28123"))
    assert sent["transType"] == "ec.query"
    assert sent["orgId"] == sent["data"]["orgId"] == "H99990000001"
    assert (sent["data"]["businessType"], sent["data"]["operatorName"], sent["data"]["officeId"]) == (
        "01301",
        "张三",
        "0301",
    )
    assert sent["data"]["ecQrCode"] == "28123"
    assert "ecQrCode" not in json.loads(request_of(VOUCHER, READER, ""))["data"]


def test_every_kind_of_business_has_its_name_in_both_languages():
    assert all(len(code) == 5 and zh and en for code, (zh, en) in BUSINESS.items())
    assert READER.business in BUSINESS


def test_a_reply_gives_one_checked_identity_with_the_token_as_a_secret():
    card = read(reply())
    assert (card.kind, card.id_number.reveal(), card.name.reveal()) == ("e-voucher", PERSON.id_number, PERSON.name)
    assert (card.credential.shown, card.credential.token.reveal()) == (Shown.VOUCHER, "T" * 40)
    assert card.issued_on is None
    assert "TTT" not in repr(card)
    assert "TTT" not in str(card.credential)


def test_a_foreigners_voucher_keeps_the_kind_of_document():
    card = read(reply(idType="07", idNo="KAZ110090123105", birthday="19901231", gender="2"))
    assert card.credential.document is Document.FOREIGNER


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "code.malformed"),
        (b"<html>\xff", "code.malformed"),
        (b"[]", "code.malformed"),
        (b'{"code":null}', "code.malformed"),
        (b'{"code":true}', "code.malformed"),
        (b'{"code":0}', "code.malformed"),
        (b'{"code":-2,"message":"\xe4\xba\x8c"}', "code.refused"),
        (reply(ecToken=""), "code.malformed"),
        (reply(ecToken="T" * 51), "code.malformed"),
        (reply(ecToken=["T"]), "code.malformed"),
        (reply(userName=""), "code.malformed"),
        (reply(userName="张\u0007"), "code.malformed"),
        (reply(idType="08"), "code.malformed"),
        (reply(birthday="1974-02-30"), "code.malformed"),
        (reply(idNo=""), "code.malformed"),
        (reply(idNo=PERSON.id_number[:17] + "0"), "card.id_number"),
    ],
)
def test_what_is_not_a_whole_yes_is_a_fault_and_never_half_an_identity(body, code):
    fault = read(body)
    assert isinstance(fault, Fault)
    assert fault.code == code
    assert PERSON.name not in str(fault)
    assert PERSON.id_number not in str(fault)


def test_a_strangers_words_are_not_our_detail():
    assert "PERSON" not in str(read(b'{"code":"PERSON SAID THIS"}'))


def test_a_hospitals_own_code_is_read_by_the_names_that_the_site_gives():
    body = json.dumps({"status": "ok", "person": {"id": PERSON.id_number, "name": PERSON.name}}).encode()
    card = read(body, OWN)
    assert (card.kind, card.credential.shown, bool(card.credential.token)) == ("hospital-code", Shown.IDENTITY, False)
    assert read(b'{"status":"no"}', OWN).code == "code.refused"
    assert read(reply(), OWN).code == "code.malformed"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_reply_raises_anything_but_a_fault(value):
    for body in (
        json.dumps(value),
        json.dumps({"code": 0, "data": value}),
        json.dumps({"code": 0, "data": DATA | {"idNo": value}}),
    ):
        outcome = read(body.encode("utf-8", "surrogatepass"))
        assert isinstance(outcome, Fault)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_fault(body):
    assert isinstance(read(body), Fault)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "e-voucher", "url": "http://codes.example/ec"},
        {"kind": "e-voucher", "url": "ftp://codes.example/ec"},
        {"kind": "e-voucher", "url": "https:///ec"},
        {"kind": "e-social-security-card", "url": "https://codes.example/ec"},
        {"kind": "id-card", "url": "https://codes.example/ec"},
        {"kind": "hospital-code", "url": "https://x.example/", "id_number_field": "a..b", "name_field": "c"},
    ],
)
def test_a_service_that_cannot_be_asked_is_refused_in_the_configuration(wrong):
    with pytest.raises(ValueError):
        CodeOptions(**wrong)
