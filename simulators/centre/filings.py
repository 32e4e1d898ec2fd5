"""What is filed for people at the centre: chronic diseases, own institutions, referrals, accidents (2501 to 2507)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from simulators.centre.insured import InsuredPerson
from simulators.centre.refusals import Refusal
from simulators.centre.visits import Nodes, Row

if TYPE_CHECKING:
    from simulators.centre.business import Business

MAX_FILINGS = 10_000
REFERRAL, CHRONIC, INSTITUTION, ACCIDENT = "2501", "2503", "2505", "2507"
_BEGINS, _ENDS = "2015-01-01", "2099-12-31"


@frozen(slots=True)
class Filing:
    """One filing. ``call`` is the transaction that made it, ``row`` what it said."""

    number: str  # trt_dcla_detl_sn
    call: str
    person: InsuredPerson
    row: Row


class Filings:
    """``handlers`` by infno; what people bring is filed from the start."""

    def __init__(self, business: Business) -> None:
        self._b = business
        self._kept: dict[str, Filing] = {}
        self.handlers: dict[str, Callable[[Row, Nodes], dict[str, Any] | None]] = {
            **dict.fromkeys((REFERRAL, CHRONIC, INSTITUTION, ACCIDENT), self._file),
            "2502": self._taken_back(REFERRAL),
            "2504": self._taken_back(CHRONIC),
            "2506": self._taken_back(INSTITUTION),
        }
        for person in business.people.values():
            for disease in sorted(person.filings):
                dates = {"begndate": _BEGINS, "enddate": _ENDS}
                self._keep(CHRONIC, person, {"opsp_dise_code": disease, "opsp_dise_name": disease, **dates})

    def of(self, person: InsuredPerson, call: str) -> list[Filing]:
        """That person's filings of one kind, oldest first."""
        return [one for one in self._kept.values() if one.person is person and one.call == call]

    def diseases(self, person: InsuredPerson) -> frozenset[str]:
        """The listed diseases that were filed for."""
        return frozenset(one.row["opsp_dise_code"] for one in self.of(person, CHRONIC))

    def _keep(self, call: str, person: InsuredPerson, row: Row) -> str:
        if len(self._kept) >= MAX_FILINGS:
            raise RuntimeError("the simulator holds too many filings; start a new one")
        number = f"B{len(self._kept) + 1:012d}"
        self._kept[number] = Filing(number, call, person, row)
        return number

    def _file(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        call = head["infno"]
        row = nodes["refmedin" if call == REFERRAL else "data"][0]
        person = self._b.known(row)
        if call == CHRONIC and row["opsp_dise_code"] in self.diseases(person):
            raise Refusal("2531")
        return {"result": {"trt_dcla_detl_sn": self._keep(call, person, row)}}

    def _taken_back(self, call: str) -> Callable[[Row, Nodes], None]:
        def take_back(_head: Row, nodes: Nodes) -> None:
            row = nodes["data"][0]
            filing = self._kept.get(row["trt_dcla_detl_sn"])
            if filing is None or filing.call != call or filing.person is not self._b.known(row):
                raise Refusal("2532")
            # Its number is never given again: the place stays, emptied of its kind.
            self._kept[filing.number] = Filing(filing.number, "", filing.person, {})

        return take_back
