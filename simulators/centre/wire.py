"""SOAP on the centre's side, read and written with lxml.

No zeep and none of the adapter's code, so that it cannot agree with the adapter's mistakes; only the tables are shared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from lxml import etree

from adapters.insurance import transactions
from adapters.insurance.transactions import TRANSACTIONS

NAMESPACE = "urn:yikatong:centre:1"
OTHER_NAMESPACE = "urn:yikatong:centre:0"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ADDRESS = re.compile(r'(<soap:address location=")[^"]*(")')


@frozen(slots=True)
class Request:
    """One message: its head, and the rows of each input node."""

    call: str
    head: Mapping[str, str]
    nodes: Mapping[str, list[Mapping[str, str]]] = field(repr=False)


def read(body: bytes) -> Request:
    """The message in the bytes, or ``ValueError`` that says what is wrong."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as exc:
        raise ValueError("not well-formed XML") from exc
    if root.getroottree().docinfo.doctype:
        raise ValueError("a DTD is not allowed")
    if root.tag != f"{{{SOAP}}}Envelope":
        raise ValueError("not a SOAP 1.1 envelope")
    request = root.find(f"{{{SOAP}}}Body/*")
    if request is None:
        raise ValueError("an empty body")
    name = etree.QName(request)
    call = name.localname.removeprefix("request")
    if name.namespace != NAMESPACE or not name.localname.startswith("request") or call not in TRANSACTIONS:
        raise ValueError("no such operation")
    head = {etree.QName(cell).localname: cell.text or "" for cell in request if not len(cell)}
    if head.get("infno") != call:
        raise ValueError("infno is not the operation's")
    nodes: dict[str, list[Mapping[str, str]]] = {}
    given = request.find(f"{{{NAMESPACE}}}input")
    for node in () if given is None else given:
        rows = nodes.setdefault(etree.QName(node).localname, [])
        rows.append({etree.QName(cell).localname: cell.text or "" for cell in node})
    return Request(call, head, nodes)


def write(call: str, head: Mapping[str, str], output: Any, namespace: str = NAMESPACE) -> bytes:
    """A reply, its fields in the order of the tables; None is written as xsi:nil."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "xsi": XSI})
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    reply = etree.SubElement(body, f"{{{namespace}}}reply{call}", nsmap={None: namespace})
    for spec in transactions.REPLY_HEAD:
        if spec.name in head:
            _cell(reply, namespace, spec.name, head[spec.name])
    if output is not None:
        nodes = TRANSACTIONS[call].output
        listed = isinstance(output, list)  # of some the output itself is the list: an element of that name for each row
        out = None if listed else etree.SubElement(reply, f"{{{namespace}}}output")
        for node in nodes:
            given = output.get(node.name) if node.name and not listed else output
            rows = given if isinstance(given, list) else [] if given is None else [given]
            for row in rows:
                element = out if not node.name else etree.SubElement(out, f"{{{namespace}}}{node.name}")
                if element is None:
                    element = etree.SubElement(reply, f"{{{namespace}}}output")
                for spec in node.fields:
                    if spec.name in row:
                        _cell(element, namespace, spec.name, row[spec.name])
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    return written


def _cell(parent: Any, namespace: str, name: str, value: str | None) -> None:
    cell = etree.SubElement(parent, f"{{{namespace}}}{name}")
    if value is None:
        cell.set(f"{{{XSI}}}nil", "true")
    else:
        cell.text = value


def fault(code: str, text: str) -> bytes:
    """A SOAP Fault; without a code when that is ""."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    element = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault")
    if code:
        etree.SubElement(element, "faultcode").text = code
    etree.SubElement(element, "faultstring").text = text
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    return written


def wsdl(url: str) -> bytes:
    """The contract, with the address where this simulator listens."""
    text = (Path(transactions.__file__).parent / "soap" / "yikatong.wsdl").read_text(encoding="utf-8")
    return _ADDRESS.sub(rf"\g<1>{url}\g<2>", text).encode()
