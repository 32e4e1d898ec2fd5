"""docs/new-region.md names keys, files and commands that there are."""

from __future__ import annotations

import re

import attrs
import click

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.profile import REGIONS, Profile
from daemon.cli import main

ROOT = REGIONS.parents[1]
PAGE = (ROOT / "docs" / "new-region.md").read_text(encoding="utf-8")


def test_every_key_that_is_asked_for_is_a_key() -> None:
    asked = re.findall(r"^\| .+\| (`.+`) \|$", PAGE.partition("## 2.")[0], re.MULTILINE)
    profile, centre = set(attrs.fields_dict(Profile)), set(attrs.fields_dict(CentreOptions))

    assert len(asked) > 10
    for cell in asked:
        known = centre if "[centre]" in cell else profile
        assert {one.removeprefix("[centre] ") for one in re.findall(r"`(.+?)`", cell)} <= known, cell


def test_every_key_of_a_profile_that_the_bureau_decides_is_asked_for() -> None:
    ours = {"name", "region", "max_lines", "adopt_listed", "outpatient", "pharmacy"}  # not the centre's to say

    missing = [key for key in attrs.fields_dict(Profile) if key not in ours and f"`{key}`" not in PAGE]

    assert missing == []


def test_every_shipped_profile_is_in_the_table_and_every_link_leads_somewhere() -> None:
    shipped = {path.stem for path in REGIONS.glob("[!9]*.toml")} - {"template"}

    assert shipped == set(re.findall(r"^\| `(\d{6}-\w+)`", PAGE, re.MULTILINE))
    assert all((ROOT / "docs" / target).exists() for target in re.findall(r"\]\((\w[\w-]*\.md)\)", PAGE))


def test_every_command_is_one() -> None:
    named = set(re.findall(r"run\.py ([a-z-]+)", PAGE))

    assert {"check-profile", "check-config", "doctor", "reconcile", "docs"} <= named
    assert named <= set(main.list_commands(click.Context(main)))
