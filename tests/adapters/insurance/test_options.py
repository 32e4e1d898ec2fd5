from __future__ import annotations

from pathlib import Path

import pytest

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.profile import REGIONS, Profile, load_profile
from config.load import ConfigError, read

NEEDED = {
    "url": "http://127.0.0.1:1/centre",
    "institution_code": "H99990000001",
    "institution_name": "测试医院",
    "profile": "999900-test",
    "operator": "0001",
    "operator_name": "操作员",
}


def test_only_who_and_where_must_be_said() -> None:
    options = read(CentreOptions, NEEDED)

    assert (options.total_deadline_s, options.max_in_flight, options.gateway_401_is_refusal) == (45.0, 500, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://centre/x"},
        {"url": "http://user:secret@centre/x"},
        {"institution_code": "short"},
        {"profile": "../../etc/passwd"},
        {"profile": ""},
        {"total_deadline_s": 0},
        {"max_in_flight": 0},
        {"max_body_bytes": 1 << 30},
        {"insured_region": "sometimes"},
        {"nonsense": 1},
    ],
)
def test_a_wrong_setting_is_named(wrong: dict) -> None:
    with pytest.raises(ConfigError) as caught:
        read(CentreOptions, NEEDED | wrong)

    assert next(iter(wrong)) in str(caught.value)


@pytest.mark.parametrize("path", sorted(REGIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_region_profile_loads(path: Path) -> None:
    profile = load_profile(path.stem)

    assert profile.region.isdecimal()
    assert "2601" not in profile.reversible


def test_an_envelope_extra_that_the_contract_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="no extra of the envelope"):
        read(Profile, {"name": "x", "region": "999900", "reversible": ["2207"], "envelope_extras": {"infno": "2207"}})


def test_a_profile_that_is_not_there_says_so() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_profile("no-such-region")
