"""The centre's books, asked by its own transactions: 2001, 5202 to 5206, 5301 to 5304. Nothing changes by asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from adapters.insurance.schema import DATE_FORMAT, MOMENT_FORMAT
from simulators.centre import answers
from simulators.centre.categories import WITH_FILING
from simulators.centre.filings import CHRONIC, INSTITUTION, REFERRAL
from simulators.centre.insured import InsuredPerson
from simulators.centre.ledger import Settlement, State
from simulators.centre.refusals import Refusal
from simulators.centre.rules import ASSISTANCE_FUND, CIVIL_FUND, cut, policy_of
from simulators.centre.visits import Nodes, Row, Visit

if TYPE_CHECKING:
    from simulators.centre.business import Business

DEDUCTIBLE, POOL, ABOVE = "S01", "S02", "S03"  # cum_type_code: of the simulator's own list
_DRUG, _SERVICE, _OTHER = "101", "201", "105"  # list_type


class Queries:
    """``handlers`` by infno."""

    def __init__(self, business: Business) -> None:
        self._b = business
        self.handlers: dict[str, Callable[[Row, Nodes], Any]] = {
            "2001": self._benefits,
            "5202": self._diagnoses,
            "5203": self._settlement,
            "5204": self._charges,
            "5205": self._medication,
            "5206": self._accumulations,
            "5301": self._filings,
            "5302": self._institutions,
            "5303": self._stays,
            "5304": self._referrals,
        }

    def _benefits(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person = self._b.known(row)
        cover = person.cover(row["insutype"])
        if cover is None:
            raise Refusal("2011")
        filed = row["med_type"] not in WITH_FILING or row.get("dise_codg", "") in self._b.filings.diseases(person)
        policy = policy_of(cover)
        funds = {policy.pool_fund: True, policy.above_fund: True}
        funds |= {CIVIL_FUND: True} if cover.civil_servant else {}
        funds |= {ASSISTANCE_FUND: True} if cover.assisted else {}
        return {
            "trtinfo": [
                {
                    "psn_no": person.person_number,
                    "trt_chk_type": "01",
                    "fund_pay_type": fund,
                    "trt_enjymnt_flag": "1" if cover.is_active and filed else "0",
                    "begndate": "2015-01-01",
                    "trt_chk_rslt": "" if filed else "未备案",
                }
                for fund in funds
            ]
        }

    def _diagnoses(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        visit = self._b.visit_of(nodes["data"][0])
        return {
            "diseinfo": [
                {
                    "diag_info_id": f"{visit.number}-{number}",
                    "mdtrt_id": visit.number,
                    "psn_no": visit.person.person_number,
                    "inout_diag_type": "2" if visit.ended else "1",
                    "maindiag_flag": "1" if number == 1 else "0",
                    **{name: row.get(name, "") for name in _DIAGNOSIS},
                }
                for number, row in enumerate(visit.diagnoses, 1)
            ]
        }

    # -- settlements
    def _found(self, row: Row) -> tuple[Visit, Settlement, bool]:
        """The settlement of that number, and whether the number is its refund's."""
        visit = self._b.visit_of(row)
        for one in self._b.ledger.settlements:
            if one.visit_number == visit.number and one.state is not State.REVERSED:
                if one.settlement_number == row["setl_id"]:
                    return visit, one, False
                if one.cancel_number and one.cancel_number == row["setl_id"]:
                    return visit, one, True
        raise Refusal("2081")

    def _settlement(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        visit, done, refund = self._found(row)
        person, at = visit.person, done.cancelled_at if refund and done.cancelled_at else done.settled_at
        amounts = answers.amounts(done.bill, -1 if refund else 1)
        told = {name: value for name, value in amounts.items() if name not in _NOT_IN_5203}
        return {
            "setlinfo": {
                **_who(person, self._b.today()),
                "setl_id": row["setl_id"],
                "mdtrt_id": visit.number,
                "insutype": done.insurance,
                "psn_type": visit.cover.person_type,
                "cvlserv_flag": "1" if visit.cover.civil_servant else "0",
                "pay_loc": "2",
                "fixmedins_code": head["fixmedins_code"],
                "fixmedins_name": head["fixmedins_name"],
                "begndate": at.strftime(DATE_FORMAT),
                "enddate": at.strftime(DATE_FORMAT),
                "setl_time": at.strftime(MOMENT_FORMAT),
                "med_type": done.med_type,
                "clr_type": done.clearing_type,
                "clr_way": answers.CLEARING_WAY,
                "clr_optins": done.clearing_agency,
                **told,
                "psn_pay": amounts["psn_part_amt"],
                "cash_payamt": amounts["psn_cash_pay"],
                "medins_setl_id": done.undone_by if refund else done.message_id,
                "refd_setl_flag": "1" if refund else "0",
                "year": str(done.year),
            },
            "setldetail": answers.detail(done.bill, -1 if refund else 1),
        }

    def _charges(self, _head: Row, nodes: Nodes) -> list[dict[str, Any]]:
        visit, done, _ = self._found(nodes["data"][0])
        return [
            {"mdtrt_id": visit.number, "setl_id": done.settlement_number, "med_type": done.med_type, **one}
            for one in _lines(visit, done)
        ]

    def _medication(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person, until = self._b.known(row), row.get("endtime") or "9999"
        rows = []
        for done in self._b.ledger.in_state(State.APPROVED):
            visit = self._b.visits.get(done.visit_number)
            at = done.settled_at.strftime(MOMENT_FORMAT)
            if visit is None or visit.person is not person or done.med_type not in WITH_FILING:
                continue
            if row["begntime"] <= at <= until:
                about = {"psn_no": person.person_number, "med_type": done.med_type, "spec": answers.NULL}
                rows += [about | one for one in _lines(visit, done) if one["list_type"] == _DRUG]
        kept = ("det_item_fee_sumamt", "pric_uplmt_amt", "selfpay_prop", "fulamt_ownpay_amt", "overlmt_amt")
        left = {*kept, "preselfpay_amt", "inscp_scp_amt"}
        return {"feedetail": [{name: cell for name, cell in one.items() if name not in left} for one in rows]}

    def _accumulations(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        row = nodes["data"][0]
        person, month = self._b.known(row), row.get("cum_ym") or f"{self._b.today():%Y%m}"
        rows = []
        for cover in person.covers:
            used = self._b.year(person.person_number, cover.kind, int(month[:4]))
            for code, amount in ((DEDUCTIBLE, used.deductible), (POOL, used.pool), (ABOVE, used.above)):
                about = {"insutype": cover.kind, "year": month[:4], "cum_ym": month}
                rows.append({**about, "cum_type_code": code, "cum": amount.yuan})
        return {"cuminfo": rows}

    # -- filings and stays
    def _filings(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        person = self._b.known(nodes["data"][0])
        names = ("opsp_dise_code", "opsp_dise_name", "begndate", "enddate")
        rows = [one.row for one in self._b.filings.of(person, CHRONIC)]
        return {"feedetail": [{name: row.get(name, "") for name in names} for row in rows]}

    def _institutions(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        asked = nodes["data"][0]
        person = self._b.known(asked)
        rows = [one.row for one in self._b.filings.of(person, INSTITUTION)]
        names = ("psn_no", "fix_srt_no", "fixmedins_code", "fixmedins_name", "begndate", "enddate", "memo")
        wanted = [row for row in rows if row["biz_appy_type"] == asked["biz_appy_type"]]
        return {"psnfixmedin": [{name: row.get(name, "") for name in names} for row in wanted]}

    def _stays(self, _head: Row, nodes: Nodes) -> list[dict[str, Any]]:
        row = nodes["data"][0]
        asked = row.get("psn_no", "")
        return [
            {
                **{name: cell for name, cell in _who(visit.person, self._b.today()).items() if name != "naty"},
                "mdtrt_id": visit.number,
                "insutype": visit.cover.kind,
                "begndate": visit.begun[:10],
                "med_type": visit.med_type,
                "ipt_otp_no": visit.hospital_number,
                "out_flag": "0",
            }
            for visit in self._b.visits.values()
            if visit.kind == "inpatient" and not visit.ended and asked in {"", visit.person.person_number}
            if row["begntime"] <= visit.begun <= row["endtime"]
        ]

    def _referrals(self, _head: Row, nodes: Nodes) -> list[dict[str, Any]]:
        person = self._b.known(nodes["data"][0])
        who = {name: cell for name, cell in _who(person, self._b.today()).items() if name not in {"naty", "age"}}
        return [
            {
                **who,
                "insutype": person.covers[0].kind,
                "dcla_souc": "01",
                "begndate": one.row["refl_date"],
                "hosp_agre_refl_flag": "1",
                **{name: one.row.get(name, "") for name in _REFERRAL},
            }
            for one in self._b.filings.of(person, REFERRAL)
        ]


_NOT_IN_5203 = frozenset({"hifdm_pay", "hosp_part_amt", "psn_part_amt", "psn_cash_pay"})
_DIAGNOSIS = (
    "diag_type", "diag_srt_no", "diag_code", "diag_name", "diag_dept", "dise_dor_no", "dise_dor_name", "diag_time",
)  # fmt: skip
_REFERRAL = (
    "diag_code", "diag_name", "dise_cond_dscr", "reflin_medins_no", "reflin_medins_name", "out_flag", "refl_date",
    "refl_rea",
)  # fmt: skip


def _who(person: InsuredPerson, today: Any) -> dict[str, Any]:
    base: dict[str, Any] = answers.person(person, {}, today)["baseinfo"]
    return base


def _lines(visit: Visit, done: Settlement) -> Iterator[dict[str, Any]]:
    """The lines of a settlement, with what the catalogue makes of each."""
    for line in visit.batches.get(done.batch, {}).values():
        kind = _SERVICE if line.item.code.startswith("S") else _OTHER if line.item.code.startswith("W") else _DRUG
        yield {
            **answers.verdict(cut(line)),
            "fee_ocur_time": done.settled_at.strftime(MOMENT_FORMAT),
            "hilist_code": line.item.code,
            "hilist_name": line.item.name,
            "list_type": kind,
            "med_list_codg": line.item.code,
            "medins_list_codg": line.item.code,
            "medins_list_name": line.item.name,
            "dosform_name": answers.NULL,
        }
