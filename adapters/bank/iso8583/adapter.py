"""The bank as the engine sees it: a message whose bytes are fixed, sent once, and how that ended."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from adapters.bank.iso8583 import mapping
from adapters.bank.iso8583.frame import BadMessageError, Coding, Message, pack, unmacced, unpack, wrap
from adapters.bank.iso8583.link import Key, Line, LinkLimits, Speech
from adapters.bank.iso8583.mac import MacKey
from adapters.bank.iso8583.options import BankOptions
from adapters.bank.iso8583.tables import MAC_FIELD, SIGN_ON_AGAIN
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.outcome import Outcome
from middleware.domain.payment import BankReply, BankRequest
from middleware.ports import PreparedPayment

_KEY = re.compile(r"[0-9A-Fa-f]{32}\Z", re.ASCII)
_TRACES = 1_000_000


@frozen(slots=True, repr=False)
class _Body:
    message: Message
    wire: bytes


class Iso8583Bank:
    """Implements ``middleware.ports.Bank``."""

    def __init__(self, options: BankOptions, reactor: Any) -> None:
        self._who = mapping.Identity(
            terminal=options.terminal,
            merchant=options.merchant,
            merchant_name=options.merchant_name,
            batch=options.batch,
            currency=options.currency,
            utc_offset=dt.timezone(dt.timedelta(minutes=options.utc_offset_minutes)),
        )
        header = bytes.fromhex(options.header)
        self._coding = Coding(options.coding == "bcd", bytes.fromhex(options.tpdu), header)
        self._key = MacKey(options.mac, read_key(options))
        self._network_trace = 0
        limits = LinkLimits(
            connect_s=options.connect_s,
            reply_timeout_s=options.reply_timeout_s,
            late_reply_s=options.late_reply_s,
            echo_s=options.echo_s,
            retry_first_s=options.retry_first_s,
            retry_most_s=options.retry_most_s,
            max_in_flight=options.max_in_flight,
            header=len(header),
        )
        speech = Speech(
            hello=lambda: self._network(echo=False),
            echo=lambda: self._network(echo=True),
            read=self._read,
            key_of=mapping.key_of,
            welcomed=lambda message: message.text(39) == "00",
        )
        self._line = Line(reactor, options.host, options.port, limits, speech)
        pack(mapping.sign_on(self._who, "000001"), self._coding)  # a name that no field holds is told at once

    def start(self) -> None:
        """Connect and sign on; goes on trying."""
        self._line.start()

    async def stop(self) -> None:
        """End."""
        await self._line.stop()

    def health(self) -> PartHealth:
        """DOWN while there is no signed-on line: own shares cannot be paid by card then."""
        if self._line.is_up:
            return PartHealth("bank", Condition.GOOD, "", f"in flight {self._line.in_flight}")
        return PartHealth("bank", Condition.DOWN, "payment.unreachable", self._line.trouble)

    async def prepare(self, message_id: str, request: BankRequest) -> PreparedPayment:
        """See ``Bank.prepare``. The digest is of the bytes without the card's data, and of the MAC, which covers it."""
        message = mapping.message_of(request, self._who)
        if self._key.algorithm != "none":
            fields = {**message.fields, MAC_FIELD: bytes(8)}
            mac = self._key.of(unmacced(Message(message.mti, fields), self._coding))
            message = evolve(message, fields={**fields, MAC_FIELD: mac})
        wire = wrap(pack(message, self._coding), self._coding)
        digest = hashlib.sha256(pack(mapping.masked(message), self._coding)).hexdigest()
        return PreparedPayment(message_id, request.call, digest, _Body(message, wire))

    async def send(
        self,
        call: PreparedPayment,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[BankReply]], None],
    ) -> Outcome[BankReply]:
        """See ``Bank.send``."""
        body: _Body = call.body
        sent = body.message

        def late(answer: Message) -> None:
            on_late_reply(mapping.outcome_of(sent, answer))

        heard = await self._line.ask(mapping.answer_key(sent), body.wire, on_first_byte, late)
        if not isinstance(heard, Message):
            return heard
        if heard.text(39) == SIGN_ON_AGAIN:
            self._line.sign_on_again()
        return mapping.outcome_of(sent, heard)

    def _network(self, *, echo: bool) -> tuple[Key, bytes]:
        self._network_trace = (self._network_trace + 1) % _TRACES
        message = mapping.sign_on(self._who, f"{self._network_trace:06d}", echo=echo)
        return mapping.answer_key(message), wrap(pack(message, self._coding), self._coding)

    def _read(self, body: bytes) -> Message:
        message = unpack(body, self._coding)
        mac = message.fields.get(MAC_FIELD, b"")
        if self._key.algorithm == "none" or message.mti == "0810":
            return message
        if not isinstance(mac, bytes) or not self._key.agrees(body[: -(8 if self._coding.bcd else 16)], mac):
            raise BadMessageError("the MAC is wrong")
        return message


def read_key(options: BankOptions) -> bytes:
    """The MAC key from its file; ``Fault("system.config")`` names the file's fault, never its content."""
    if options.mac_key_file is None:
        return b""
    try:
        text = options.mac_key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Fault("system.config", "bank.mac_key_file cannot be read") from None
    if not _KEY.match(text):
        raise Fault("system.config", "bank.mac_key_file: 32 hex digits")
    return bytes.fromhex(text)
