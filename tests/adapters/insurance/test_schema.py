from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.dictionaries import DICTIONARIES, name_of
from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.schema import SiteRules, check_input, exact_decimal
from adapters.insurance.transactions import REPLY_HEAD, REQUEST_HEAD, TRANSACTIONS
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.kind import MOBILE_CALLS
from tests.adapters.insurance.requests import REQUESTS, SECRETS, line

NO_SITE = SiteRules()


def broken(code: str, changes: dict, node: str | None = None, site: SiteRules = NO_SITE) -> str:
    """The detail of the fault that one changed field of a sound message gives, or "" when it passes."""
    nodes = {name: [dict(row) for row in rows] for name, rows in to_input(REQUESTS[code]).items()}
    nodes[node or next(iter(nodes))][-1].update(changes)
    try:
        check_input(TRANSACTIONS[code], nodes, DICTIONARIES, site)
    except Fault as fault:
        return fault.detail if fault.code == "centre.field" else f"another fault: {fault.code}"
    return ""


def test_every_transaction_is_declared_at_the_counter_or_on_the_phones_channel() -> None:
    assert set(TRANSACTIONS) | set(MOBILE) == {call.value for call in Call} | set(MOBILE)
    assert set(TRANSACTIONS) & set(MOBILE) == set()
    assert {call.value for call in MOBILE_CALLS} <= set(MOBILE)


def test_the_tables_are_sound() -> None:
    for transaction in TRANSACTIONS.values():
        for node in (*transaction.input, *transaction.output):
            names = [spec.name for spec in node.fields]
            assert len(names) == len(set(names)), (transaction.code, node.name)
            for spec in node.fields:
                assert spec.zh
                assert not spec.codes or spec.codes in DICTIONARIES
                assert spec.length > spec.decimals
    assert len({spec.name for spec in REQUEST_HEAD}) == len(REQUEST_HEAD)
    assert len({spec.name for spec in REPLY_HEAD}) == len(REPLY_HEAD)


@pytest.mark.parametrize("code", REQUESTS)
def test_a_sound_request_of_each_kind_passes(code: str) -> None:
    check_input(TRANSACTIONS[code], to_input(REQUESTS[code]), DICTIONARIES, NO_SITE)


@pytest.mark.parametrize("code", REQUESTS)
def test_each_required_field_that_is_missing_is_named(code: str) -> None:
    for node in TRANSACTIONS[code].input:
        for spec in node.fields:
            if spec.need:
                place = f"{node.name}[0]" if node.many else node.name
                assert broken(code, {spec.name: ""}, node.name) == f"{code} {place}.{spec.name}: is required"


@pytest.mark.parametrize("code", REQUESTS)
def test_each_text_one_character_too_long_is_named(code: str) -> None:
    for node in TRANSACTIONS[code].input:
        for spec in node.fields:
            if spec.type == "C":
                detail = broken(code, {spec.name: "长" * (spec.length + 1)}, node.name)
                assert detail.endswith(f".{spec.name}: longer than {spec.length} characters")


@pytest.mark.parametrize(
    ("code", "field", "value", "rule"),
    [
        ("2204", "cnt", "1.00001", "more than 4 decimals"),
        ("2204", "cnt", "1e3", "must be a plain decimal number"),
        ("2204", "cnt", "NaN", "must be a plain decimal number"),
        ("2204", "cnt", "1" * 13, "more than 12 digits before the point"),
        ("2204", "pric", "1.1234567", "more than 6 decimals"),
        ("2204", "hosp_appr_flag", "9", "not in the code list hosp_appr_flag"),
        ("2204", "fee_ocur_time", "2026-02-30 00:00:00", "must be yyyy-MM-dd HH:mm:ss"),
        ("2204", "fee_ocur_time", "2026-02-20", "must be yyyy-MM-dd HH:mm:ss"),
        ("2204", "memo", "a\x1bb", "holds a control character"),
        ("2204", "memo", "a\rb", "holds a control character"),
        ("2204", "memo", "a\ud800b", "holds a control character"),
        ("2204", "bilg_dr_name", "   ", "is required"),
        ("2204", "cnt", 3.5, "must be text"),
        ("2204", "nonsense", "1", "no such field"),
        ("2207", "acct_used_flag", "7", "not in the code list acct_used_flag"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_its_rule_is_named_with_row_and_rule(code: str, field: str, value: object, rule: str) -> None:
    place = "feedetail[0]" if code == "2204" else "data"

    assert broken(code, {field: value}) == f"{code} {place}.{field}: {rule}"


def test_a_number_with_needless_zeros_passes() -> None:
    assert broken("2204", {"cnt": "1.500000"}) == ""


def test_the_row_is_counted_from_zero() -> None:
    nodes = to_input(REQUESTS["2204"])
    rows = [dict(nodes["feedetail"][0]) for _ in range(4)]
    rows[3]["cnt"] = "0.12345"

    with pytest.raises(Fault, match=r"2204 feedetail\[3\]\.cnt: more than 4 decimals"):
        check_input(TRANSACTIONS["2204"], {"feedetail": rows}, DICTIONARIES, NO_SITE)


@pytest.mark.parametrize(
    ("nodes", "detail"),
    [
        ({}, "2204 feedetail: is required"),
        ({"feedetail": ()}, "2204 feedetail: is required"),
        ({"feedetail": ({},) * 501}, "2204 feedetail: too many rows"),
        ({"other": ()}, "2204 other: no such node"),
    ],
)
def test_nodes_are_checked_before_rows(nodes: dict, detail: str) -> None:
    with pytest.raises(Fault) as caught:
        check_input(TRANSACTIONS["2204"], nodes, DICTIONARIES, NO_SITE)

    assert caught.value.detail == detail


def test_a_region_may_add_codes_and_change_lengths() -> None:
    site = SiteRules({"med_type": frozenset({"12"})}, {"psn_name": 2})

    assert broken("2206", {"med_type": "12"}) == "2206 data.med_type: not in the code list med_type"
    assert broken("2206", {"med_type": "12", "psn_name": "张三"}, site=site) == ""
    assert broken("2206", {"psn_name": "张三丰"}, site=site) == "2206 data.psn_name: longer than 2 characters"


@settings(deadline=None)
@given(st.sampled_from(sorted(REQUESTS)), st.data())
def test_no_fault_ever_quotes_a_personal_value(code: str, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(TRANSACTIONS[code].input))
    spec = data.draw(st.sampled_from(node.fields))
    secret = data.draw(st.sampled_from(SECRETS)) * data.draw(st.integers(1, 300))

    detail = broken(code, {spec.name: secret}, node.name)

    assert not any(value in detail for value in SECRETS)


@settings(deadline=None)
@given(st.sampled_from(sorted(REQUESTS)), st.data())
def test_no_value_whatever_raises_anything_but_fault(code: str, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(TRANSACTIONS[code].input))
    spec = data.draw(st.sampled_from(node.fields))
    value = data.draw(st.one_of(st.text(), st.none(), st.integers(), st.floats(), st.binary(), st.lists(st.text())))

    broken(code, {spec.name: value}, node.name)


@settings(deadline=None)
@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_decimal_is_written_exactly_or_refused(value: Decimal) -> None:
    try:
        written = exact_decimal(value, 6)
    except Fault:
        return

    assert Decimal(written) == value
    assert "e" not in written.lower()


def test_a_decimal_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(Fault):
        exact_decimal(Decimal("1E+999999"), 6)


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert name_of("insutype", "310") == "职工基本医疗保险"
    assert name_of("insutype", "77777") == "77777"


@pytest.mark.parametrize(
    ("quantity", "rule"),
    [
        ("1.00001", "more than 4 decimals"),
        ("1E+30", "must be a plain decimal number"),
        ("1E+999999", "must be a plain decimal number"),
        ("NaN", "must be a plain decimal number"),
        ("-Infinity", "must be a plain decimal number"),
    ],
)
def test_a_quantity_that_cannot_be_written_is_named_with_its_line(quantity: str, rule: str) -> None:
    request = attrs.evolve(REQUESTS["2204"], lines=(line("L1"), line("L2", quantity=Decimal(quantity))))

    with pytest.raises(Fault) as caught:
        check_input(TRANSACTIONS["2204"], to_input(request), DICTIONARIES, NO_SITE)

    assert caught.value.detail == f"2204 feedetail[1].cnt: {rule}"
