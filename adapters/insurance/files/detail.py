"""The file that we upload for 3202: our settlements and refunds, one a row, in the region's columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.insurance.files import archive, table
from adapters.insurance.files.form import StatementForm
from middleware.domain.fault import Fault
from middleware.domain.statement import MAX_STATEMENT_ROWS, DetailRow

MAX_NUMBER = 30  # C30: every number of the centre
REFUND, SETTLEMENT = "1", "0"  # refd_setl_flag

_CELLS: dict[str, Callable[[DetailRow], str]] = {
    "setl_id": lambda row: row.settlement_number,
    "mdtrt_id": lambda row: row.visit_number,
    "psn_no": lambda row: row.person_number,
    "medfee_sumamt": lambda row: row.total.yuan,
    "fund_pay_sumamt": lambda row: row.fund.yuan,
    "acct_pay": lambda row: row.account.yuan,
    "refd_setl_flag": lambda row: REFUND if row.refund else SETTLEMENT,
    "cash_payamt": lambda row: row.cash.yuan,
    "insutype": lambda row: row.insurance,
    "msgid": lambda row: row.message_id,
}


def write(name: str, rows: Sequence[DetailRow], form: StatementForm) -> bytes:
    """The ZIP with ``name``.txt in it; the same rows make the same bytes.

    ``Fault("statement.*")`` names file, line and column of the first row that may not leave: a missing or too long number,
    a control character, a refund that is not negative, one settlement twice. No value stands in it.
    """
    file = f"{name}.txt"
    if len(rows) > MAX_STATEMENT_ROWS:
        raise Fault("statement.too_many", f"{file}: more than {MAX_STATEMENT_ROWS} rows")
    first = 2 if form.header else 1
    seen: set[tuple[str, bool]] = set()
    cells = []
    for line, row in enumerate(rows, first):
        written = [_CELLS[column](row) for column in form.columns]
        for column, (title, cell) in enumerate(zip(form.columns, written, strict=True)):
            if not cell.strip() or (title in {"setl_id", "mdtrt_id", "psn_no", "msgid"} and len(cell) > MAX_NUMBER):
                rule = f"longer than {MAX_NUMBER} characters" if cell.strip() else "is required"
                raise Fault("statement.cell", f"{table.place(file, line, column, title)}: {rule}")
        check_signs(table.place(file, line), row.refund, (row.total.fen, row.fund.fen, row.account.fen, row.cash.fen))
        key = (row.settlement_number, row.refund)
        if key in seen:
            raise Fault("statement.duplicate", f"{table.place(file, line)}: this settlement stands in the file already")
        seen.add(key)
        cells.append(written)
    return archive.pack(file, table.write(file, form.columns, cells, form.encoding, header=form.header))


def check_signs(where: str, refund: bool, amounts: Sequence[int]) -> None:
    """A refund's amounts are negative or zero, a settlement's positive or zero: a sign read wrongly moves money twice."""
    if any(amount > 0 if refund else amount < 0 for amount in amounts):
        raise Fault("statement.cell", f"{where}: {'a refund is not negative' if refund else 'a settlement is negative'}")
