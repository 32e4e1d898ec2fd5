"""The profiles in which the defects of one part are looked for: their sound days stay sound and have what they are for."""

from __future__ import annotations

from tests.simulation.groups import CARDS


def test_enough_days_have_payers_with_cards():
    assert len(CARDS) > 20


def test_days_with_confirmations_break_no_rule_and_have_some(play):
    results = [play(seed, "confirm") for seed in range(1, 3)]

    assert [str(result.broken) for result in results if result.broken] == []
    assert results[0].states["ConfirmSent"] > 0


def test_weak_evidence_is_asked_for_and_no_order_breaks_a_rule(play):
    results = [play(seed, "evidence") for seed in range(1, 3)]

    assert [(r.seed, str(r.broken)) for r in results if r.broken] == []
    assert sum(r.checked["weak"] for r in results) > 0


def test_on_days_of_keys_all_is_rotated_and_a_period_is_destroyed_and_no_rule_breaks(play):
    result = play(1, "keys")

    assert result.broken is None
    assert {"rotation", "crash", "keys-keys.refused", "keys-desk.stale", "keys-desk.same_person"} <= set(result.faults)
    assert result.checked["keys"] > 1000


def test_some_nights_of_days_that_go_over_midnight_balance(play):
    results = [play(seed, "nights") for seed in range(1, 3)]

    assert [result.broken for result in results] == [None] * len(results)
    assert all(result.checked["15"] for result in results)


def test_an_old_centres_cycles_are_compared_once_and_agree_on_both_sides(play):
    results = [play(seed, "cycles") for seed in range(1, 4)]

    assert [(r.seed, str(r.broken)) for r in results if r.broken] == []
    assert all(result.checked["cycle"] > 5 for result in results)
