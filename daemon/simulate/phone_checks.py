"""What must hold of orders of mobile payment, over the channel's books and ours."""

from __future__ import annotations

from collections import defaultdict

from daemon.simulate.checks import Books
from daemon.simulate.phones import SETTLED, Order, Phones

_STANDING = {"Settled", "Delivered", "CancelIntended", "CancelSent"}


def look_at_the_phones(b: Books, phones: Phones, *, rests: bool) -> None:
    """Charged at most once over phone and window, given back at most once; at rest nothing is kept that is not settled."""
    if not phones.orders:
        return
    states = {row["settlement_id"]: row["state"] for row in b.of("settlement")}
    of: dict[str, list[Order]] = defaultdict(list)
    for order in phones.orders.values():
        sid = order.bill.batch[:-2]
        of[sid].append(order)
        b.story.require(
            "phone", f"{order.number} was given back {order.refunds} times", holds=order.refunds <= 1, about=sid
        )
    for sid, orders in of.items():
        paid = [order.number for order in orders if order.own_paid]
        b.story.require("phone", f"{sid} was paid in {paid}", holds=len(paid) <= 1, about=sid)
        held = [one for one in b.ledger.of(sid) if one.state == "approved" and one.told]
        b.story.require("1", f"{sid} is held {len(held)} times, over phone and window", holds=len(held) <= 1, about=sid)
        if rests and paid and states.get(sid) != "Manual" and all(one.told for one in b.ledger.of(sid)):
            good = states.get(sid) in _STANDING
            b.story.require("phone", f"{sid} is {states.get(sid)} and its person paid", holds=good, about=sid)
    for order in phones.orders.values() if rests else ():
        sid = order.bill.batch[:-2]
        if states.get(sid) in _STANDING and order.held is not None and order.held.told and order.held.state == "approved":
            b.story.require("phone", f"{sid} stands, {order.number} is unpaid", holds=order.state == SETTLED, about=sid)
