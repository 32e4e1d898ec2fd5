"""Requests as messages, and answers as outcomes: only a clear word about exactly this request is believed."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve

from adapters.bank.iso8583 import mapping
from adapters.bank.iso8583.frame import Message
from adapters.bank.iso8583.tables import CODES, Meaning
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, Unknown
from middleware.domain.payment import BankCall, BankCard, BankRefusal, BankReply, BankRequest, Traced

TZ = dt.timezone(dt.timedelta(hours=8))
WHO = mapping.Identity("T0000001", "M00000000000001", "示例医院", "000001", "156", TZ)
CARD = BankCard("6299990000000017", "3012", "6299990000000017=30121010000000000", "0123456789abcdef")
HOLD = Traced("000042", dt.datetime(2026, 11, 21, 23, 59, 58, tzinfo=TZ), Money(1234))
LATER = Traced("000043", dt.datetime(2026, 11, 22, 0, 0, 5, tzinfo=TZ), Money(1000))
REPLY = BankReply("000000000007", "A00007", "1121")


def request(call, **changes):
    made = {
        BankCall.HOLD: BankRequest(call, HOLD, card=CARD),
        BankCall.REVERSE: BankRequest(call, HOLD, card=evolve(CARD, track2="", pin_block=""), original=HOLD),
    }
    return evolve(made.get(call, BankRequest(call, LATER, original=HOLD, original_reply=REPLY)), **changes)


def test_a_hold_carries_card_track_and_pin_and_no_other_message_does():
    fields = mapping.message_of(request(BankCall.HOLD), WHO).fields

    assert (fields[2], fields[14], fields[22], fields[26]) == ("6299990000000017", "3012", "021", "12")
    assert fields[35] == "6299990000000017=30121010000000000"
    assert fields[52] == bytes.fromhex("0123456789abcdef")
    for call in set(BankCall) - {BankCall.HOLD}:
        others = mapping.message_of(request(call, card=CARD), WHO).fields
        assert not {26, 35, 52, 53} & set(others)


@pytest.mark.parametrize(
    ("call", "first", "again"),
    [(BankCall.CAPTURE, "0220", "0221"), (BankCall.RELEASE, "0100", "0101"), (BankCall.REVERSE, "0400", "0401")],
)
def test_a_repeat_differs_from_the_first_by_its_type_and_nothing_else(call, first, again):
    one, two = (mapping.message_of(request(call, repeat=repeat), WHO) for repeat in (False, True))

    assert (one.mti, two.mti) == (first, again)
    assert one.fields == two.fields
    assert mapping.answer_key(one) == mapping.answer_key(two)


@pytest.mark.parametrize("call", [BankCall.HOLD, BankCall.REFUND])
def test_a_hold_and_a_refund_are_never_repeated(call):
    with pytest.raises(Fault):
        mapping.message_of(request(call, repeat=True), WHO)


def test_invariant_11_a_reversal_names_one_original_and_carries_its_data():
    hold, undo = (mapping.message_of(request(call), WHO).fields for call in (BankCall.HOLD, BankCall.REVERSE))

    for number in (2, 3, 4, 11, 41, 42):
        assert undo[number] == hold[number]
    assert undo[61] == "0000010000421121"
    assert undo[39] == "98"


def test_the_day_of_an_original_is_its_own_not_that_of_the_later_message():
    fields = mapping.message_of(request(BankCall.CAPTURE), WHO).fields

    assert (fields[13], fields[61][-4:]) == ("1122", "1121")
    assert (fields[37], fields[38]) == (REPLY.reference, REPLY.authorisation)


def test_what_lacks_a_card_an_original_or_an_amount_is_not_made():
    for wrong in (
        request(BankCall.HOLD, card=None),
        request(BankCall.CAPTURE, original=None),
        request(BankCall.REFUND, traced=evolve(LATER, amount=Money(0))),
    ):
        with pytest.raises(Fault) as caught:
            mapping.message_of(wrong, WHO)
        assert caught.value.code == "payment.field"


def answer(call=BankCall.HOLD, **fields):
    sent = mapping.message_of(request(call), WHO)
    known = {n: sent.fields[n] for n in (3, 4, 11, 41, 42)}
    named = {int(name[1:]): value for name, value in fields.items()}
    return sent, Message(mapping.answer_key(sent)[0], {**known, 39: "00", 37: "000000000007", 38: "A00007", **named})


def test_a_yes_about_this_very_request_is_an_answer():
    assert mapping.outcome_of(*answer(f15="1121")) == Answered(REPLY)


@pytest.mark.parametrize(
    "wrong", [{"f3": "200000"}, {"f4": "000000001235"}, {"f41": "T0000002"}, {"f42": "M00000000000002"}]
)
def test_a_yes_about_something_else_is_no_answer(wrong):
    outcome = mapping.outcome_of(*answer(**wrong))

    assert isinstance(outcome, Unknown)
    assert outcome.cause == "not-ours"


def test_a_yes_without_the_numbers_that_a_capture_needs_is_unknown():
    sent, reply = answer()
    bare = Message(reply.mti, {n: v for n, v in reply.fields.items() if n != 38})

    assert mapping.outcome_of(sent, bare) == Unknown("incomplete", "field 37 or 38")


@pytest.mark.parametrize("code", [*CODES, "77", "ZZ", ""])
def test_each_code_means_what_its_row_says_and_a_code_without_a_row_is_unknown(code):
    outcome = mapping.outcome_of(*answer(f39=code))

    row = CODES.get(code)
    if row is None or row.meaning is Meaning.UNKNOWN:
        assert outcome == Unknown("bank-code", code)
    elif row.meaning is Meaning.APPROVED:
        assert isinstance(outcome, Answered)
    else:
        assert isinstance(outcome, BankRefusal)
        assert (outcome.not_found, outcome.done_before) == (code == "25", code == "94")


def test_the_digest_is_of_nothing_that_could_give_the_card_away():
    message = mapping.masked(mapping.message_of(request(BankCall.HOLD), WHO))

    assert not {2, 14, 35, 52} & set(message.fields)
