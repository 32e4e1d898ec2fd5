"""zeep for the XML and nothing else: fields to bytes, bytes to fields. Blocking; runs in the adapter's own threads."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import structlog
from attrs import field, frozen
from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError
from zeep.helpers import serialize_object
from zeep.loader import parse_xml
from zeep.transports import Transport

from adapters.insurance.schema import Input, Row
from adapters.insurance.soap import writer
from adapters.insurance.soap.contract import NAMESPACE, WSDL
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.fault import Fault

_log = structlog.get_logger()

MAX_SHAPES = 4096  # a message of one shape more is left to zeep
CONTENT_TYPE = "text/xml; charset=utf-8"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
# zeep logs what it cannot read, and its texts hold the reply: a patient's data (insurance.md 5.4).
_SILENCED = logging.getLogger("zeep")
_parse: Any = parse_xml  # annotated for text, written for bytes
_plain: Any = serialize_object


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


class Envelopes:
    """Messages of the dialect, written and read.

    One object serves all threads: zeep's client keeps no state between messages (measured, insurance.md 5.2).
    """

    def __init__(self) -> None:
        _SILENCED.addHandler(logging.NullHandler())
        _SILENCED.propagate = False
        settings = Settings(strict=True, forbid_dtd=True, forbid_external=True, forbid_entities=True, xml_huge_tree=False)
        # Any: zeep is typed in parts only, and only for its own use.
        client: Any = Client
        transport: Any = _NoWire
        self._client = client(str(WSDL), transport=transport(), settings=settings)
        self._binding = self._client.service._binding  # noqa: SLF001 - zeep's own way from service to binding (its docs)
        self._agreed: dict[str, bool] = {}  # shape -> whether our own writer makes zeep's bytes of it

    def write(self, code: str, head: Row, nodes: Input) -> bytes:
        """The message's bytes, the same for the same fields. ``Fault("centre.field")`` when the contract is broken.

        zeep writes the first of each shape; when our own writer makes the same bytes of it, it writes all others.
        """
        shape = writer.shape_of(code, head, nodes)
        if shape is not None and self._agreed.get(shape):
            try:
                return writer.write(code, head, nodes)
            except ValueError as exc:
                raise Fault("centre.field", f"{code}: {type(exc).__name__} in the contract") from None
        written = self._write_by_zeep(code, head, nodes)
        if shape is not None and shape not in self._agreed and len(self._agreed) < MAX_SHAPES:
            self._agreed[shape] = writer.write(code, head, nodes) == written
            if not self._agreed[shape]:
                _log.warning("centre.writer_differs", call=code)
        return written

    def _write_by_zeep(self, code: str, head: Row, nodes: Input) -> bytes:
        given = {name: list(rows) if self._is_list(code, name) else rows[0] for name, rows in nodes.items()}
        try:
            envelope = self._client.create_message(self._client.service, f"call{code}", **head, input=given)
            written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
        except (ZeepError, ValueError, TypeError) as exc:
            # The text of these may hold the value: only its kind goes on.
            raise Fault("centre.field", f"{code}: {type(exc).__name__} in the contract") from None
        return written

    def read(self, code: str, body: bytes) -> Tokens | SoapFault:
        """The reply's fields, or ``Unreadable``; strict: one element too many or in another namespace is no reply."""
        try:
            document = _parse(body, self._client.transport, settings=self._client.settings)
        except (ZeepError, ValueError, etree.LxmlError) as exc:
            raise Unreadable(f"{type(exc).__name__} in parsing") from None
        content = _body_of(document)
        if content.tag == f"{{{_SOAP}}}Fault":
            return SoapFault((content.findtext("faultcode") or "").strip().rpartition(":")[2][:64])
        if content.tag != f"{{{NAMESPACE}}}reply{code}":
            raise Unreadable("another element than this transaction's reply")
        try:
            result = self._binding.get(f"call{code}").process_reply(document)
            tokens = _plain(result, dict)
        except Exception as exc:  # noqa: BLE001 - whatever zeep raises over a stranger's bytes means: not readable
            raise Unreadable(f"{type(exc).__name__} in reading") from None
        if not isinstance(tokens, dict):
            raise Unreadable("no reply inside")
        output = tokens.get("output")
        return Tokens(
            (tokens.get("infcode") or "").strip(),
            tokens.get("err_msg") or "",
            output if isinstance(output, dict) else None,
            (tokens.get("respond_time") or "").strip(),
        )

    @staticmethod
    def _is_list(code: str, name: str) -> bool:
        return next(node.many for node in TRANSACTIONS[code].input if node.name == name)


def _body_of(document: Any) -> Any:
    """The one element inside the SOAP body."""
    if document.tag != f"{{{_SOAP}}}Envelope":
        raise Unreadable("not a SOAP 1.1 envelope")
    bodies = document.findall(f"{{{_SOAP}}}Body")
    if len(bodies) != 1 or len(bodies[0]) != 1:
        raise Unreadable("not one body with one element")
    return bodies[0][0]
