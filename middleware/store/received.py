"""Messages of a HIS as rows: many at a time, each with its own record in the chain.

What one message costs here is what the door costs at its best, so that nothing is done for each that can be done for all:
one draw of randomness, one look for the key, one record built straight from its parts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
from attrs import frozen

from middleware.store.chain import Head, Line, link_bytes, write_line
from middleware.store.personal import SALT_BYTES, commitment
from middleware.store.units import Incoming
from middleware.store.vault import Vault

Row = dict[str, Any]
EVENT = "Hl7Received"


class _Body(msgspec.Struct):
    link: str
    type: str
    why: str
    bytes: int
    digest: str


@frozen(slots=True)
class Received:
    """The rows of both tables, and the chain's head behind them."""

    journal: list[Row]
    inbox: list[Row]
    head: Head


def received(vault: Vault, epoch: int, head: Head, messages: Sequence[Incoming]) -> Received:
    """The messages behind ``head``, in order. The chain proves the bytes and tells none of them.

    Raises ``Fault("system.keys")``.
    """
    random = vault.random_bytes(SALT_BYTES * len(messages))
    journal: list[Row] = []
    inbox: list[Row] = []
    boxes: list[tuple[str, bytes]] = []
    sequence, previous = head.sequence, head.hash
    for place, one in enumerate(messages):
        sequence += 1
        salt = random[place * SALT_BYTES : (place + 1) * SALT_BYTES]
        digest, at, size = commitment(salt, one.raw), one.at.isoformat(), len(one.raw)
        body = _Body(one.link, one.type, one.why, size, digest)
        after = "kept" if one.why else "taken"
        line = write_line(Line(sequence, at, epoch, "", "", EVENT, "", after, body))
        hash_ = link_bytes(previous, line)
        journal.append(
            {
                "sequence": sequence,
                "visit_id": "",
                "settlement_id": "",
                "event": EVENT,
                "previous": previous,
                "hash": hash_,
                "line": line,
            }
        )
        inbox.append(
            {
                "sequence": sequence,
                "link": one.link,
                "control_id": one.control_id,
                "type": one.type,
                "why": one.why,
                "digest": digest,
                "bytes": size,
                "at": at,
                "ack": one.ack,
            }
        )
        boxes.append((str(sequence), salt + one.raw))
        previous = hash_
    _seal(vault, messages, boxes, inbox)
    return Received(journal, inbox, Head(sequence, previous))


def _seal(vault: Vault, messages: Sequence[Incoming], boxes: Sequence[tuple[str, bytes]], inbox: Sequence[Row]) -> None:
    """Each under the key of its own period; no period is shorter than a month."""
    done = 0
    for _month, part in groupby(messages, lambda one: (one.at.year, one.at.month)):
        times: list[dt.datetime] = [one.at for one in part]
        sealed = vault.seal_many("inbox", "sealed", boxes[done : done + len(times)], times[0])
        for row, text in zip(inbox[done : done + len(times)], sealed, strict=True):
            row["sealed"] = text
        done += len(times)
