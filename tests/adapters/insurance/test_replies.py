"""Our own reader makes of a reply what zeep makes of it, or zeep reads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.insurance.schema import Type
from adapters.insurance.soap import envelope, replies
from adapters.insurance.soap.contract import NAMESPACE
from adapters.insurance.soap.envelope import Envelopes, _plain
from adapters.insurance.soap.stack import Unreadable
from adapters.insurance.transactions import REPLY_HEAD, TRANSACTIONS

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ZEEP = Envelopes()
TEXTS = st.sampled_from(["", "1", " 2 ", "张 <&>", "null", "2026-03-02 09:30:15", "é𬭎", "\n\t"])
NUMBERS = st.sampled_from(["0", "12.30", " -1.5\n", "1E+3", "1_0", "٣", ""])
CODES = sorted(code for code in TRANSACTIONS if code in replies._REPLIES)


def fill(draw, parent, specs):
    for spec in specs:
        if draw(st.booleans()):
            cell = etree.SubElement(parent, f"{{{NAMESPACE}}}{spec.name}")
            cell.text = draw(NUMBERS if spec.type is Type.NUMBER else TEXTS) or None
            if cell.text is None:
                cell.set(NIL, "true")


@st.composite
def documents(draw):
    """Replies as a centre writes them."""
    code = draw(st.sampled_from(CODES))
    root = etree.Element(f"{{{SOAP}}}Envelope")
    reply = etree.SubElement(etree.SubElement(root, f"{{{SOAP}}}Body"), f"{{{NAMESPACE}}}reply{code}")
    fill(draw, reply, REPLY_HEAD)
    for _ in range(draw(st.integers(0, 2 if TRANSACTIONS[code].is_list else 1))):
        output = etree.SubElement(reply, f"{{{NAMESPACE}}}output")
        for node in TRANSACTIONS[code].output:
            if not node.name:
                fill(draw, output, node.fields)
                continue
            for _ in range(draw(st.integers(0, 3 if node.many else 1))):
                fill(draw, etree.SubElement(output, f"{{{NAMESPACE}}}{node.name}"), node.fields)
    return code, etree.fromstring(etree.tostring(root))


def shown(value):
    """With every digit, and in its order."""
    return repr(value)


@settings(max_examples=100, deadline=None)
@given(documents())
def test_whatever_the_reply_the_fields_are_those_of_zeep(drawn):
    code, document = drawn
    straight = replies.read(code, document)

    assert straight is not None
    assert shown(_plain(ZEEP._stack.read(f"call{code}", document), dict)) == shown(straight.fields)


def reply_of(code, **cells):
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in cells.items())
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><reply{code} xmlns="{NAMESPACE}">{inside}</reply{code}></s:Body>'
        "</s:Envelope>"
    ).encode()


def settled(amount):
    return reply_of("2207", infcode="0", output=f"<setlinfo><setl_id>J1</setl_id><acct_pay>{amount}</acct_pay></setlinfo>")


@pytest.fixture
def asked(monkeypatch):
    """Envelopes, and what zeep is asked to read."""
    documents_, by_stack = [], ZEEP._stack.read
    monkeypatch.setattr(ZEEP, "_alike", {})
    monkeypatch.setattr(ZEEP._stack, "read", lambda *given_: documents_.append(given_) or by_stack(*given_))
    return ZEEP, documents_


def test_the_first_of_a_shape_is_read_by_zeep_and_all_others_are_not(asked):
    envelopes, by_stack = asked

    first, second = envelopes.read("2207", settled("1.50")), envelopes.read("2207", settled("2.50"))

    assert len(by_stack) == 1
    assert (first.code, str(first.output["setlinfo"]["acct_pay"])) == ("0", "1.50")
    assert (second.code, str(second.output["setlinfo"]["acct_pay"])) == ("0", "2.50")
    envelopes.read("2207", settled(""))
    assert len(by_stack) == 2, "an empty value is another shape"


def test_a_shape_that_we_would_read_otherwise_is_left_to_zeep(asked, monkeypatch):
    envelopes, by_stack = asked
    straight = replies.read
    monkeypatch.setattr(replies, "read", lambda *given_: replies.Straight(straight(*given_).shape, {"infcode": "another"}))

    for _ in range(3):
        assert envelopes.read("2207", settled("1.50")).code == "0"
    assert len(by_stack) == 3


def test_the_shapes_remembered_are_bounded(asked, monkeypatch):
    envelopes, by_stack = asked
    monkeypatch.setattr(envelope, "MAX_SHAPES", 1)
    for _ in range(2):
        envelopes.read("2207", settled("1.50"))
        envelopes.read("2601", reply_of("2601", infcode="0"))

    assert len(envelopes._alike) == 1
    assert len(by_stack) == 3


@pytest.mark.parametrize("amount", ["x", "1 2", "<acct_pay/>", "NaN<!-- -->x"])
def test_what_zeep_cannot_read_stays_unreadable_after_its_shape_was_agreed(asked, amount):
    envelopes, _ = asked
    envelopes.read("2207", settled("1.50"))

    try:
        found = envelopes.read("2207", settled(amount))
    except Unreadable:
        return

    assert amount == "<acct_pay/>", "zeep takes no value where another element stands"
    assert found.output["setlinfo"]["acct_pay"] is None


WHOLE = settled("1.50").decode()
XSI = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.mark.parametrize(
    ("letter", "other"),
    [
        ("<acct_pay>", '<acct_pay id="1">'),
        ("<acct_pay>", f'<acct_pay {XSI} x:nil="true">'),
        ("<acct_pay>1.50", f'<acct_pay {XSI} x:nil="1">'),
        ("<acct_pay>1.50", "<acct_pay><b/>"),
        ("<acct_pay>1.50", "<acct_pay><?b c?>"),
        ("<acct_pay>1.50", "<acct_pay>x"),
        ("<acct_pay>1.50", "<acct_pay>NaN"),
        ("<acct_pay>1.50", "<acct_pay> "),
        ("<setl_id>J1</setl_id>", "<setl_id>J1</setl_id><setl_id>J1</setl_id>"),
        ("<setl_id>J1</setl_id>", "<acct_pay>1</acct_pay><setl_id>J1</setl_id>"),
        ("<setl_id>J1</setl_id>", '<setl_id xmlns="">J1</setl_id>'),
        ("<setl_id>J1</setl_id>", '<setl_id xmlns="urn:other">J1</setl_id>'),
        ("<setl_id>J1</setl_id>", "<surprise>J1</surprise>"),
        ("<setlinfo>", '<setlinfo id="1">'),
        ("<output>", '<output id="1">'),
        ("<output>", "<setlinfo/><output>"),
        ("</setlinfo>", "</setlinfo><setlinfo/>"),
        ("<s:Body>", "<s:Header/><s:Body>"),
        ("<s:Body>", '<s:Body id="1">'),
        ("</reply2207>", f'</reply2207><reply2207 xmlns="{NAMESPACE}"/>'),
        (f'<reply2207 xmlns="{NAMESPACE}">', f'<reply2207 xmlns="{NAMESPACE}" id="1">'),
        (f'xmlns:s="{SOAP}"', 'xmlns:s="http://www.w3.org/2003/05/soap-envelope"'),
    ],
)
def test_what_is_not_to_the_letter_is_left_to_zeep(letter, other):
    changed = WHOLE.replace(letter, other)
    assert changed != WHOLE

    assert replies.read("2207", ZEEP._stack.parse(WHOLE.encode())) is not None
    assert replies.read("2207", ZEEP._stack.parse(changed.encode())) is None


def test_an_empty_node_is_left_to_zeep_when_it_says_more_than_that():
    document = ZEEP._stack.parse(reply_of("2207", infcode="0", output=f'<setlinfo {XSI} x:nil="true"/>'))

    assert replies.read("2207", document) is None


def test_a_reply_with_a_file_and_one_of_nobodys_are_left_to_zeep():
    assert replies.read("9102", ZEEP._stack.parse(reply_of("9102", infcode="0"))) is None
    assert replies.read("2207", ZEEP._stack.parse(reply_of("2208", infcode="0"))) is None
