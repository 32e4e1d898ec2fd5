"""What leaves as JSON: every declared table, exact numbers, nothing that breaks a rule."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.national.writing import Writing
from adapters.insurance.schema import FieldSpec, SiteRules, Type, check_input
from adapters.insurance.transactions import DECLARED
from middleware.domain.fault import Fault
from tests.adapters.insurance.requests import REQUESTS

WRITING, TEXTS = Writing(numbers_as_text=False), Writing(numbers_as_text=True)
HEAD = {"infno": "2207", "msgid": "M1", "opter_name": "操作员", "sign_no": ""}
NO_SITE = SiteRules()
# What text a field may hold at all: no control character, no half of a character.
PRINTABLE = st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc"), exclude_characters="￾￿")


def parsed(body: bytes) -> dict:
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


def a_value(spec: FieldSpec) -> st.SearchStrategy[str]:
    """Any value that keeps the field's rule."""
    if spec.codes:
        return st.sampled_from(sorted(DICTIONARIES[spec.codes]))
    match spec.type:
        case Type.NUMBER:
            whole, decimals = min(spec.length - spec.decimals, 12), spec.decimals
            number = st.integers(-(10 ** (whole + decimals)) + 1, 10 ** (whole + decimals) - 1)
            return number.map(lambda n: format(Decimal(n).scaleb(-decimals), "f"))
        case Type.DATE:
            return st.dates().map(lambda day: day.isoformat())
        case Type.MOMENT:
            return st.datetimes().map(lambda at: at.isoformat(" ", "seconds"))
        case Type.BINARY:
            return st.just("UEsDBA==")
        case _:
            text = st.text(PRINTABLE, min_size=1, max_size=min(spec.length, 12))
            return text.filter(str.strip)


def sound(code: str) -> st.SearchStrategy[dict]:
    """Nodes of that transaction that pass the check."""
    return st.fixed_dictionaries(
        {
            node.name: st.lists(
                st.fixed_dictionaries({spec.name: a_value(spec) for spec in node.fields}),
                min_size=1,
                max_size=2 if node.many else 1,
            )
            for node in DECLARED[code].input
        }
    )


def fault_of(code: str, nodes: dict) -> str:
    try:
        check_input(DECLARED[code], nodes, DICTIONARIES, NO_SITE)
    except Fault as fault:
        return fault.detail if fault.code == "centre.field" else f"another fault: {fault.code}"
    return ""


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_every_declared_transaction_is_written_by_its_table_and_says_exactly_what_was_given(data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(sorted(DECLARED)))
    nodes = data.draw(sound(code))
    assert fault_of(code, nodes) == ""

    for writing, number in ((WRITING, Decimal), (TEXTS, str)):
        whole = parsed(writing.body(code, HEAD, nodes))

        given_back = whole.pop("input")
        assert whole == HEAD
        for node in DECLARED[code].input:
            written = given_back[node.name]
            assert isinstance(written, list) is node.many
            for row, was in zip(written if node.many else [written], nodes[node.name], strict=True):
                for spec in node.fields:
                    numeric = spec.type is Type.NUMBER
                    assert type(row[spec.name]) is (number if numeric else str)
                    assert (Decimal(row[spec.name]) if numeric else row[spec.name]) == (
                        Decimal(was[spec.name]) if numeric else was[spec.name]
                    )


def breaks(spec: FieldSpec) -> list[tuple[object, str]]:
    """Values that break the field's rule, and the rule that is named."""
    found: list[tuple[object, str]] = [(3.5, "must be text"), (["x"], "must be text")]
    if spec.need:
        found += [("", "is required"), (None, "is required")]
    match spec.type:
        case Type.TEXT:
            found += [("长" * (spec.length + 1), f"longer than {spec.length} characters")]
            found += [("\x01", "holds a control character"), ("\ud800", "holds a control character")]
            if spec.codes:
                found += [("~", f"not in the code list {spec.codes}")]
        case Type.NUMBER:
            before = spec.length - spec.decimals
            found += [("1e3", "must be a plain decimal number"), ("NaN", "must be a plain decimal number")]
            found += [("9" * (before + 1), f"more than {before} digits before the point")]
            found += [(f"0.{'1' * (spec.decimals + 1)}", "")]
        case Type.DATE:
            found += [("2026-02-30", "must be yyyy-MM-dd"), ("20260301", "must be yyyy-MM-dd")]
        case Type.MOMENT:
            found += [("2026-03-01 24:00:00", "must be yyyy-MM-dd HH:mm:ss"), ("2026-03-01", "must be yyyy-MM-dd HH:mm:ss")]
        case Type.BINARY:
            found += [("not base64!", "must be base64")]
    return found


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_every_field_of_every_table_that_breaks_a_rule_is_named_with_transaction_and_rule(data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(sorted(DECLARED)))
    node = data.draw(st.sampled_from([node for node in DECLARED[code].input if node.fields]))
    spec = data.draw(st.sampled_from(node.fields))
    value, rule = data.draw(st.sampled_from(breaks(spec)))
    nodes = data.draw(sound(code))
    nodes[node.name][-1][spec.name] = value
    place = f"{node.name}[{len(nodes[node.name]) - 1}]" if node.many else node.name

    detail = fault_of(code, nodes)

    assert detail.startswith(f"{code} {place}.{spec.name}: ")
    assert detail.endswith(rule)
    assert not isinstance(value, str) or len(value) < 3 or value not in detail


@pytest.mark.parametrize("code", REQUESTS)
def test_each_request_of_the_counter_is_the_same_bytes_each_time(code: str) -> None:
    nodes = to_input(REQUESTS[code])

    assert WRITING.body(code, HEAD, nodes) == WRITING.body(code, HEAD, nodes)


@pytest.mark.parametrize(
    ("given_text", "written"),
    [("60.37", "60.37"), ("0.000001", "0.000001"), ("+5", "5"), ("007", "7"), ("-0.50", "-0.50"), ("", "0"), ("18785.39", "18785.39")],
)  # fmt: skip
def test_a_number_is_written_by_its_own_digits(given_text: str, written: str) -> None:
    nodes = {"feedetail": [{"cnt": given_text}]}

    assert f'"cnt":{written}}}' in WRITING.body("2204", HEAD, nodes).decode()


def test_what_json_cannot_carry_is_a_fault_that_shows_nothing() -> None:
    with pytest.raises(Fault) as caught:
        WRITING.body("2601", HEAD, {"data": [{"psn_no": "secret\ud800"}]})

    assert caught.value.code == "centre.field"
    assert "secret" not in f"{caught.value!r} {caught.value.detail}"
