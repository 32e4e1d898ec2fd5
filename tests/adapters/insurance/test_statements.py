"""Each statement request is the fields that the tables want, and passes their check."""

from __future__ import annotations

import base64
import datetime as dt
import io
import zipfile

import pytest

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange.statements import sign_number_of, to_input
from adapters.insurance.files.form import StatementForm
from adapters.insurance.schema import SiteRules, check_input
from adapters.insurance.soap.envelope import Envelopes
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from middleware.domain.centre import CompareDetail, CompareTotals, DownloadFile, SignOut, UploadFile
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.statement import DetailRow, Period, Refunds, Slice, Totals
from tests.adapters.insurance.requests import INSTITUTION

FORM = StatementForm()
PERIOD = Period(dt.date(2026, 3, 1), dt.date(2026, 3, 2))
TOTALS = Totals(Money(6037), Money(3879), Money(2000), Money(158), 3)
ROW = DetailRow("J1", "V1", "P1", Money(6037), Money(3879), Money(2000), Money(158))
REQUESTS = {
    "9002": SignOut("S1", "0001"),
    "3201": CompareTotals(Slice("310", "11", "999900"), PERIOD, TOTALS, Refunds.ALONE, "S1"),
    "3202": CompareDetail(Slice("", "11", "999900"), PERIOD, TOTALS, "F1"),
    "9101": UploadFile("20260302-11", (ROW,)),
    "9102": DownloadFile("R1", "R1.zip"),
}
COMPARED = {
    "clr_type": "11",
    "setl_optins": "999900",
    "stmt_begndate": "2026-03-01",
    "stmt_enddate": "2026-03-02",
    "medfee_sumamt": "60.37",
    "fund_pay_sumamt": "38.79",
    "fixmedins_setl_cnt": "3",
}
FIELDS = {
    "9002": {"signOut": {"sign_no": "S1", "opter_no": "0001"}},
    "3201": {
        "data": COMPARED | {"insutype": "310", "acct_pay": "20.00", "refd_setl_flag": "1", "fixmedins_refd_setl_flag": "1"}
    },
    "3202": {
        "data": COMPARED
        | {"file_qury_no": "F1", "cash_payamt": "1.58", "refd_setl_flag": "", "fixmedins_refd_setl_flag": "0"}
    },
    "9102": {"fsDownloadIn": {"file_qury_no": "R1", "filename": "R1.zip", "fixmedins_code": INSTITUTION}},
}


@pytest.mark.parametrize("code", REQUESTS)
def test_a_request_passes_the_check_and_the_contract(code: str) -> None:
    nodes = to_input(REQUESTS[code], FORM, INSTITUTION)
    check_input(TRANSACTIONS[code], nodes, DICTIONARIES, SiteRules())
    head = {spec.name: "1" * min(spec.length, 6) for spec in REQUEST_HEAD if spec.need}
    envelopes = Envelopes()
    first = envelopes.write(code, head, nodes)

    assert envelopes.write(code, head, nodes) == first  # zeep wrote the first, our writer the second


@pytest.mark.parametrize("code", FIELDS)
def test_a_request_is_exactly_these_fields(code: str) -> None:
    nodes = to_input(REQUESTS[code], FORM, INSTITUTION)

    assert {name: dict(rows[0]) for name, rows in nodes.items()} == FIELDS[code]


def test_the_uploaded_file_is_a_zip_in_base64_under_our_name() -> None:
    (row,) = to_input(REQUESTS["9101"], FORM, INSTITUTION)["fsUploadIn"]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(row["in"], validate=True))) as archive:
        assert archive.namelist() == ["20260302-11.txt"]
        assert archive.read("20260302-11.txt") == b"J1\tV1\tP1\t60.37\t38.79\t20.00\t0\n"
    assert (row["filename"], row["fixmedins_code"]) == ("20260302-11.zip", INSTITUTION)


@pytest.mark.parametrize("code", REQUESTS)
def test_each_required_field_that_is_missing_is_named(code: str) -> None:
    nodes = to_input(REQUESTS[code], FORM, INSTITUTION)
    for node in TRANSACTIONS[code].input:
        for spec in node.fields:
            if spec.need:
                broken = {node.name: ({**nodes[node.name][0], spec.name: ""},)}
                with pytest.raises(Fault) as caught:
                    check_input(TRANSACTIONS[code], broken, DICTIONARIES, SiteRules())
                assert caught.value.detail == f"{code} {node.name}.{spec.name}: is required"


@pytest.mark.parametrize(
    ("value", "rule"),
    [("UEsFB", "must be base64"), ("UEsF\n===", "must be base64"), ("A" * (6 << 20), "more than 4194304 bytes")],
)
def test_a_file_that_is_no_base64_or_too_large_is_named_and_never_quoted(value: str, rule: str) -> None:
    nodes = to_input(REQUESTS["9101"], FORM, INSTITUTION)
    with pytest.raises(Fault) as caught:
        check_input(
            TRANSACTIONS["9101"], {"fsUploadIn": ({**nodes["fsUploadIn"][0], "in": value},)}, DICTIONARIES, SiteRules()
        )
    assert caught.value.detail == f"9101 fsUploadIn.in: {rule}"


def test_a_request_about_one_sign_in_goes_out_under_it() -> None:
    assert [sign_number_of(request) for request in REQUESTS.values()] == ["S1", "S1", "", "", ""]
