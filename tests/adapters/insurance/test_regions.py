"""The shipped profiles of regions: what each says is a fact of a published text, and nothing else is said."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.insurance.files.form import DETAIL_COLUMNS, RESULT_COLUMNS
from adapters.insurance.profile import REGIONS, load_profile
from adapters.insurance.transactions import SERVICES
from config.load import document_of
from daemon.policies import calls_of, categories_of, cross_of, kinds_of
from daemon.profile_check import check_profile, unconfirmed
from middleware.domain.kind import VisitKind

UNKNOWN = {"not_found_codes": [], "already_reversed_codes": []}
NOTHING: dict[str, Any] = {"reversible": [], **UNKNOWN, "statement": {"not_ready_codes": []}}
FACTS: dict[str, dict[str, Any]] = {
    "430000-hunan": {  # the interface V1.1.27 itself
        **UNKNOWN,
        "reversible": ["2102", "2207", "2304", "2401"],
        "sign_in": "daily",
        "sign_in_again_codes": [],
        "dialect": "national",
        "national": {"content_type": "text/plain; charset=utf-8"},
        "gateway": {"scheme": "csb", "api_name": "", "timestamp": "ms", "window_s": 1800},
        "signature": {"scheme": "none"},
        "query_visits": False,
        "services": sorted(SERVICES),  # the text has a table for each
        "extra_codes": {"med_type": ["12"]},
        "statement": {
            "detail": True,
            "columns": list(DETAIL_COLUMNS),
            "result_columns": list(RESULT_COLUMNS),
            "encoding": "utf-8",
            "not_ready_codes": [],
            "verdicts": {"0": "equal", "1": "differs"},
        },
    },
    "420000-hubei": {  # quotations of V1.2.02
        **NOTHING,
        "dialect": "national",
        "signature": {"scheme": "sm2", "user_id": "1234567812345678"},
        "statement": {
            "not_ready_codes": [],
            "verdicts": {"000000": "equal", "000102": "only-here", "000103": "amounts"},
        },
    },
    "500000-chongqing": {  # a client's source
        **NOTHING,
        "reversible": ["2207", "2208", "2304", "2305", "2401"],
        "dialect": "national",
        "gateway": {"scheme": "none"},
        "signature": {"scheme": "password"},
    },
    "330000-zhejiang": NOTHING,
    "350000-fujian": NOTHING,
}


def test_every_shipped_profile_has_its_facts_here() -> None:
    shipped = {path.stem for path in REGIONS.glob("*.toml") if not path.stem.startswith("999900-")}
    assert shipped == {*FACTS, "template"}


@pytest.mark.parametrize("name", FACTS)
def test_a_profile_says_its_facts_and_nothing_else(name: str) -> None:
    document = document_of(REGIONS / f"{name}.toml")

    said = {key: value for key, value in document.items() if key not in {"name", "region"}}

    assert said == FACTS[name]
    assert name.startswith(document["region"])


@pytest.mark.parametrize("name", FACTS)
def test_a_profile_is_sound_and_not_ready_for_production(name: str) -> None:
    lines: list[str] = []

    assert check_profile(REGIONS / f"{name}.toml", lines.append, production=False) == 0
    assert check_profile(REGIONS / f"{name}.toml", lines.append, production=True) == 1
    open_ = {one.key for one in unconfirmed(document_of(REGIONS / f"{name}.toml"))}
    assert {"not_found_codes", "already_reversed_codes", "processing_limit_s", "cross_region.regions"} <= open_


@pytest.mark.parametrize("name", FACTS)
def test_what_is_not_known_of_a_region_is_left_to_a_person(name: str) -> None:
    profile = load_profile(name)

    assert {call.value for call in calls_of(profile.reversible)} == set(FACTS[name]["reversible"])
    assert not profile.adopt_listed
    assert not cross_of(profile).regions
    assert not cross_of(profile).reversible
    assert all(not rules.withdraw for rules in kinds_of(profile).values())
    assert set(kinds_of(profile)) == set(VisitKind)
    assert "12" in categories_of(profile)
    assert ("12" in profile.extra_codes.get("med_type", ())) is (name == "430000-hunan")
