"""zeep on one WSDL, given no way to the network: what an operation's bytes are, and what stands in a reply's body.

Blocking, and free of state between messages: one object serves all threads (measured, insurance.md 5.2).
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, NoReturn

from attrs import field, frozen
from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError
from zeep.loader import parse_xml
from zeep.transports import Transport
from zeep.wsdl.messages import RpcMessage

from config.load import ConfigError, Problem
from middleware.domain.fault import Fault

MAX_FAULT_CODE = 64
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,63}:)?Envelope(?=[\s>])")
# zeep logs what it cannot read, and its texts hold the reply: a patient's data (insurance.md 5.4).
_SILENCED = logging.getLogger("zeep")
_parse: Any = parse_xml  # annotated for text, written for bytes


@frozen(slots=True)
class Tokens:
    """A reply that kept the contract: ``output`` maps node names to a row or a list of rows, None where it had none."""

    code: str
    message: str = field(repr=False)
    output: dict[str, Any] | None = field(repr=False)
    said_at: str = ""  # respond_time


@frozen(slots=True)
class SoapFault:
    """A well-formed SOAP Fault. ``code`` is "" when it carries none (zeep #563)."""

    code: str


class Unreadable(Exception):  # noqa: N818 - it says what is so; it never leaves the adapter
    """The bytes are no reply of this transaction. The text names a rule, never a byte of the reply."""


class _NoWire(Transport):
    """zeep is given no way to the network."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AssertionError("zeep must never touch the wire")

    post = post_xml = get = _load_remote_data = _refuse


class Stack:
    """The operations of one WSDL. ``ConfigError`` when zeep cannot use the file."""

    def __init__(self, wsdl: Path) -> None:
        _SILENCED.addHandler(logging.NullHandler())
        _SILENCED.propagate = False
        settings = Settings(strict=True, forbid_dtd=True, forbid_external=True, forbid_entities=True, xml_huge_tree=False)
        # Any: zeep is typed in parts only, and only for its own use.
        client: Any = Client
        transport: Any = _NoWire
        self._wsdl = wsdl
        try:
            self._client = client(str(wsdl), transport=transport(), settings=settings)
            self._binding = self._client.service._binding  # noqa: SLF001 - zeep's own way from service to binding (its docs)
        except Exception as exc:  # noqa: BLE001 - whatever zeep raises over a stranger's file means: not usable
            raise ConfigError([self._problem(f"不能使用 / cannot be used: {type(exc).__name__}")]) from None

    def _problem(self, rule: str) -> Problem:
        hint = "用中心的文件，所引用的内容须并入其中 / the centre's file, with all that it imports inside"
        return Problem("soap.wsdl", f"{self._wsdl.name} {rule}", hint)

    def operation(self, name: str) -> Any:
        """The operation as zeep has it; ``ConfigError`` where the contract has none."""
        try:
            return self._binding.get(name)
        except (ZeepError, ValueError, KeyError):
            raise ConfigError([self._problem(f"没有操作 / has no operation {name!r}")]) from None

    def action(self, name: str) -> str:
        """The operation's SOAPAction, as the contract has it."""
        return str(self.operation(name).soapaction or "")

    def write(self, name: str, where: str, /, **parts: Any) -> bytes:
        """The envelope's bytes; ``Fault("centre.field")`` when the contract is broken. ``where`` names it in the fault."""
        try:
            envelope = self._client.create_message(self._client.service, name, **parts)
            written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
        except (ZeepError, ValueError, TypeError) as exc:
            # The text of these may hold the value: only its kind goes on.
            raise Fault("centre.field", f"{where}: {type(exc).__name__} in the contract") from None
        return written

    def parse(self, body: bytes) -> Any:
        """The document, or ``Unreadable``. Strict, and without a DTD; only the prefix of ``xsi:nil`` may be undeclared."""
        try:
            return _parse(_declared(body), self._client.transport, settings=self._client.settings)
        except (ZeepError, ValueError, etree.LxmlError) as exc:
            raise Unreadable(f"{type(exc).__name__} in parsing") from None

    def read(self, name: str, document: Any) -> Any:
        """What zeep makes of that operation's reply, or a ``SoapFault``; ``Unreadable`` for everything else.

        Strict: one element too many or in another namespace is no reply.
        """
        content = _body_of(document)
        if content.tag == f"{{{_SOAP}}}Fault":
            return SoapFault((content.findtext("faultcode") or "").strip().rpartition(":")[2][:MAX_FAULT_CODE])
        operation = self.operation(name)
        if not _is_reply(operation.output, content):
            raise Unreadable("another element than this transaction's reply")
        try:
            return operation.process_reply(document)
        except Exception as exc:  # noqa: BLE001 - whatever zeep raises over a stranger's bytes means: not readable
            raise Unreadable(f"{type(exc).__name__} in reading") from None


def _declared(body: bytes) -> bytes:
    """With the one prefix that npm's ``soap`` does not declare where it writes a null; it has one meaning only."""
    if b"xsi:nil=" not in body or b"xmlns:xsi=" in body:
        return body
    return _ENVELOPE.sub(rb'\g<0> xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', body, count=1)


def _is_reply(output: Any, content: Any) -> bool:
    """By its whole name; of the older bindings only the namespace counts, the name is anybody's (SOAP 1.1, 7.1)."""
    name = output.body.qname
    if isinstance(output, RpcMessage):
        return bool(etree.QName(content).namespace == name.namespace)
    return bool(content.tag == str(name))


def _body_of(document: Any) -> Any:
    """The one element inside the SOAP body."""
    if document.tag != f"{{{_SOAP}}}Envelope":
        raise Unreadable("not a SOAP 1.1 envelope")
    bodies = document.findall(f"{{{_SOAP}}}Body")
    if len(bodies) != 1 or len(bodies[0]) != 1:
        raise Unreadable("not one body with one element")
    return bodies[0][0]
