"""Text that stays text."""

from __future__ import annotations

import hl7
from hypothesis import given
from hypothesis import strategies as st

from adapters.his.hl7v2.frame import Segment, encode, escape
from middleware.hl7.message import decode, unescape

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT)
def test_text_survives_escaping(text):
    assert unescape(escape(text).encode()) == text


@given(TEXT)
def test_escaped_text_holds_no_delimiter_and_no_control_character(text):
    escaped = escape(text)

    assert not set(escaped) & set("|^&~\x7f")
    assert all(ord(character) >= 0x20 for character in escaped)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_no_field_can_forge_a_field_or_a_segment(texts):
    """python-hl7, which shares no code with us, finds exactly what went in."""
    texts = [*texts, "end"]
    head = Segment("MSH", ((("|",),), (("^~\\&",),), (("A",),)))
    message = encode([head, Segment("ZZZ", tuple(((text,),) for text in texts))])
    tree = hl7.parse(message)

    assert len(tree) == 2
    assert len(tree[1]) == len(texts) + 1
    assert [tree.extract_field("ZZZ", 1, number) for number in range(1, len(texts) + 1)] == texts


@given(TEXT, TEXT, TEXT)
def test_components_and_subcomponents_come_back_where_they_were(one, two, three):
    head = Segment("MSH", ((("|",),), (("^~\\&",),), (("A",),)))
    value = ((one, (two, three, "s")), ("r",))
    reading = decode(encode([head, Segment("ZZZ", (value,))]).encode())
    segment = reading.first(b"ZZZ")

    assert reading.value(segment, 1) == one
    assert reading.value(segment, 1, 2) == two
    assert len(reading.repetitions(segment, 1)) == 2
