"""From a region's file to the flow's policy."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from adapters.insurance.profile import REGIONS, Profile, load_profile
from adapters.insurance.profile_kinds import CrossRegionForm, KindForm, OutpatientForm, PharmacyForm, StayForm
from config.load import ConfigError, read
from daemon.policies import calls_of, categories_of, cross_of, kinds_of, local_of
from middleware.domain.category import CATEGORIES, Need
from middleware.domain.centre import Call
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.pursuit import ORDER, Source
from middleware.domain.rules import KIND_RULES, DischargeBy, OnHisRefusal, OnHisSilence

LEAST = {"name": "x", "region": "430100", "reversible": []}


def profile(**more) -> Profile:
    return read(Profile, {**LEAST, **more})


def test_a_file_that_says_nothing_leaves_every_decision_to_a_person():
    said = profile()
    rules = kinds_of(said)

    assert rules == dict(KIND_RULES), "the flow's own defaults are the file's"
    assert not any(one.withdraw for one in rules.values())
    assert {one.on_his_refusal for one in rules.values()} == {OnHisRefusal.HOLD}
    assert (cross_of(said).regions, cross_of(said).reversible, said.query_visits) == ((), frozenset(), False)


def test_each_key_of_a_kind_reaches_the_flow():
    stay = {
        "allowed": False, "tell_visit": True, "tell_charges": False, "withdraw": True, "on_his_refusal": "cancel",
        "on_his_silence": "hold", "his_silence_s": 60, "max_total": "1000.50", "max_lines": 7, "days_back": 3,
        "cancel_days": 2, "quote_expiry_s": 90, "discharge": "after-settle", "evidence": ["file", "reversal"],
    }  # fmt: skip
    rules = kinds_of(profile(inpatient=stay))[VisitKind.INPATIENT]

    assert attrs.astuple(rules, recurse=False) == (
        False, True, False, True, OnHisRefusal.CANCEL, OnHisSilence.HOLD, 60, Money(100_050), 7, 3, 2, 90, DischargeBy.AFTER,
        Call.UPLOAD_VISIT, (Source.FILE, Source.REVERSAL),
    )  # fmt: skip


def test_those_insured_elsewhere_have_their_own_rules():
    said = profile(
        cross_region={"regions": ["44"], "kinds": ["pharmacy"], "reversible": ["2102"], "max_total": "5", "local_digits": 2}
    )
    cross = cross_of(said)

    assert local_of(said) == "43"
    assert (cross.takes("440100", VisitKind.PHARMACY), cross.takes("440100", VisitKind.OUTPATIENT)) == (True, False)
    assert (cross.reversible, cross.max_total) == (calls_of(["2102"]), Money(500))


def test_a_region_adds_a_category_or_has_one_otherwise():
    rows = categories_of(
        profile(
            categories={
                "99922": {"kind": "outpatient", "insurances": ["410"]},
                "13": {"kind": "outpatient", "needs": ["disease"]},
            }
        )
    )

    assert rows["99922"].insurances == ("410",)
    assert rows["13"].needs == {Need.DISEASE}
    assert rows["11"] is CATEGORIES["11"]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"outpatient": {"on_his_refusal": "ask"}}, "outpatient.on_his_refusal"),
        ({"outpatient": {"max_total": "ten"}}, "outpatient.max_total"),
        ({"outpatient": {"discharge": "before-quote"}}, "outpatient.discharge"),
        ({"inpatient": {"discharge": "never"}}, "inpatient.discharge"),
        ({"cross_region": {"local_digits": 9}}, "cross_region.local_digits"),
        ({"categories": {"1": {"kind": "spa"}}}, "categories"),
    ],
)
def test_a_wrong_key_is_named(more, path):
    with pytest.raises(ConfigError, match=re.escape(path)):
        profile(**more)


@pytest.mark.parametrize(
    "more", [{"cross_region": {"kinds": ["spa"]}}, {"categories": {"1": {"kind": "pharmacy", "needs": ["x"]}}}]
)
def test_a_wrong_word_in_a_list_is_named(more):
    with pytest.raises(ConfigError, match=r"'spa'|'x'"):
        profile(**more)


def test_the_template_explains_every_key_of_every_section():
    text = (Path(REGIONS) / "template.toml").read_text(encoding="utf-8")
    load_profile("template")
    for form in (KindForm, OutpatientForm, PharmacyForm, StayForm, CrossRegionForm):
        for key in attrs.fields_dict(form):
            assert re.search(rf"^{key} = ", text, re.MULTILINE), key


def test_a_code_that_this_product_does_not_send_is_no_call():
    assert calls_of(["2207", "9999"]) == {Call.SETTLE}


def test_the_order_of_evidence_is_each_kinds_own_and_those_from_elsewhere_may_have_another():
    said = profile(pharmacy={"evidence": ["file"]}, cross_region={"evidence": ["visit-query"]})

    assert kinds_of(said)[VisitKind.PHARMACY].evidence == (Source.FILE,)
    assert kinds_of(said)[VisitKind.OUTPATIENT].evidence == ORDER
    assert (cross_of(said).evidence, cross_of(profile()).evidence) == ((Source.VISITS,), ())


@pytest.mark.parametrize("wrong", [["5201"], ["file", "file"], ["reversal", ""]])
@pytest.mark.parametrize("section", ["outpatient", "pharmacy", "inpatient", "cross_region"])
def test_an_order_of_evidence_that_is_none_is_refused(section, wrong):
    with pytest.raises(ConfigError, match="evidence"):
        profile(**{section: {"evidence": wrong}})
