"""The simulated keys compute with real ciphers, and cards and HSM agree only where their keys do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from simulators.card import keys
from simulators.card.hsm import Hsm, answer_of
from simulators.ports import free_port

FACTOR, SOURCE = bytes(range(8)), bytes(range(8, 16))


def test_sm4_is_that_of_the_standard() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")  # GB/T 32907, example 1

    assert keys.ecb(key, key, sm4=True).hex().upper() == "681EDF34D206965E86B3E94F536E4246"


def test_3des_is_that_of_the_standard() -> None:
    key = bytes.fromhex("0123456789ABCDEF") * 2  # with both halves the same it is DES: the example of FIPS 46
    assert keys.ecb(key, bytes.fromhex("4E6F772069732074"), sm4=False).hex().upper() == "3FA40E8A984D4815"


@pytest.mark.parametrize("sm4", [False, True])
def test_each_level_gives_another_key_and_each_card_its_own(sm4: bool) -> None:
    root = keys.root_key(0x0A)
    city = keys.diversified(root, [keys.city_factor("999900")], sm4=sm4)
    card = keys.card_key(0x0A, "999900", FACTOR, sm4=sm4)

    assert len({root, city, card, keys.card_key(0x0A, "999900", SOURCE, sm4=sm4)}) == 4
    assert card == keys.diversified(city, [FACTOR], sm4=sm4)
    assert len(keys.computed(card, SOURCE, sm4=sm4)) == 8


@pytest.mark.parametrize("sm4", [False, True])
@pytest.mark.parametrize("pin", ["1234", "12345", "1234567890123456"])
def test_a_pin_comes_back_out_of_its_block(pin: str, sm4: bool) -> None:
    key = keys.root_key(0x73)

    assert keys.pin_of(key, keys.pin_block(key, pin, sm4=sm4), sm4=sm4) == pin


def test_the_hsm_answers_over_http_and_its_knobs_spoil_it() -> None:
    step1 = f"999900|{FACTOR.hex()}|03|{'9' * 32}|{FACTOR.hex()}|{SOURCE.hex()}|{FACTOR.hex()}|{SOURCE.hex()}||"
    question = json.dumps({"business": "read", "step1": step1}).encode()
    hsm = Hsm(free_port())
    try:

        def ask() -> str:
            with urllib.request.urlopen(hsm.url, question, timeout=10) as answer:
                return json.load(answer)["pKey"]

        assert ask() == answer_of("read", step1)
        hsm.faults.wrong = True
        assert ask() != answer_of("read", step1)
        hsm.faults.short = True
        assert len(ask()) == 20
        hsm.faults.refuse = True
        with pytest.raises(urllib.error.HTTPError):
            ask()
    finally:
        hsm.close()
