"""A second destination on some days: it hears of all that the HIS hears, by letters, losses and books of its own."""

from __future__ import annotations

import random
from collections import Counter

from daemon.simulate.checks import Books
from daemon.simulate.hospital import HisBook, Posting
from middleware.domain.destination import ALONE, Destination
from middleware.domain.his import PostCharges

NAME, MARK = "copies", "c"
BOTH = (*ALONE, Destination(NAME, MARK, decides=frozenset()))
SHARE = {"his": 0.5, "nodes": 0.3, "hostile": 0.2}  # of a profile's days


def drawn(seed: int, profile: str) -> bool:
    """Whether this seed's day has it; by a stream of its own, so that the other days are what they were."""
    rng = random.Random(f"copies/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    return rng.random() < SHARE.get(profile, 0.0)


def each_destination_is_told_each_fact_once(b: Books, copies: HisBook) -> None:
    """What one destination booked, it booked once; what was written for the HIS was written once for the other.

    That each hears in order is looked at when it hears (``hospital``).
    """
    for book in (b.his, copies):
        for fact, count in Counter(map(_fact, book.postings)).items():
            b.story.require("told", f"{fact} is booked {count} times", holds=count == 1, about=fact[1])
    rows = Counter(
        (row["copy"], row["matter"], row["settlement_id"] or row["visit_id"])
        for row in b.of("outbox")
        if row["matter"] != "registered" or row["copy"] or row["outcome"] == "accepted"
    )
    facts = {key[1:] for key in rows}
    for matter, about in sorted(facts):
        told = (rows[0, matter, about], rows[1, matter, about])
        b.story.require("told", f"{matter} is told {told[0]} and {told[1]} times", holds=told == (1, 1), about=about)


def what_is_delivered_it_has(b: Books, copies: HisBook) -> None:
    """As the HIS: a letter that we call accepted is in its books, a refused one is not."""
    booked = {posting.control_id for posting in copies.postings}
    for row in b.of("outbox"):
        if row["copy"]:
            good = (row["control_id"] in booked) == (row["outcome"] == "accepted")
            b.story.require("told", f"letter {row['control_id']} {row['outcome']}", holds=good, about=row["visit_id"])


def _fact(posting: Posting) -> tuple[str, str]:
    message = posting.message
    if isinstance(message, PostCharges):
        return ("cancelled" if message.cancelled else "settled", message.settlement_id)
    return ("registered", message.visit_id)
