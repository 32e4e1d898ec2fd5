from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.atr import historical_bytes
from tests.readers.attempts import attempt


@pytest.mark.parametrize(
    ("atr", "expected"),
    [
        ("3B6D000000815499990000000000000011", "00815499990000000000000011"),
        ("3B8D800100815499990000000000000011C8", "00815499990000000000000011"),
        ("3B8180018080", "80"),
        ("3B00", ""),
        ("3F6525082904689000", "2904689000"),
    ],
)
def test_historical_bytes_are_found_behind_the_interface_bytes(atr: str, expected: str) -> None:
    assert expected == historical_bytes(bytes.fromhex(atr)).hex().upper()


@pytest.mark.parametrize("atr", ["", "3B", "006D", "3B6D0000008154", "3B80", "3B8080", "3BFF"])
def test_what_is_no_whole_answer_to_reset_is_malformed(atr: str) -> None:
    with pytest.raises(Fault) as caught:
        historical_bytes(bytes.fromhex(atr))

    assert caught.value.code == "card.malformed"


@given(st.binary(max_size=40), st.sampled_from([b"", b"\x3b", b"\x3f"]))
def test_no_input_raises_anything_but_a_fault(raw: bytes, head: bytes) -> None:
    found = attempt(lambda: historical_bytes(head + raw))

    if isinstance(found, Fault):
        assert found.code == "card.malformed"
    else:
        assert len(found) <= 15
