"""The checks of chaos can fail: each is shown a book in which just that is wrong, and the sound one beside it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
from attrs import evolve

from chaos.books import GENESIS, Books, look
from chaos.report import Line, table
from chaos.windows import Answered, Bill, Refused
from middleware.domain.money import ZERO, Money
from simulators.centre.ledger import Receipt, Settlement, State
from simulators.centre.rules import Bill as CentreBill
from simulators.his.book import Posting

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)
ONE, TWO = "S202611220900000001", "S202611220900000002"


def bill():
    fields = {name: ZERO for name in CentreBill.__slots__ if not name.startswith("__")}
    return CentreBill(
        **fields | {"total": Money(10_000), "ratio": 0, "kind": "310", "pool_fund": "", "above_fund": "", "cuts": ()}
    )


def held(settlement_id=ONE, number="J1", state=State.APPROVED, visit="V1", message="M1"):
    return Settlement(number, message, "P1", visit, settlement_id + "01", "310", 2026, bill(), NOW, 1, state=state)


def receipt(message="M1", call="2207", digest="d1"):
    return Receipt(1, message, call, digest, NOW, "done")


def posting(number="J1", action="S", total=10_000, control="P1"):
    return Posting(control, action, number, ONE, "V1", "V1", "", total, 0, 0, 0, ())


def feed(*lines):
    rows, previous = [], GENESIS
    for number, line in enumerate(lines, 1):
        text = json.dumps({"sequence": number, **line})
        digest = hashlib.new("sm3", f"{previous}\n{text}".encode()).hexdigest()
        rows.append({"sequence": number, "previous": previous, "hash": digest, "line": text})
        previous = digest
    return rows


SETTLED = {"settlement": ONE, "kind": "settled", "settlement_number": "J1"}
ROW = {"settlement_id": ONE, "state": "Delivered", "settlement_number": "J1", "next_due": ""}
MESSAGE = {"message_id": "M1", "call": "2207", "digest": "d1", "outcome": "answered"}
PAID = Bill("V1", ONE, {"request_id": "k"}, end=Answered({"settlement_number": "J1"}))
SOUND = Books(
    bills=[PAID],
    settlements={ONE: ROW},
    messages={"M1": MESSAGE},
    letters=[{"outcome": "accepted"}],
    feed=feed(SETTLED),
    held=[held()],
    receipts=[receipt()],
    postings=[posting()],
)


def test_sound_books_are_clean():
    found = look(SOUND, quiet=True)

    assert found.clean
    assert (found.unknown, found.manual) == (0, 0)


LOST = {
    "not in the daemon's books": {"settlements": {}},
    "not in the feed": {"feed": []},
    "not at the centre": {"held": []},
    "reversed at the centre": {"held": [held(state=State.REVERSED)]},
    "cancelled, and nobody asked for it": {"held": [held(state=State.CANCELLED)]},
    "under another number": {"settlements": {ONE: ROW | {"settlement_number": "J9"}}},
    "refused after all": {"settlements": {ONE: ROW | {"state": "Refused"}}},
    "cancelled by word, and still held": {
        "bills": [evolve(PAID, undoing={"request_id": "c"}, undone=Answered({}))],
    },
}


@pytest.mark.parametrize("wrong", LOST.values(), ids=LOST)
def test_an_acknowledged_settlement_that_is_gone_from_any_book_is_lost(wrong):
    assert look(evolve(SOUND, **wrong), quiet=False).lost == {ONE}


def test_a_settlement_of_which_nobody_was_told_is_not_lost():
    unheard = evolve(PAID, end=Refused("settlement.reversed"))

    found = look(evolve(SOUND, bills=[unheard], settlements={}, held=[], feed=[], receipts=[], postings=[]), quiet=True)

    assert found.clean


DOUBLED = {
    "the same settlement": [held(), held(number="J2", message="M2")],
    "the same visit": [held(), held(settlement_id=TWO, number="J2", message="M2")],
}


@pytest.mark.parametrize("both", DOUBLED.values(), ids=DOUBLED)
def test_what_the_centre_holds_twice_is_doubled(both):
    assert look(evolve(SOUND, held=both), quiet=False).doubled


WRONG = {
    "held and not known": {"held": [held(), held(settlement_id=TWO, number="J2", visit="V2", message="M2")]},
    "held and refused here": {"settlements": {ONE: ROW | {"state": "Refused"}}},
    "delivered and not held": {"held": []},
    "the HIS was told of nothing": {"postings": [posting(number="J7")]},
    "the HIS was told another amount": {"postings": [posting(total=10_001)]},
    "the HIS booked it twice": {"postings": [posting(), posting()]},
    "no intent": {"receipts": [receipt("M8")]},
    "another body": {"receipts": [receipt(digest="d2")]},
    "a money call came twice": {"receipts": [receipt(), receipt()]},
    "one reversal of two": {
        "held": [evolve(held(n, n, State.REVERSED), undone_by="M5") for n in (ONE, TWO)],
        "settlements": {},
    },
    "the feed has a gap": {"feed": feed(SETTLED, SETTLED)[1:]},
    "the feed was changed": {"feed": [feed(SETTLED)[0] | {"line": "{}"[:1] + '"settlement":"x","kind":"y"}'}]},
    "the feed tells it twice": {"feed": feed(SETTLED, SETTLED)},
    "a doubt without a time": {"settlements": {ONE: ROW | {"state": "Unknown"}}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_every_other_broken_rule_is_a_sentence(wrong):
    assert look(evolve(SOUND, **wrong), quiet=False).wrong


LEFT = {
    "in doubt": {"settlements": {ONE: ROW | {"state": "Unknown", "next_due": "2026"}}},
    "untold": {"letters": [{"outcome": ""}]},
    "unended": {"messages": {"M1": MESSAGE | {"outcome": ""}}},
    "unanswered": {"bills": [PAID, Bill("V2", TWO, {})]},
    "the HIS lacks it": {"postings": []},
    "the HIS has more": {"postings": [posting(), posting(number="J7", control="P7")]},
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_in_the_end_nothing_may_be_under_way_and_all_books_agree(left):
    books = evolve(SOUND, **left)

    assert look(books, quiet=True).wrong
    if "J7" not in str(left):
        assert look(books, quiet=False).clean


def test_a_control_that_loses_nothing_fails_the_run_and_any_other_line_fails_by_losing():
    blind = Line("power", "SQLite", control=True)

    assert blind.bad
    assert "blind" in table([blind])
    assert not Line("power", "SQLite", control=True, lost=3, wrong=["x"]).bad
    assert not Line("kill", "SQLite", impossible="no root").bad
    assert "no root" in table([Line("kill", "SQLite", impossible="no root")])
    for figures in ({"lost": 1}, {"doubled": 1}, {"wrong": ["x"]}, {"unknown": 1}):
        assert Line("kill", "SQLite", **figures).bad
