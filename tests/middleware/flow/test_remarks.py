"""What the catalogues say against a bill: only what they can know."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from attrs import evolve

from middleware.domain.catalogue import CatalogueRow
from middleware.domain.remark import Remark, RemarkKind
from middleware.flow.remarks import remarks
from tests.support.fakes import NOW, lines

TODAY = NOW.date()
(LINE,) = lines(1850)  # X1, ours H1, 18.50 yuan
ITEMS = ("1301", "1305")
HERE = {"1301": {"X1": [CatalogueRow("X1", "R1")]}, "1305": {}}


def kinds(found, offered=ITEMS, line=LINE, values=None):
    return [(one.kind, one.value) for one in remarks((line,), values or {}, found, offered, TODAY)]


def test_an_item_that_counts_has_no_remark() -> None:
    assert kinds(HERE) == []


def test_an_item_is_unknown_only_when_every_catalogue_of_items_is_here() -> None:
    assert kinds({"1301": {}, "1305": {}}) == [(RemarkKind.UNKNOWN, "")]
    assert kinds({"1301": {}}) == []  # 1305 was not downloaded: it may be there
    assert kinds({"1301": {}}, ("1301",)) == [(RemarkKind.UNKNOWN, "")]
    assert kinds({}, ()) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (CatalogueRow("X1", "R1", until="2026-11-20"), (RemarkKind.EXPIRED, "2026-11-20")),
        (CatalogueRow("X1", "R1", since="2026-11-22"), (RemarkKind.NOT_YET, "2026-11-22")),
        (CatalogueRow("X1", "R1", valid=False), (RemarkKind.WITHDRAWN, "")),
    ],
)
def test_an_item_that_does_not_count_on_the_day_of_the_charge_is_remarked(row, said) -> None:
    assert kinds({"1301": {"X1": [row]}, "1305": {}}) == [said]
    assert kinds({"1301": {"X1": [row, CatalogueRow("X1", "R2")]}, "1305": {}}) == []  # another row of it counts
    assert kinds({"1301": {"X1": [CatalogueRow("X1", "R1", until=TODAY.isoformat())]}, "1305": {}}) == []


def test_a_price_is_over_its_limit_when_it_is_above_every_limit_of_that_day() -> None:
    def limits(*found):
        return HERE | {"1318": {"X1": [CatalogueRow("X1", f"L{n}", limit=one) for n, one in enumerate(found)]}}

    assert kinds(limits(Decimal("18.49"))) == [(RemarkKind.OVER_LIMIT, "18.49")]
    assert kinds(limits(Decimal("18.50"))) == []
    assert kinds(limits(Decimal(10), Decimal(20))) == []  # of another kind or place
    assert kinds(limits(None)) == []
    old = evolve(CatalogueRow("X1", "L"), limit=Decimal(1), until="2020-01-01")
    assert kinds(HERE | {"1318": {"X1": [old]}}) == []


def test_a_code_that_the_centre_has_otherwise_beside_ours_is_remarked() -> None:
    assert kinds(HERE | {"1317": {"H1": [CatalogueRow("H1", "M", other="X1")]}}) == []
    assert kinds(HERE | {"1317": {"H1": [CatalogueRow("H1", "M", other="X2")]}}) == [(RemarkKind.MAPPED_OTHERWISE, "")]
    assert kinds(HERE | {"1317": {}}) == [(RemarkKind.NOT_MAPPED, "")]


def test_a_code_that_the_dictionary_has_not_is_remarked_and_stands_before_the_lines() -> None:
    told = {"1901": {"11": [CatalogueRow("11", "med_type 11", other="med_type")]}}
    assert kinds(HERE | told, values={"med_type": "11"}) == []
    (first, _) = remarks((LINE,), {"med_type": "99"}, {"1301": {}, "1305": {}} | told, ITEMS, dt.date(2026, 11, 21))
    assert first == Remark("", RemarkKind.UNKNOWN_VALUE, "1901", "med_type 99")
    assert kinds(HERE | told, values={"insutype": "11"}) == [(RemarkKind.UNKNOWN_VALUE, "insutype 11")]  # another list's


def test_every_remark_has_its_texts_in_both_languages() -> None:
    for kind in RemarkKind:
        zh, en = Remark("L1", kind, "1301", "18.50").texts
        assert zh.strip() != en.strip()
        assert "{" not in zh + en
