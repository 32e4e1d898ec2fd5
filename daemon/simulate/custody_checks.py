"""What must hold of everything sealed whenever the books are looked at; every name is a promise of the product."""

from __future__ import annotations

import hashlib
import json

from daemon.simulate.checks import Books
from daemon.simulate.custody import KEYS, Custody
from daemon.simulate.sealed import Opener, all_keys

_PERSON = ("person", "body")


def look_at_the_seals(b: Books, custody: Custody) -> None:
    """All of them."""
    custody.book.catch_up()
    opener = custody.book.opener()
    what_is_sealed_opens_and_says_what_it_said(b, custody, opener)
    who_is_asked_for_is_found(b, custody, opener)
    each_act_on_keys_has_its_record(b, custody)


def what_is_sealed_opens_and_says_what_it_said(b: Books, custody: Custody, opener: Opener) -> None:
    """By what is in the safe now, under the row that it stands in; nothing of a period that was destroyed."""
    for (place, key), value in custody.book.values.items():
        clear = opener.value(place, key, value.sealed)
        if value.period in custody.book.destroyed:
            b.story.require(KEYS, f"{place} {key} opens, {value.period} was destroyed", holds=clear is None)
            continue
        b.story.require(KEYS, f"{place} {key} does not open", holds=clear is not None)
        same = hashlib.sha256(clear or b"").hexdigest() == value.digest
        b.story.require(KEYS, f"{place} {key} says something else", holds=same)
    left = [key for (place, key) in custody.book.forgotten if (place, key) not in custody.book.values and place == _PERSON]
    b.story.require(KEYS, f"persons went with a destroyed period: {left}", holds=not left)


def who_is_asked_for_is_found(b: Books, custody: Custody, opener: Opener) -> None:
    """The digests by which a person is found are those of the person's own numbers, in the period of the row."""
    for place, key in custody.book.values:
        value = custody.book.values[place, key]
        if place != _PERSON or value.period in custody.book.destroyed:
            continue
        clear = json.loads(opener.value(place, key, value.sealed) or b"{}")
        query = "SELECT id_digest, card_digest FROM person WHERE person_ref = ?"
        found = custody.book.looker.execute(query, json.loads(key)).fetchone()
        for kind, digest in zip(("id_number", "card_number"), found, strict=True):
            good = digest in opener.digests(value.period, kind, clear[kind])
            b.story.require(KEYS, f"{key} is not found by {kind}", holds=good)


def each_act_on_keys_has_its_record(b: Books, custody: Custody) -> None:
    """As many periods are destroyed as the journal says, and no rewriting ended more often than one began."""
    acts = [line for line in b.lines() if line["event"].startswith(("Keys", "Period"))]
    names = [line["event"] for line in acts]
    gone = {key.period for key in all_keys(custody.book.looker).values() if key.state == "destroyed"}
    told = [line["body"]["period"] for line in acts if line["event"] == "PeriodDestroyed"]
    b.story.require(KEYS, f"destroyed are {gone}, the journal says {told}", holds=sorted(told) == sorted(gone))
    ended, begun = names.count("KeysResealed"), names.count("KeysResealing")
    b.story.require(KEYS, f"{ended} rewritings ended, {begun} began", holds=ended <= begun)
    for line in acts:
        good = line["event"] == "KeysResealed" or bool(line["body"].get("account"))
        b.story.require(KEYS, f"{line['event']} by nobody", holds=good)


def persons_of(custody: Custody) -> dict[str, dict[str, str]]:
    """Who can be read now, by reference."""
    opener = custody.book.opener()
    found = {}
    for (place, key), value in custody.book.values.items():
        if place == _PERSON and (clear := opener.value(place, key, value.sealed)) is not None:
            found[json.loads(key)[0]] = json.loads(clear)
    return found
