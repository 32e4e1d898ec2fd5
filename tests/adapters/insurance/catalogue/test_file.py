"""A catalogue's file is read row by row, whole or not at all, and nothing but a Fault comes out of bad bytes."""

from __future__ import annotations

import io
import zipfile

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.catalogue import file
from adapters.insurance.catalogue.file import day_of
from adapters.insurance.catalogue.form import CatalogueForm
from adapters.insurance.catalogue.tables import FILES, NEEDED
from adapters.insurance.files.archive import Bounds
from adapters.insurance.files.table import LongFile
from middleware.domain.catalogue import CATALOGUES, Way, is_newer, version_key
from middleware.domain.fault import Fault

FORM = CatalogueForm(columns={"1305": {"code": 1, "record": 2, "version": 3, "name": 4, "valid": 5, "until": 6}})


def packed(text: str, encoding: str = "utf-8") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1305.txt", text.encode(encoding))
    return written.getvalue()


def line(*cells: str) -> str:
    return "\t".join(cells) + "\n"


def read(text: str, asked: str = "0", form: CatalogueForm = FORM) -> list:
    return list(file.read(packed(text, form.encoding), "1305", asked, form))


def test_a_row_is_understood_by_the_places_of_its_columns_and_kept_whole() -> None:
    (row,) = read(line("S1", "R1", "V2", "磁共振", "1", "2026-05-31 00:00:00", "unknown column", "null"))

    assert (row.code, row.record, row.version, row.name, row.valid, row.until) == (
        "S1", "R1", "V2", "磁共振", True, "2026-05-31"
    )  # fmt: skip
    assert row.raw.split("\t")[6:] == ["unknown column", "null"]


def test_a_date_that_is_none_is_counted_and_a_day_that_never_comes_is_no_end() -> None:
    rows = read(line("S1", "R1", "V2", "x", "0", "soon") + line("S2", "R2", "V2", "x", "1", "9999-12-31"))

    assert [(row.until, row.odd, row.valid) for row in rows] == [("", 1, False), ("", 0, True)]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (line("S1", "R1", "V2", "x", "1"), "only 5 columns"),  # fewer columns than are understood
        (line("S1", "R1", "V2", "x", "1", "") + line("S2", "R2", "V2", "x", "1"), "5 columns instead of 6"),
        (line("", "R1", "V2", "x", "1", ""), "is required"),
        (line("S" * 151, "R1", "V2", "x", "1", ""), "longer than 150"),
        (line("S1", "null", "V2", "x", "1", ""), "is required"),
        (line("S1", "R1", "V2", "x", "1", "") + line("S2", "R2", "V1", "x", "1", ""), "older"),
        (line("S1", "R1", "V2", "x" * 70_000, "1", ""), "longer than 65536"),
    ],
)
def test_one_row_that_breaks_a_rule_refuses_the_file_and_no_value_is_quoted(text: str, rule: str) -> None:
    with pytest.raises(Fault) as refused:
        read(text)

    assert refused.value.code == "catalogue.file"
    assert rule in refused.value.detail
    assert "R1" not in refused.value.detail


def test_a_version_older_than_what_is_known_refuses_the_file_in_whatever_order() -> None:
    rows = line("S1", "R1", "V3", "x", "1", "") + line("S2", "R2", "V2", "x", "1", "")
    free = evolve(FORM, ordered=False)

    assert [row.version for row in read(rows, "V1", free)] == ["V3", "V2"]
    with pytest.raises(Fault, match="older than"):
        read(rows, "V3", free)


def test_bounds_hold_while_the_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(line("S1", f"R{number}", "V2", "x", "1", "") for number in range(30))
    monkeypatch.setattr(file, "LONG", LongFile(20, 1000))
    with pytest.raises(Fault, match=r"catalogue\.file"):
        read(rows)
    monkeypatch.setattr(file, "BOUNDS", Bounds(10, 10))
    with pytest.raises(Fault, match=r"catalogue\.file"):
        read(rows)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_character_that_is_cut_by_a_piece_is_whole_again(encoding: str) -> None:
    form = evolve(FORM, encoding=encoding)
    rows = [line("S1", f"R{number}", "V2", "磁" * (number % 7 + 1) * 300, "1", "") for number in range(200)]

    assert [row.name for row in read("\ufeff" * (encoding == "utf-8") + "".join(rows), "0", form)] == [
        one.split("\t")[3][:300] for one in rows
    ]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_fault(raw: bytes) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("x.txt", raw)
    for content in (raw, written.getvalue()):
        try:
            list(file.read(content, "1305", "0", FORM))
        except Fault as fault:
            assert fault.code.startswith("catalogue.")  # noqa: PT017 - what else it may be is the question


CELL = st.text(
    st.characters(blacklist_characters="\t\n\r\ufeff\x00", blacklist_categories=("Cs",)), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=30))
def test_what_is_written_is_read(cells: list[tuple[str, str]]) -> None:
    told = [(f"S{number}{code}", name) for number, (code, name) in enumerate(cells)]
    rows = read("".join(line(code, f"R{number}", "V2", name, "1", "") for number, (code, name) in enumerate(told)))

    assert [row.code for row in rows] == [code.strip() for code, _ in told]
    assert [row.raw.split("\t")[3] for row in rows] == [name for _, name in told]


def test_versions_sort_by_their_numbers() -> None:
    assert is_newer("V10", "V9")
    assert is_newer("F001_20260101000000_A", "F001_20250101000000_A")
    assert not is_newer("V9", "V9")
    assert is_newer("0", "")
    assert sorted(["V10", "V2", "V1"], key=version_key) == ["V1", "V2", "V10"]


@pytest.mark.parametrize(("text", "day"), [("20260131", "2026-01-31"), ("2026/01/31", "2026-01-31"), ("", ""), ("x", None)])
def test_a_day_is_read_as_centres_write_it(text: str, day: str | None) -> None:
    assert day_of(text) == day


def test_every_catalogue_that_comes_as_a_file_has_its_table() -> None:
    assert set(FILES) == {name for name, one in CATALOGUES.items() if one.way is Way.FILE}
    assert all(set(NEEDED) <= set(table.places) for table in FILES.values())
    assert all(max(table.places.values()) <= table.published for table in FILES.values())


@pytest.mark.parametrize(
    "columns",
    [{"1307": {"code": 1}}, {"1312": {"code": 1}}, {"1301": {"code": 1, "record": 1, "version": 2}}, {"1301": {"x": 1}}],
)
def test_a_profile_that_places_columns_wrongly_is_refused(columns: dict[str, dict[str, int]]) -> None:
    with pytest.raises(ValueError, match="columns"):
        CatalogueForm(columns=columns)
