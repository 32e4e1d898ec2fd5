"""The files of reconciliation: what we write is read back the same, what a stranger writes is read whole or refused whole."""

from __future__ import annotations

import contextlib
import io
import stat
import tracemalloc
import zipfile

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.insurance.files import archive, detail, result, table
from adapters.insurance.files.form import RESULT_COLUMNS, StatementForm
from config.load import ConfigError, read
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.statement import MAX_STATEMENT_ROWS, DetailRow, ResultRow, Totals, Verdict, totals_of
from tests.adapters.insurance.requests import INSTITUTION, MESSAGE_ID

HUNAN = StatementForm()
HUBEI = StatementForm(
    columns=(
        "setl_id",
        "mdtrt_id",
        "psn_no",
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "cash_payamt",
        "refd_setl_flag",
    ),
    encoding="gb18030",
    header=True,
    verdicts={"000000": "equal", "000102": "only-here", "000103": "amounts"},
)
ROW = DetailRow("J1", "V1", "P1", Money(6037), Money(3879), Money(2000), Money(158), insurance="310", message_id=MESSAGE_ID)
REFUND = DetailRow("J2", "V1", "P1", -Money(6037), -Money(3879), -Money(2000), -Money(158), refund=True)
RESULT = {
    "psn_no": "P1",
    "mdtrt_id": "V1",
    "setl_id": "J1",
    "msgid": MESSAGE_ID,
    "stmt_rslt": "0",
    "refd_setl_flag": "0",
    "memo": "金额一致",
    "medfee_sumamt": "60.37",
    "fund_pay_sumamt": "38.79",
    "acct_pay": "20",
}


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as zip_file:
        for name, content in members:
            zip_file.writestr(name, content)
    return written.getvalue()


def result_zip(*rows: dict[str, str] | bytes, encoding: str = "utf-8") -> bytes:
    lines = [row if isinstance(row, bytes) else "\t".join(row.values()).encode(encoding) for row in rows]
    return zipped(("result.txt", b"\n".join(lines)))


def lines_of(packed: bytes, encoding: str = "utf-8") -> list[list[str]]:
    """The uploaded file, read with nothing of ours."""
    with zipfile.ZipFile(io.BytesIO(packed)) as zip_file:
        (name,) = zip_file.namelist()
        return [line.split("\t") for line in zip_file.read(name).decode(encoding).split("\n")[:-1]]


def refusal(packed: bytes, form: StatementForm = HUNAN) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        result.read(packed, INSTITUTION, form)
    return caught.value.code, caught.value.detail


# -- what we upload -----------------------------------------------------------------------------------------------------
def test_the_uploaded_file_has_the_seven_columns_of_the_table_and_a_negative_row_for_a_refund() -> None:
    assert lines_of(detail.write("d", (ROW, REFUND), HUNAN)) == [
        ["J1", "V1", "P1", "60.37", "38.79", "20.00", "0"],
        ["J2", "V1", "P1", "-60.37", "-38.79", "-20.00", "1"],
    ]


def test_a_region_chooses_columns_their_order_a_header_and_the_encoding() -> None:
    lines = lines_of(detail.write("d", (attrs.evolve(ROW, visit_number="门诊1"),), HUBEI), "gb18030")

    assert lines == [list(HUBEI.columns), ["J1", "门诊1", "P1", "60.37", "38.79", "20.00", "1.58", "0"]]


def test_the_same_rows_make_the_same_bytes() -> None:
    assert detail.write("d", (ROW, REFUND), HUNAN) == detail.write("d", (ROW, REFUND), HUNAN)


def test_totals_count_a_settlement_and_its_refund_as_two_rows_of_nothing() -> None:
    assert totals_of((ROW, REFUND)) == Totals(count=2)
    assert totals_of((ROW,)) == Totals(Money(6037), Money(3879), Money(2000), Money(158), 1)


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([ROW, attrs.evolve(ROW, settlement_number="")], "statement.cell", "d.txt line 2 column 1 (setl_id): is required"),
        ([attrs.evolve(ROW, person_number=" ")], "statement.cell", "d.txt line 1 column 3 (psn_no): is required"),
        ([attrs.evolve(ROW, visit_number="V" * 31)], "statement.cell", "column 2 (mdtrt_id): longer than 30 characters"),
        ([attrs.evolve(ROW, visit_number="V\t1")], "statement.cell", "column 2 (mdtrt_id): holds a control character"),
        ([attrs.evolve(ROW, visit_number="V\u20281")], "statement.cell", "column 2 (mdtrt_id): holds a control character"),
        ([attrs.evolve(ROW, visit_number="null")], "statement.cell", "column 2 (mdtrt_id): the word null"),
        ([attrs.evolve(ROW, refund=True)], "statement.cell", "line 1: a refund is not negative"),
        ([attrs.evolve(ROW, cash=Money(-1))], "statement.cell", "line 1: a settlement is negative"),
        ([ROW, REFUND, ROW], "statement.duplicate", "d.txt line 3: this settlement stands in the file already"),
        ([ROW] * (MAX_STATEMENT_ROWS + 1), "statement.too_many", f"d.txt: more than {MAX_STATEMENT_ROWS} rows"),
    ],
)
def test_a_row_that_may_not_leave_is_named_by_line_and_column(rows: list[DetailRow], code: str, place: str) -> None:
    with pytest.raises(Fault) as caught:
        detail.write("d", rows, HUNAN)

    assert caught.value.code == code
    assert caught.value.detail.endswith(place)


_number = st.text(st.sampled_from("AZ09-门诊"), min_size=1, max_size=30)
_fen = st.integers(0, 10**16 - 1)


@st.composite
def detail_rows(draw: st.DrawFn) -> list[DetailRow]:
    rows = {}
    for _ in range(draw(st.integers(0, 6))):
        refund = draw(st.booleans())
        amounts = [Money(-fen if refund else fen) for fen in draw(st.tuples(_fen, _fen, _fen, _fen))]
        row = DetailRow(draw(_number), draw(_number), draw(_number), *amounts, refund=refund)
        rows[row.settlement_number, row.refund] = row
    return list(rows.values())


@given(detail_rows(), st.sampled_from([HUNAN, HUBEI]))
@settings(max_examples=60, deadline=None)
def test_every_row_that_is_written_is_in_the_file_cell_by_cell(rows: list[DetailRow], form: StatementForm) -> None:
    member = archive.unpack(detail.write("d", rows, form))
    read_back = [
        dict(zip(form.columns, cells, strict=True))
        for _, cells in table.read(member, form.columns, form.encoding, header=form.header)
    ]

    assert [
        (c["setl_id"], c["mdtrt_id"], c["psn_no"], Money.parse(c["medfee_sumamt"]), Money.parse(c["acct_pay"]))
        for c in read_back
    ] == [(r.settlement_number, r.visit_number, r.person_number, r.total, r.account) for r in rows]
    assert [c["refd_setl_flag"] == "1" for c in read_back] == [r.refund for r in rows]


_cell = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Cn")), max_size=12).filter(
    lambda cell: cell != "null"
)


@given(st.lists(st.tuples(_cell, _cell, _cell), max_size=5), st.sampled_from(["utf-8", "gb18030"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_text_written_and_read_is_the_same(rows: list[tuple[str, str, str]], encoding: str, header: bool) -> None:
    columns = ("a", "b", "c")
    written = table.write("f.txt", columns, rows, encoding, header=header)
    lines = list(table.read(archive.Member("f.txt", written), columns, encoding, header=header))

    assert [tuple(cells) for _, cells in lines] == rows


# -- what comes back ----------------------------------------------------------------------------------------------------
def test_a_result_is_read_with_its_verdict_and_its_amounts() -> None:
    only_there = RESULT | {"mdtrt_id": "null", "setl_id": "", "stmt_rslt": "1", "memo": "null", "acct_pay": "0.0"}
    rows = result.read(result_zip(RESULT, only_there), INSTITUTION, HUNAN)

    assert rows == (
        ResultRow(
            "P1", "V1", "J1", MESSAGE_ID, Verdict.EQUAL, "0", False, "金额一致", Money(6037), Money(3879), Money(2000)
        ),
        ResultRow("P1", "", "", MESSAGE_ID, Verdict.ONLY_THERE, "1", False, "", Money(6037), Money(3879), Money(0)),
    )
    assert "P1" not in repr(rows)
    assert "一致" not in repr(rows)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, Verdict.DIFFERS),
        ({"setl_id": "", "mdtrt_id": ""}, Verdict.ONLY_THERE),
        ({"msgid": "", "medfee_sumamt": "", "fund_pay_sumamt": "null", "acct_pay": ""}, Verdict.ONLY_HERE),
        ({"msgid": ""}, Verdict.DIFFERS),
    ],
)
def test_where_the_code_says_no_more_than_not_equal_the_rows_cells_say_who_has_it(
    change: dict[str, str], verdict: Verdict
) -> None:
    (row,) = result.read(result_zip(RESULT | {"stmt_rslt": "1"} | change), INSTITUTION, HUNAN)

    assert row.verdict is verdict


def test_a_result_in_another_order_with_a_header_a_mark_and_carriage_returns_is_read() -> None:
    form = attrs.evolve(HUBEI, result_columns=tuple(reversed(RESULT_COLUMNS)))
    row = dict(reversed((RESULT | {"stmt_rslt": "000102", "msgid": "", "refd_setl_flag": "1"}).items()))
    row |= {"medfee_sumamt": "-60.37", "fund_pay_sumamt": "null", "acct_pay": "-20.00"}
    text = "\r\n".join("\t".join(cells) for cells in (form.result_columns, row.values(), ())).encode("gb18030")
    (found,) = result.read(zipped(("result.txt", text)), INSTITUTION, form)

    assert (found.verdict, found.refund, found.total, found.fund) == (Verdict.ONLY_HERE, True, Money(-6037), None)
    marked = zipped(("result.txt", b"\xef\xbb\xbf" + "\t".join(RESULT.values()).encode()))
    assert len(result.read(marked, INSTITUTION, HUNAN)) == 1


def test_an_empty_result_has_no_rows() -> None:
    assert result.read(result_zip(), INSTITUTION, HUNAN) == ()


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"medfee_sumamt": "sixty"}, "statement.cell", "column 8 (medfee_sumamt): not an amount"),
        ({"medfee_sumamt": "6e1"}, "statement.cell", "column 8 (medfee_sumamt): not an amount"),
        ({"medfee_sumamt": "６０"}, "statement.cell", "column 8 (medfee_sumamt): not an amount"),
        ({"fund_pay_sumamt": "38.791"}, "statement.cell", "column 9 (fund_pay_sumamt): not an amount"),
        ({"acct_pay": "1" * 17}, "statement.cell", "column 10 (acct_pay): not an amount"),
        ({"acct_pay": "-20"}, "statement.cell", "line 2: a settlement is negative"),
        ({"refd_setl_flag": "1"}, "statement.cell", "line 2: a refund is not negative"),
        ({"refd_setl_flag": ""}, "statement.cell", "column 6 (refd_setl_flag): neither 0 nor 1"),
        ({"stmt_rslt": "7"}, "statement.verdict", "column 5 (stmt_rslt): not a code"),
        ({"stmt_rslt": ""}, "statement.verdict", "column 5 (stmt_rslt): not a code"),
        ({"msgid": "H99990000002202603020930150000"}, "statement.foreign", "column 4 (msgid): a message of another"),
        ({"msgid": "null", "setl_id": "null"}, "statement.cell", "column 4 (msgid): neither a message nor a settlement"),
        ({"setl_id": "J" * 31}, "statement.cell", "column 3 (setl_id): longer than 30"),
        ({"psn_no": " "}, "statement.cell", "column 1 (psn_no): is required"),
        ({"setl_id": ""}, "statement.cell", "column 3 (setl_id): is required in a row that we sent"),
        ({"memo": "a\x00b"}, "statement.cell", "column 7 (memo): holds a control character"),
        ({"memo": "a\x85b"}, "statement.cell", "column 7 (memo): holds a control character"),
        ({"memo": "a\u202eb"}, "statement.cell", "column 7 (memo): holds a control character"),
        ({"memo": "长" * 501}, "statement.cell", "column 7 (memo): longer than 500"),
        ({"memo": "a\tb"}, "statement.columns", "line 2: 11 columns instead of 10"),
        ({"memo": "a\nb"}, "statement.columns", "line 2: 7 columns instead of 10"),
        ({}, "statement.duplicate", "line 2: this row stands in the file already"),
    ],
)
def test_one_bad_row_refuses_the_whole_file_with_line_and_column(change: dict[str, str], code: str, where: str) -> None:
    found, told = refusal(result_zip(RESULT, RESULT | change))

    assert found == code
    assert told.startswith("result.txt line 2")
    assert where in told
    assert not any(value and value in told for value in change.values() if len(value) > 1)


@pytest.mark.parametrize(
    ("packed", "form", "code", "where"),
    [
        (result_zip(RESULT, b""), HUNAN, None, ""),
        (result_zip(RESULT, b"", RESULT | {"setl_id": "J2"}), HUNAN, "statement.columns", "line 2: 1 columns"),
        (result_zip(RESULT, encoding="gb18030"), HUNAN, "statement.encoding", "line 1: not utf-8"),
        (result_zip(RESULT | {"memo": "一"}), attrs.evolve(HUNAN, encoding="gb18030"), "statement.encoding", "not gb18030"),
        (result_zip(RESULT | {"memo": ""}), HUBEI, "statement.columns", "line 1: not the line of column names"),
        (zipped(("a.txt", b"\t\n" * (MAX_STATEMENT_ROWS + 1))), HUNAN, "statement.too_many", "a.txt: more than"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused(packed: bytes, form: StatementForm, code: str | None, where: str) -> None:
    if code is None:
        assert len(result.read(packed, INSTITUTION, form)) == 1
        return
    found, told = refusal(packed, form)
    assert (found, where in told) == (code, True), told


# -- archives -----------------------------------------------------------------------------------------------------------
def _info(name: str = "result.txt", **changes: int) -> bytes:
    """A ZIP whose one entry has other attributes."""
    written = io.BytesIO()
    member = zipfile.ZipInfo(name)
    for key, value in changes.items():
        setattr(member, key, value)
    with zipfile.ZipFile(written, "w") as zip_file:
        zip_file.writestr(member, b"x")
    return written.getvalue()


def _flagged(packed: bytes, flag: int) -> bytes:
    """The same with a flag set in the central directory."""
    at = packed.index(b"PK\x01\x02") + 8
    return packed[:at] + bytes([packed[at] | flag]) + packed[at + 1 :]


WHOLE = result_zip(RESULT)


@pytest.mark.parametrize(
    ("packed", "code", "reason"),
    [
        (b"", "statement.zip", "BadZipFile"),
        (b"not a zip at all", "statement.zip", "BadZipFile"),
        (WHOLE[:-10], "statement.zip", "BadZipFile"),
        (WHOLE[: len(WHOLE) // 2], "statement.zip", "BadZipFile"),
        (WHOLE.replace(WHOLE[60:64], b"\x00\xff\x00\xff", 1), "statement.zip", ""),
        (zipped(), "statement.members", "empty"),
        (zipped(("a.txt", b""), ("b.txt", b"")), "statement.members", "more than one"),
        (zipped(("../a.txt", b"")), "statement.members", "path"),
        (zipped(("/etc/a.txt", b"")), "statement.members", "path"),
        (zipped(("C:\\a.txt", b"")), "statement.members", "path"),
        (zipped(("folder/", b"")), "statement.members", "path"),
        (_info(external_attr=(stat.S_IFLNK | 0o777) << 16), "statement.members", "no plain file"),
        (_flagged(WHOLE, 0x1), "statement.members", "encrypted"),
        (_flagged(WHOLE, 0x40), "statement.members", "encrypted"),
        (b"MZ" * 40 + WHOLE, "statement.members", "other bytes before"),
        (zipped(("a.txt", b"x"), method=zipfile.ZIP_BZIP2), "statement.zip", "compression"),
        (zipped(("a.txt", b"0" * (archive.FREE_BYTES + 1))), "statement.too_big", "says that it is larger"),
        (b"\x00" * (archive.MAX_ZIP_BYTES + 1), "statement.too_big", "the ZIP has more than"),
    ],
)
def test_an_archive_that_is_not_one_whole_plain_file_is_refused(packed: bytes, code: str, reason: str) -> None:
    found, told = refusal(packed)

    assert found == code
    assert reason in told


def test_a_bomb_costs_little_memory_and_a_size_that_lies_is_refused() -> None:
    bomb = zipped(("a.txt", b"0" * (64 << 20)))
    tracemalloc.start()
    try:
        assert refusal(bomb)[0] == "statement.too_big"
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
        small = (1000).to_bytes(4, "little")
        for start in (bomb.index(b"PK\x01\x02") + 24, 22):  # the size that both directories say
            bomb = bomb[:start] + small + bomb[start + 4 :]
        assert refusal(bomb)[0] == "statement.zip"
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_a_strange_name_is_never_shown() -> None:
    assert refusal(zipped(("张三\x1b[2J.txt", b"x")))[1].startswith("(file) line 1")


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A sound archive with some bytes changed, cut or doubled."""
    at, size = draw(st.integers(0, len(WHOLE))), draw(st.sampled_from([1, 4, 40]))
    return WHOLE[:at] + draw(st.binary(max_size=size)) + WHOLE[at + draw(st.integers(0, size)) :]


@given(st.one_of(st.binary(max_size=200), bent()))
@settings(max_examples=400, deadline=None)
def test_no_bytes_raise_anything_but_fault(packed: bytes) -> None:
    with contextlib.suppress(Fault):
        result.read(packed, INSTITUTION, HUNAN)


@st.composite
def bent_text(draw: st.DrawFn) -> bytes:
    """Sound rows with some bytes of the text changed."""
    rows = [RESULT | {"setl_id": f"J{n}"} for n in range(draw(st.integers(0, 4)))]
    text = "\n".join("\t".join(row.values()) for row in rows).encode()
    at = draw(st.integers(0, len(text)))
    change = st.one_of(st.binary(max_size=3), st.sampled_from([b"", b"\t", b"\n", b"\r", b"1", b"-", b"null", b"\x85"]))
    return text[:at] + draw(change) + text[at + draw(st.integers(0, 2)) :]


@given(bent_text())
@example(b"\xef\xbb\xbf")
@settings(max_examples=300, deadline=None)
def test_a_text_is_read_to_its_last_line_or_refused_whole(text: bytes) -> None:
    with contextlib.suppress(Fault):
        rows = result.read(zipped(("r.txt", text)), INSTITUTION, HUNAN)
        assert len(rows) == sum(bool(line.strip(b"\r")) for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


@given(st.binary(max_size=5000), st.sampled_from(["a.txt", "20260302-11-999900.txt"]))
@settings(max_examples=50, deadline=None)
def test_packed_and_unpacked_is_the_same(content: bytes, name: str) -> None:
    assert archive.unpack(archive.pack(name, content)) == archive.Member(name, content)


def test_a_full_day_of_the_largest_hospital_fits() -> None:
    rows = [attrs.evolve(ROW, settlement_number=f"999900J20260302{n:015d}", visit_number=f"999900V20260302{n:015d}",
                         person_number=f"9999000000{n * 7919 % 10**20:020d}", total=Money(n * 104729 % 10**7)) for n in range(MAX_STATEMENT_ROWS)]  # fmt: skip
    packed = detail.write("d", rows, HUNAN)

    assert len(archive.unpack(packed).content) > 5 << 20
    assert len(packed) * 4 / 3 < 8 << 20  # the bound of one message


# -- the profile --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"columns": ["setl_id"]}, "lacks mdtrt_id"),
        ({"columns": [*HUNAN.columns, "psn_name"]}, "takes each of these once"),
        ({"columns": [*HUNAN.columns, "setl_id"]}, "takes each of these once"),
        ({"result_columns": ["psn_no"]}, "takes all of these"),
        ({"encoding": "latin-1"}, "must be one of utf-8, gb18030"),
        ({"verdicts": {"0": "fine"}}, "maps a code to one of"),
        ({"verdicts": {"0": "equal"}}, "needs a code that means equal"),
        ({"verdicts": {"1": "differs"}}, "needs a code that means equal"),
        ({"by_cycle": True}, "by_cycle is for centres without 3202"),
    ],
)
def test_a_region_that_says_what_cannot_be_is_refused(document: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(StatementForm, document)
    assert says in str(caught.value)


def test_the_engine_is_told_the_regions_rules() -> None:
    rules = read(
        StatementForm, {"by_cycle": True, "detail": False, "refunds_apart": True, "not_ready_codes": ["3203"]}
    ).rules

    assert (rules.by_cycle, rules.detail, rules.refunds_apart, rules.not_ready_codes) == (True, False, True, {"3203"})
