"""The manual desk at the door: what reaches the engine, and what the journal must never have to keep."""

from __future__ import annotations

import typing

import pytest

from middleware.domain.decision import EvidenceKind, Verdict
from middleware.domain.fault import Fault
from middleware.domain.identity import id_check_character
from middleware.domain.money import Money
from middleware.doors.local_api import mapping
from middleware.doors.local_api.methods import METHODS
from middleware.doors.local_api.params import DeskProposeParams, EvidenceParams
from tests.middleware.doors.local_api.samples import PARAMS

FIRST = "99999919900101001"
ID_NUMBER = FIRST + id_check_character(FIRST)
MESSAGE_ID = "H99990000001" + "20261120094200" + "0017"


def proposal(**changes):
    return METHODS["desk.propose"].read({**PARAMS["desk.propose"], **changes})


def evidence(**changes):
    return {**PARAMS["desk.propose"]["evidence"], **changes}


def words_of(kind, field):
    """The values that a field's Literal allows."""
    hint = typing.get_type_hints(kind, include_extras=True)[field]
    return set(typing.get_args(hint.__origin__))


def test_the_door_knows_exactly_the_decisions_and_kinds_of_the_domain():
    assert words_of(DeskProposeParams, "decision") == {str(one) for one in Verdict}
    assert words_of(EvidenceParams, "kind") == {str(one) for one in EvidenceKind}


def test_a_proposal_reaches_the_desk_as_the_domains_own_values():
    made = mapping.decision(proposal())
    bare = mapping.decision(
        METHODS["desk.propose"].read({"settlement_id": "S1", "decision": "reversed", "evidence": evidence()})
    )

    assert (made.verdict, made.amounts.total, made.amounts.hospital) == (Verdict.SETTLED, Money(10000), Money(0))
    assert made.centre_time.utcoffset() is not None
    assert (bare.centre_number, bare.centre_time, bare.amounts) == ("", None, None)
    assert mapping.evidence(proposal().evidence).kind is EvidenceKind.TELEPHONE


@pytest.mark.parametrize("text", [ID_NUMBER, f"患者{ID_NUMBER}来电", f"a {ID_NUMBER.lower()} b"])
@pytest.mark.parametrize("field", ["reference", "note"])
def test_invariant_21_an_id_number_never_gets_into_the_journal_as_evidence(text, field):
    with pytest.raises(Fault) as caught:
        mapping.evidence(proposal(evidence=evidence(**{field: text})).evidence)

    assert caught.value.code == "request.bad_params"
    assert ID_NUMBER not in str(caught.value)


def test_invariant_21_nor_as_the_reason_of_a_rejection():
    params = METHODS["desk.reject"].read({**PARAMS["desk.reject"], "reason": f"不是 {ID_NUMBER}"})

    with pytest.raises(Fault) as caught:
        mapping.check_reason(params)
    assert caught.value.code == "request.bad_params"


def test_a_message_id_is_no_id_number():
    assert mapping.evidence(proposal(evidence=evidence(note=f"msgid {MESSAGE_ID}")).evidence).note.endswith(MESSAGE_ID)


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "maybe"},
        {"centre_time": None},
        {"centre_time": "2026-11-20T09:42:00"},
        {"amounts": {"total": "-1.00", "fund": "0", "account": "0", "cash": "0"}},
        {"evidence": {"kind": "telephone", "reference": ""}},
        {"evidence": {"kind": "telephone", "reference": "x", "sha256": "00"}},
        {"evidence": {"kind": "hearsay", "reference": "x"}},
    ],
)
def test_a_malformed_proposal_is_refused_by_its_member(changes):
    with pytest.raises(Fault) as caught:
        proposal(**changes)
    assert caught.value.code == "request.bad_params"


@pytest.mark.parametrize("year", ["1999", "2100"])
def test_a_time_of_another_century_is_a_typing_error(year):
    with pytest.raises(Fault) as caught:
        mapping.decision(proposal(centre_time=f"{year}-11-20T09:42:00+08:00"))
    assert caught.value.code == "request.bad_params"
