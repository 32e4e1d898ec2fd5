from __future__ import annotations

from pathlib import Path

import pytest

from middleware.domain.fault import FAULTS
from middleware.doors.local_api import reference
from middleware.doors.local_api.examples import VISIT
from middleware.doors.local_api.methods import METHODS

FOLDER = Path(__file__).parents[4] / "docs" / "api"
FILES = reference.build()


@pytest.mark.parametrize("path", sorted(FILES))
def test_the_committed_page_is_the_generated_one(path):
    assert (FOLDER / path).read_text(encoding="utf-8") == FILES[path], "run: python -m middleware.doors.local_api.reference"


def test_no_page_stays_that_the_tables_no_longer_make(tmp_path):
    assert reference.stray_files(FOLDER, FILES) == []
    reference.write(tmp_path)
    (tmp_path / "en" / "old.md").write_text("")
    (tmp_path / "schema" / "old.json").write_text("")
    reference.write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == set(FILES)


@pytest.mark.parametrize("exchange", VISIT, ids=lambda exchange: exchange.method)
def test_the_examples_obey_the_table(exchange):
    METHODS[exchange.method].read(exchange.params)
    METHODS[exchange.method].check_result(exchange.result)


def test_every_method_and_every_fault_stands_in_both_languages():
    for language in ("zh", "en"):
        assert all(f"## {name}\n" in FILES[f"{language}/methods.md"] for name in METHODS)
        assert all(f"| `{code}` |" in FILES[f"{language}/faults.md"] for code in FAULTS)


def test_every_parameter_says_what_it_takes():
    for name, schema in reference.schemas().items():
        if name.endswith(".params"):
            assert all(definition["additionalProperties"] is False for definition in schema["$defs"].values()), name


def test_the_person_in_the_examples_has_a_well_formed_number_of_no_region():
    from middleware.domain.identity import IdNumber

    holder = next(exchange for exchange in VISIT if exchange.method == "card.read").result["holder"]
    assert IdNumber.parse(holder["id_number"]).masked.startswith("999999")
