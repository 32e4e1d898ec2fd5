"""What a person showed, as the centre is told it: in 1101, and wherever the tables have a place for it."""

from __future__ import annotations

import pytest
from attrs import evolve

from adapters.insurance.exchange.mapping import to_input
from middleware.domain.centre import QueryPerson
from middleware.domain.credential import Credential, Document, Shown
from middleware.domain.identity import VoucherToken
from middleware.store.codec import decode_holder, encode_holder
from tests.adapters.insurance.requests import AT, holder

TOKEN = "T0K3N" * 8
VOUCHER = Credential(Shown.VOUCHER, token=VoucherToken(TOKEN))
IDENTITY = Credential(Shown.IDENTITY)


def asked(credential):
    return to_input(QueryPerson(evolve(holder(), credential=credential), AT))["data"][0]


@pytest.mark.parametrize(
    ("credential", "kind", "number"),
    [
        (Credential(), "03", holder().card_number.reveal()),
        (IDENTITY, "02", holder().id_number.reveal()),
        (VOUCHER, "01", TOKEN),
    ],
)
def test_a_credential_is_told_by_its_kind_and_its_own_number(credential, kind, number):
    row = asked(credential)
    assert (row["mdtrt_cert_type"], row["mdtrt_cert_no"]) == (kind, number)
    assert row["certno"] == holder().id_number.reveal()


@pytest.mark.parametrize(
    ("document", "code"), [(Document.CITIZEN, "01"), (Document.FOREIGNER, "07"), (Document.HMT_RESIDENT, "17")]
)
def test_the_kind_of_document_is_told_beside_its_number(document, code):
    assert asked(Credential(Shown.IDENTITY, document))["psn_cert_type"] == code


@pytest.mark.parametrize("credential", [Credential(), IDENTITY, VOUCHER, Credential(Shown.IDENTITY, Document.FOREIGNER)])
def test_a_holder_is_kept_with_what_was_shown(credential):
    made = evolve(holder(), credential=credential)
    assert decode_holder(encode_holder(made)) == made


def test_holders_written_before_there_was_a_choice_showed_a_card():
    text = encode_holder(holder())
    assert "credential" not in text
    assert decode_holder(text).credential == Credential()


def test_a_token_is_never_shown():
    assert TOKEN not in repr(evolve(holder(), credential=VOUCHER))
