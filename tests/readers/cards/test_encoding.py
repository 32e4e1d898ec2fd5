from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.cards import social_security as ss
from readers.cards.catalogue import ALL_BALANCES, EVERY_ENVIRONMENT
from readers.cards.declaration import Encoding
from readers.cards.encoding import Malformed, decode, decode_as, encode, unpadded

ITEMS = [item for environment in EVERY_ENVIRONMENT for file in environment.files for item in file.every_item()]
ITEMS += [item for balance in ALL_BALANCES for item in balance.items]
NAME = ss.EF06.item(ss.NAME)


@given(st.sampled_from(ITEMS), st.data())
def test_no_value_makes_decoding_raise_anything_but_malformed(item, data) -> None:
    value = data.draw(st.one_of(st.binary(max_size=40), st.binary(min_size=item.width, max_size=item.width)))
    try:
        text = decode(item, value)
    except Malformed:
        return

    assert text
    assert text == decode(item, encode(item, text))


@given(st.sampled_from(ITEMS), st.text(max_size=40))
def test_any_text_is_encoded_faithfully_or_refused(item, text: str) -> None:
    try:
        raw = encode(item, text)
    except Malformed:
        return

    assert len(raw) in range(item.least or item.width, item.width + 1)
    assert text == decode(item, raw)


@given(st.binary(max_size=60))
def test_a_joined_name_of_any_bytes_is_text_or_malformed(value: bytes) -> None:
    try:
        text = decode_as(Encoding.GB18030, value)
    except Malformed:
        return

    assert text.strip() == text


@given(
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x3134A, exclude_categories=["Cs"]), min_size=1, max_size=7)
)
def test_padding_never_eats_a_character_of_a_name(name: str) -> None:
    raw = name.encode("gb18030")

    assert raw == unpadded(raw.ljust(30, b"\xff"))
    assert raw == unpadded(raw.ljust(30, b"\x00"))


@pytest.mark.parametrize("text", ["", "张" * 16, "\ud800"])
def test_a_name_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        encode(NAME, text)


def test_a_refusal_never_quotes_the_value() -> None:
    with pytest.raises(Malformed) as caught:
        encode(ss.EF06.item(ss.ID_NUMBER), "99999919740512311X-too-long")

    assert "9999" not in str(caught.value)
