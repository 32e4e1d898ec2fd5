"""A PSAM proves keys to cards of all generations; what it cannot is said in words of its own."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card_key import HOLDER_KEY, KeyAsk
from middleware.domain.fault import Fault
from readers.auth import card as steps
from readers.auth import commands, psam
from readers.cards.declaration import Algorithm
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import KeyFaults
from tests.readers.attempts import attempt
from tests.readers.auth.plain import authenticated, context, opened, psam_proof, secure


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Fault) else "done"


@pytest.mark.parametrize("faults", [PsamFaults(), PsamFaults(only_80=True), PsamFaults(get_response=True)])
def test_a_third_generation_card_opens_under_sm4_and_gives_one_checked_identity(faults: PsamFaults) -> None:
    card = secure()
    known = authenticated(card, faults=faults)
    reading = steps.identity(card.answer, context(card), known, steps.WITH_KEY)

    assert known.algorithm == "03"
    assert reading.card.id_number.reveal() == card.person.id_number
    assert card.proved == {0x0A}


def test_a_second_generation_card_opens_a_file_under_3des() -> None:
    card = secure("employee")
    ask = KeyAsk(0x2D, "002D", "DF04")
    known = authenticated(card, ask)

    assert known.algorithm == "01"
    assert card.proved == {0x2D}


def test_without_proof_the_holder_of_a_third_generation_card_stays_closed() -> None:
    card = secure()
    known = opened(card)

    assert code(attempt(lambda: steps.identity(card.answer, context(card), known, steps.WITH_KEY))) == "card.access_denied"


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (PsamFaults(ciphers=(0x01,)), "psam.no_algorithm"),
        (PsamFaults(without=frozenset({0x0A})), "psam.no_key"),
        (PsamFaults(level=2), "psam.key_level"),
        (PsamFaults(wrong=True), "card.not_genuine"),
    ],
)
def test_what_a_psam_cannot_is_its_own_fault_and_costs_the_card_no_try(faults: PsamFaults, expected: str) -> None:
    card = secure()

    assert code(attempt(lambda: authenticated(card, faults=faults))) == expected
    assert card.key_tries == {}


def test_a_psam_of_another_issuer_is_refused_by_the_card_with_the_tries_left() -> None:
    card = secure("employee")
    fault = attempt(lambda: authenticated(card, KeyAsk(0x2D, "002D", "DF04"), PsamFaults(wrong=True)))

    assert isinstance(fault, Fault)
    assert (fault.code, fault.tries_left) == ("card.key_refused", 2)


def test_a_forged_card_is_found_out_before_anything_is_proved_to_it() -> None:
    card = secure(faults=KeyFaults(forged=True))

    assert code(attempt(lambda: authenticated(card))) == "card.not_genuine"


def test_a_proof_is_good_for_its_own_challenge_and_no_other() -> None:
    card = secure()
    known = opened(card)
    old = psam_proof(steps.challenged(card.answer, known, HOLDER_KEY))
    steps.challenged(card.answer, known, HOLDER_KEY)

    assert code(attempt(lambda: commands.prove_to(card.answer, 0x0A, old.external))) == "card.key_refused"


def test_the_challenges_come_in_the_order_that_is_in_use() -> None:
    card = secure()
    known = opened(card)
    card.commands.clear()
    asked = steps.challenged(card.answer, known, HOLDER_KEY)

    assert [command[1] for command in card.commands] == [0xA4, 0x84, 0x84, 0x88, 0x84, 0x84]
    challenge = asked.challenge
    assert card.commands[3][5:] == challenge.internal_factor + challenge.internal_source + b"\x08"


def test_a_psam_says_who_it_is_and_a_persons_card_is_none() -> None:
    found = psam.facts(PsamCard().answer)

    assert (found.serial, found.terminal) == ("99990000000000000001", "999900000007")
    assert code(attempt(lambda: psam.facts(secure().answer))) == "psam.absent"


def test_fewer_levels_give_the_psam_fewer_factors() -> None:
    sent: list[bytes] = []
    card = PsamCard()

    def answer(command: bytes) -> bytes:
        sent.append(command)
        return card.answer(command) or b""

    asked = steps.challenged(secure().answer, opened(secure()), attrs.evolve(HOLDER_KEY, mutual=False))
    for levels in (1, 2, 3):
        attempt(lambda levels=levels: psam.proof(answer, asked.challenge, psam.Terms(levels)))

    chosen = [command for command in sent if command[1] == 0xDE]
    assert [(command[2], command[4]) for command in chosen] == [(0x27, 8), (0x47, 16), (0x67, 24)]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8))
def test_whatever_a_psam_answers_is_a_fault_or_a_proof(answers: list[bytes]) -> None:
    asked = steps.challenged(secure().answer, opened(secure()), HOLDER_KEY)
    source = iter(answers)

    outcome = attempt(lambda: psam.proof(lambda _: next(source, b"\x6f\x00"), asked.challenge, psam.Terms()))
    assert not isinstance(outcome, Exception) or isinstance(outcome, Fault)


def test_each_cipher_has_its_environment() -> None:
    assert set(psam.tables.PSAM_ENVIRONMENTS) == set(Algorithm)
