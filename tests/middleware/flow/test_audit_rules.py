"""Each rule on acts made by hand: what it finds, what it must not, and where its threshold lies."""

from __future__ import annotations

import datetime as dt

import pytest

from middleware.domain.audit import Act, Seen
from middleware.domain.order import Role
from middleware.domain.registry import Listing, ListReason, Terminal
from middleware.flow.audit_rules import (
    RULES,
    Limits,
    Scene,
    after_loss,
    distance_m,
    id_mismatch,
    judge,
    pharmacy_frequency,
    pin_failures,
    psam_refused,
    two_desks,
)

NOON = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
HERE, NEAR = (
    Terminal("t1", "一楼收费1", latitude=30.0, longitude=120.0),
    Terminal("t2", "二楼", latitude=30.0005, longitude=120.0),
)
FAR = Terminal("t3", "东院区", latitude=30.09, longitude=120.0)  # ten kilometres
NOWHERE = Terminal("t4", "未登记位置")
PLACES = {one.terminal: one for one in (HERE, NEAR, FAR, NOWHERE)}


def act(seconds, terminal="t1", what=Act.READ, code="", role=Role.HIS, **more):
    at = NOON + dt.timedelta(seconds=seconds)
    return Seen(f"A{seconds + 100_000:09d}", at, what, code, "card", role, more.pop("account", "his-1"), terminal, **more)


def scene(*acts, listing=None, **limits):
    return Scene(acts[-1], acts, PLACES, listing, Limits(**limits))


# -- one card at two desks


def test_a_card_at_two_desks_too_soon_for_the_way_is_found_with_both_uses():
    first, second = act(0, "t1"), act(60, "t3")

    found = two_desks(scene(first, second))

    assert found.acts == (first, second)
    assert (found.facts["seconds"], round(int(found.facts["metres"]), -3)) == ("60", 10_000)


@pytest.mark.parametrize(
    "acts",
    [
        (act(0, "t1"), act(600, "t3")),  # time enough at 30 m/s
        (act(0, "t1"), act(1, "t2")),  # the same house
        (act(0, "t1"), act(1, "t1")),
        (act(0, "t1"), act(1, "t4")),  # nobody knows where that is
        (act(0, "t1"), act(1, "unknown")),
        (act(0, "t1"),),
    ],
    ids=["slowly", "near", "same", "nowhere", "unregistered", "once"],
)
def test_a_card_that_can_have_come_there_is_none(acts):
    assert two_desks(scene(*acts)) is None


def test_the_way_is_measured_from_each_use_in_the_window_and_a_refused_one_counts():
    acts = (act(0, "t3", code="card.withdrawn"), act(30, "t1"), act(40, "t1"))

    assert two_desks(scene(*acts)).acts == (acts[0], acts[2])
    assert two_desks(scene(*acts, travel_window_s=20.0)) is None


def test_a_later_act_that_is_already_in_the_window_is_not_looked_at_yet():
    now, later = act(0, "t1"), act(5, "t3")

    assert two_desks(Scene(now, (now, later), PLACES)) is None
    assert two_desks(Scene(later, (now, later), PLACES)) is not None


@pytest.mark.parametrize(
    ("latitude", "metres"), [(0.0, 0.0), (1.0, 111_195.0), (90.0, 10_007_543.0), (180.0, 20_015_087.0)]
)
def test_distances_are_those_of_the_globe(latitude, metres):
    one, other = Terminal("a", "", latitude=-90.0, longitude=0.0), Terminal("b", "", latitude=latitude - 90, longitude=0.0)

    assert distance_m(one, other) == pytest.approx(metres, abs=1.0)
    assert distance_m(one, NOWHERE) is None


# -- after it was reported lost

LOST = Listing(ListReason.LOST, NOON - dt.timedelta(hours=1), "L1")


@pytest.mark.parametrize(("code", "refused"), [("", "no"), ("card.lost", "yes")])
def test_a_card_that_is_used_or_tried_after_its_loss_is_found(code, refused):
    found = after_loss(scene(act(0, code=code), listing=LOST))

    assert (found.facts["refused"], found.facts["reason"]) == (refused, "lost")


def test_a_use_before_the_loss_is_none_and_so_is_a_card_in_no_list():
    assert after_loss(scene(act(-3601), listing=LOST)) is None
    assert after_loss(scene(act(0))) is None


# -- what does not agree with the id number


def test_a_card_whose_id_number_says_otherwise_is_found_and_only_then():
    assert id_mismatch(scene(act(0, differs=("birth_date", "sex")))).facts == {"differs": "birth_date sex"}
    assert id_mismatch(scene(act(0))) is None


# -- PIN


def pins(*codes):
    return tuple(act(n, f"t{n % 3}", Act.PIN_VERIFY, code) for n, code in enumerate(codes))


BAD = "card.pin_wrong"


def test_as_many_failed_pins_as_the_threshold_are_found_at_whatever_desks():
    acts = pins(BAD, BAD, BAD)

    assert pin_failures(scene(*acts)).acts == acts
    assert pin_failures(scene(*acts[:2])) is None


@pytest.mark.parametrize("codes", [(BAD, BAD, "", BAD), (BAD, BAD, BAD, ""), (BAD, BAD)])
def test_a_right_pin_ends_the_row_of_failures(codes):
    assert pin_failures(scene(*pins(*codes))) is None


def test_failures_out_of_the_window_do_not_count_and_neither_do_reads():
    assert pin_failures(scene(*pins(BAD, BAD, BAD), pin_window_s=1.0)) is None
    assert pin_failures(scene(*pins(BAD, BAD), act(9, code="card.mute"))) is None


# -- a pharmacy


def sales(count, role=Role.POS, code=""):
    return tuple(act(60 * n, "till", role=role, code=code, account=f"pos-{n % 2}") for n in range(count))


def test_a_card_that_is_read_at_pharmacies_as_often_as_the_threshold_is_found():
    found = pharmacy_frequency(scene(*sales(6)))

    assert found.facts == {"times": "6", "pharmacies": "2"}
    assert pharmacy_frequency(scene(*sales(5))) is None


def test_reads_at_the_hospital_and_reads_that_failed_are_no_pharmacys():
    assert pharmacy_frequency(scene(*sales(9, Role.HIS))) is None
    assert pharmacy_frequency(scene(*sales(9, code="card.mute"))) is None
    assert pharmacy_frequency(scene(*sales(6), pharmacy_window_s=100.0)) is None


# -- a PSAM


@pytest.mark.parametrize("code", ["psam.lost", "psam.not_in_use"])
def test_a_psam_that_may_not_be_used_is_found_under_its_serial(code):
    assert psam_refused(scene(act(0, what=Act.AUTHENTICATE, code=code, psam="P1"))).about == "P1"


def test_a_psam_that_fails_otherwise_is_none():
    assert psam_refused(scene(act(0, what=Act.AUTHENTICATE, code="psam.failed", psam="P1"))) is None


# -- all of them


def test_a_plain_day_raises_no_flag_and_each_rule_has_its_chinese_and_english_text():
    assert judge(scene(*(act(3600 * n, "t1") for n in range(10)))) == []
    assert all(rule.zh and rule.en and len(rule.name) <= 24 for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)
