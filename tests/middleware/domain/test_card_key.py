"""A PIN in its buffer: what it takes, that it never shows itself, and that it is wiped."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card_key import KeyProof, Pin, wipe


@pytest.mark.parametrize("digits", ["", "123", "1" * 17, "12a4", "1234\n", "１２３４", "-123"])
def test_a_pin_is_4_to_16_digits_and_the_rule_names_none_of_them(digits: str) -> None:
    with pytest.raises(ValueError, match="a PIN is 4 to 16 digits") as caught:
        Pin(digits)
    assert not digits or digits.strip() not in str(caught.value)


@given(st.text(alphabet="0123456789", min_size=4, max_size=16))
def test_a_pin_packs_two_digits_a_byte(digits: str) -> None:
    with Pin(digits) as pin:
        assert pin.packed().hex().upper().rstrip("F") == digits
        assert len(pin.packed()) == (len(digits) + 1) // 2
    assert pin.empty


def test_a_pin_never_shows_itself_and_is_never_written_down() -> None:
    pin = Pin("975318")

    assert "975318" not in f"{pin} {pin!r} {[pin]}"
    with pytest.raises(TypeError):
        pickle.dumps(pin)


def test_a_wiped_buffer_held_zeros_before_it_was_empty() -> None:
    seen: list[bytes] = []

    class Watched(bytearray):
        def clear(self) -> None:
            seen.append(bytes(self))
            super().clear()

    buffer = Watched(b"1234")
    wipe(buffer)

    assert (seen, bytes(buffer)) == ([b"\x00\x00\x00\x00"], b"")


def test_a_proof_does_not_show_itself() -> None:
    assert "AB" not in repr(KeyProof(b"\xab" * 16, b"\xab" * 8)).upper().replace("0X", "")
