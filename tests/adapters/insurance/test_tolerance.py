"""The contradictions of the platform's own text (insurance.md 1.2, 1.3), one by one: each is tolerated where nothing is at stake.

What each may not tolerate is beside it: a success without its number, another person, an amount that cannot be read.
"""

from __future__ import annotations

import json

import attrs
import pytest

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.exchange.meaning import meaning
from adapters.insurance.exchange.reading import to_reply
from adapters.insurance.national import reading
from adapters.insurance.schema import SiteRules, check_input, check_row
from adapters.insurance.transactions import DECLARED, REQUEST_HEAD, TRANSACTIONS
from middleware.domain.centre import Call, PersonKnown, Settled, SignedIn
from middleware.domain.identity import IdNumber, PersonName
from middleware.domain.outcome import Answered, Refused, Unknown
from tests.adapters.insurance.requests import MESSAGE_ID, REQUESTS, line, settled_output

NOBODY = SiteRules()


def answered(code: str, output: object, **head: object) -> object:
    """What a reply of the platform comes to."""
    tokens = reading.read(DECLARED[code], json.dumps({"infcode": 0, "output": output} | head, default=str))
    request = REQUESTS[code]
    return meaning(
        Call(code), tokens.code, tokens.message, tokens.output, lambda found: to_reply(request, MESSAGE_ID, found)
    )


@pytest.mark.parametrize("time", ["2026-03-02", "2026-03-02 09:30:15", "20260302093015", None, 20260302])
def test_9001s_sign_time_is_typed_as_a_date_and_described_with_a_time(time) -> None:
    assert answered("9001", {"signinoutb": {"sign_no": "S1", "sign_time": time}}) == Answered(SignedIn("S1"))


COVER = {"insutype": "310", "psn_type": "11", "balc": "1.00", "insuplc_admdvs": "999900", "psn_insu_stas": "1"}


@pytest.mark.parametrize("insuinfo", [[COVER], COVER])
def test_insuinfo_is_a_list_in_the_table_and_an_object_in_appendix_b(insuinfo) -> None:
    found = answered("1101", {"baseinfo": {"psn_no": "P1", "certno": "x"}, "insuinfo": insuinfo})

    assert isinstance(found, Answered)
    assert isinstance(found.reply, PersonKnown)
    assert [one.kind for one in found.reply.insurances] == ["310"]


@pytest.mark.parametrize("code", ["1101", "2201", "2206", "2207"])
def test_certno_and_psn_name_are_c50_in_1101_and_c20_elsewhere_and_long_ones_pass_everywhere(code) -> None:
    who = attrs.evolve(REQUESTS[code].holder, id_number=IdNumber("9" * 50), name=PersonName("名" * 50))

    check_input(TRANSACTIONS[code], to_input(attrs.evolve(REQUESTS[code], holder=who)), DICTIONARIES, NOBODY)


def test_feedetl_sn_is_a_number_going_in_and_a_text_coming_out_and_is_a_text_here() -> None:
    request = attrs.evolve(REQUESTS["2204"], lines=(line("007"),))
    nodes = to_input(request)
    row = {"det_item_fee_sumamt": "60.37", "cnt": 3, "pric": 20.123456}

    check_input(TRANSACTIONS["2204"], nodes, DICTIONARIES, NOBODY)
    assert nodes["feedetail"][0]["feedetl_sn"] == "007"
    tokens = reading.read(DECLARED["2204"], json.dumps({"infcode": 0, "output": {"result": [{**row, "feedetl_sn": 7}]}}))
    other = attrs.evolve(request, lines=(line("7"),))
    assert [one.line_id for one in to_reply(other, MESSAGE_ID, tokens.output).lines] == ["7"]


@pytest.mark.parametrize("name", ["psn_cash_pay", "pdn_cash_pay"])
def test_2208_spells_the_cash_field_otherwise(name) -> None:
    row = {"setl_id": "J2", "mdtrt_id": "V1", "setl_time": "2026-03-02 10:00:00", "medfee_sumamt": -60.37, name: -1.58}
    row |= {"fund_pay_sumamt": -38.79, "acct_pay": -20.0, "psn_part_amt": None, "hosp_part_amt": None}
    found = answered("2208", {"setlinfo": row})

    assert isinstance(found, Answered)
    assert (found.reply.split.cash.yuan, found.reply.split.personal.yuan) == ("-1.58", "-21.58")


@pytest.mark.parametrize("code", ["1306A", "100001", "2203A", "2207"])
def test_infno_is_c4_and_codes_of_five_and_six_characters_exist(code) -> None:
    head = {spec.name: "1" for spec in REQUEST_HEAD if spec.need} | {"infno": code, "inf_time": "2026-03-02 09:30:15"}

    check_row(REQUEST_HEAD, head, "head", DICTIONARIES, NOBODY)
    check_row(
        TRANSACTIONS["2601"].input[0].fields, {"psn_no": "P", "omsgid": "M", "oinfno": code}, "x", DICTIONARIES, NOBODY
    )


def test_fixmedins_name_is_c20_in_the_header_and_c200_elsewhere() -> None:
    head = {spec.name: "1" for spec in REQUEST_HEAD if spec.need} | {"inf_time": "2026-03-02 09:30:15"}

    check_row(REQUEST_HEAD, head | {"fixmedins_name": "院" * 200}, "head", DICTIONARIES, NOBODY)


@pytest.mark.parametrize("given_back", ["H9999000000120260302093015000", "1", "", None, MESSAGE_ID])
def test_a_msgid_of_another_length_comes_back_and_is_no_contradiction(given_back) -> None:
    found = answered("2207", settled_output(medins_setl_id=given_back))

    assert isinstance(found, Answered)
    assert isinstance(found.reply, Settled)


def test_the_word_null_is_empty_as_null_is_and_where_something_must_be_it_is_nothing() -> None:
    good = answered("2207", settled_output(clr_way="null", clr_optins=None))
    bad = answered("2207", settled_output(setl_id="null"))

    assert isinstance(good, Answered)
    assert (good.reply.clearing_way, good.reply.clearing_agency) == ("", "")
    assert bad == Unknown("incomplete", "setl_id")


@pytest.mark.parametrize("code", [0, "0", "0000"])
def test_infcode_is_a_number_to_some_and_a_text_to_others(code) -> None:
    assert isinstance(answered("2601", None, infcode=code), Answered)


@pytest.mark.parametrize("code", [-1, "-1", "1", 2079])
def test_a_failure_is_1_in_appendix_b_and_minus_1_in_the_table_and_a_refusal_either_way(code) -> None:
    assert answered("2601", None, infcode=code, err_msg="x", inf_refmsgid=None) == Refused(str(code), "x")


def test_what_the_reply_s_envelope_has_beside_its_table_does_no_harm() -> None:
    extras = {"warn_msg": "x", "cainfo": "", "signtype": "SM2", "enctype": None, "inf_refmsgid": None, "refmsg_time": None}

    assert isinstance(answered("2207", settled_output(), **extras), Answered)


def test_the_shape_of_the_e_voucher_channel_in_the_common_envelope_is_no_refusal_of_the_business() -> None:
    tokens = reading.read(DECLARED["2207"], json.dumps({"success": False, "code": 500159, "message": "x"}))

    outcome = meaning(Call.SETTLE, tokens.code, tokens.message, tokens.output, lambda _: pytest.fail("nothing is read"))
    assert outcome == Unknown("incomplete", "no infcode")


def test_2206_has_null_where_its_table_says_that_something_must_be() -> None:
    nulls = dict.fromkeys(("setl_id", "setl_time", "clr_way", "clr_optins", "clr_type"))

    assert isinstance(answered("2206", settled_output(**nulls)), Answered)
