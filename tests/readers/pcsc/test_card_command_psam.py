"""``run.py card read --psam``: a third-generation card opened by the PSAM in another reader, through a real pcscd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from daemon.cli import main
from simulators.card import VpcdSlot
from simulators.card.health_keys import KeyedHealthCard
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import FIRST_PIN, KeyFaults, SecureCard
from simulators.pcscd import Pcscd
from simulators.people import PEOPLE
from tests.readers.pcsc.test_card_command import _wait

pytestmark = pytest.mark.pcsc
THIRD = PEOPLE["third-generation"]


@pytest.fixture
def put(pcscd: Pcscd) -> Iterator:
    """Put a card and a PSAM in, and run the command."""
    used = []

    def both(card: SecureCard | KeyedHealthCard, psam: PsamCard, pin: str = "") -> Result:
        for slot, one in zip((pcscd.slots[1], pcscd.slots[3]), (card, psam), strict=True):
            virtual = VpcdSlot(port=slot.port)
            used.append((slot, virtual))
            virtual.insert(one)
            _wait(slot.reader, present=True)
        words = ["card", "read", "--reader", pcscd.slots[1].reader, "--psam", pcscd.slots[3].reader]
        return CliRunner().invoke(main, [*words, "--pin"] if pin else words, input=f"{pin}\n" if pin else None)

    yield both
    for slot, virtual in used:
        virtual.close()
        _wait(slot.reader, present=False)


def test_the_holder_is_read_masked_and_the_psam_is_named(put) -> None:
    result = put(SecureCard(THIRD), PsamCard())

    assert (result.exit_code, result.stderr) == (0, "")
    assert "PSAM 99990000000000000001" in result.stdout
    assert "08 社会保障号码 / social security number: 999999************" in result.stdout
    assert THIRD.id_number not in result.stdout


def test_a_card_without_need_is_read_as_ever(put) -> None:
    result = put(SecureCard(PEOPLE["employee"]), PsamCard())

    assert result.exit_code == 0
    assert "09 姓名 / name: 张**" in result.stdout


def test_a_psam_without_the_cards_cipher_is_said_with_what_to_do(put) -> None:
    result = put(SecureCard(THIRD, KeyFaults()), PsamCard(PsamFaults(ciphers=(1,))))

    assert (result.exit_code, "psam.no_algorithm" in result.stderr) == (1, True)
    assert "加密机" in result.stderr


def test_a_pin_that_is_asked_for_opens_what_is_behind_it_and_is_shown_nowhere(put) -> None:
    result = put(SecureCard(THIRD), PsamCard(), FIRST_PIN)

    assert (result.exit_code, FIRST_PIN in result.output) == (0, False)
    assert "余额 / balance: *****" in result.stdout
    assert "交易序号 / transaction number: **" in result.stdout


def test_a_wrong_pin_is_said_with_the_tries_left_and_nothing_is_read(put) -> None:
    card = SecureCard(THIRD)
    result = put(card, PsamCard(), "999999")

    assert (result.exit_code, "card.pin_wrong: 5 tries left" in result.stderr) == (1, True)
    assert (card.pin_tries, "余额" in result.stdout) == (5, False)


def test_what_is_no_pin_is_never_shown_to_the_card(put) -> None:
    card = SecureCard(THIRD)
    result = put(card, PsamCard(), "12ab")

    assert (result.exit_code, "4 至 16 位数字" in result.stderr, card.pin_tries) == (2, True, 6)
    assert "12ab" not in result.output


def test_a_health_card_is_read_masked_with_its_read_keys(put) -> None:
    card = KeyedHealthCard()
    result = put(card, PsamCard())

    assert (result.exit_code, result.stderr, card.proved) == (0, "", [0xDDF1, 0xDF01, 0xDF02, 0xDF03])
    assert "0B 姓名 / name: 张**" in result.stdout
    assert "0F 居民身份证号 / citizen id number: 999999************" in result.stdout
    assert "过敏物质名称 / allergen: ***" in result.stdout
    assert all(clear not in result.stdout for clear in (PEOPLE["employee"].id_number, PEOPLE["employee"].name, "青霉素"))
