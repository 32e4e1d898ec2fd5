from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.cards.declaration import Algorithm
from readers.cards.fci import algorithm, find

NAME = "840F7378312E73682EC9E7BBE1B1A3D5CF"


@pytest.mark.parametrize(
    ("fci", "expected"),
    [
        (f"6F11{NAME}", Algorithm.TDES),
        (f"6F19{NAME}A5069F0C03860101", Algorithm.TDES),
        (f"6F19{NAME}A5069F0C03860102", Algorithm.SSF33),
        (f"6F19{NAME}A5069F0C03860103", Algorithm.SM4),
        (f"6F1B{NAME}A5089F0C05110086" + "0103", Algorithm.SM4),  # another object before the marker
        ("9F0C03860103", Algorithm.SM4),  # without the template
        ("6F811984" + NAME[2:] + "A5069F0C03860103", Algorithm.SM4),  # a length of two bytes
        ("9F0C021100", Algorithm.TDES),
        ("", Algorithm.TDES),
    ],
)
def test_the_cipher_of_the_keys_is_in_the_fci(fci: str, expected: Algorithm) -> None:
    assert expected is algorithm(bytes.fromhex(fci))


@pytest.mark.parametrize(
    "fci",
    ["9F0C03860104", "9F0C0486020103", "9F0C028600", "6F", "6F05", "6F820001", "6F8000", "9F", "6F81", "6F020C05"],
)
def test_an_answer_that_is_not_understood_is_malformed(fci: str) -> None:
    with pytest.raises(Fault) as caught:
        algorithm(bytes.fromhex(fci))

    assert (caught.value.code, caught.value.detail.startswith("SSSE FCI: ")) == ("card.malformed", True)


@given(st.binary(max_size=256))
def test_no_answer_makes_it_raise_anything_but_a_fault(fci: bytes) -> None:
    said: str = ""
    try:
        said = algorithm(fci)
    except Fault as fault:
        said = fault.code

    assert said in {*Algorithm, "card.malformed"}


def test_it_looks_no_deeper_than_it_says() -> None:
    inner = bytes.fromhex("9F0C03860103")
    for _ in range(6):
        inner = bytes((0xA5, len(inner))) + inner

    assert find(inner, 0x9F0C, "x") is None
