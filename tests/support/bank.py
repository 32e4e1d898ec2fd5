"""An in-memory bank for tests of the engine: answers at once, or as ``script[call]`` says."""

from __future__ import annotations

import hashlib

from twisted.internet.defer import Deferred

from middleware.domain.health import Condition, PartHealth
from middleware.domain.outcome import Answered, NotSent
from middleware.domain.payment import BankCall, BankCard, BankReply, Means, Payment
from middleware.ports import PreparedPayment

CARD = BankCard("6299990000000017", "3012", "6299990000000017=30121010000000000", "0123456789abcdef")
BY_CARD = Payment(Means.BANK_CARD, CARD)
REPLY = BankReply("000000000001", "A00001", "1121")


class FakeBank:
    """``sent`` holds (message id, call, request) in order."""

    def __init__(self):
        self.script: dict[BankCall, list] = {}
        self.sent: list[tuple] = []
        self.before_send = lambda call: None
        self.late: dict[str, object] = {}

    async def prepare(self, message_id, request):
        digest = hashlib.sha256(f"{message_id} {request.call} {request.traced}".encode()).hexdigest()
        return PreparedPayment(message_id, request.call, digest, request)

    async def send(self, call, on_first_byte, on_late_reply):
        self.before_send(call)
        self.late[call.message_id] = on_late_reply
        self.sent.append((call.message_id, call.call, call.body))
        queue = self.script.get(call.call)
        outcome = queue.pop(0) if queue else Answered(REPLY)
        if not isinstance(outcome, NotSent):
            on_first_byte()
        return await outcome if isinstance(outcome, Deferred) else outcome

    def calls(self):
        return [call for _, call, _ in self.sent]

    def start(self): ...

    async def stop(self): ...

    def health(self):
        return PartHealth("bank", Condition.GOOD)
