"""The WSDL of the dialect, made from the transaction tables: ``python -m adapters.insurance.soap.contract`` writes it.

Document/literal, one operation a transaction, one envelope. A test holds the kept file to what this module makes, so a
table cannot change without its contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr

from adapters.insurance.schema import FieldSpec, Node, Transaction, Type
from adapters.insurance.transactions import ENVELOPE_EXTRAS, REPLY_HEAD, REQUEST_HEAD, TRANSACTIONS

WSDL = Path(__file__).with_name("yikatong.wsdl")
NAMESPACE = "urn:yikatong:centre:1"

_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- Made by adapters/insurance/soap/contract.py from transactions.py. Do not edit: change the tables. -->
<wsdl:definitions name="Centre" targetNamespace="{NAMESPACE}" xmlns:tns="{NAMESPACE}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xs:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">"""

# An empty date is "", as the specification wants of every empty value but a number.
_SHAPES = {
    Type.DATE: r"(\d{4}-\d{2}-\d{2})?",
    Type.MOMENT: r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})?",
}


def wsdl() -> str:
    """The whole document, the same text each time."""
    every = list(TRANSACTIONS.values())
    specs = [*REQUEST_HEAD, *REPLY_HEAD]
    specs += [spec for t in every for node in (*t.input, *t.output) for spec in node.fields]
    parts = [_HEAD]
    parts += [_simple_type(spec) for spec in {_type_name(spec): spec for spec in specs}.values()]
    parts.append(_group("RequestHead", REQUEST_HEAD, strict=True))
    parts.append(_group("ReplyHead", REPLY_HEAD, strict=False))
    for transaction in every:
        parts += [_element(transaction, "Request"), _element(transaction, "Reply")]
    parts += ["    </xs:schema>", "  </wsdl:types>"]
    parts += [_messages(transaction) for transaction in every]
    parts += [_port_type(every), _binding(every), _service(), "</wsdl:definitions>", ""]
    return "\n".join(parts)


def _type_name(spec: FieldSpec) -> str:
    if spec.type is Type.TEXT:
        return f"C{spec.length}"
    if spec.type is Type.BINARY:
        return f"B{spec.length}"
    return f"N{spec.length}_{spec.decimals}" if spec.type is Type.NUMBER else spec.type.value


def _simple_type(spec: FieldSpec) -> str:
    base, facets = "xs:string", [f'<xs:maxLength value="{spec.length}"/>']
    if spec.type is Type.NUMBER:
        base = "xs:decimal"
        facets = [f'<xs:totalDigits value="{spec.length}"/>', f'<xs:fractionDigits value="{spec.decimals}"/>']
    elif spec.type is Type.BINARY:
        base = "xs:base64Binary"
    elif spec.type in _SHAPES:
        facets = [f'<xs:pattern value="{_SHAPES[spec.type]}"/>']
    inner = "".join(facets)
    return (
        f'      <xs:simpleType name="{_type_name(spec)}">'
        f'<xs:restriction base="{base}">{inner}</xs:restriction></xs:simpleType>'
    )


def _field(spec: FieldSpec, indent: str, *, strict: bool) -> str:
    optional = "" if strict and spec.need else ' minOccurs="0"'
    nillable = "" if strict else ' nillable="true"'
    note = f"<xs:annotation><xs:documentation>{spec.zh}</xs:documentation></xs:annotation>"
    return f'{indent}<xs:element name="{spec.name}" type="tns:{_type_name(spec)}"{optional}{nillable}>{note}</xs:element>'


def _group(name: str, specs: Iterable[FieldSpec], *, strict: bool) -> str:
    lines = [f'      <xs:group name="{name}">', "        <xs:sequence>"]
    lines += [_field(spec, " " * 10, strict=strict and spec.name not in ENVELOPE_EXTRAS) for spec in specs]
    return "\n".join([*lines, "        </xs:sequence>", "      </xs:group>"])


def _element(transaction: Transaction, side: str) -> str:
    request = side == "Request"
    nodes = transaction.input if request else transaction.output
    lines = [
        f'      <xs:element name="{side[0].lower()}{side[1:]}{transaction.code}">',
        "        <xs:complexType>",
        "          <xs:sequence>",
        f'            <xs:group ref="tns:{side}Head"/>',
    ]
    if nodes:
        many = ' maxOccurs="unbounded"' if transaction.is_list and not request else ""
        lines.append(f'            <xs:element name="{"input" if request else "output"}"')
        lines[-1] += ">" if request else f' minOccurs="0"{many} nillable="true">'
        lines += ["              <xs:complexType>", "                <xs:sequence>"]
        for node in nodes:
            if node.name:
                lines += _node(node, strict=request)
            else:
                lines += [_field(spec, " " * 18, strict=request) for spec in node.fields]
        lines += ["                </xs:sequence>", "              </xs:complexType>", "            </xs:element>"]
    elif not request:
        # A transaction without output may still send an empty one.
        lines.append('            <xs:element name="output" type="xs:string" minOccurs="0" nillable="true"/>')
    return "\n".join([*lines, "          </xs:sequence>", "        </xs:complexType>", "      </xs:element>"])


def _node(node: Node, *, strict: bool) -> list[str]:
    occurs = "" if strict else ' minOccurs="0"'
    occurs += ' maxOccurs="unbounded"' if node.many else ""
    nillable = "" if strict else ' nillable="true"'
    pad = " " * 18
    lines = [
        f'{pad}<xs:element name="{node.name}"{occurs}{nillable}>',
        f"{pad}  <xs:complexType>",
        f"{pad}    <xs:sequence>",
    ]
    lines += [_field(spec, " " * 24, strict=strict) for spec in node.fields]
    return [*lines, f"{pad}    </xs:sequence>", f"{pad}  </xs:complexType>", f"{pad}</xs:element>"]


def _messages(transaction: Transaction) -> str:
    code = transaction.code
    return "\n".join(
        f'  <wsdl:message name="{side}{code}"><wsdl:part name="body" element="tns:{side}{code}"/></wsdl:message>'
        for side in ("request", "reply")
    )


def _port_type(every: Iterable[Transaction]) -> str:
    lines = ['  <wsdl:portType name="CentrePort">']
    for transaction in every:
        lines += [
            f'    <wsdl:operation name="call{transaction.code}">',
            f"      <wsdl:documentation>{transaction.zh}</wsdl:documentation>",
            f'      <wsdl:input message="tns:request{transaction.code}"/>',
            f'      <wsdl:output message="tns:reply{transaction.code}"/>',
            "    </wsdl:operation>",
        ]
    return "\n".join([*lines, "  </wsdl:portType>"])


def _binding(every: Iterable[Transaction]) -> str:
    lines = [
        '  <wsdl:binding name="CentreBinding" type="tns:CentrePort">',
        '    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>',
    ]
    for transaction in every:
        action = quoteattr(f"{NAMESPACE}:{transaction.code}")
        lines += [
            f'    <wsdl:operation name="call{transaction.code}">',
            f"      <soap:operation soapAction={action}/>",
            '      <wsdl:input><soap:body use="literal"/></wsdl:input>',
            '      <wsdl:output><soap:body use="literal"/></wsdl:output>',
            "    </wsdl:operation>",
        ]
    return "\n".join([*lines, "  </wsdl:binding>"])


def _service() -> str:
    return """  <wsdl:service name="CentreService">
    <wsdl:port name="CentrePort" binding="tns:CentreBinding">
      <soap:address location="http://127.0.0.1/centre"/>
    </wsdl:port>
  </wsdl:service>"""


if __name__ == "__main__":
    WSDL.write_text(wsdl(), encoding="utf-8")
