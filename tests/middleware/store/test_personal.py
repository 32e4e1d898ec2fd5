from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve

from middleware.domain.errand import Errand, ErrandState, Matter
from middleware.domain.fault import Fault
from middleware.domain.payment import BankCall, Leg, LegState, Traced
from middleware.domain.visit import SettlementState as S
from middleware.domain.visit import Trouble
from middleware.store import tables as t
from middleware.store.codec import decode_visit, encode
from middleware.store.personal import (
    SEALED,
    commitment,
    join_visit,
    open_answer,
    open_visit,
    open_words,
    part_answer,
    part_visit,
    words_box,
)
from middleware.store.vault import row_name
from tests.middleware.flow.making import settlement, visit
from tests.middleware.store.making import database
from tests.support.fakes import HIS, NOW, split
from tests.support.vaults import a_vault

SAID = Trouble("centre.refused", "2207 E01", "张伟民不予受理")
LEG = Leg(1, LegState.RELEASED, Traced("000001", NOW, split().cash), "H1", "H1", BankCall.HOLD, foreign="张伟民余额不足")
ERRAND = Errand("E1", Matter.DISCHARGE, ErrandState.DECLINED, HIS, NOW, trouble=SAID)
VISITS = {
    "nothing personal": evolve(visit(), person_number=""),
    "a person number": evolve(visit(settlement(S.SETTLED)), person_number="P1"),
    "words of a stranger": visit(settlement(S.QUOTED, trouble=SAID), settlement(S.RECEIVED, settlement_id="S2")),
    "words about the registration": evolve(visit(), trouble=SAID),
    "words of the bank": visit(settlement(S.QUOTED, legs=(LEG,))),
    "words about an errand": evolve(visit(), errands=(ERRAND,)),
    "a text that looks like a member": visit(settlement(S.QUOTED, trouble=evolve(SAID, foreign='"foreign":"x"'))),
    "a reason": visit(settlement(S.CANCEL_SENT, cancel_reason="张伟民退费")),
}
ANSWERS = {
    "settle": {"result": {"settlement_id": "S1", "split": {"total": "1.00"}}},
    "register": {"result": {"visit_id": "V1", "holder": {"name": "张**"}, "insurance": {"kind": "310"}}},
    "refused": {"fault": "centre.refused", "detail": "2207 E01", "foreign": "张伟民不予受理"},
    "refused in our words": {"fault": "settlement.reversed", "detail": "", "foreign": ""},
}


@pytest.fixture
def vault(tmp_path):
    with database(f"sqlite:///{tmp_path}/y.db") as engine:
        yield a_vault(engine)


def forgetting(vault, monkeypatch):
    def forgotten(*_place):
        raise Fault("person.forgotten", "period 2026-11")

    monkeypatch.setattr(vault, "open", forgotten)


@pytest.mark.parametrize("what", list(VISITS))
def test_a_visit_comes_together_as_it_was_and_its_clear_part_names_nobody(what, vault, monkeypatch):
    whole = VISITS[what]
    clear, personal = (part.decode() for part in part_visit(whole))
    sealed = vault.seal("visit", whole.visit_id, "sealed", personal, NOW) if personal else ""
    row = SimpleNamespace(visit_id=whole.visit_id, body=clear, sealed=sealed)

    assert (join_visit(clear, personal) if personal else decode_visit(clear)) == whole
    assert open_visit(vault, row) == whole
    assert "张" not in clear
    assert '"person_number":""' in clear
    forgetting(vault, monkeypatch)
    assert open_visit(vault, row) == decode_visit(clear)


@pytest.mark.parametrize("what", list(ANSWERS))
def test_invariant_6_an_answer_comes_together_to_the_last_character(what, vault, monkeypatch):
    whole = encode(ANSWERS[what])
    clear, personal = part_answer(whole)
    sealed = vault.seal("request", row_name("his", "k"), "sealed", personal, NOW) if personal else ""
    row = SimpleNamespace(account="his", key="k", answer=clear, sealed=sealed)

    assert open_answer(vault, row) == whole
    assert "张" not in clear
    assert bool(personal) == (what in {"register", "refused"})
    forgetting(vault, monkeypatch)
    left = {"register": '{"fault":"person.forgotten","detail":"","foreign":""}'}
    assert open_answer(vault, row) == left.get(what, clear)


def test_words_are_held_to_the_digest_in_the_chain_and_equal_words_have_different_ones(vault):
    one, other = commitment(b"1" * 16, "不予受理"), commitment(b"2" * 16, "不予受理")
    sealed = vault.seal("words", one, "sealed", words_box(b"1" * 16, "不予受理"), NOW)
    forged = vault.seal("words", one, "sealed", words_box(b"1" * 16, "受理"), NOW)

    assert one != other
    assert open_words(vault, one, sealed) == "不予受理"
    for wrong in ((other, sealed), (one, forged)):
        with pytest.raises(Fault, match=r"system\.keys"):
            open_words(vault, *wrong)


def test_every_table_with_a_sealed_column_is_known_to_rotation_and_destruction():
    marked = {(table.name, c.name) for table in t.metadata.sorted_tables for c in table.c if c.name == "sealed"}

    assert marked | {("person", "body"), ("bill", "body"), ("payer", "body"), ("filing", "said")} == {
        (one.table.name, one.name) for one in SEALED
    }
