"""How the centre speaks on its socket: an operation for each transaction, or one operation that carries a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from lxml import etree

from adapters.insurance import transactions
from simulators.centre import wire
from simulators.centre.texts import Text
from simulators.centre.wire import SOAP, Request

OTHER = "urn:yikatong:another:0"
_ADDRESS = re.compile(r'(<soap:address location=")[^"]*(")')


class Speech(Protocol):
    """SOAP in, SOAP out."""

    def read(self, body: bytes) -> Request:
        """The message in the bytes, or ``ValueError`` that says what is wrong."""

    def write(self, request: Request, head: Mapping[str, str], output: Any, *, astray: bool = False) -> bytes:
        """Its answer; ``astray``: in another namespace than the contract's."""

    def wsdl(self, url: str) -> bytes:
        """The contract, with the address where this simulator listens."""


class TypedSpeech:
    """An operation for each transaction."""

    def read(self, body: bytes) -> Request:
        """See ``Speech``."""
        return wire.read(body)

    def write(self, request: Request, head: Mapping[str, str], output: Any, *, astray: bool = False) -> bytes:
        """See ``Speech``."""
        return wire.write(request.call, head, output, wire.OTHER_NAMESPACE if astray else wire.NAMESPACE)

    def wsdl(self, url: str) -> bytes:
        """See ``Speech``."""
        return wire.wsdl(url)


class TextSpeech:
    """One operation. ``rpc``: its parts stand in no namespace, as the older style of bindings has them."""

    def __init__(self, text: Text, contract: str, operation: str, answer: str, namespace: str, *, rpc: bool) -> None:
        self.text = text
        self._contract = contract
        self._operation = operation
        self._answer = answer
        self._namespace = namespace
        self._rpc = rpc

    def read(self, body: bytes) -> Request:
        """See ``Speech``."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as exc:
            raise ValueError("not well-formed XML") from exc
        called = root.find(f"{{{SOAP}}}Body/*")
        if root.tag != f"{{{SOAP}}}Envelope" or called is None or len(called) != 1:
            raise ValueError("not one operation with one text")
        if called.tag != f"{{{self._namespace}}}{self._operation}":
            raise ValueError("no such operation")
        return self.text.read(called[0].text or "")

    def write(self, request: Request, head: Mapping[str, str], output: Any, *, astray: bool = False) -> bytes:
        """See ``Speech``."""
        namespace = OTHER if astray else self._namespace
        envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
        body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
        answer = etree.SubElement(body, f"{{{namespace}}}{self._operation}Response")
        name = self._answer if self._rpc else f"{{{namespace}}}{self._answer}"
        etree.SubElement(answer, name).text = self.text.write(request, head, output)
        written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
        return written

    def wsdl(self, url: str) -> bytes:
        """See ``Speech``."""
        text = (Path(transactions.__file__).parent / "soap" / self._contract).read_text(encoding="utf-8")
        return _ADDRESS.sub(rf"\g<1>{url}\g<2>", text).encode()


def process_speech(text: Text) -> TextSpeech:
    """The one of ``process.wsdl``."""
    return TextSpeech(text, "process.wsdl", "process", "return", "urn:yikatong:process:1", rpc=False)


def string_speech(text: Text) -> TextSpeech:
    """The one of ``string.wsdl``."""
    return TextSpeech(text, "string.wsdl", "BUSINESS_HANDLE", "outputData", "urn:yikatong:strings:1", rpc=True)
