"""driver.*: the card driver's functions over the socket, with virtual cards, a PSAM and an HSM, and the real journal."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from middleware.domain.order import Caller, Role
from simulators.card.hsm import answer_of
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import FIRST_PIN, PIN_TRIES, KeyFaults, SecureCard
from simulators.people import PEOPLE
from tests.support.keyed import PSAM, READER, InlineReaders, keyed_desk

THIRD, SECOND = PEOPLE["third-generation"], PEOPLE["employee"]
TERMINAL = "999900000007"


def readers(card=None, psam=None) -> InlineReaders:
    return InlineReaders(**{READER: card or SecureCard(THIRD), PSAM: psam})


def basics(person, card, terminal=TERMINAL, device="DEV1") -> str:
    return "".join(f"{field}|" for field in (
        person.region, person.id_number, person.card_number, person.card_id_code, person.name,
        historical(card), person.spec_version, f"{person.issued_on:%Y%m%d}", f"{person.expires_on:%Y%m%d}", terminal, device,
    ))  # fmt: skip


def historical(card) -> str:
    return card.atr[-14:-1].hex().upper()


def info(person) -> str:
    return f"{person.card_id_code}|{person.card_number}|"


def named(person, card) -> str:
    return f"{person.region}|{historical(card)}|"


@pytest_twisted.ensureDeferred
async def test_a_third_generation_card_is_read_by_the_psam_as_eleven_fields(tmp_path) -> None:
    card = SecureCard(THIRD)
    async with keyed_desk(tmp_path, readers(card, PsamCard()), device_number="DEV1") as desk:
        assert await desk.driver("iReadCardBas") == (0, basics(THIRD, card), "")
        assert desk.cards.count == 0


@pytest_twisted.ensureDeferred
async def test_card_read_of_a_third_generation_card_gives_one_checked_identity_by_the_psam(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(psam=PsamCard())) as desk:
        read = await desk.call("card.read", reader=READER)

        assert read["holder"]["id_number"] == THIRD.id_number
        ((event, line),) = [one for one in desk.journal() if one[0].startswith("Card")]
        assert (event, '"psam":"99990000000000000001"' in line, THIRD.id_number in line) == ("CardRead", True, False)


@pytest_twisted.ensureDeferred
async def test_call_order_without_a_psam_goes_to_the_hsm_and_ends_with_the_same_fields(tmp_path) -> None:
    card = SecureCard(THIRD)
    async with keyed_desk(tmp_path, readers(card), terminal_number=TERMINAL, device_number="DEV1", psam_reader="") as desk:
        assert (await desk.driver("iReadCardBas"))[0] == -2201
        code, step1, session = await desk.driver("iReadCardBas_HSM_Step1")
        fields = step1.split("|")

        assert (code, len(fields), fields[-1]) == (0, 10, "")
        assert fields[:4] == [THIRD.region, historical(card), "03", THIRD.card_id_code]
        assert [len(field) for field in fields[4:8]] == [16] * 4
        key = answer_of("read", step1)
        assert await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey=key) == (0, basics(THIRD, card), "")


@pytest_twisted.ensureDeferred
async def test_step_1_leaves_the_four_fields_empty_on_a_second_generation_card_and_step_2_takes_any_key(tmp_path) -> None:
    card = SecureCard(SECOND)
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        _, step1, session = await desk.driver("iReadCardBas_HSM_Step1")

        assert step1.split("|")[2:8] == ["01", SECOND.card_id_code, "", "", "", ""]
        answer = await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey="anything")
        assert answer == (0, basics(SECOND, card, "", ""), "")


@pytest.mark.parametrize("blind", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_card_swapped_between_the_steps_is_noticed_and_nothing_is_taken_from_the_wrong_one(tmp_path, blind) -> None:
    """Also where the reader itself does not notice (``blind``): then the other card's own challenge does not fit."""
    first, second = SecureCard(THIRD), SecureCard(attrs.evolve(THIRD, key="other", card_id_code="9" * 31 + "7"), seed=2)
    slots = readers(first)
    slots.blind = blind
    async with keyed_desk(tmp_path, slots, psam_reader="") as desk:
        _, step1, session = await desk.driver("iReadCardBas_HSM_Step1")
        slots.swap(READER, second)
        code, out, _ = await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey=answer_of("read", step1))

        assert code in ({-3} if not blind else {-25538})
        assert THIRD.id_number not in out
        assert second.proved == frozenset()
        assert [command for command in second.commands if command[1] == 0xB2] == []
        events = [event for event, _ in desk.journal()]
        assert "CardAuthenticationFailed" in events if blind else "CardAuthenticated" not in events
        assert (await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey="x"))[0] == -3


@pytest_twisted.ensureDeferred
async def test_a_twin_that_even_answers_the_challenge_is_refused_by_its_number(tmp_path) -> None:
    first = SecureCard(THIRD)
    other = SecureCard(attrs.evolve(THIRD, card_id_code=THIRD.card_id_code[:-2] + "77"))
    other.atr, other.person = first.atr, THIRD  # the same keys, another code
    slots = readers(first)
    slots.blind = True
    async with keyed_desk(tmp_path, slots, psam_reader="") as desk:
        _, step1, session = await desk.driver("iReadCardBas_HSM_Step1")
        slots.cards[READER] = other
        other.answer(b"\x00\xa4\x04\x00\x0f" + bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF"))
        other._challenges = list(first._challenges)
        answer = await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey=answer_of("read", step1))

        assert (answer[0], other.proved) == (-3, {0x0A})


@pytest_twisted.ensureDeferred
async def test_items_are_read_by_file_address_and_the_output_mirrors_it(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(psam=PsamCard())) as desk:
        answer = await desk.driver(
            "iReadCard", iAuthType=2, pCardInfo=info(THIRD), pFileAddr="SSSEEF05|06|07|$3F00EF06|08|09|4E|$"
        )

        assert answer == (0, f"2068-02-29|{THIRD.card_number}|${THIRD.id_number}|{THIRD.name}||$", "")


@pytest_twisted.ensureDeferred
async def test_items_by_the_hsm_and_those_that_need_none(tmp_path) -> None:
    card = SecureCard(THIRD)
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        free = {"pCardInfo": info(THIRD), "pFileAddr": "SSSEEF05|07|$"}
        assert (await desk.driver("iReadCard_HSM_Step1", **free))[0] == -2204
        address = "DF04EF05|84|8F|$"
        code, step1, session = await desk.driver("iReadCard_HSM_Step1", pCardInfo=info(THIRD), pFileAddr=address)
        assert (code, step1.split("|")[:2]) == (0, ["03", "002D"])
        key = answer_of("proof", step1, card=named(THIRD, card))
        answer = await desk.driver("iReadCard_HSM_Step2", session_id=session, pFileAddr=address, pKey=key)

        assert (answer[0], answer[1].count("|"), answer[1][-1]) == (0, 2, "$")


@pytest_twisted.ensureDeferred
async def test_pin_is_verified_changed_and_blocked_with_the_tries_left(tmp_path) -> None:
    card = SecureCard(SECOND)
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        assert (await desk.driver("iVerifyPIN", pin=FIRST_PIN))[0] == 0
        again = {"new_pin": "24681", "new_pin_again": "24681"}
        assert (await desk.driver("iChangePIN", pin=FIRST_PIN, **again))[0] == 0
        assert card.pin == "24681"
        for left in range(PIN_TRIES - 1, 0, -1):
            code, out, _ = await desk.driver("iVerifyPIN", pin="0000")
            assert (code, f"还可试 {left} 次" in out) == (-51, True)
        assert (await desk.driver("iVerifyPIN", pin="0000"))[0] == -52
        assert (await desk.driver("iVerifyPIN", pin="24681"))[0] == -52
        tries = [line for event, line in desk.journal() if event == "PinVerifyFailed"]
        assert '"tries_left":5' in tries[0]


@pytest_twisted.ensureDeferred
async def test_a_blocked_pin_is_unblocked_and_reloaded_by_the_hsm(tmp_path) -> None:
    card = SecureCard(SECOND)
    card.pin_tries = 0
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        assert (await desk.driver("iUnblockPIN", pCardInfo=info(SECOND)))[0] == -2203
        _, step1, session = await desk.driver("iUnblockPIN_HSM_Step1", pCardInfo=info(SECOND))
        key = answer_of("unblock", step1, card=named(SECOND, card))
        assert (await desk.driver("iUnblockPIN_HSM_Step2", session_id=session, pKey=key))[0] == 0
        assert (card.pin_tries, card.pin) == (PIN_TRIES, FIRST_PIN)

        _, step1, session = await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=info(SECOND))
        assert step1.split("|")[:2] == ["01", "0090"]
        key = answer_of("proof", step1, card=named(SECOND, card))
        new = {"new_pin": "864213", "new_pin_again": "864213"}
        code, step2, session = await desk.driver("iReloadPIN_HSM_Step2", session_id=session, pKey=key, **new)
        assert (code, step2.split("|")[1], step2.split("|")[3:]) == (0, "0173", ["842400010C", "864213", ""])
        key = answer_of("reload", step2, "864213", named(SECOND, card))
        assert (await desk.driver("iReloadPIN_HSM_Step3", session_id=session, pKey=key))[0] == 0
        assert card.pin == "864213"


@pytest_twisted.ensureDeferred
async def test_a_third_generation_pin_is_reloaded_with_the_header_of_twenty_bytes(tmp_path) -> None:
    card = SecureCard(THIRD)
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        _, step1, session = await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=info(THIRD))
        key = answer_of("proof", step1, card=named(THIRD, card))
        new = {"new_pin": "864213", "new_pin_again": "864213"}
        _, step2, _ = await desk.driver("iReloadPIN_HSM_Step2", session_id=session, pKey=key, **new)
        assert step2.split("|")[3] == "8424000114"
        key = answer_of("reload", step2, "864213", named(THIRD, card), wrong=True)
        code, _, _ = await desk.driver("iReloadPIN_HSM_Step3", session_id=session, pKey=key)
        assert (code, card.pin) == (-37634, FIRST_PIN)


@pytest_twisted.ensureDeferred
async def test_the_transaction_log_by_pin_and_by_psam(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(SecureCard(SECOND), PsamCard())) as desk:
        by_key = await desk.driver("iReadDebitRecord", iAuthType=2)
        by_pin = await desk.driver("iReadDebitRecord", iAuthType=1, pin=FIRST_PIN)

        assert by_key == by_pin
        assert (by_key[0], by_key[1].count("$")) == (0, 1)


FAILURES = (
    (PsamCard(PsamFaults(ciphers=(1,))), None, "iReadCardBas", {}, -2202),
    (PsamCard(PsamFaults(without=frozenset({0x0A}))), None, "iReadCardBas", {}, -2203),
    (PsamCard(PsamFaults(level=2)), None, "iReadCardBas", {}, -24),
    (PsamCard(PsamFaults(wrong=True)), None, "iReadCardBas", {}, -25),
    (PsamCard(), SecureCard(THIRD, KeyFaults(answer_prove=0x6983)), "iReadCardBas", {}, -27011),
    (PsamCard(), SecureCard(THIRD, KeyFaults(answer_prove=0x6E00)), "iReadCardBas", {}, -26371),
    (PsamCard(), None, "iVerifyPIN", {}, -13),
    (PsamCard(), None, "iVerifyPIN", {"pin": "12"}, -33),
    (PsamCard(), None, "iChangePIN", {"pin": "123456", "new_pin": "1111", "new_pin_again": "2222"}, -34),
    (PsamCard(), None, "iDoDebit", {"request_id": "k", "pCardInfo": "1|2|", "pPayInfo": "1.00|0.00|20260302101500|"}, -13),
    (PsamCard(), None, "iReadCardBas", {"reader": "Nowhere"}, -2),
    (PsamCard(), None, "iReadCardBas", {"reader": PSAM}, -11),
    (PsamCard(), None, "iReadCard", {"iAuthType": 2, "pCardInfo": "1|2|", "pFileAddr": "SSSEEF05|07|$"}, -22),
    (PsamCard(), None, "iReadCard", {"iAuthType": 2, "pCardInfo": info(THIRD), "pFileAddr": "SSSE05"}, -14),
    (PsamCard(), None, "iReadCardBas_HSM_Step2", {"session_id": "none", "pKey": ""}, -3),
)  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_each_failure_has_its_published_code_and_a_text(tmp_path) -> None:
    slots, found = readers(), []
    async with keyed_desk(tmp_path, slots) as desk:
        for psam, card, function, params, expected in FAILURES:
            slots.swap(PSAM, psam)
            slots.swap(READER, card or SecureCard(THIRD))
            code, out, _ = await desk.driver(function, **params)
            found.append((function, params, expected, code, bool(out)))

    assert [one for one in found if one[2] != one[3] or not one[4]] == []


@pytest.mark.parametrize(("key", "expected"), [("", -23), ("0" * 40, -23), ("0" * 32 + "|" + "0" * 32, -25)])
@pytest_twisted.ensureDeferred
async def test_a_key_of_step_2_that_is_short_or_wrong_costs_the_card_no_try(tmp_path, key, expected) -> None:
    card = SecureCard(THIRD)
    async with keyed_desk(tmp_path, readers(card), psam_reader="") as desk:
        _, _, session = await desk.driver("iReadCardBas_HSM_Step1")

        assert (await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey=key))[0] == expected
        assert card.key_tries == {}


@pytest_twisted.ensureDeferred
async def test_driver_outputs_are_for_the_his_alone(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers()) as desk:
        pos = Caller(Role.POS, "pharmacy", "T9")
        assert await desk.code("driver.iReadCardBas", pos) == "access.role"
        assert await desk.code("card.files", pos, session_id="x", files=[]) == "access.role"
