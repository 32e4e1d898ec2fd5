"""Every field table of the published interface beside our declarations: a difference is mended, or stands here with its reason.

``reference/hunan-1.1.27.json`` holds the facts of the tables; contradictions of that text are cases of tolerance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.files.form import DETAIL_COLUMNS, RESULT_COLUMNS
from adapters.insurance.mobile.tables import LISTS, MOBILE
from adapters.insurance.not_declared import NOT_DECLARED
from adapters.insurance.schema import FieldSpec, Node, Transaction, Type
from adapters.insurance.transactions import DECLARED as COUNTER
from adapters.insurance.transactions_catalogue import CATALOGUE_TRANSACTIONS

TABLES = json.loads((Path(__file__).parent / "reference" / "hunan-1.1.27.json").read_text(encoding="utf-8"))["tables"]
ANY = "*"
DECLARED = {**COUNTER, **MOBILE}


class Difference(NamedTuple):
    """``what``: node, lacks, more, name, type, length, need, list."""

    code: str
    side: str
    field: str
    what: str


class Listed(NamedTuple):
    """Differences that are meant; each member is one word, several with blanks between, or ANY."""

    codes: str
    side: str
    fields: str
    what: str
    reason: str

    def covers(self, one: Difference) -> bool:
        pairs = ((self.codes, one.code), (self.side, one.side), (self.fields, one.field), (self.what, one.what))
        return all(said == ANY or found in said.split() for said, found in pairs)


IDENTITY = "psn_cert_type certno psn_type psn_name cert_type"
WHO = (
    "psn_no psn_name psn_cert_type certno gend naty brdy age insutype psn_type cvlserv_flag mdtrt_cert_type med_type "
    "clr_way clr_type exp_content"
)
REASONS = (
    Listed("2201 2206 2207 2303 2304 2101 2102 2203A 2401", "in", IDENTITY, "length",
           "C3, C20 beside C6, C50 of the same field in 1101: the wider is taken, long names exist"),
    Listed(ANY, "in", "psn_cert_type cert_type", "list", "the same list as in 1101, not named there"),
    Listed(ANY, "in", "rx_circ_flag caty dise_type_code chk_pay_flag", "list", "a list is named, none is published"),
    Listed("1101", "out", "psn_type_lv", "list", "a list is named, none is published"),
    Listed("1101", "out", "psn_idet_type", "length", "C3, and its list holds codes of six digits"),
    Listed("2101 2102 2204 2301", "in", "feedetl_sn", "type", "N30 in, C30 out: a number of the hospital, kept as text"),
    Listed("2601", "in", "oinfno", "length", "C4, and 1306A and 100001 are codes"),
    Listed("2102", "in", "durg_trac_info", "lacks node", "drug trace codes are a list inside a list: not served yet"),
    Listed("2203", "in", "dise_codg dise_name", "need", "they name a listed disease: an ordinary outpatient has none"),
    Listed("2303 2304", "in", "mdtrt_cert_no", "need", "required in every other table of the counter"),
    Listed("2304", "in", "fulamt_ownpay_amt overlmt_selfpay preselfpay_amt inscp_scp_amt", "need",
           "the four that 2207 must give back as they were quoted"),
    Listed("2401", "in", "mdtrt_cert_no", "need", "required in every other table of the counter"),
    Listed(ANY, "out", ANY, "need", "on a reply need is advice: what is missing is judged where it is used"),
    Listed("2101 2206 2303", "out", "setl_id", "more", "in no table of a pre-settlement, yet centres send it, null"),
    Listed("2102", "out", "hosp_part_amt", "more", "the verdict's as in 2101"),
    Listed("2103 2305", "out", WHO, "more", "what 2208 has in its table, and these two send alike"),
    Listed("2103", "out", "hosp_part_amt", "more", "what 2208 has in its table"),
    Listed("2103 2208 2305", "out", "psn_cash_pay pdn_cash_pay psn_pay ownpay_hosp_part", "more",
           "a cancel tells the same amounts under other names, by region"),
    Listed("2208", "out", "age", "length", "N without a length there, N4,1 elsewhere"),
    Listed("2305", "out", "hifdm_pay", "type", "an amount, typed as text there alone"),
    Listed("3202", "out", "dld_endtime", "type", "a moment there, C30 in 9101"),
    Listed("9001 9002", "out", "sign_time", "type", "typed as a date, described with a time of day"),
    Listed("1301", "out", "data_cnt", "length", "N without a length"),
    Listed("1301", "out", "dld_end_time", "type", "a date of 20 characters, with a time of day where it is given"),
    Listed("9102", "in", "file_qury_no", "length", "C30 there, C40 in 1301, whose number it must take"),
    Listed("6201", "in", "diseCodg fetts matnType", "need", "of births and listed diseases only, as in 2203"),
    Listed("6201", "in", "extData", "need", "nothing says what it should hold"),
    Listed("6201", "in", "diseinfoList feedetailList", "lacks", "lists inside data: nodes of their own here"),
    Listed("6201 6202 6203 6204 6301 6302", "in out", "extData", "type", "no type, or no length"),
    Listed("6202", "in", "extData", "length", "C without a length"),
    Listed("6101", "in out", "businessType idType insuOrg", "list", "a list is named, none is published"),
    Listed("6302", "out", "success", "type", "a truth value of JSON, which is no type of the tables"),
)  # fmt: skip
"""A row that covers nothing fails the test: what was mended leaves the list."""


def differences(code: str) -> Iterator[Difference]:
    ours = DECLARED[code]
    for part in TABLES[code]["parts"]:
        if part["dir"] not in {"in", "out"}:
            continue
        node = _node(ours, part["dir"], part["node"])
        if node is None:
            yield Difference(code, part["dir"], part["node"], "node")
            continue
        specs = {spec.name: spec for spec in node.fields}
        named = [row.split("|") for row in part["fields"]]
        for name, shape, flags, _zh in named:
            if name not in specs:
                yield Difference(code, part["dir"], name, "lacks")
                continue
            for what in _unlike(specs[name], shape, flags):
                yield Difference(code, part["dir"], name, what)
        for name in set(specs) - {row[0] for row in named}:
            yield Difference(code, part["dir"], name, "more")


def _node(ours: Transaction, side: str, name: str) -> Node | None:
    nodes = ours.input if side == "in" else ours.output
    return next((node for node in nodes if node.name == name), None)


def _unlike(spec: FieldSpec, shape: str, flags: str) -> Iterator[str]:
    kind = shape.rstrip("0123456789,")
    length, _, decimals = shape[len(kind) :].partition(",")
    if spec.type != kind:
        yield "type"
    elif kind in {"C", "N"} and (length, decimals or "0") != (str(spec.length), str(spec.decimals)):
        yield "length"
    if spec.need != ("!" in flags):
        yield "need"
    if bool(spec.codes) != ("d" in flags):
        yield "list"


def test_each_difference_from_the_published_tables_is_meant() -> None:
    found = [one for code in TABLES if code in DECLARED for one in differences(code)]

    assert [one for one in found if not any(row.covers(one) for row in REASONS)] == []
    assert [row for row in REASONS if not any(row.covers(one) for one in found)] == []


def test_every_published_table_is_declared_or_its_reason_is_in_the_documents() -> None:
    assert set(TABLES) - set(DECLARED) == {code for code in NOT_DECLARED if code in TABLES}
    # 9901, 9902: of centres before 2021, no text of the platform has them. The catalogues but 1301: as several published
    # programs that use them have them (transactions_catalogue).
    theirs = {one.code for one in CATALOGUE_TRANSACTIONS} - {"1301"}
    assert set(DECLARED) - set(TABLES) == {"9901", "9902"} | theirs


@pytest.mark.parametrize("code", sorted(set(DECLARED) & set(TABLES)))
def test_no_node_of_ours_is_in_no_published_table(code: str) -> None:
    ours = DECLARED[code]
    named = {(part["dir"], part["node"]) for part in TABLES[code]["parts"]}

    more = {("in", node.name) for node in ours.input} | {("out", node.name) for node in ours.output}

    # 9102 has no output table: its file. That of 6301 does not say which side it is.
    assert more - named == {"9102": {("out", "fsDownloadOut")}, "6301": {("out", "data")}}.get(code, set())


def test_a_field_has_the_chinese_name_of_its_table_somewhere() -> None:
    """One name a field: where tables disagree, one of theirs."""
    theirs: dict[str, set[str]] = {}
    for table in TABLES.values():
        for part in table["parts"]:
            for row in part["fields"]:
                name, _, _, zh = row.split("|")
                theirs.setdefault(name, set()).add(zh.strip())
    strange = {
        (spec.name, spec.zh)
        for transaction in DECLARED.values()
        for node in (*transaction.input, *transaction.output)
        for spec in node.fields
        if spec.name in theirs and spec.zh not in theirs[spec.name]
    }

    assert strange == set()


def test_the_lists_that_the_tables_name_are_ours() -> None:
    for transaction in DECLARED.values():
        for node in (*transaction.input, *transaction.output):
            for spec in node.fields:
                assert not spec.codes or spec.codes in DICTIONARIES, (transaction.code, spec.name)
                assert spec.length > spec.decimals
                assert spec.zh
            assert len({spec.name for spec in node.fields}) == len(node.fields), (transaction.code, node.name)


@pytest.mark.parametrize(("side", "columns"), [("in-file", DETAIL_COLUMNS), ("out-file", RESULT_COLUMNS)])
def test_the_files_of_3202_have_the_published_columns_in_their_order(side: str, columns: tuple[str, ...]) -> None:
    table = next(part for part in TABLES["3202"]["parts"] if part["dir"] == side)

    assert tuple(row.split("|")[0] for row in table["fields"]) == columns


PERSONAL = {
    "psn_name", "certno", "mdtrt_cert_no", "card_sn", "brdy", "tel", "addr", "coner_name", "emp_name", "agnter_name",
    "agnter_certno", "agnter_tel", "agnter_addr", "userName", "idNo", "ecToken", "birthday", "payToken", "revsToken",
}  # fmt: skip


def test_what_names_a_person_is_marked_in_every_table() -> None:
    unmarked = {
        (transaction.code, spec.name)
        for transaction in DECLARED.values()
        for node in (*transaction.input, *transaction.output)
        for spec in node.fields
        if spec.name in PERSONAL and not spec.personal
    }

    assert unmarked == set()
    assert any(spec.type is Type.BINARY and spec.personal for spec in DECLARED["2203A"].input[0].fields)


def test_what_stands_inside_the_data_of_a_mobile_message_is_told_by_its_table() -> None:
    inside = {row.split("|")[0] for part in TABLES["6201"]["parts"] if part["node"] == "data" for row in part["fields"]}

    assert inside >= LISTS == {"diseinfoList", "feedetailList"}
