"""The three styles of SOAP, each behind the same few methods, so that there is one link for all of them.

A centre without an operation for each transaction has one operation that takes a text and gives one back: ``Carried`` puts
a codec's text into whatever contract the centre has for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape

from adapters.insurance.profile import Profile
from adapters.insurance.profile_soap import PROCESS, STRING, WSDLS
from adapters.insurance.schema import Input, Row
from adapters.insurance.soap.contract import WSDL
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.soap.process_message import ProcessMessages
from adapters.insurance.soap.stack import SoapFault, Stack, Tokens, Unreadable
from adapters.insurance.soap.string_message import StringMessages
from config.load import ConfigError, Problem

OURS = {PROCESS: Path(__file__).with_name("process.wsdl"), STRING: Path(__file__).with_name("string.wsdl")}
_MARK = "yikatong-text-goes-here"


class Style(Protocol):
    """How messages look on the wire. Blocking and thread-safe."""

    def action(self, code: str) -> str:
        """The SOAPAction of that transaction."""

    def write(self, code: str, head: Row, nodes: Input) -> bytes:
        """The message's bytes, the same for the same fields. ``Fault("centre.field")`` names what it cannot carry."""

    def read(self, code: str, body: bytes, message_id: str = "") -> Tokens | SoapFault:
        """The reply's fields. ``Unreadable``, or ``NotOurs`` where the envelope gives another message's id back."""


class Messages(Protocol):
    """A codec of texts. Pure."""

    def write(self, code: str, head: Row, nodes: Input) -> str:
        """The text of a message."""

    def read(self, code: str, text: str, message_id: str) -> Tokens | SoapFault:
        """The fields of its reply."""


class Carried:
    """A ``Style`` of one operation: a text in, a text out. ``ConfigError`` when the contract has another shape."""

    def __init__(self, wsdl: Path, operation: str, messages: Messages) -> None:
        self._stack = Stack(wsdl)
        self._operation = operation
        self._messages = messages
        self._action = self._stack.action(operation)
        self._part = self._one_part(wsdl)
        self._frame = self._framed()

    def _one_part(self, wsdl: Path) -> str:
        """The name of the one parameter."""
        elements: list[Any] = list(self._stack.operation(self._operation).input.body.type.elements)
        if len(elements) != 1:
            takes = f"{self._operation} takes {len(elements)} parameters; one text is what we can give"
            takes = f"{wsdl.name}：只能有一个参数 / {takes}"
            hint = "换一个操作，或由网关转换 / another operation, or a gateway that has one"
            raise ConfigError([Problem("soap.operation", takes, hint)])
        return str(elements[0][0])

    def _framed(self) -> tuple[bytes, bytes] | None:
        """What stands before and after the text in zeep's bytes; None when zeep would write a text otherwise than we."""
        trial = '<a b="1">&amp;]]>\n</a> ^|$ 测𬭎'
        before, _, after = self._by_zeep(_MARK).partition(_MARK.encode())
        ours = before + escape(trial).encode() + after
        return (before, after) if ours == self._by_zeep(trial) else None

    def _by_zeep(self, text: str) -> bytes:
        return self._stack.write(self._operation, self._operation, **{self._part: text})

    def action(self, code: str) -> str:  # noqa: ARG002 - one for all
        """The operation's own."""
        return self._action

    def write(self, code: str, head: Row, nodes: Input) -> bytes:
        """The codec's text in the contract's envelope."""
        text = self._messages.write(code, head, nodes)
        if self._frame is None or "\r" in text:
            return self._by_zeep(text)
        before, after = self._frame
        return before + escape(text).encode() + after

    def read(self, code: str, body: bytes, message_id: str = "") -> Tokens | SoapFault:
        """The codec's reading of the text in the reply."""
        text = self._stack.read(self._operation, self._stack.parse(body))
        if isinstance(text, SoapFault):
            return text
        if not isinstance(text, str) or not text.strip():
            raise Unreadable("no text inside")
        return self._messages.read(code, text, message_id)


def style_of(profile: Profile) -> Style:
    """The style of the profile's dialect. ``ConfigError`` when its WSDL cannot be used for it."""
    form = profile.soap
    own = WSDLS / form.wsdl if form.wsdl else None
    operation = form.operation_of(profile.dialect)
    match profile.dialect:
        case "soap-process":
            return Carried(own or OURS[PROCESS], operation, ProcessMessages(form))
        case "soap-string":
            return Carried(own or OURS[STRING], operation, StringMessages(form))
        case _:
            return Envelopes(own or WSDL, operation, frozenset(profile.services))
