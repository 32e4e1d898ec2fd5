"""Our own writer makes zeep's bytes, or zeep writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.soap import envelope, writer
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from middleware.domain.fault import Fault
from tests.adapters.insurance.requests import REQUESTS

HEAD = {spec.name: "1" for spec in REQUEST_HEAD if spec.need}
ZEEP = Envelopes()


def by_zeep(code, head, nodes):
    return ZEEP._write_by_zeep(code, head, nodes)


def rows_of(specs):
    """Rows of a node or a head as the contract allows them: required fields there, others there, empty or absent."""
    texts = st.sampled_from(["", "1", "张 <&>\"'", "\r\n\t x ", "é𬭎", "]]>", "\x7f\x85\xa0\u2028\U0001fffe"])
    need = {spec.name: texts for spec in specs if spec.need}
    return st.fixed_dictionaries(need, optional={spec.name: texts for spec in specs if not spec.need})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TRANSACTIONS)), st.data())
def test_whatever_the_fields_and_values_the_bytes_are_those_of_zeep(code, data):
    head = data.draw(rows_of(REQUEST_HEAD))
    nodes = {
        node.name: data.draw(st.lists(rows_of(node.fields), min_size=1, max_size=3 if node.many else 1))
        for node in TRANSACTIONS[code].input
    }
    try:
        expected = by_zeep(code, head, nodes)
    except Fault:
        return

    assert writer.shape_of(code, head, nodes) is not None
    assert expected == writer.write(code, head, nodes)


@pytest.mark.parametrize("code", REQUESTS)
def test_the_first_of_a_shape_is_written_by_zeep_and_all_others_are_not(code, monkeypatch):
    envelopes = Envelopes()
    asked = []
    zeep = envelopes._write_by_zeep
    monkeypatch.setattr(envelopes, "_write_by_zeep", lambda *given: asked.append(given) or zeep(*given))
    head, nodes = {**HEAD, "infno": code}, to_input(REQUESTS[code])

    first, second = envelopes.write(code, head, nodes), envelopes.write(code, {**head, "msgid": "2"}, nodes)

    assert len(asked) == 1
    assert by_zeep(code, head, nodes) == first
    assert by_zeep(code, {**head, "msgid": "2"}, nodes) == second


def test_a_shape_that_we_would_write_otherwise_is_left_to_zeep(monkeypatch):
    monkeypatch.setattr(writer, "write", lambda *_: b"other bytes")
    envelopes = Envelopes()
    head, nodes = {**HEAD, "infno": "2601"}, to_input(REQUESTS["2601"])

    for _ in range(3):
        assert by_zeep("2601", head, nodes) == envelopes.write("2601", head, nodes)


def test_the_shapes_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(envelope, "MAX_SHAPES", 1)
    envelopes = Envelopes()
    for code in REQUESTS:
        envelopes.write(code, {**HEAD, "infno": code}, to_input(REQUESTS[code]))

    assert len(envelopes._agreed) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda head, row: (head | {"surprise": "1"}, row),
        lambda head, row: (head, row | {"surprise": "1"}),
        lambda head, row: (head, {name: value for name, value in row.items() if name != "psn_no"}),
        lambda head, row: (head, row | {"psn_no": "a\x01"}),
        lambda head, row: (head, row | {"psn_no": "a\ud800"}),
        lambda head, row: (head, row | {"psn_no": "a\uffff"}),
        lambda head, row: (head, row | {"psn_no": None}),
    ],
    ids=[
        "unknown in head",
        "unknown in row",
        "required missing",
        "control character",
        "half a character",
        "no character",
        "None",
    ],
)
def test_what_zeep_refuses_is_refused_also_after_the_shape_was_agreed(change):
    envelopes = Envelopes()
    head, row = {**HEAD, "infno": "2601"}, {"psn_no": "1", "omsgid": "2", "oinfno": "2207"}
    envelopes.write("2601", head, {"data": [row]})
    head, row = change(head, row)

    with pytest.raises(Fault, match=r"centre\.field"):
        envelopes.write("2601", head, {"data": [row]})


def test_more_rows_than_the_contract_has_are_not_ours_to_judge():
    row = {"psn_no": "1", "omsgid": "2", "oinfno": "2207"}

    assert writer.shape_of("2601", HEAD, {"data": [row, row]}) is None
    assert writer.shape_of("2601", HEAD, {"data": []}) is None
    assert writer.shape_of("2601", HEAD, {}) is None
    assert writer.shape_of("2601", HEAD, {"data": [row], "other": [row]}) is None
