"""The simulated centre's visits: what is registered there, what a stay was charged, and whether it has ended."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from middleware.domain import centre as c
from middleware.domain.charge import ChargeLine
from middleware.domain.kind import VisitKind
from middleware.domain.outcome import Answered, Outcome, Refused

DONE_BEFORE = "4204"  # what it says to a second discharge, to lines that it has, to a visit that is gone


Charged = dict[str, tuple[str, int]]  # a line's number -> the hospital's code of it, and fen


@define
class Registered:
    """One visit, as the centre has it."""

    number: str
    our_number: str
    person: str
    kind: VisitKind
    lines: Charged = field(factory=dict)  # of a stay
    ended: bool = False
    withdrawn: bool = False

    @property
    def total(self) -> int:
        """All that a stay was charged."""
        return sum(fen for _, fen in self.lines.values())


@define
class Registry:
    """Visits by number. It hands out a new one to whoever asks: nobody promises that a repetition is recognised."""

    visits: dict[str, Registered] = field(factory=dict)

    def register(self, request: c.RegisterVisit | c.Admit) -> c.VisitRegistered:
        """One more."""
        number = f"MDT{len(self.visits) + 1:05d}"
        if isinstance(request, c.Admit):
            ours, person, kind = request.our_number, request.visit.person_number, VisitKind.INPATIENT
        else:
            ours, person, kind = request.outpatient_no, request.person_number, VisitKind.OUTPATIENT
        self.visits[number] = Registered(number, ours, person, kind)
        return c.VisitRegistered(number)

    def does(self, request: object) -> Outcome[c.CentreReply] | None:
        """What belongs to visits alone; None for everything else."""
        match request:
            case c.RegisterVisit() | c.Admit():
                return Answered(self.register(request))
            case c.QueryVisits(facts):
                found = [one for one in self.visits.values() if one.person == facts.person_number and not one.withdrawn]
                same = tuple(_shown(one, facts.med_type) for one in found if one.kind is facts.kind)
                return Answered(c.VisitsFound(same))
            case c.UploadCharges(facts, _, lines) if facts.kind is VisitKind.INPATIENT:
                return self._charge(self.visits[facts.visit_number], lines)
            case c.Discharge(facts):
                return self._end(self.visits[facts.visit_number], ended=True)
            case c.WithdrawDischarge(facts):
                return self._end(self.visits[facts.visit_number], ended=False)
            case c.WithdrawCharges(facts):
                self.visits[facts.visit_number].lines.clear()
                return Answered(c.Done())
            case c.WithdrawVisit(facts):
                return self._withdraw(self.visits[facts.visit_number])
        return None

    def _charge(self, visit: Registered, lines: Iterable[ChargeLine]) -> Outcome[c.CentreReply]:
        new = charged(lines)
        if visit.lines.keys() & new.keys():
            return Refused(DONE_BEFORE, "明细重复")
        if visit.ended or visit.withdrawn:
            return Refused("4302", "已出院")
        visit.lines |= new
        return Answered(c.ChargesTaken(()))

    def _end(self, visit: Registered, *, ended: bool) -> Outcome[c.CentreReply]:
        if visit.ended is ended:
            return Refused(DONE_BEFORE, "已办理")
        visit.ended = ended
        return Answered(c.Done())

    def _withdraw(self, visit: Registered) -> Outcome[c.CentreReply]:
        if visit.withdrawn:
            return Refused(DONE_BEFORE, "已撤销")
        visit.withdrawn = True
        return Answered(c.Done())


def charged(lines: Iterable[ChargeLine]) -> Charged:
    """These lines as the centre keeps them."""
    return {line.line_id: (line.hospital_code, line.amount.fen) for line in lines}


def _shown(visit: Registered, med_type: str) -> c.FoundVisit:
    state = not visit.ended if visit.kind is VisitKind.INPATIENT else None
    return c.FoundVisit(visit.number, visit.our_number, med_type, "", state)
