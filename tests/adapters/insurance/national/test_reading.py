"""What comes as JSON: tolerant where the platform contradicts itself, strict where bytes could mean two things."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs
from adapters.insurance.exchange.frame import GatewayRefusal, HttpReply, Unusable
from adapters.insurance.exchange.reading import to_reply
from adapters.insurance.national.frame import File, Json, judge
from adapters.insurance.national.reading import Tokens, Unreadable, read
from adapters.insurance.transactions import DECLARED
from middleware.domain.centre import Insurance, PersonKnown, Settled, SettlementCancelled, SignedIn
from middleware.domain.money import Money
from middleware.domain.split import FundLine, broken_identities
from tests.adapters.insurance.national.server import dumps, reply
from tests.adapters.insurance.requests import MESSAGE_ID, REQUESTS, settled_output
from tests.adapters.insurance.test_evidence import CANCEL, CANCEL_DETAIL


def tokens(code: str, body: bytes) -> Tokens:
    found = read(DECLARED[code], body.decode())
    assert isinstance(found, Tokens)
    return found


def answer(code: str, output: object):
    return to_reply(REQUESTS[code], MESSAGE_ID, tokens(code, reply(output)).output)


# -- contradictions of the platform's own text, each a case of tolerance


@pytest.mark.parametrize("code", [0, "0", "0000", " 0 ", Decimal(0)])
def test_a_code_is_a_number_or_a_text(code: object) -> None:
    assert tokens("2601", reply(None, code)).code.strip("0") == ""


@pytest.mark.parametrize("wrong", [True, [], {}, [0]])
def test_a_code_of_another_kind_is_no_reply(wrong: object) -> None:
    with pytest.raises(Unreadable):
        tokens("2601", reply(None, wrong))


def test_a_code_that_is_no_whole_number_is_kept_as_it_is_and_decides_nothing() -> None:
    assert tokens("2601", reply(None, Decimal("0.5"))).code == "0.5"
    assert tokens("2601", b"{}").code == tokens("2601", reply(None, None)).code == ""


@pytest.mark.parametrize("output", [None, "", "null", [], "[]", " "])
def test_no_output_has_many_faces(output: object) -> None:
    assert tokens("2207", reply(output)).output is None


def test_an_output_may_be_a_text_that_holds_it_or_a_list_of_one() -> None:
    plain = answer("2207", settled_output())

    assert isinstance(plain, Settled)
    assert answer("2207", dumps(settled_output())) == plain
    assert answer("2207", [settled_output()]) == plain


@pytest.mark.parametrize("output", [7, True, "text", [1], [{}, {}], '{"a":1'])
def test_an_output_of_another_kind_is_no_reply(output: object) -> None:
    with pytest.raises(Unreadable):
        tokens("2207", reply(output))


def test_amounts_are_numbers_or_texts_and_never_floats() -> None:
    as_text = json.loads(dumps(settled_output()), parse_float=str, parse_int=str)
    numbers, texts = answer("2207", settled_output()), answer("2207", as_text)

    assert numbers == texts
    assert numbers.split.total == Money(6037)
    big = answer("2207", settled_output(balc=Decimal("90071992547409.93")))  # a float has .92
    assert big.split.balance_after == Money(9007199254740993)


@pytest.mark.parametrize("value", ["1,000.00", "0x10", "１", "6 0", "1e3", [], {}, True])
def test_a_text_that_is_no_amount_is_unreadable_where_it_is_needed(value: object) -> None:
    with pytest.raises(BadValue):
        answer("2207", settled_output(acct_pay=value))


@pytest.mark.parametrize("value", [None, "", "null", " "])
def test_an_amount_that_is_null_or_empty_is_none(value: object) -> None:
    with pytest.raises(Incomplete):
        answer("2207", settled_output(acct_pay=value))
    assert isinstance(answer("2207", settled_output(hifes_pay=value)), Settled)


def test_a_number_in_the_place_of_a_text_is_its_digits() -> None:
    found = answer("2207", settled_output(setl_id=Decimal(123456789012345678901234567890), clr_type=Decimal(11)))

    assert (found.settlement_number, found.clearing_type) == ("123456789012345678901234567890", "11")


def test_a_list_may_be_an_object_and_an_object_a_list() -> None:
    base = {"psn_no": "P1", "certno": "999999197405123114"}
    cover = {"insutype": "310", "psn_type": "11", "balc": "3200.00", "psn_insu_stas": 1, "insuplc_admdvs": "999900"}
    known = PersonKnown("P1", True, (Insurance("310", "11", "999900", Money(320000), active=True),))

    assert answer("1101", {"baseinfo": base, "insuinfo": [cover]}) == known
    assert answer("1101", {"baseinfo": [base], "insuinfo": cover}) == known
    assert answer("1101", {"baseinfo": base, "insuinfo": []}) == PersonKnown("P1", True, ())
    assert answer("1101", {"baseinfo": base, "insuinfo": None}) == PersonKnown("P1", True, ())
    assert answer("1101", {"baseinfo": base, "insuinfo": ""}) == PersonKnown("P1", True, ())


@pytest.mark.parametrize("written", ["2026-03-02 09:30:16", "2026-03-02T09:30:16", 20260302093016])
def test_a_sign_in_s_time_may_be_date_time_or_digits(written: object) -> None:
    assert answer("9001", {"signinoutb": {"sign_no": 4711, "sign_time": written}}) == SignedIn("4711")


@pytest.mark.parametrize(
    "names",
    [
        {"pdn_cash_pay": Decimal("-1000.0"), "ownpay_hosp_part": Decimal("-32.86")},
        {"psn_cash_pay": "-1000.00", "psn_pay": "-1307.01", "ownpay_hosp_part": "-32.86"},
    ],
)
def test_a_cancel_is_negative_with_nulls_and_other_names(names: dict) -> None:
    found = answer("2208", {"setlinfo": CANCEL | names, "setldetail": CANCEL_DETAIL})

    assert isinstance(found, SettlementCancelled)
    assert (found.split.cash, found.split.personal) == (Money(-100000), Money(-130701))
    assert broken_identities(found.split) == ()


def test_a_code_that_no_list_has_and_a_field_that_no_table_has_are_kept() -> None:
    output = settled_output(clr_type="77", clr_way="X9", brand_new_field={"deep": [1]})
    output["setldetail"].append({"fund_pay_type": "888888", "fund_pay_type_name": "新基金", "fund_payamt": Decimal("0.00")})
    output["brand_new_node"] = [1, 2]

    found = answer("2207", output)

    assert (found.clearing_type, found.clearing_way) == ("77", "X9")
    assert FundLine("888888", "新基金", Money(0)) in found.split.funds
    assert tokens("2207", reply(output)).output["brand_new_node"] == [1, 2]


def test_a_file_is_base64_or_not_there() -> None:
    given_rows = {"fsDownloadOut": {"out": "UEsDBA==", "filename": "x"}}

    assert tokens("9102", reply(given_rows)).output["fsDownloadOut"]["out"] == b"PK\x03\x04"
    given_rows["fsDownloadOut"]["out"] = "no base64!"
    assert tokens("9102", reply(given_rows)).output["fsDownloadOut"]["out"] == "no base64!"


def test_times_and_messages_are_kept_and_what_they_are_not_is_nothing() -> None:
    found = tokens("2601", reply(None, 0, respond_time="20260302093016123", err_msg="好"))

    assert (found.said_at, found.message) == ("20260302093016123", "好")
    found = tokens("2601", reply(None, 0, respond_time=Decimal(20260302093016123), err_msg=["x"]))
    assert (found.said_at, found.message) == ("20260302093016123", "")


def test_a_gateway_s_no_has_a_shape_of_its_own() -> None:
    assert read(DECLARED["2207"], '{"code":401,"message":"x"}') == GatewayRefusal("401", "x")
    assert isinstance(read(DECLARED["2207"], '{"infcode":0,"code":401}'), Tokens)
    assert tokens("2207", b'{"success":false,"code":500159,"message":"x"}').code == ""


# -- strict


@pytest.mark.parametrize(
    "text",
    [
        '{"infcode":0,"infcode":-1}',
        '{"infcode":0,"output":{"setlinfo":{"setl_id":"A","setl_id":"B"}}}',
        '{"infcode":NaN}',
        '{"infcode":0,"x":Infinity}',
        '{"infcode":0,"x":-Infinity}',
        '{"infcode":0} ',
        '{"infcode":0}x',
        '{"infcode":0',
        "{'infcode':0}",
        '{"infcode":0,}',
        "[]",
        '"x"',
        '{"infcode":0,"err_msg":"a\\u0000b"}',
        '{"infcode":0,"err_msg":"a\\ud800b"}',
        '{"infcode":0,"\\u0001":1}',
        '{"infcode":0,"err_msg":"a\x01b"}',
        '{"infcode":0,"x":' + "[" * 100_000,
        '{"infcode":0,"x":' + "9" * 65 + "}",
        '{"infcode":0,"x":1e99999999999999999999}',
        '{"infcode":0,"output":"{\\"a\\":1,\\"a\\":2}"}',
    ],
)
def test_what_could_mean_two_things_or_nothing_is_no_reply(text: str) -> None:
    if text.endswith("} "):  # white space after the object is JSON
        assert tokens("2207", text.encode()).code == "0"
        return
    with pytest.raises(Unreadable):
        read(DECLARED["2207"], text)


def test_an_escaped_character_outside_the_first_plane_is_read() -> None:
    assert tokens("2207", b'{"infcode":1,"err_msg":"\\ud869\\udf61 \\u5f20"}').message == "\U0002a761 张"


@settings(deadline=None)
@given(st.sampled_from(sorted(DECLARED)), st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_whatever_raises_anything_but_unreadable(code: str, text: str) -> None:
    with contextlib.suppress(Unreadable):
        read(DECLARED[code], text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_ROWS = st.dictionaries(
    st.sampled_from(
        sorted({*settled_output()["setlinfo"], "pdn_cash_pay", "feedetl_sn", "fund_payamt", "sign_no", "balc"})
    ),
    _JSON,
)
_NODES = ["setlinfo", "setldetail", "data", "result", "baseinfo", "insuinfo", "signinoutb", "mdtrtinfo", "fsDownloadOut"]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(REQUESTS)),
    st.dictionaries(st.sampled_from(_NODES), _JSON | _ROWS | st.lists(_ROWS, max_size=3)) | _JSON,
    _JSON,
)
def test_no_json_whatever_raises_anything_but_the_four(code: str, output: object, infcode: object) -> None:
    with contextlib.suppress(Unreadable, Incomplete, NotOurs, BadValue):
        found = read(DECLARED[code], reply(output, infcode).decode())
        assert isinstance(found, Tokens)
        to_reply(REQUESTS[code], MESSAGE_ID, found.output)


# -- before any parser


@pytest.mark.parametrize(
    ("status", "kind", "body", "cause"),
    [
        (504, "text/html", b"<html>", "http-status"),
        (504, "application/json", b'{"infcode":0}', "http-status"),
        (500, "application/json", b'{"infcode":0}', "http-status"),
        (202, "application/json", b"", "http-status"),
        (401, "text/html", b"<html>", "http-status"),
        (200, "text/html", b'{"infcode":0}', "not-json"),
        (200, "text/xml", b"<a/>", "not-json"),
        (200, "application/json", b"", "not-json"),
        (200, "application/json", b" \r\n", "not-json"),
        (200, "application/json", b"<html>login</html>", "not-json"),
        (200, "application/json", b"[]", "not-json"),
        (200, "application/json", b'{"err_msg":"\xff\xfe"}', "unreadable"),
        (200, "application/json; charset=klingon", b"{}", "unreadable"),
    ],
)
def test_status_type_and_encoding_come_before_the_parser(status: int, kind: str, body: bytes, cause: str) -> None:
    for wants_file in (False, True):
        found = judge(HttpReply(status, kind, body), wants_file=wants_file)

        assert isinstance(found, Unusable)
        assert found.cause == cause


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/plain;charset=GBK", "text/json", "application/octet-stream"]
)
def test_json_is_json_whatever_its_head_calls_it(kind: str) -> None:
    body = '{"err_msg":"待遇"}'.encode("gbk" if "GBK" in kind else "utf-8")

    for wants_file in (False, True):
        assert judge(HttpReply(200, kind, body), wants_file=wants_file) == Json('{"err_msg":"待遇"}')
    assert judge(HttpReply(200, kind, b"\xef\xbb\xbf" + b"{}"), wants_file=False) == Json("{}")


def test_a_download_is_its_bytes_only_where_one_was_asked_for() -> None:
    found = HttpReply(200, "application/octet-stream", b"PK\x03\x04\xff")

    assert judge(found, wants_file=True) == File(b"PK\x03\x04\xff")
    assert isinstance(judge(found, wants_file=False), Unusable)


def test_a_gateway_s_401_is_read_whatever_its_type() -> None:
    assert judge(HttpReply(401, "text/html", b'{"code":401,"message":"x"}'), wants_file=False) == GatewayRefusal("401", "x")
