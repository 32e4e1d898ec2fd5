from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.soap.contract import NAMESPACE, WSDL, wsdl
from adapters.insurance.soap.envelope import Envelopes, SoapFault, Tokens, Unreadable
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from middleware.domain.fault import Fault
from simulators.centre import wire
from tests.adapters.insurance.requests import REQUESTS, SECRETS

HEAD = {spec.name: "1" for spec in REQUEST_HEAD if spec.need}
SOAP = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'


@pytest.fixture(scope="module")
def envelopes() -> Envelopes:
    return Envelopes()


def reply(inner: str, code: str = "2208", namespace: str = NAMESPACE) -> bytes:
    return (
        f'<s:Envelope {SOAP}><s:Body><reply{code} xmlns="{namespace}">{inner}</reply{code}></s:Body></s:Envelope>'.encode()
    )


@pytest.fixture(scope="module")
def others() -> Envelopes:
    """Another instance: it has written nothing of a code before that code's test."""
    return Envelopes()


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    inline = etree.parse(str(WSDL)).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(inline)))


def test_the_kept_contract_is_what_the_tables_make() -> None:
    assert WSDL.read_text(encoding="utf-8") == wsdl(), "run: python -m adapters.insurance.soap.contract"


@pytest.mark.parametrize("code", REQUESTS)
def test_the_same_request_is_the_same_bytes(envelopes: Envelopes, others: Envelopes, code: str) -> None:
    head = {**HEAD, "infno": code}
    nodes = to_input(REQUESTS[code])

    assert envelopes.write(code, head, nodes) == others.write(code, head, nodes)


@pytest.mark.parametrize("code", REQUESTS)
def test_another_reader_finds_every_field_that_was_written(envelopes: Envelopes, code: str) -> None:
    nodes = to_input(REQUESTS[code])
    read = wire.read(envelopes.write(code, {**HEAD, "infno": code}, nodes))

    assert read.call == code
    assert {name: [dict(row) for row in rows] for name, rows in nodes.items()} == dict(read.nodes)


@pytest.mark.parametrize("code", REQUESTS)
def test_what_is_sent_is_valid_by_the_schema_of_the_contract(
    envelopes: Envelopes, schema: etree.XMLSchema, code: str
) -> None:
    sent = etree.fromstring(
        envelopes.write(code, {**HEAD, "infno": code, "inf_time": "2026-03-02 09:30:15"}, to_input(REQUESTS[code]))
    )

    schema.assertValid(sent[0][0])


def test_a_missing_required_value_never_leaves(envelopes: Envelopes) -> None:
    with pytest.raises(Fault, match=r"centre\.field"):
        envelopes.write("2601", {"infno": "2601"}, to_input(REQUESTS["2601"]))


def test_text_that_xml_cannot_carry_never_leaves_and_is_not_quoted(envelopes: Envelopes) -> None:
    for bad in ("a\x01", "a\ud800"):
        with pytest.raises(Fault) as caught:
            envelopes.write("2601", HEAD, {"data": ({"psn_no": bad, "omsgid": "2", "oinfno": "2207"},)})
        assert bad not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_reply_is_read_with_exact_numbers_nulls_and_empties(envelopes: Envelopes) -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    read = envelopes.read(
        "2208",
        reply(
            f"<infcode> 0 </infcode><output {xsi}><setlinfo><medfee_sumamt>-3379.26</medfee_sumamt>"
            '<psn_part_amt xsi:nil="true"/><acct_pay/></setlinfo></output>'
        ),
    )

    assert isinstance(read, Tokens)
    row = read.output["setlinfo"]
    assert (read.code, str(row["medfee_sumamt"]), row["psn_part_amt"], row["acct_pay"]) == ("0", "-3379.26", None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<a/>",
        reply("<infcode>0</infcode>")[:-30],
        reply("<infcode>0</infcode>", namespace="urn:other"),
        reply("<infcode>0</infcode>", code="2207"),
        reply("<infcode>0</infcode><surprise/>"),
        reply("<infcode>0</infcode><output><setlinfo><surprise>1</surprise></setlinfo></output>"),
        reply("<x:infcode xmlns:x='urn:other'>0</x:infcode>"),
        reply("<infcode>0&#1;</infcode>"),
        reply("<infcode>0\x01</infcode>"),
        reply("<infcode>0</infcode><output><setlinfo><medfee_sumamt>ten</medfee_sumamt></setlinfo></output>"),
        b"<!DOCTYPE a>" + reply("<infcode>0</infcode>"),
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + reply("<infcode>&x;</infcode>"),
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">' + reply("<infcode>0</infcode>"),
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
        + reply("<infcode>&c;</infcode>"),
        b"<a>" * 300 + b"</a>" * 300,
        f"<s:Envelope {SOAP}><s:Body/></s:Envelope>".encode(),
        f"<s:Envelope {SOAP}><s:Body><a/><b/></s:Body></s:Envelope>".encode(),
        reply("<infcode>" + "0" * 11_000_000 + "</infcode>"),
    ],
    ids=[
        "empty", "no-xml", "another-root", "cut", "wrong-namespace", "another-transaction", "extra-element",
        "extra-element-inside", "wrong-namespace-inside", "control-reference", "control-character", "no-number", "bare-dtd",
        "xxe", "external-dtd", "billion-laughs", "too-deep", "empty-body", "two-in-body", "eleven-megabytes",
    ],
)  # fmt: skip
def test_what_breaks_the_contract_is_unreadable(envelopes: Envelopes, body: bytes) -> None:
    with pytest.raises(Unreadable):
        envelopes.read("2208", body)


def test_a_null_of_npms_soap_is_read_though_it_does_not_declare_its_prefix(envelopes: Envelopes) -> None:
    setlinfo = '<setlinfo><medfee_sumamt>-1.00</medfee_sumamt><psn_part_amt xsi:nil="true"></psn_part_amt></setlinfo>'
    body = reply(f'<infcode>0</infcode><err_msg xsi:nil="true"></err_msg><output>{setlinfo}</output>')
    whole = body.replace(b"<s:Body>", b'<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">')

    read, as_it_should_be = envelopes.read("2208", body), envelopes.read("2208", whole)

    assert isinstance(read, Tokens)
    assert read == as_it_should_be
    assert (read.output["setlinfo"]["psn_part_amt"], str(read.output["setlinfo"]["medfee_sumamt"])) == (None, "-1.00")


@pytest.mark.parametrize("inner", ["<x:infcode>0</x:infcode>", '<infcode xsl:nil="true">0</infcode>'])
def test_any_other_prefix_that_is_not_declared_is_unreadable(envelopes: Envelopes, inner: str) -> None:
    with pytest.raises(Unreadable):
        envelopes.read("2208", reply(inner))


@pytest.mark.parametrize(
    ("code", "expected"), [("<faultcode>s:Server</faultcode>", "Server"), ("<faultcode/>", ""), ("", "")]
)
def test_a_soap_fault_is_told_apart_with_its_code(envelopes: Envelopes, code: str, expected: str) -> None:
    body = f"<s:Envelope {SOAP}><s:Body><s:Fault>{code}<faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"

    assert envelopes.read("2207", body.encode()) == SoapFault(expected)


def test_nothing_of_a_reply_reaches_text_repr_or_log(envelopes: Envelopes, caplog: pytest.LogCaptureFixture) -> None:
    secret = SECRETS[1]
    caplog.set_level(logging.DEBUG)
    for inner in (
        f"<infcode>{secret}</infcode><surprise>{secret}</surprise>",
        f"<infcode>0</infcode><output><setlinfo><medfee_sumamt>{secret}x</medfee_sumamt></setlinfo></output>",
    ):
        with pytest.raises(Unreadable) as caught:
            envelopes.read("2208", reply(inner))
        assert secret not in str(caught.value)
        assert caught.value.__cause__ is None
    read = envelopes.read("2208", reply(f"<infcode>1</infcode><err_msg>{secret}</err_msg>"))

    assert secret not in repr(read)
    assert secret not in caplog.text


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: reply(f"<infcode>{text}</infcode>"))))
def test_no_bytes_whatever_raise_anything_but_unreadable(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        _ENVELOPES.read("2208", body)


_ENVELOPES = Envelopes()


def _output(code: str, *, every: bool) -> Any:
    """An output of that transaction, with all fields or with every other one null; that without a node stands bare."""
    values = {"C": "1", "N": "-1.5", "D": "2026-03-02", "DT": "2026-03-02 09:30:15", "B": "UEsFBg=="}
    output: dict[str, Any] = {}
    for node in TRANSACTIONS[code].output:
        row = {spec.name: values[spec.type] if every or index % 2 else None for index, spec in enumerate(node.fields)}
        row |= {spec.name: "7" for spec in node.fields if spec.type == "N" and not spec.decimals and row[spec.name]}
        if TRANSACTIONS[code].is_list:
            return [row, row]
        output |= {node.name: [row]} if node.name else row
    return output


@pytest.mark.parametrize("code", TRANSACTIONS)
def test_every_output_of_the_tables_can_be_read(envelopes: Envelopes, code: str) -> None:
    output = _output(code, every=True)
    read = envelopes.read(code, wire.write(code, {"infcode": "0"}, output or None))

    assert isinstance(read, Tokens)
    assert set(read.output or {}) == ({""} if TRANSACTIONS[code].is_list else set(output))
    if TRANSACTIONS[code].is_list:
        assert [set(row) for row in (read.output or {})[""]] == [set(row) for row in output]


@pytest.mark.parametrize("code", TRANSACTIONS)
def test_what_the_simulator_answers_is_valid_by_the_schema_of_the_contract(code: str) -> None:
    inline = etree.parse(str(WSDL)).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    schema = etree.XMLSchema(etree.fromstring(etree.tostring(inline)))
    reply_of = wire.write(code, {"infcode": "0", "err_msg": ""}, _output(code, every=False) or None)

    schema.assertValid(etree.fromstring(reply_of)[0][0])
