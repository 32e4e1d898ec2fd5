"""The invariants of the settlement design, by number, asked of all books at once: ours, the centre's, the HIS's.

Nothing of the product is used to look: the database is read with sqlite3, the chains are walked with a hash function.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict

from attrs import frozen

from simulators.centre.ledger import State
from simulators.people import PEOPLE

GENESIS = "0" * 64
SETTLES = ("2102", "2207", "2304")
MONEY = (*SETTLES, "2103", "2208", "2305", "2601")


@frozen
class Books:
    """Everything at one moment. ``feed`` is what the bureau was given, ``pages`` the closed pages' bytes, read twice."""

    tables: dict
    centre: object
    his: object
    feed: list
    pages: tuple

    def of(self, table):
        return self.tables[table]


async def snapshot(hospital):
    """The books now, the daemon running."""
    tables = ("journal", "visit", "settlement", "message", "request", "outbox", "feed", "node")
    rows, once = await hospital.feed()
    again, twice = await hospital.feed()
    assert rows == again[: len(rows)]
    return Books(
        hospital.tables(*tables),  # nothing is awaited from here on: the centre and the HIS stand still meanwhile
        hospital.stage.centre,
        hospital.stage.his,
        rows,
        (once, twice),
    )


async def check(hospital):
    """All of them."""
    books = await snapshot(hospital)
    for one in ALL:
        one(books)
    return books


def owners(books):
    """Message id -> the settlement of ours that it was to settle; not only of its newest try."""
    return {row["message_id"]: row["settlement_id"] for row in books.of("message") if row["call"] in SETTLES}


def settlements_of(books, settlement_id):
    """What the centre ever made of one of our settlements."""
    ours = {message_id for message_id, owner in owners(books).items() if owner == settlement_id}
    return [s for s in books.centre.ledger.settlements if s.message_id in ours]


def one_approved_settlement_a_key(books):
    """Invariant 1."""
    for row in books.of("settlement"):
        held = [s for s in settlements_of(books, row["settlement_id"]) if s.state is State.APPROVED]
        assert len(held) <= 1, row["settlement_id"]
        if row["state"] in {"Settled", "Delivered"}:
            assert [s.settlement_number for s in held] == [row["settlement_number"]]
        if row["state"] in {"Refused", "Reversed", "Cancelled", "Received", "Itemised", "Quoted"}:
            assert held == [], (row["settlement_id"], row["state"])
    of_us = owners(books)
    for held in books.centre.ledger.settlements:
        assert held.message_id in of_us, held.batch
        if held.clearing_type == "11":  # an outpatient's batch begins with the settlement's id
            assert held.batch.startswith(of_us[held.message_id])


def the_his_hears_settled_only_of_what_the_centre_holds(books):
    """Invariant 2."""
    id_numbers = {
        person.person_number: person.id_number for person in books.centre.business.people.values()
    }  # the centre's own register
    for posting in books.his.book.postings:
        held = books.centre.ledger.by_number(posting.settlement_number)
        assert held is not None, posting.settlement_number
        assert held.state is not State.REVERSED
        assert id_numbers[held.person_number] == posting.patient_id_number
        assert held.visit_number == posting.centre_visit_number
        sign = 1 if posting.action == "S" else -1
        bill = held.bill
        figures = (bill.total.fen, bill.fund.fen, bill.account.fen, bill.cash.fen)
        told = (posting.total_fen, posting.fund_fen, posting.account_fen, posting.cash_fen)
        assert tuple(sign * fen for fen in figures) == told
        if posting.action == "C":
            assert held.state is State.CANCELLED


def every_message_had_a_durable_intent(books):
    """Invariant 4: what reached the centre is in our books, with the same body, and was before it came there."""
    intents = {row["message_id"]: row for row in books.of("message")}
    for receipt in books.centre.ledger.receipts:
        intent = intents.get(receipt.message_id)
        assert intent is not None, f"{receipt.call} {receipt.message_id} has no intent"
        assert (intent["call"], intent["digest"]) == (receipt.call, receipt.body_sha256)
        assert dt.datetime.fromisoformat(intent["intended_at"]) <= receipt.at
    letters = {row["control_id"] for row in books.of("outbox")}
    assert {message.control_id for message in books.his.received} <= letters


def one_body_a_message(books):
    """Invariant 5, and its harder half: a money call never goes out twice at all."""
    assert [mid for mid, bodies in books.centre.ledger.bodies().items() if len(bodies) > 1] == []
    times = Counter(r.message_id for r in books.centre.ledger.receipts if r.call in MONEY)
    assert [mid for mid, count in times.items() if count > 1] == []
    letters = defaultdict(set)
    for message in books.his.received:
        letters[message.control_id].add(message.payload)
    assert [control_id for control_id, bodies in letters.items() if len(bodies) > 1] == []


def nothing_stays_in_flight(books):
    """Invariant 9: a start leaves no settle intended or sent, and nothing unknown without a next due time (10)."""
    living = {row["epoch"] for row in books.of("node") if not row["ended"]}
    for row in books.of("settlement"):
        if row["state"] in {"SettleIntended", "SettleSent"}:
            message = next(m for m in books.of("message") if m["message_id"] == row["message_id"])
            assert message["epoch"] in living, f"{row['settlement_id']} is {row['state']} of an earlier life"
        if row["state"] == "Unknown":
            assert row["next_due"]
    for message in books.of("message"):
        if message["epoch"] not in living:
            assert message["outcome"], f"{message['call']} {message['message_id']} of an earlier life has no end"


def at_most_one_reversal_an_original(books):
    """Invariant 11."""
    undone = [s.undone_by for s in books.centre.ledger.settlements if s.state is State.REVERSED]
    assert all(undone)
    assert len(set(undone)) == len(undone)


def amounts_add_up(books):
    """Invariant 14, with what the hospital bears as the fourth part: rows, feed and sums; whole fen."""
    shares = ("fund", "account", "cash", "hospital")
    for row in books.feed:
        line = json.loads(row["line"])
        fen = {name: _fen(line[name]) for name in ("total", *shares)}
        assert sum(fen[name] for name in shares) == fen["total"], row["sequence"]
    for row in books.of("settlement"):
        if row["settlement_number"]:
            held = books.centre.ledger.by_number(row["settlement_number"]).bill
            ours = tuple(row[name] for name in ("total_fen", "fund_fen", "account_fen", "cash_fen"))
            assert ours == (held.total.fen, held.fund.fen, held.account.fen, held.cash.fen)


def _fen(text):
    whole, _, cents = text.partition(".")
    assert len(cents) == 2, text
    return int(whole + cents)


def chains_are_whole(books):
    """Invariant 19: journal and feed, from genesis to head, no gap."""
    for table in ("journal", "feed"):
        previous = GENESIS
        for number, row in enumerate(sorted(books.of(table), key=lambda r: r["sequence"]), 1):
            assert (row["sequence"], row["previous"]) == (number, previous), (table, number)
            previous = hashlib.new("sm3", f"{previous}\n{row['line']}".encode()).hexdigest()
            assert row["hash"] == previous, (table, number)


def every_change_has_one_record(books):
    """Invariant 20: the journal played again, before and after, gives the states that the tables have."""
    now = {}
    for row in sorted(books.of("journal"), key=lambda r: r["sequence"]):
        line = json.loads(row["line"])
        name = line["settlement"] or line["visit"]
        if not name:
            continue  # a card read or a sign-in: nobody's state
        assert line["before"] == now.get(name, ""), (row["sequence"], line["event"])
        now[name] = line["after"]
    states = {row["settlement_id"]: row["state"] for row in books.of("settlement")}
    states |= {row["visit_id"]: row["state"] for row in books.of("visit")}
    errands = [one for row in books.of("visit") for one in json.loads(row["body"]).get("errands", ())]
    states |= {one["errand_id"]: one["state"] for one in errands}
    assert now == states


def message_ids_never_go_back(books):
    """Invariant 23: each life's ids are greater than every id of the lives before it that had the same part of them."""
    slots = {row["epoch"]: row["slot"] for row in books.of("node")}
    by_epoch = defaultdict(list)
    for row in books.of("message"):
        by_epoch[row["epoch"]].append(row["message_id"])
    newest = defaultdict(str)
    for epoch, ids in sorted(by_epoch.items()):
        assert min(ids) > newest[slots[epoch]]
        newest[slots[epoch]] = max(ids)


def the_feed_is_gapless_and_the_same_again(books):
    """Invariant 24."""
    assert [row["sequence"] for row in books.feed] == list(range(1, len(books.feed) + 1))
    stored = {row["sequence"]: (row["previous"], row["hash"], row["line"]) for row in books.of("feed")}
    for row in books.feed:
        assert stored[row["sequence"]] == (row["previous"], row["hash"], row["line"])
    once, twice = books.pages
    assert once == twice[: len(once)]
    told = Counter((json.loads(row["line"])["settlement"], json.loads(row["line"])["kind"]) for row in books.feed)
    assert [what for what, count in told.items() if count > 1] == []


def all_books_agree(books, untold=frozenset()):
    """When nothing is in doubt: HIS, bureau and centre hold the same settlements, and nobody paid for anything else.

    ``untold`` are the centre's numbers of those of which the HIS hears nothing: they are not in its books.
    """
    approved = books.centre.ledger.in_state(State.APPROVED)
    numbers = {s.settlement_number for s in approved}
    lines = [json.loads(row["line"]) for row in books.feed]
    in_feed = {line["settlement_number"] for line in lines if line["kind"] == "settled"}
    undone = {line["corrects"] for line in lines if line["kind"] == "cancelled"}
    assert in_feed - undone == numbers
    assert set(books.his.book.settled()) == numbers - untold
    standing = {r["settlement_number"] for r in books.of("settlement") if r["state"] in {"Settled", "Delivered"}}
    assert standing == numbers
    assert {r["settlement_number"] for r in books.of("settlement") if r["state"] == "Delivered"} >= numbers - untold
    for person in books.centre.business.people.values():
        for cover in person.covers:
            mine = [s for s in approved if (s.person_number, s.insurance) == (person.person_number, cover.kind)]
            left = cover.balance.fen - sum(s.bill.account.fen for s in mine)
            assert books.centre.business.balance(person.person_number, cover.kind).fen == left


def nobody_is_named(hospital):
    """Invariant 21: no name, id number or card number of anybody in the log, nor in the database's files as they lie there."""
    database = hospital.stage.database
    files = [hospital.stage.log, *(path for path in database.parent.iterdir() if path.name.startswith(database.name))]
    texts = {path.name: path.read_bytes() for path in files if not path.name.endswith(".lock")}
    assert {hospital.stage.log.name, database.name} <= set(texts)
    for person in PEOPLE.values():
        for secret in (person.name, person.id_number, person.card_number):
            assert [where for where, text in texts.items() if secret.encode() in text] == [], person.key


ALL = (
    one_approved_settlement_a_key,
    the_his_hears_settled_only_of_what_the_centre_holds,
    every_message_had_a_durable_intent,
    one_body_a_message,
    nothing_stays_in_flight,
    at_most_one_reversal_an_original,
    amounts_add_up,
    chains_are_whole,
    every_change_has_one_record,
    message_ids_never_go_back,
    the_feed_is_gapless_and_the_same_again,
)
