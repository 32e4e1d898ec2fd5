"""The demo's scenes of money at the till: an own share by bank card, and the pharmacy terminal's batch at the end."""

from __future__ import annotations

import time

from attrs import frozen

from daemon.demo.counter import HEART, PATIENCE_S
from daemon.demo.say import scene, step
from daemon.demo.visits import Show, Unexpected
from middleware.domain.money import Money
from simulators.bank import CARDS, BankSimulator


@frozen(slots=True)
class Till:
    """The show, and the bank whose books are looked at."""

    show: Show
    bank: BankSimulator


def by_card(till: Till) -> None:
    """The own share is held at the bank, the centre settles, then the bank takes exactly that share."""
    scene(9, "个人自付用银行卡（预授权、结算、完成）", "the own share by bank card: held, settled, taken")
    show, card = till.show, CARDS["rich"]
    show.insert("resident")
    quote = show.his.quote(show.his.register(show.his.read(show.reader)), HEART)
    share = quote["split"]["cash"]
    track = f"{card.number}={card.expiry}1010000000000"
    payment = {"means": "bank_card", "card_number": card.number, "expiry": card.expiry, "track2": track}
    show.his.client.call("settlement.settle", show.his.confirmation(quote) | {"payment": payment})
    view = _until_taken(show, quote["settlement_id"])
    charged = Money(till.bank.ledger.charged()).yuan
    step("银行已扣款", "taken", f"自付/own share {share}  银行账/bank's books {charged}  {view['payment']['reference']}")
    if charged != share or till.bank.ledger.held():
        raise Unexpected(f"the bank took {charged}, the own share is {share}")
    show.settlements[quote["settlement_id"]] = "by bank card"


def _until_taken(show: Show, settlement_id: str) -> dict[str, dict[str, str]]:
    limit = time.monotonic() + PATIENCE_S
    while True:
        view: dict[str, dict[str, str]] = show.his.client.call("settlement.get", {"settlement_id": settlement_id})
        if view.get("payment", {}).get("state") == "Captured":
            return view
        if time.monotonic() > limit:
            raise Unexpected(f"the bank's part is {view.get('payment')}")
        time.sleep(0.05)


def batch(till: Till) -> None:
    """The pharmacy's terminal closes its batch: its counts and sums are those of its rows."""
    scene(10, "药店终端结批", "the pharmacy's terminal closes its batch")
    call = till.show.pos.client.call
    request = {"request_id": till.show.pos.key()}
    closed = call("shift.close", request)
    if call("shift.close", request) != closed:
        raise Unexpected("the same request closed another batch")
    read = call("shift.get", {"number": closed["number"], "limit": 500})
    settled, cancelled = closed["settled"], closed["cancelled"]
    step("已结批", "closed", f"#{closed['number']}  {closed['rows']} 行/rows  未明/unknown {closed['unknown']['count']}")
    step("结算", "settled", f"{settled['count']} 笔  {settled['total']}")
    step("撤销", "cancelled", f"{cancelled['count']} 笔  {cancelled['total']}")
    total = sum(Money.parse(row["total"]).fen for row in read["rows"])
    if read["batch"] != closed or total != Money.parse(settled["total"]).fen - Money.parse(cancelled["total"]).fen:
        raise Unexpected("the batch is not its rows")


PAYING = (by_card, batch)
