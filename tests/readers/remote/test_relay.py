"""The agent runs what it is told, and not one command further than it was told to."""

from __future__ import annotations

import pytest

from middleware.domain.fault import Fault
from readers.remote.messages import Step
from readers.remote.relay import run_steps

ONE, TWO, THREE = (bytes.fromhex(text) for text in ("00A40400", "00B2010012", "00B2020012"))


class Card:
    def __init__(self, *answers: str) -> None:
        self.asked: list[bytes] = []
        self._answers = [bytes.fromhex(answer) for answer in answers]

    def __call__(self, command: bytes) -> bytes:
        self.asked.append(command)
        return self._answers[len(self.asked) - 1]


def test_steps_are_run_while_the_status_word_is_the_one_to_go_on_with() -> None:
    card = Card("9000", "6A83", "AB9000")
    answers = run_steps(card, (Step(ONE, 0x9000), Step(TWO, 0x6A83), Step(THREE, 0)))

    assert [answer.hex() for answer in answers] == ["9000", "6a83", "ab9000"]


@pytest.mark.parametrize(("status", "go_on"), [("6A82", 0x9000), ("9000", 0x6A83), ("9000", 0)])
def test_nothing_is_asked_after_another_status_word_or_the_last_step(status: str, go_on: int) -> None:
    card = Card(status, "9000")
    answers = run_steps(card, (Step(ONE, go_on), Step(TWO, 0x9000)))

    assert (len(answers), card.asked) == (1, [ONE])


@pytest.mark.parametrize("answer", ["", "90", "AB" * 257 + "9000"])
def test_what_is_no_answer_of_a_card_is_a_fault_and_never_travels(answer: str) -> None:
    with pytest.raises(Fault) as caught:
        run_steps(Card("9000", answer), (Step(ONE, 0x9000), Step(TWO, 0)))

    assert caught.value.code == "card.malformed"
