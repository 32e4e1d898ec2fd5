"""The centre's side of reconciliation: totals by 3201, files by 9101, rows by 3202, results by 9102; by its own ledger.

Written with zipfile and plain string work and none of the adapter's codec, so that it cannot agree with its mistakes. What
the books wrongly say is set by ``misbook``, ``strike`` and ``lose_refund``; broken files come from the fault knobs.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from middleware.domain.money import Money
from simulators.centre.ledger import Ledger, Settlement, State
from simulators.centre.refusals import Refusal

Row = Mapping[str, str]
Nodes = Mapping[str, list[Row]]
MAX_FILES = 2000
KEPT_DAYS = 7
_AMOUNTS = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")


@frozen(slots=True)
class Codes:
    """stmt_rslt, as a province writes it."""

    equal: str = "0"
    only_here: str = "1"  # the institution has it, the centre has not
    only_there: str = "1"
    amounts: str = "1"


@frozen(slots=True)
class Dialect:
    """How this centre's files look. ``refund_message``: whether a refund's row names the cancel or the original."""

    columns: tuple[str, ...] = ("setl_id", "mdtrt_id", "psn_no", *_AMOUNTS, "refd_setl_flag")
    header: bool = False
    encoding: str = "utf-8"
    codes: Codes = field(factory=Codes)
    refund_message: str = "cancel"


RESULT = ("psn_no", "mdtrt_id", "setl_id", "msgid", "stmt_rslt", "refd_setl_flag", "memo", *_AMOUNTS)


@frozen(slots=True)
class Entry:
    """One row of the centre's books: a settlement, or (negative) the refund of one."""

    settlement_number: str
    message_id: str
    original: str  # of a refund: the message id of what it undoes
    visit_number: str
    person_number: str
    insurance: str
    clearing_type: str
    agency: str
    at: dt.datetime
    cycle: str  # the sign-in that it was made under
    refund: bool
    total: Money
    fund: Money
    account: Money


class Statements:
    """What the centre says of its books. ``by_cycle``: an old centre that compares each sign-in's totals and no rows."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], dt.datetime], dialect: Dialect | None = None, *, by_cycle: bool = False
    ) -> None:
        self.dialect = dialect or Dialect()
        self.by_cycle = by_cycle
        self._ledger = ledger
        self._clock = clock
        self._uploads: dict[str, tuple[str, list[dict[str, str]]]] = {}
        self._results: dict[str, tuple[str, bytes]] = {}
        self._misbooked: dict[str, Money] = {}
        self._struck: set[tuple[str, bool]] = set()
        self._agreed: dict[tuple[str, str, str, str], int] = {}  # cycle and slice -> how many rows were found equal
        self._numbers = 0

    # -- what the books wrongly say -------------------------------------------------------------------------------------
    def misbook(self, message_id: str, by: Money) -> None:
        """The settlement of that message stands with so much more total and fund."""
        self._misbooked[message_id] = by

    def strike(self, message_id: str) -> None:
        """The settlement of that message stands in no statement."""
        self._struck.add((message_id, False))

    def lose_refund(self, message_id: str) -> None:
        """The refund of the settlement of that message stands in no statement."""
        self._struck.add((message_id, True))

    def mend(self) -> None:
        """The statements are as the ledger is."""
        self._misbooked.clear()
        self._struck.clear()

    # -- the books ------------------------------------------------------------------------------------------------------
    def entries(self) -> list[Entry]:
        """Every row, oldest settlement first: what 2601 undid is in none, what a cancel undid is in two."""
        found = []
        for settlement in self._ledger.settlements:
            if settlement.state is State.REVERSED:
                continue
            if (settlement.message_id, False) not in self._struck:
                found.append(self._entry(settlement))
            if settlement.cancelled_at is not None and (settlement.message_id, True) not in self._struck:
                found.append(self._refund(settlement, settlement.cancelled_at))
        return found

    def _entry(self, settlement: Settlement) -> Entry:
        more = self._misbooked.get(settlement.message_id, Money(0))
        return Entry(
            settlement_number=settlement.settlement_number,
            message_id=settlement.message_id,
            original="",
            visit_number=settlement.visit_number,
            person_number=settlement.person_number,
            insurance=settlement.insurance,
            clearing_type=settlement.clearing_type,
            agency=settlement.clearing_agency,
            at=settlement.settled_at,
            cycle=settlement.cycle,
            refund=False,
            total=settlement.bill.total + more,
            fund=settlement.bill.fund + more,
            account=settlement.bill.account,
        )

    def _refund(self, settlement: Settlement, at: dt.datetime) -> Entry:
        there = self._entry(settlement)
        return evolve(
            there,
            settlement_number=settlement.cancel_number,
            message_id=settlement.undone_by,
            original=settlement.message_id,
            at=at,
            cycle=settlement.cancel_cycle,
            refund=True,
            total=-there.total,
            fund=-there.fund,
            account=-there.account,
        )

    def _asked_for(self, row: Row, cycle: str) -> list[Entry]:
        """The entries that a 3201 or 3202 is about; 3202 has no insurance kind and so means all."""
        try:
            first, last = (dt.date.fromisoformat(row[name]) for name in ("stmt_begndate", "stmt_enddate"))
        except ValueError:
            raise Refusal("0101") from None
        flag, insurance = row.get("refd_setl_flag", ""), row.get("insutype", "")
        return [
            entry
            for entry in self.entries()
            if (entry.cycle == cycle if self.by_cycle else first <= entry.at.date() <= last)
            and entry.clearing_type == row["clr_type"]
            and entry.agency == row["setl_optins"]
            and insurance in {"", entry.insurance}
            and flag in {"", "1" if entry.refund else "0"}
        ]

    # -- the transactions -----------------------------------------------------------------------------------------------
    def compare_totals(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        """3201."""
        row = nodes["data"][0]
        cycle = head.get("sign_no", "")
        entries = self._asked_for(row, cycle)
        equal = _sums(row, _AMOUNTS) == _summed(entries, _AMOUNTS) and row["fixmedins_setl_cnt"] == str(len(entries))
        codes = self.dialect.codes
        if equal:
            self._agreed[cycle, row["insutype"], row["clr_type"], row["setl_optins"]] = len(entries)
        says = "总账一致" if equal else "总账不一致"
        return {
            "stmtinfo": {
                "setl_optins": row["setl_optins"],
                "stmt_rslt": codes.equal if equal else codes.amounts,
                "stmt_rslt_dscr": says,
            }
        }

    def is_agreed(self, cycle: str) -> bool:
        """Whether every slice of that cycle has been found equal, as it is now."""
        slices = Counter((e.cycle, e.insurance, e.clearing_type, e.agency) for e in self.entries() if e.cycle == cycle)
        return all(self._agreed.get(slice_) == count for slice_, count in slices.items())

    def upload(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        """9101."""
        row = nodes["fsUploadIn"][0]
        rows = _upload_rows(row["in"], self.dialect)
        number = self._number("F", self._uploads)
        self._uploads[number] = (row["filename"], rows)
        return {
            "file_qury_no": number,
            "filename": row["filename"],
            "fixmedins_code": row["fixmedins_code"],
            "dld_endtime": self._until(),
        }

    def compare_detail(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        """3202: every row of the file and every entry of ours is in the result."""
        row = nodes["data"][0]
        uploaded = self._uploads.get(row["file_qury_no"])
        if uploaded is None or self.by_cycle:
            raise Refusal("3204")
        rows = uploaded[1]
        if row["fixmedins_setl_cnt"] != str(len(rows)) or _sums(row, _AMOUNTS[:2]) != _totals(rows, _AMOUNTS[:2]):
            raise Refusal("3202")
        result = self._result(rows, self._asked_for(row, ""))
        number = self._number("R", self._results)
        name = f"{number}.zip"
        self._results[number] = (name, _zip(f"{number}.txt", "".join(result).encode(self.dialect.encoding)))
        return {"fileinfo": {"file_qury_no": number, "filename": name, "dld_endtime": self._until()}}

    def download(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        """9102."""
        row = nodes["fsDownloadIn"][0]
        name, packed = self._results.get(row["file_qury_no"], ("", b""))
        if not name or name != row["filename"]:
            raise Refusal("3204")
        return {"fsDownloadOut": {"out": base64.b64encode(packed).decode(), "filename": name}}

    # -- row by row -----------------------------------------------------------------------------------------------------
    def _result(self, rows: list[dict[str, str]], entries: Iterable[Entry]) -> list[str]:
        left = {(entry.settlement_number, entry.refund): entry for entry in entries}
        codes, lines = self.dialect.codes, []
        for row in rows:
            entry = left.pop((row["setl_id"], row["refd_setl_flag"] == "1"), None)
            if entry is None:
                there = {"stmt_rslt": codes.only_here, "memo": "中心无此结算"} | dict.fromkeys(_AMOUNTS, "null")
                lines.append(_line(row | {"msgid": "null"} | there))
                continue
            same = _totals([row], _AMOUNTS) == _summed([entry], _AMOUNTS)
            same &= (row["psn_no"], row["mdtrt_id"]) == (entry.person_number, entry.visit_number)
            verdict = {"stmt_rslt": codes.equal, "memo": "一致"} if same else {"stmt_rslt": codes.amounts, "memo": "不一致"}
            lines.append(_line(row | self._cells(entry) | verdict))
        for entry in left.values():
            there = {"stmt_rslt": codes.only_there, "memo": "机构无此结算", "setl_id": "null", "mdtrt_id": "null"}
            lines.append(_line(self._cells(entry) | there))
        return ["\t".join(RESULT) + "\n", *lines] if self.dialect.header else lines

    def _cells(self, entry: Entry) -> dict[str, str]:
        original = entry.refund and self.dialect.refund_message == "original"
        return {
            "psn_no": entry.person_number,
            "mdtrt_id": entry.visit_number,
            "setl_id": entry.settlement_number,
            "msgid": entry.original if original else entry.message_id,
            "refd_setl_flag": "1" if entry.refund else "0",
            "medfee_sumamt": entry.total.yuan,
            "fund_pay_sumamt": entry.fund.yuan,
            "acct_pay": entry.account.yuan,
        }

    # -- helpers --------------------------------------------------------------------------------------------------------
    def _number(self, letter: str, kept: dict[str, Any]) -> str:
        if len(kept) >= MAX_FILES:
            del kept[next(iter(kept))]
        self._numbers += 1
        return f"{letter}{self._clock():%Y%m%d}{self._numbers:08d}"

    def _until(self) -> str:
        return f"{self._clock() + dt.timedelta(days=KEPT_DAYS):%Y-%m-%d %H:%M:%S}"


def _line(cells: Mapping[str, str]) -> str:
    return "\t".join(cells[name] for name in RESULT) + "\n"


def _zip(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()


def _upload_rows(encoded: str, dialect: Dialect) -> list[dict[str, str]]:
    """What the institution uploaded, cell by cell; a file that is not in the dialect is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded, validate=True))) as archive:
            (name,) = archive.namelist()
            lines = archive.read(name).decode(dialect.encoding).split("\n")
        if lines.pop() != "" or (dialect.header and lines.pop(0) != "\t".join(dialect.columns)):
            raise Refusal("9103")
        rows = [dict(zip(dialect.columns, line.split("\t"), strict=True)) for line in lines]
        _totals(rows, _AMOUNTS)
    except (binascii.Error, zipfile.BadZipFile, ValueError, IndexError):
        raise Refusal("9103") from None
    return rows


def _totals(rows: Iterable[Mapping[str, str]], names: Iterable[str]) -> list[int]:
    kept = list(rows)
    return [sum(Money.parse(row[name]).fen for row in kept) for name in names]


def _sums(row: Row, names: Iterable[str]) -> list[int]:
    try:
        return _totals([row], names)
    except ValueError:
        raise Refusal("0101") from None


def _summed(entries: Iterable[Entry], names: Iterable[str]) -> list[int]:
    kept = list(entries)
    amounts = {"medfee_sumamt": "total", "fund_pay_sumamt": "fund", "acct_pay": "account"}
    return [sum(getattr(entry, amounts[name]).fen for entry in kept) for name in names]
