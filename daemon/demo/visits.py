"""The scenes of the demo, in order. Each leaves the books in a state that the last table compares."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.threads import blockingCallFromThread

from clients.python.yikatong_client import ApiError
from daemon.demo.counter import COLD, HEART, PHARMACY, Window, problem
from daemon.demo.say import scene, step
from simulators.card.faults import CardFaults
from simulators.card.virtual import VirtualCard
from simulators.people import PEOPLE
from simulators.stage import Stage


class Unexpected(Exception):  # noqa: N818 - the demo's own verdict
    """The product did not do what the scene says it does."""


@define
class Show:
    """What the scenes work with, and the settlements that they made, by id with a word about each."""

    stage: Stage
    reactor: Any
    his: Window
    pos: Window
    reader: str
    settlements: dict[str, str] = field(factory=dict)
    untold: set[str] = field(factory=set)  # those of which the HIS hears nothing

    def insert(self, who: str, faults: CardFaults | None = None) -> None:
        """Put somebody's card on the reader and wait until the daemon sees it."""
        slot = self.stage.slots[0]
        if slot.occupied:
            slot.withdraw()
        self.until_reader(lambda state: state == "empty")
        slot.insert(VirtualCard(PEOPLE[who], faults))
        self.until_reader(lambda state: state == "card-present")

    def until_reader(self, wanted: Callable[[str], bool]) -> None:
        """Wait for the reader's state, as the daemon tells it."""
        limit = time.monotonic() + 15
        while True:
            readers = self.his.client.call("reader.list")["readers"]
            state = next((r["state"] for r in readers if r["name"] == self.reader), "absent")
            if wanted(state):
                return
            if time.monotonic() > limit:
                raise Unexpected(f"reader is {state}")
            time.sleep(0.02)

    def knob(self, function: Callable[..., Any], *args: Any) -> None:
        """Turn a simulator's knob, in the reactor's thread."""
        blockingCallFromThread(self.reactor, function, *args)


def employee(show: Show) -> None:
    """An employee pays from the personal account."""
    scene(1, "在职职工，个人账户有余额", "an employee with an account balance")
    show.insert("employee")
    visit = show.his.register(show.his.read(show.reader))
    quote = show.his.quote(visit, HEART)
    confirmation = show.his.confirmation(quote)
    settled = show.his.client.call("settlement.settle", confirmation)
    step("已结算", "settled", f"中心/centre {settled['settlement_number']}  message {settled['message_id']}")
    if show.his.client.call("settlement.settle", confirmation) != settled:
        raise Unexpected("the same request got another answer")
    step("重发", "sent again", "同一请求得到同一应答 / the same request, the same answer, one settlement")
    show.settlements[quote["settlement_id"]] = "employee"


def resident(show: Show) -> None:
    """A resident has no personal account: the fund pays its part, the rest is cash."""
    scene(2, "城乡居民", "a resident")
    show.insert("resident")
    quote = show.his.quote(show.his.register(show.his.read(show.reader)), HEART)
    show.his.settle(quote)
    show.settlements[quote["settlement_id"]] = "resident"


def lost_reply(show: Show) -> None:
    """The centre settles, but its answer is lost: unknown, reversed, settled once again."""
    scene(3, "结算应答在线路上丢失", "the centre's settlement reply is lost on the wire")
    show.insert("lost-reply")
    visit = show.his.register(show.his.read(show.reader))
    quote = show.his.quote(visit, HEART)
    show.knob(show.stage.centre.faults.next, "2207", "lose-reply")
    try:
        show.his.client.call("settlement.settle", show.his.confirmation(quote))
    except ApiError as error:
        step("结果未明", "unknown", problem(error))
        if not error.money_is_unknown:
            raise
    else:
        raise Unexpected("a lost reply was taken for an answer")
    view = show.his.until(quote["settlement_id"], "Reversed")
    step("已查清", "resolved", f"{view['state']}: 已冲正，未扣款 / reversed at the centre, nothing charged")
    show.settlements[quote["settlement_id"]] = "lost reply"
    again = show.his.quote(visit, HEART)
    show.his.settle(again)
    show.settlements[again["settlement_id"]] = "lost reply, again"


def refused(show: Show) -> None:
    """The centre refuses to settle."""
    scene(4, "医保中心拒绝结算", "the centre refuses")
    show.insert("refused")
    quote = show.his.quote(show.his.register(show.his.read(show.reader)), COLD)
    try:
        show.his.client.call("settlement.settle", show.his.confirmation(quote))
    except ApiError as error:
        step("被拒绝", "refused", problem(error))
        if error.code != "centre.refused":
            raise
    else:
        raise Unexpected("a refusal was taken for an answer")
    show.settlements[quote["settlement_id"]] = "refused"


def pulled(show: Show) -> None:
    """The card is pulled out while being read; put in again it reads."""
    scene(5, "读卡途中把卡拔出", "a card pulled out mid-read")
    show.insert("pulled", CardFaults(withdraw_at=9))
    try:
        show.his.client.call("card.read", {"reader": show.reader})
    except ApiError as error:
        step("未读完", "not read", problem(error))
        if error.code != "card.withdrawn":
            raise
    else:
        raise Unexpected("half a card was taken for a card")
    show.insert("pulled")
    quote = show.his.quote(show.his.register(show.his.read(show.reader)), COLD)
    show.his.settle(quote)
    show.settlements[quote["settlement_id"]] = "pulled, then read"


def pharmacy(show: Show) -> None:
    """A pharmacy terminal sells, and takes it back."""
    scene(6, "药店终端：结算后撤销", "a pharmacy terminal: settled, then cancelled")
    show.insert("four-byte")
    read = show.pos.read(show.reader)
    quote = show.pos.quote(show.pos.register(read), PHARMACY)
    show.pos.settle(quote)
    cancelled = show.pos.client.call(
        "settlement.cancel",
        {"request_id": show.pos.key(), "settlement_id": quote["settlement_id"], "reason": "顾客退药"},
    )
    step("已撤销", "cancelled", f"退回/returned {cancelled['split']['total']}")
    show.settlements[quote["settlement_id"]] = "pharmacy"


SCENES = (employee, resident, lost_reply, refused, pulled, pharmacy)
