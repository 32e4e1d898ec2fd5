"""The result file of 3202, fetched by 9102: read whole and by every rule, or refused whole with one ``Fault``.

A file that is believed in part would leave money out of the comparison, so one bad cell refuses everything. A fault's
detail says file, line, column and reason, and never a value: the rows are people's.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from adapters.insurance.files import archive, table
from adapters.insurance.files.detail import MAX_NUMBER, REFUND, SETTLEMENT, check_signs
from adapters.insurance.files.form import StatementForm
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.statement import ResultRow, Verdict

_AMOUNTS = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
_NUMBERS = ("psn_no", "mdtrt_id", "setl_id", "msgid")


@frozen(slots=True)
class _Cells:
    """One line's cells by the columns' names, and how its places are named."""

    file: str
    line: int
    columns: tuple[str, ...]
    values: Mapping[str, str]

    def refuse(self, code: str, name: str, rule: str) -> Fault:
        return Fault(code, f"{table.place(self.file, self.line, self.columns.index(name), name)}: {rule}")

    def amount(self, name: str) -> Money | None:
        value = self.values[name]
        if not value:
            return None
        try:
            return Money.parse(value)
        except ValueError:
            raise self.refuse("statement.cell", name, "not an amount in yuan with at most two decimals") from None


def read(packed: bytes, institution: str, form: StatementForm) -> tuple[ResultRow, ...]:
    """All rows of the ZIP. ``institution`` is our code: another's message id refuses the file (``statement.foreign``).

    Raises ``Fault("statement.*")`` and nothing else, whatever the bytes are.
    """
    member = archive.unpack(packed)
    verdicts = {code: Verdict(meaning) for code, meaning in form.verdicts.items()}
    rows: list[ResultRow] = []
    seen: set[tuple[str, str, bool]] = set()
    for line, cells in table.read(member, form.result_columns, form.encoding, header=form.header):
        found = _Cells(member.name, line, form.result_columns, dict(zip(form.result_columns, cells, strict=True)))
        row = _row(found, institution, verdicts)
        key = (row.settlement_number, row.message_id, row.refund)
        if key in seen:
            raise Fault("statement.duplicate", f"{table.place(member.name, line)}: this row stands in the file already")
        seen.add(key)
        rows.append(row)
    return tuple(rows)


def _row(cells: _Cells, institution: str, verdicts: Mapping[str, Verdict]) -> ResultRow:
    values = cells.values
    for name in _NUMBERS:
        if len(values[name]) > MAX_NUMBER:
            raise cells.refuse("statement.cell", name, f"longer than {MAX_NUMBER} characters")
    if not values["psn_no"].strip():
        raise cells.refuse("statement.cell", "psn_no", "is required")
    message_id = values["msgid"]
    if message_id and not message_id.startswith(institution):
        raise cells.refuse("statement.foreign", "msgid", "a message of another institution")
    if not message_id and not values["setl_id"]:
        raise cells.refuse("statement.cell", "msgid", "neither a message nor a settlement is named")
    if values["stmt_rslt"] not in verdicts:
        raise cells.refuse("statement.verdict", "stmt_rslt", "not a code of the region's profile")
    if values["refd_setl_flag"] not in {REFUND, SETTLEMENT}:
        raise cells.refuse("statement.cell", "refd_setl_flag", "neither 0 nor 1")
    refund = values["refd_setl_flag"] == REFUND
    total, fund, account = (cells.amount(name) for name in _AMOUNTS)
    amounts = [amount.fen for amount in (total, fund, account) if amount is not None]
    check_signs(table.place(cells.file, cells.line), refund, amounts)
    verdict = _verdict(verdicts[values["stmt_rslt"]], values, centre_has_amounts=bool(amounts))
    if verdict is not Verdict.ONLY_THERE and not values["setl_id"]:
        raise cells.refuse("statement.cell", "setl_id", "is required in a row that we sent")
    return ResultRow(
        person_number=values["psn_no"],
        visit_number=values["mdtrt_id"],
        settlement_number=values["setl_id"],
        message_id=message_id,
        verdict=verdict,
        verdict_code=values["stmt_rslt"],
        refund=refund,
        memo=values["memo"],
        total=total,
        fund=fund,
        account=account,
    )


def _verdict(said: Verdict, values: Mapping[str, str], *, centre_has_amounts: bool) -> Verdict:
    """Where the code says only "not equal" (Hunan) the cells say who has it: the centre names only its own messages."""
    if said is not Verdict.DIFFERS:
        return said
    if not values["setl_id"]:
        return Verdict.ONLY_THERE
    return said if values["msgid"] or centre_has_amounts else Verdict.ONLY_HERE
