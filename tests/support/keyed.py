"""Cards with keys behind the real engine, store and door: virtual cards without a card service, or through one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from contextlib import asynccontextmanager

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from daemon.card_keys import cards_of
from middleware.domain.card import CardEvent, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.dispatch import Dispatcher
from middleware.doors.local_api.handlers import Business
from middleware.doors.local_api.methods import METHODS
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.session import Session
from middleware.doors.tokens import TokenTable
from readers.atr import historical_bytes
from readers.auth.keyed import ReadersWithKeys
from readers.auth.options import CardKeyOptions
from readers.cards.kinds import DEFAULT_ORDER
from readers.cards.social_security_read import CardContext, in_order
from readers.turns import Turns
from tests.support.rig import Rig

TODAY = dt.date(2026, 3, 2)
READER, PSAM = "Counter 1", "Counter 1 SAM"
HIS = Caller(Role.HIS, "his", "T1")


class InlineReaders:
    """Virtual cards in readers of their own, without PC/SC. ``blind``: a swapped card is not noticed by the reader."""

    def __init__(self, **cards):
        self.cards = dict(cards)
        self.blind = False
        self.observers: list[Callable[[CardEvent], None]] = []
        self.turns: dict[str, Turns] = {}
        self.busy_wait_s = 30.0  # one whose card was pulled is given back by its thread, a turn later

    def start(self): ...

    async def stop(self): ...

    def health(self):
        return PartHealth("readers", Condition.GOOD)

    def statuses(self):
        return tuple(ReaderStatus(name, "card-present" if card else "empty") for name, card in self.cards.items())

    def watch(self, observer):
        self.observers.append(observer)
        return lambda: self.observers.remove(observer) if observer in self.observers else None

    def swap(self, reader, card):
        """Another card, or none."""
        self.cards[reader] = card
        if card is not None:
            card.reset()
        if not self.blind:
            for observer in tuple(self.observers):
                observer(CardEvent("removed", reader, dt.datetime.now(dt.UTC)))

    async def read_card(self, reader):
        return (await self.use(reader, in_order(DEFAULT_ORDER))).card

    async def use(self, reader, procedure, *, limit_s=None):
        turns = self.turns.setdefault(reader, Turns(reactor, self.busy_wait_s))
        await turns.take()
        try:
            card = self.cards.get(reader)
            if card is None:
                raise Fault("card.absent")
            card.reset()

            def exchange(command):
                if self.cards.get(reader) is not card and not self.blind:
                    raise Fault("card.withdrawn", "during an exchange")
                return self.cards[reader].answer(bytes(command))

            context = CardContext(reader, historical_bytes(card.atr).hex().upper(), TODAY)
            return await deferToThread(procedure, exchange, context)
        finally:
            turns.give()


class KeyedDesk:
    """A counter with such readers: everything goes through JSON lines, as from a HIS."""

    def __init__(self, rig, keyed, options):
        self.rig, self.keyed = rig, keyed
        self.cards, driver, self.debits = cards_of(options, keyed, rig.counter, reactor, rig.now)
        business = Business(
            rig.counter, keyed, [], reactor, rig.now, "test", None, None, cards=self.cards,
            driver=driver, debits=self.debits,
        )  # fmt: skip
        self.dispatcher = Dispatcher(business, TokenTable({}), LocalApiOptions(), lambda *_: None)
        self.numbers = 0

    async def ask(self, method, caller=HIS, **params):
        """The whole answer: {"result": ...} or {"error": ...}."""
        self.numbers += 1
        session = Session(number=self.numbers, peer="test", send=lambda _: None, caller=caller)
        line = json.dumps({"jsonrpc": "2.0", "id": self.numbers, "method": method, "params": params}).encode()
        answer = json.loads((await self.dispatcher.answer(session, line)).line)
        if "result" in answer:
            METHODS[method].check_result(answer["result"])
        return answer

    async def call(self, method, caller=HIS, **params):
        """Its result."""
        answer = await self.ask(method, caller, **params)
        assert "result" in answer, answer
        return answer["result"]

    async def code(self, method, caller=HIS, **params):
        """The fault's code."""
        answer = await self.ask(method, caller, **params)
        return answer["error"]["data"]["code"] if "error" in answer else "done"

    async def driver(self, function, **params):
        """(code, out, session_id) of a driver function."""
        result = await self.call(f"driver.{function}", **params)
        return result["code"], result["out"], result.get("session_id", "")

    def journal(self):
        """Event and body of every record, as text."""
        import sqlalchemy as sa

        from middleware.store import tables as t

        with self.rig.database.connect() as connection:
            return [
                (row.event, row.line) for row in connection.execute(sa.select(t.journal).order_by(t.journal.c.sequence))
            ]


@asynccontextmanager
async def keyed_desk(where, readers, **options):
    made = Rig(where)
    chosen = CardKeyOptions(**({"psam_reader": PSAM} | options))
    keyed = ReadersWithKeys(readers, chosen, reactor)
    made.readers = keyed
    await made.start(deliver=False)
    desk = KeyedDesk(made, keyed, chosen)
    try:
        yield desk
    finally:
        await desk.cards.stop()
        await keyed.stop()
        await made.stop()
