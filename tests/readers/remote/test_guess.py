"""What a read will ask next: guessed as far as all known cards agree, and never more than reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from readers.remote.guess import MAX_KNOWN, Asked, Guesses
from readers.remote.messages import MAX_STEPS, Step

OK, MISSING = 0x9000, 0x6A83
SELECT, ONE, TWO, THREE = (bytes.fromhex(text) for text in ("00A40400", "00B2010012", "00B2020012", "00B2030012"))


def learned(*sequences: tuple[Asked, ...]) -> Guesses:
    guesses = Guesses()
    for sequence in sequences:
        guesses.learn(sequence)
    return guesses


def test_a_known_read_is_guessed_to_its_end_with_the_status_words_that_were_met() -> None:
    guesses = learned((Asked(SELECT, OK), Asked(ONE, MISSING), Asked(TWO, OK)))

    assert guesses.steps(()) == (Step(SELECT, OK), Step(ONE, MISSING), Step(TWO, 0))
    assert guesses.steps((Asked(SELECT, OK),), ONE) == (Step(ONE, MISSING), Step(TWO, 0))
    assert guesses.steps((Asked(SELECT, OK),), THREE) == (Step(THREE, 0),)


def test_two_known_kinds_are_guessed_to_where_they_part_and_then_by_what_is_asked() -> None:
    by_command = learned((Asked(SELECT, OK), Asked(ONE, OK)), (Asked(SELECT, OK), Asked(TWO, OK), Asked(THREE, OK)))
    by_status = learned((Asked(SELECT, OK), Asked(ONE, OK)), (Asked(SELECT, 0x6110), Asked(TWO, OK)))

    assert by_command.steps(()) == (Step(SELECT, 0),)
    assert by_command.steps((Asked(SELECT, OK),), TWO) == (Step(TWO, OK), Step(THREE, 0))
    assert by_status.steps(()) == (Step(SELECT, 0),)


def test_nothing_is_guessed_before_anything_is_known() -> None:
    assert Guesses().steps(()) == ()
    assert Guesses().steps((), SELECT) == (Step(SELECT, 0),)


def test_a_read_with_a_command_that_can_change_a_card_is_never_learned() -> None:
    for command in ("00200000023132", "0082000A10" + "00" * 16, "00840000" + "08", "80B2000012", "04D2000000"):
        assert learned((Asked(SELECT, OK), Asked(bytes.fromhex(command), OK))).steps(()) == ()


@given(st.lists(st.lists(st.sampled_from([SELECT, ONE, TWO, THREE]), min_size=1, max_size=100), min_size=1, max_size=9))
def test_a_guess_is_bounded_and_its_last_step_never_goes_on(reads: list[list[bytes]]) -> None:
    guesses = learned(*(tuple(Asked(command, OK) for command in read) for read in reads))
    steps = guesses.steps(())

    assert len(steps) <= MAX_STEPS
    assert not steps or steps[-1].go_on == 0
    assert len(guesses._known) <= MAX_KNOWN
    # All known reads begin with what is guessed.
    assert all([a.command for a in known][: len(steps)] == [step.command for step in steps] for known in guesses._known)
