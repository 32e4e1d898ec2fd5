"""What an answer of the channel stands for: a sealed yes that is whole and ours, an open no, and everything else nobody knows."""

from __future__ import annotations

import json

import pytest

from adapters.insurance.exchange.frame import HttpReply
from adapters.insurance.mobile.link import understood
from adapters.insurance.signing.voucher import NotGenuine
from middleware.domain.mobile import OrderStands, PlaceOrder
from middleware.domain.outcome import Answered, Refused, Unknown

ASKED = PlaceOrder("O1", "T1", "N1", "V1")
TOLD = {
    "payOrdId": "O1",
    "ordStas": "4",
    "feeSumamt": "10.00",
    "ownPayAmt": "4.00",
    "psnAcctPay": "0.00",
    "fundPay": "6.00",
}


def heard(body, status=200, data=None):
    """The outcome of an answer; ``data`` is what the seal holds."""

    def unseal(_body):
        if data is None:
            raise NotGenuine("not sealed")
        return data

    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return understood(ASKED, HttpReply(status, "application/json", text), unseal)


def test_a_sealed_answer_that_is_whole_and_ours_is_an_answer():
    outcome = heard({"encData": "00"}, data=TOLD)

    assert isinstance(outcome, Answered)
    assert isinstance(outcome.reply, OrderStands)
    assert (outcome.reply.state, outcome.reply.amounts.cash.fen) == ("4", 400)


@pytest.mark.parametrize("code", [500159, "500159"])
def test_an_open_no_with_a_code_is_a_refusal(code):
    assert heard({"success": False, "code": code, "message": "不可"}) == Refused("500159", "不可")


@pytest.mark.parametrize(
    ("body", "status", "data", "cause"),
    [
        (b"<html>", 504, None, "http-status"),
        ({"success": False, "code": 1}, 500, None, "http-status"),
        (b"", 200, None, "unreadable"),
        (b"[1]", 200, None, "unreadable"),
        ({"success": False}, 200, None, "unreadable"),  # a no without a code says nothing
        ({"success": False, "code": True}, 200, None, "unreadable"),
        ({"success": "false", "code": 1}, 200, None, "unreadable"),
        ({"success": False, "code": 1, "encData": "00"}, 200, None, "unreadable"),  # it contradicts itself
        ({"code": 1, "message": "x"}, 200, None, "unreadable"),
        ({"encData": "00"}, 200, {**TOLD, "payOrdId": "O2"}, "not-ours"),
        ({"encData": "00"}, 200, {name: cell for name, cell in TOLD.items() if name != "ordStas"}, "incomplete"),
        ({"encData": "00"}, 200, {**TOLD, "fundPay": "7.00"}, "unreadable"),  # the parts are not the whole
    ],
)
def test_everything_else_is_unknown(body, status, data, cause):
    outcome = heard(body, status, data)

    assert isinstance(outcome, Unknown)
    assert outcome.cause == cause
