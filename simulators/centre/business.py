"""The centre's business: people, visits, charge batches, settlements, accounts. Fields in, fields out; no wire.

Each handler either does the whole of its transaction or raises ``Refusal`` and has changed nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from adapters.insurance.schema import MOMENT_FORMAT
from adapters.insurance.transactions import DECLARED, REQUEST_HEAD
from middleware.domain.money import Money, total
from simulators.centre import answers
from simulators.centre.catalogue_files import CatalogueBooks
from simulators.centre.categories import refuse_unfit
from simulators.centre.filings import Filings
from simulators.centre.insured import Cover, InsuredPerson
from simulators.centre.kinds import Kinds
from simulators.centre.ledger import Ledger, Settlement, State
from simulators.centre.queries import Queries
from simulators.centre.refusals import Refusal
from simulators.centre.rules import Bill, Line, Year, amount_agrees, cut, split
from simulators.centre.signins import SignIns
from simulators.centre.statements import Dialect, Statements
from simulators.centre.undoing import CANCELS, SETTLES, Done, Undoing
from simulators.centre.visits import Nodes, Row, Visit, line_of, money_of

MAX_VISITS = 100_000
REVERSIBLE = SETTLES | CANCELS
ROWS_OF_STATEMENTS = frozenset({"3202", "9101", "9102"})  # what an old centre, which compares by cycle, has not


class Business:
    """All of the centre's state. ``clock`` is the centre's own wall clock."""

    def __init__(
        self,
        people: Iterable[InsuredPerson],
        ledger: Ledger,
        clock: Callable[[], dt.datetime],
        reversible: frozenset[str] = REVERSIBLE,
        require_sign_in: bool = True,
        refuse_duplicates: bool = False,
        dialect: Dialect | None = None,
        by_cycle: bool = False,
        finish: str = "",
    ) -> None:
        self.people = {person.person_number: person for person in people}
        self.ledger = ledger
        self.reversible = reversible
        self.finish = finish  # the call that must follow a settlement's yes
        self.unfinished: set[str] = set()  # settlements that it has not followed yet
        self.require_sign_in = require_sign_in
        self.refuse_duplicates = refuse_duplicates
        self.statements = Statements(ledger, clock, dialect, by_cycle=by_cycle)
        self.visits: dict[str, Visit] = {}
        self.withdrawn: set[str] = set()  # visits that were taken back
        self.sold: set[str] = set()  # line numbers of pharmacies: never used twice
        self._clock = clock
        self._by_id = {person.id_number: person for person in self.people.values()}
        self._balances = {(p.person_number, c.kind): c.balance for p in self.people.values() for c in p.covers}
        self._years: dict[tuple[str, str, int], Year] = {}
        self.done: dict[str, Done] = {}
        self._sign_ins = SignIns(clock, by_cycle=by_cycle)
        self._numbers = 0
        self.filings = Filings(self)
        self.undoing = Undoing(self)
        self.catalogues = CatalogueBooks(clock)
        self._handlers: dict[str, Callable[[Row, Nodes], Any]] = {
            "9001": self._sign_in,
            "9002": self._sign_out,
            "1101": self._person,
            "2201": self._register,
            **dict.fromkeys(("2203", "2203A"), self._describe),
            "2204": self._charge,
            "2206": self._quote,
            "2207": self._settle,
            "9901": self._finish,
            "9902": self._finish,
            "3201": self.statements.compare_totals,
            "3202": self.statements.compare_detail,
            "9101": self.statements.upload,
            "9102": self._download,
            **self.undoing.handlers,
            **self.catalogues.handlers,
            **Kinds(self).handlers,
            **self.filings.handlers,
            **Queries(self).handlers,
        }

    @property
    def calls(self) -> frozenset[str]:
        """The transactions that it carries out."""
        return frozenset(self._handlers)

    # -- asked by tests and the demo ------------------------------------------------------------------------------------
    def balance(self, person_number: str, kind: str) -> Money:
        """The personal account now."""
        return self._balances[person_number, kind]

    def now(self) -> dt.datetime:
        """By the centre's clock."""
        return self._clock()

    def today(self) -> dt.date:
        """The same."""
        return self._clock().date()

    def accounts(self) -> list[dict[str, str]]:
        """For the admin page: what each cover has left and has used, years apart."""
        return [
            {
                "person_number": who,
                "insurance": kind,
                "year": str(year),
                "balance": self.balance(who, kind).yuan,
                "deductible": used.deductible.yuan,
                "pool": used.pool.yuan,
                "above": used.above.yuan,
            }
            for (who, kind, year), used in self._years.items()
        ]

    def year(self, person_number: str, kind: str, year: int) -> Year:
        """What that cover has used in that year."""
        return self._years.get((person_number, kind, year), Year())

    # -- the way of every message ---------------------------------------------------------------------------------------
    def handle(self, head: Row, nodes: Nodes) -> Any:
        """Carry it out: the output, None where the transaction has none, or ``Refusal``."""
        call = head.get("infno", "")
        _require(REQUEST_HEAD, head)
        for node in DECLARED[call].input:
            rows = nodes.get(node.name) or []
            if not rows or (len(rows) > 1 and not node.many):
                raise Refusal("0101")
            for row in rows:
                _require(node.fields, row)
        if self.refuse_duplicates and head["msgid"] in self.done:
            raise Refusal("0102")
        if self.statements.by_cycle and call in ROWS_OF_STATEMENTS:
            raise Refusal("0103")
        if self.require_sign_in and call not in {"9001", "9002"}:
            number = head.get("sign_no", "")
            if self.statements.by_cycle and call == "3201":
                self._sign_ins.must_be_open(number)
            else:
                self._sign_ins.must_take(number)
        if call not in self._handlers:
            raise Refusal("0103")
        return self._handlers[call](head, nodes)

    def person_of(self, nodes: Nodes) -> InsuredPerson | None:
        """Whom a message is about, for the people's own behaviours."""
        rows = nodes.get("data") or nodes.get("mdtrtinfo") or nodes.get("feedetail") or nodes.get("druginfo") or []
        return self.people.get(rows[0].get("psn_no", "")) if rows else None

    # -- the transactions -----------------------------------------------------------------------------------------------
    def _sign_in(self, _head: Row, _nodes: Nodes) -> dict[str, Any]:
        number = self._sign_ins.begin(lambda: self.new_number("S"))
        return {"signinoutb": {"sign_time": self._clock().strftime(MOMENT_FORMAT), "sign_no": number}}

    def _download(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        return self.catalogues.download(nodes["fsDownloadIn"][0]) or self.statements.download(head, nodes)

    def _sign_out(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        number = nodes["signOut"][0]["sign_no"]
        self._sign_ins.must_be_open(number)
        if self.statements.by_cycle and not self.statements.is_agreed(number):
            raise Refusal("9013")
        self._sign_ins.end(number)
        return {"sign_time": {"sign_time": self._clock().strftime(MOMENT_FORMAT)}}

    def _person(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person = self._by_id.get(row["certno"])
        if person is None:
            raise Refusal("1011")
        if person.name != row["psn_name"]:
            raise Refusal("1012")
        balances = {kind: self.balance(person.person_number, kind) for kind in (c.kind for c in person.covers)}
        return answers.person(person, balances, self._clock().date())

    def _register(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person, cover = self.insured(row)
        visit = Visit(self.new_number("V"), person, cover, our_number=row["ipt_otp_no"], begun=row["begntime"])
        self.keep(visit)
        return {"data": {"mdtrt_id": visit.number, "psn_no": person.person_number, "ipt_otp_no": row["ipt_otp_no"]}}

    def _describe(self, _head: Row, nodes: Nodes) -> None:
        visit = self.visit_of(nodes["mdtrtinfo"][0])
        refuse_unfit(self.filings.diseases(visit.person), visit.cover, nodes["mdtrtinfo"][0], visit.kind)
        visit.med_type = nodes["mdtrtinfo"][0]["med_type"]
        valid = [row for row in nodes["diseinfo"] if row["vali_flag"] == "1"]
        void = {row["diag_code"] for row in nodes["diseinfo"] if row["vali_flag"] == "0"}
        kept = {row["diag_code"]: row for row in visit.diagnoses if row["diag_code"] not in void}
        visit.diagnoses = list((kept | {row["diag_code"]: row for row in valid}).values())

    def _charge(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        rows = nodes["feedetail"]
        visit = self.visit_of(rows[0])
        if any(row["mdtrt_id"] != visit.number for row in rows):
            raise Refusal("0101")
        taken = {line_id for lines in visit.batches.values() for line_id in lines}
        new: dict[str, dict[str, Line]] = {}
        for row in rows:
            line = line_of(row)
            if not amount_agrees(line):
                raise Refusal("2041")
            if line.line_id in taken:
                raise Refusal("2042")
            if self.settled(visit, row["chrg_bchno"]) is not None:
                raise Refusal("2072")
            taken.add(line.line_id)
            new.setdefault(row["chrg_bchno"], {})[line.line_id] = line
        for batch, lines in new.items():
            visit.batches.setdefault(batch, {}).update(lines)
        return {"result": [answers.verdict(cut(line)) for lines in new.values() for line in lines.values()]}

    def _quote(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        visit = self.visit_of(row)
        bill = self.bill(visit, row)
        return answers.settlement(visit.person, visit.number, row, bill, head["msgid"], None, "", visit.clearing)

    def _settle(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        visit = self.visit_of(row)
        return self.book(head, visit, row, self.bill(visit, row))

    def book(self, head: Row, visit: Visit, row: Row, bill: Bill) -> dict[str, Any]:
        """Settle it; what the quote said must come back, where the transaction carries it."""
        quoted = {
            "fulamt_ownpay_amt": bill.self_paid,
            "overlmt_selfpay": bill.over_limit,
            "preselfpay_amt": bill.first_self_paid,
            "inscp_scp_amt": bill.in_scope,
        }
        if any(name in row and money_of(row[name]) != amount for name, amount in quoted.items()):
            raise Refusal("2071")
        at = self._clock()
        settlement = Settlement(
            settlement_number=self.new_number("J"),
            message_id=head["msgid"],
            person_number=visit.person.person_number,
            visit_number=visit.number,
            batch=row["chrg_bchno"],
            insurance=visit.cover.kind,
            med_type=visit.med_type,
            year=at.year,
            bill=bill,
            settled_at=at,
            order=len(self.ledger.settlements) + 1,
            clearing_type=visit.clearing,
            clearing_agency=answers.CLEARING_AGENCY,
            cycle=head.get("sign_no", ""),
        )
        self.move(settlement, 1)
        self.ledger.settlements.append(settlement)
        if self.finish:
            self.unfinished.add(settlement.settlement_number)
        self.done[head["msgid"]] = Done(head["infno"], visit.person.person_number, settlement)
        return answers.settlement(
            visit.person, visit.number, row, bill, head["msgid"], at, settlement.settlement_number, visit.clearing
        )

    def _finish(self, head: Row, nodes: Nodes) -> None:
        row = nodes["data"][0]
        if head["infno"] != self.finish:
            raise Refusal("0103")
        settlement = self.ledger.by_number(row["setl_id"])
        if settlement is None or settlement.visit_number != row["mdtrt_id"]:
            raise Refusal("2081")
        if settlement.state is not State.APPROVED:
            raise Refusal("2082")
        self.unfinished.discard(settlement.settlement_number)

    # -- helpers --------------------------------------------------------------------------------------------------------
    def insured(self, row: Row) -> tuple[InsuredPerson, Cover]:
        """Who is named, and the cover that is; ``Refusal`` when the two do not fit the person."""
        person = self.known(row)
        if person.id_number != row["certno"] or row["psn_name"] not in {"", person.name}:
            raise Refusal("1012")
        cover = person.cover(row["insutype"])
        if cover is None or not cover.is_active:
            raise Refusal("2011")
        return person, cover

    def keep(self, visit: Visit) -> None:
        """Remember it. ``RuntimeError`` beyond the bound."""
        if len(self.visits) >= MAX_VISITS:
            raise RuntimeError("the simulator holds too many visits; start a new one")
        self.visits[visit.number] = visit

    def known(self, row: Row) -> InsuredPerson:
        """Who is named, or ``Refusal``."""
        person = self.people.get(row["psn_no"])
        if person is None:
            raise Refusal("1011")
        return person

    def visit_of(self, row: Row) -> Visit:
        """That person's visit, or ``Refusal``."""
        person = self.known(row)
        visit = self.visits.get(row["mdtrt_id"])
        if visit is None or visit.person is not person:
            raise Refusal("2021")
        return visit

    def settled(self, visit: Visit, batch: str) -> Settlement | None:
        """The approved settlement of that batch, or None."""
        return next(
            (
                row
                for row in self.ledger.settlements
                if row.visit_number == visit.number and row.batch == batch and row.state is State.APPROVED
            ),
            None,
        )

    def bill(self, visit: Visit, row: Row) -> Bill:
        """How the batch splits now, or ``Refusal``."""
        lines = visit.batches.get(row["chrg_bchno"], {})
        if not lines:
            raise Refusal("2061")
        if self.settled(visit, row["chrg_bchno"]) is not None:
            raise Refusal("2072")
        if row["insutype"] != visit.cover.kind or row["certno"] != visit.person.id_number:
            raise Refusal("1012")
        if money_of(row["medfee_sumamt"]) != total(line.amount for line in lines.values()):
            raise Refusal("2062")
        who, kind = visit.person.person_number, visit.cover.kind
        return split(
            tuple(lines.values()),
            visit.cover,
            self.year(who, kind, self._clock().year),
            self.balance(who, kind),
            use_account=row["acct_used_flag"] == "1",
        )

    def move(self, settlement: Settlement, sign: int) -> None:
        """Take the bill from account and year (1), or give it back (-1)."""
        who, kind = settlement.person_number, settlement.insurance
        self._balances[who, kind] = Money(self._balances[who, kind].fen - sign * settlement.bill.account.fen)
        self._years[who, kind, settlement.year] = self.year(who, kind, settlement.year).plus(settlement.bill, sign)

    def new_number(self, letter: str) -> str:
        """A number that was never given."""
        self._numbers += 1
        return f"999900{letter}{self._clock():%Y%m%d}{self._numbers:010d}"


def _require(fields: Iterable[Any], row: Row) -> None:
    for spec in fields:
        if spec.need and not row.get(spec.name, ""):
            raise Refusal("0101")
