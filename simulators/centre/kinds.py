"""The centre's business with pharmacies, stays, and whatever is taken back: ``Business``'s second part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulators.centre import answers
from simulators.centre.categories import refuse_unfit
from simulators.centre.ledger import State
from simulators.centre.refusals import Refusal
from simulators.centre.rules import amount_agrees, cut
from simulators.centre.visits import STAY, Nodes, Row, Visit, line_of

if TYPE_CHECKING:
    from simulators.centre.business import Business

EVERY = "0000"  # chrg_bchno, feedetl_sn: all that is not settled
PHARMACY_CLEARING, STAY_CLEARING = "41", "21"


class Kinds:
    """``handlers`` by infno. Each does the whole of its transaction or raises ``Refusal`` and has changed nothing."""

    def __init__(self, business: Business) -> None:
        self._b = business
        self.handlers: dict[str, Callable[[Row, Nodes], dict[str, Any] | None]] = {
            "2101": self._pharmacy_quote,
            "2102": self._pharmacy_settle,
            "2202": self._withdraw,
            "2205": self._withdraw_charges,
            "2301": self._charge,
            "2302": self._withdraw_charges,
            "2303": self._stay_quote,
            "2304": self._stay_settle,
            "2401": self._admit,
            "2402": self._discharge,
            "2403": self._change,
            "2404": self._withdraw,
            "2405": self._undo_discharge,
            "5201": self._visits,
        }

    # -- pharmacies
    def _sale(self, nodes: Nodes) -> tuple[Visit, Row]:
        row = nodes["druginfo"][0]
        person, cover = self._b.insured(row)
        if row["med_type"] != "41":
            raise Refusal("2031")
        lines = {}
        for given in nodes["drugdetail"]:
            line = line_of({**given, "hosp_appr_flag": ""})
            if not amount_agrees(line):
                raise Refusal("2041")
            if line.line_id in lines or line.line_id in self._b.sold:
                raise Refusal("2042")
            lines[line.line_id] = line
        visit = Visit("", person, cover, med_type="41", kind="pharmacy", clearing=PHARMACY_CLEARING)
        visit.batches[""] = lines
        return visit, {**row, "chrg_bchno": "", "mdtrt_id": ""}

    def _pharmacy_quote(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        visit, row = self._sale(nodes)
        bill = self._b.bill(visit, row)
        number = self._b.new_number("V")  # a quote names a visit that nobody keeps
        told = answers.settlement(visit.person, number, row, bill, head["msgid"], None, "", visit.clearing)
        return told | answers.cuts(bill)

    def _pharmacy_settle(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        visit, row = self._sale(nodes)
        bill = self._b.bill(visit, row)
        visit.number = self._b.new_number("V")
        self._b.keep(visit)
        self._b.sold.update(visit.batches[""])
        return self._b.book(head, visit, row, bill) | answers.cuts(bill)

    # -- stays
    def _admit(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["mdtrtinfo"][0]
        person, cover = self._b.insured({**row, "psn_name": ""})
        refuse_unfit(self._b.filings.diseases(person), cover, row, "inpatient")
        if any(one.kind == "inpatient" and one.person is person and not one.ended for one in self._b.visits.values()):
            raise Refusal("2241")
        visit = Visit(
            self._b.new_number("V"),
            person,
            cover,
            med_type=row["med_type"],
            kind="inpatient",
            our_number=row["medrcdno"],
            hospital_number=row["ipt_no"],
            begun=row["begntime"],
            clearing=STAY_CLEARING,
            diagnoses=list(nodes["diseinfo"]),
        )
        self._b.keep(visit)
        return {"result": {"mdtrt_id": visit.number}}

    def _stay(self, row: Row) -> Visit:
        visit = self._b.visit_of(row)
        if visit.kind != "inpatient":
            raise Refusal("2021")
        return visit

    def _charge(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        rows = nodes["feedetail"]
        visit = self._stay(rows[0])
        if any(row["mdtrt_id"] != visit.number for row in rows):
            raise Refusal("0101")
        if visit.ended:
            raise Refusal("2231")
        if self._b.settled(visit, STAY) is not None:
            raise Refusal("2072")
        lines = dict(visit.batches.get(STAY, {}))
        new = []
        for row in rows:
            line = line_of(row)
            if not amount_agrees(line):
                raise Refusal("2041")
            if line.line_id in lines:
                raise Refusal("2042")
            lines[line.line_id] = line
            new.append(line)
        visit.batches[STAY] = lines
        return {"result": [answers.verdict(cut(line)) for line in new]}

    def _change(self, _head: Row, nodes: Nodes) -> None:
        row = nodes["adminfo"][0]
        visit = self._stay(row)
        if visit.ended:
            raise Refusal("2242")
        refuse_unfit(self._b.filings.diseases(visit.person), visit.cover, row, "inpatient")
        visit.med_type, visit.begun, visit.hospital_number = row["med_type"], row["begntime"], row["ipt_otp_no"]
        visit.diagnoses = list(nodes["diseinfo"])

    def _discharge(self, _head: Row, nodes: Nodes) -> None:
        visit = self._stay(nodes["dscginfo"][0])
        if visit.ended:
            raise Refusal("2242")
        visit.ended = nodes["dscginfo"][0]["endtime"]

    def _undo_discharge(self, _head: Row, nodes: Nodes) -> None:
        visit = self._stay(nodes["data"][0])
        if self._b.settled(visit, STAY) is not None:
            raise Refusal("2251")
        if not visit.ended:
            raise Refusal("2252")
        visit.ended = ""

    def _stay_quote(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        visit, row = self._bill_of(nodes)
        bill = self._b.bill(visit, row)
        return answers.settlement(visit.person, visit.number, row, bill, head["msgid"], None, "", visit.clearing)

    def _stay_settle(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        visit, row = self._bill_of(nodes)
        if not visit.ended:
            raise Refusal("2253")
        return self._b.book(head, visit, row, self._b.bill(visit, row))

    def _bill_of(self, nodes: Nodes) -> tuple[Visit, Row]:
        row = nodes["data"][0]
        visit = self._stay(row)
        if row["mid_setl_flag"] != "0":
            raise Refusal("0101")
        return visit, {**row, "chrg_bchno": STAY, "med_type": visit.med_type}

    # -- taking back, asking
    def _withdraw_charges(self, head: Row, nodes: Nodes) -> None:
        row = nodes["data"][0]
        visit = self._b.visit_of(row)
        which = row.get("chrg_bchno") or row["feedetl_sn"]
        open_ = [batch for batch in visit.batches if visit.batches[batch] and self._b.settled(visit, batch) is None]
        if head["infno"] == "2205" and which != EVERY:
            open_ = [batch for batch in open_ if batch == which]
        if not open_:
            raise Refusal("2061")
        if head["infno"] == "2302" and which != EVERY:
            if which not in visit.batches[STAY]:
                raise Refusal("2061")
            del visit.batches[STAY][which]
            return
        for batch in open_:
            visit.batches[batch] = {}

    def _withdraw(self, head: Row, nodes: Nodes) -> None:
        row = nodes["data"][0]
        if row["mdtrt_id"] in self._b.withdrawn:
            raise Refusal("2261")
        visit = self._b.visit_of(row)
        if (visit.kind == "inpatient") is not (head["infno"] == "2404"):
            raise Refusal("2021")
        if any(one.visit_number == visit.number and one.state is State.APPROVED for one in self._b.ledger.settlements):
            raise Refusal("2072")
        if any(visit.batches.values()) or visit.ended:
            raise Refusal("2221")
        del self._b.visits[visit.number]
        self._b.withdrawn.add(visit.number)

    def _visits(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person = self._b.known(row)
        found = [
            {
                "mdtrt_id": visit.number,
                "psn_no": person.person_number,
                "ipt_otp_no": visit.hospital_number or visit.our_number,
                "medrcdno": visit.our_number if visit.kind == "inpatient" else answers.NULL,
                "med_type": visit.med_type or row["med_type"],
                "begntime": visit.begun or answers.NULL,
                "inhosp_stas": ("0" if visit.ended else "1") if visit.kind == "inpatient" else answers.NULL,
            }
            for visit in self._b.visits.values()
            if visit.person is person
            and visit.med_type in {"", row["med_type"]}
            and (not visit.begun or row["begntime"] <= visit.begun <= row["endtime"])
        ]
        return {"mdtrtinfo": found}
