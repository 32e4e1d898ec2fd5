"""Each defect that the public driver code is known for, as a test of its name: none of them is ours."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
import structlog

from middleware.domain.fault import FAULTS, Fault
from middleware.doors.local_api.driver_codes import BY_FAULT, BY_STATUS, code_of
from middleware.doors.local_api.methods import METHODS
from readers.auth import commands
from readers.tlv import Record
from simulators.card import CardFaults
from simulators.card.hsm import answer_of
from simulators.card.psam import PsamCard
from simulators.card.secure import FIRST_PIN, KeyFaults, SecureCard
from simulators.people import PEOPLE
from tests.readers.attempts import attempt
from tests.support.keyed import PSAM, READER, InlineReaders, keyed_desk

THIRD, SECOND = PEOPLE["third-generation"], PEOPLE["employee"]
INFO = f"{SECOND.card_id_code}|{SECOND.card_number}|"


@pytest.mark.parametrize("word", [0x6F00, 0x6A00, 0x9001, 0x0000])
def test_defect_success_is_9000_and_not_either_of_its_bytes(word: int) -> None:
    card = SecureCard(THIRD, KeyFaults(answer_prove=word))
    outcome = attempt(lambda: commands.prove_to(card.answer, 0x0A, bytes(16)))

    assert isinstance(outcome, Fault)


@pytest.mark.parametrize("size", range(0x09, 0x20))
def test_defect_a_length_byte_is_binary_also_from_0a_to_0f_and_1a_to_1f(size: int) -> None:
    assert Record.decode(bytes((0x09, size)) + b"A" * size).value == b"A" * size


@pytest_twisted.ensureDeferred
async def test_defect_reload_step_1_accepts_the_card_that_was_named(tmp_path) -> None:
    async with keyed_desk(tmp_path, InlineReaders(**{READER: SecureCard(SECOND)}), psam_reader="") as desk:
        assert (await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=INFO))[0] == 0


@pytest_twisted.ensureDeferred
async def test_defect_a_mismatch_is_minus_22_and_not_minus_14(tmp_path) -> None:
    async with keyed_desk(tmp_path, InlineReaders(**{READER: SecureCard(SECOND)}), psam_reader="") as desk:
        wrong = f"{SECOND.card_id_code}|A1000004X|"
        assert (await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=wrong))[0] == -22
        assert desk.cards.count == 0


def test_defect_every_code_has_its_minus_sign() -> None:
    codes = [*BY_FAULT.values(), *BY_STATUS.values()]
    codes += [code_of(Fault("card.key_refused", status=0x63C0 + left)) for left in range(16)]
    codes += [code_of(Fault(code)) for code in FAULTS]

    assert max(codes) < 0
    assert [code_of(Fault("card.key_refused", status=0x63C0 + left)) for left in range(3)] == [-25536, -25537, -25538]


@pytest_twisted.ensureDeferred
async def test_defect_the_algorithm_of_the_reload_path_is_the_cards(tmp_path) -> None:
    for person, algorithm in ((SECOND, "01"), (THIRD, "03")):
        where = tmp_path / algorithm
        where.mkdir()
        async with keyed_desk(where, InlineReaders(**{READER: SecureCard(person)}), psam_reader="") as desk:
            info = f"{person.card_id_code}|{person.card_number}|"
            _, step1, _ = await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=info)
            assert step1.split("|")[:2] == [algorithm, "0090"]


@pytest_twisted.ensureDeferred
async def test_defect_a_pin_enters_no_log_no_journal_and_no_repr(tmp_path, capsys) -> None:
    pins = first, wrong, new_one = ["9753180246", "8642097531", "1029384756"]  # long: no other number has them by chance
    card = SecureCard(SECOND, pin=first)
    with structlog.testing.capture_logs() as logs:
        async with keyed_desk(tmp_path, InlineReaders(**{READER: card}), psam_reader="") as desk:
            for pin in (first, wrong):
                await desk.driver("iVerifyPIN", pin=pin)
            await desk.driver("iChangePIN", pin=first, new_pin=new_one, new_pin_again=new_one)
            await desk.driver("iVerifyPIN", pin=f"{wrong}x")
            await desk.driver("iReadCard", iAuthType=1, pCardInfo=INFO, pFileAddr="DF04EF05|84|$", pin=new_one)
            _, step1, session = await desk.driver("iReloadPIN_HSM_Step1", pCardInfo=INFO)
            key = answer_of("proof", step1, card=f"{SECOND.region}|{card.atr[-14:-1].hex()}|")
            new = {"new_pin": new_one, "new_pin_again": new_one}
            await desk.driver("iReloadPIN_HSM_Step2", session_id=session, pKey=key, **new)
            records = desk.journal()
            journal = " ".join(line for _, line in records)
    said = capsys.readouterr()
    everything = f"{logs} {said.out} {said.err} {journal}"

    assert {"PinVerified", "PinVerifyFailed", "PinChanged"} <= {event for event, _ in records}
    assert [pin for pin in pins if pin in everything] == []
    for name in ("iVerifyPIN", "iChangePIN", "iReadCard", "iReloadPIN_HSM_Step2", "iReadDebitRecord"):
        params = {"pin": FIRST_PIN, "new_pin": FIRST_PIN, "new_pin_again": FIRST_PIN, "iAuthType": 1, "session_id": "x"}
        params |= {"pCardInfo": "1|2|", "pFileAddr": "x", "pKey": "x"}
        known = METHODS[f"driver.{name}"].params.__struct_fields__
        made = METHODS[f"driver.{name}"].read({key: value for key, value in params.items() if key in known})
        assert FIRST_PIN not in repr(made) + str(made)


@pytest.mark.parametrize("status", [0x6A83, 0x6A82, 0x6A88])
@pytest_twisted.ensureDeferred
async def test_defect_a_missing_name_extension_is_no_value_and_no_failure(tmp_path, status: int) -> None:
    faults = KeyFaults(card=CardFaults(missing_tags=frozenset({0x4E}), missing_status=status))
    card = SecureCard(SECOND, faults)
    async with keyed_desk(tmp_path, InlineReaders(**{READER: card}), psam_reader="") as desk:
        code, out, _ = await desk.driver("iReadCardBas")

        assert (code, out.split("|")[4]) == (0, SECOND.name)


@pytest_twisted.ensureDeferred
async def test_defect_the_steps_of_two_cards_never_mix(tmp_path) -> None:
    """There, step 1 and step 2 met in globals of the process: another card's answer, or another desk's, went through."""
    one, other = SecureCard(THIRD), SecureCard(attrs.evolve(THIRD, card_id_code=THIRD.card_id_code[:-1] + "B"), seed=9)
    slots = InlineReaders(**{READER: one, "Counter 2": other})
    async with keyed_desk(tmp_path, slots, psam_reader="") as desk:
        _, _, session = await desk.driver("iReadCardBas_HSM_Step1", reader=READER)
        _, second, theirs = await desk.driver("iReadCardBas_HSM_Step1", reader="Counter 2")
        crossed = await desk.driver("iReadCardBas_HSM_Step2", session_id=session, pKey=answer_of("read", second))

        assert (crossed[0], session != theirs, one.proved) == (-25, True, frozenset())
        right = await desk.driver("iReadCardBas_HSM_Step2", session_id=theirs, pKey=answer_of("read", second))
        assert (right[0], right[1].split("|")[3]) == (0, other.person.card_id_code)


@pytest_twisted.ensureDeferred
async def test_defect_terminal_and_device_are_told_and_never_zeros(tmp_path) -> None:
    slots = InlineReaders(**{READER: SecureCard(SECOND), PSAM: PsamCard(terminal="999900000042")})
    async with keyed_desk(tmp_path, slots, device_number="COUNTER3") as desk:
        _, out, _ = await desk.driver("iReadCardBas")
        assert out.split("|")[9:] == ["999900000042", "COUNTER3", ""]
    silent = tmp_path / "silent"
    silent.mkdir()
    async with keyed_desk(silent, InlineReaders(**{READER: SecureCard(SECOND)}), psam_reader="") as desk:
        _, out, _ = await desk.driver("iReadCardBas")
        assert out.split("|")[9:] == ["", "", ""]
