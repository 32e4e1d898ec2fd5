"""Visits of every kind at one counter: what each category is, and how a clerk does it with the public socket alone."""

from __future__ import annotations

from attrs import evolve, field, frozen

from daemon.demo.counter import COLD, HEART, PHARMACY, charge_line, now

HOME, AWAY = "999900", "430100"
WARD = (
    ("S120400002", "静脉输液", "8.00", "3"),
    ("C010101001", "一次性使用输液器", "3.20", "3"),
    ("S210200001", "磁共振平扫", "480.00", "1"),
)
FLU = ({"code": "J06.900", "name": "急性上呼吸道感染"},)
LUNG = [{"code": "J18.900", "name": "肺炎"}]
DISEASE = {"code": "M03900", "name": "高血压"}
BIRTH = {"on": "2026-11-02"}

OUTPATIENT, SALE, STAY = "outpatient", "pharmacy", "stay"
# What reaches the centre of one visit that goes well, in order, and its clearing type.
CALLS = {
    OUTPATIENT: ["1101", "2201", "2203", "2204", "2206", "2207"],
    SALE: ["1101", "2101", "2102"],
    STAY: ["1101", "2401", "2301", "2301", "2402", "2303", "2304"],
}
SETTLE = {kind: calls[-1] for kind, calls in CALLS.items()}
CANCEL = {OUTPATIENT: "2208", SALE: "2103", STAY: "2305"}
CLEARING = {OUTPATIENT: "11", SALE: "41", STAY: "21"}


@frozen
class Case:
    """One category for one person: what is asked, and who must pay."""

    name: str
    who: str
    kind: str
    med_type: str
    paid: str  # insutype
    funds: frozenset = field(converter=frozenset)  # that must have paid, beside those that may
    asked: str = ""  # the insurance that the clerk names; "" = the daemon chooses
    facts: dict = field(factory=dict)
    region: str = HOME
    items: tuple = HEART

    @property
    def total_fen(self):
        return sum(round(float(price) * float(count) * 100) for _, _, price, count in self.items)


CASES = (
    Case("ordinary", "employee", OUTPATIENT, "11", "310", {"310200"}, items=COLD),
    Case("emergency", "employee", OUTPATIENT, "13", "310", {"310100", "310200"}),
    Case("sale", "employee", SALE, "41", "310", {"310200"}, items=PHARMACY),
    Case("two-diseases", "chronic", OUTPATIENT, "9901", "310", {"310100"}, facts={"disease": DISEASE}),
    Case("chronic", "chronic", OUTPATIENT, "14", "310", {"310100"}, facts={"disease": DISEASE}),
    Case("emergency-of-a-resident", "resident", OUTPATIENT, "13", "390", {"390100"}),
    Case("stay-of-a-resident", "resident", STAY, "2101", "390", {"390100"}, items=WARD),
    Case("relief", "relief", OUTPATIENT, "11", "390", {"390100", "610100"}),
    Case("stay-with-relief", "relief", STAY, "2101", "390", {"390100", "610100"}, items=WARD),
    Case("maternity", "maternity", OUTPATIENT, "51", "510", {"510100"}, facts={"maternity": BIRTH}),
    Case("maternity-by-310", "maternity", OUTPATIENT, "51", "310", {"310200"}, "310", {"maternity": BIRTH}),
    Case("birth", "maternity", STAY, "52", "510", {"510100"}, facts={"maternity": BIRTH}, items=WARD),
    Case("birth-by-310", "maternity", STAY, "52", "310", {"310200"}, "310", {"maternity": BIRTH}, items=WARD),
    Case("ordinary-of-the-same", "maternity", OUTPATIENT, "11", "310", {"310100"}, items=COLD),
    Case("work-injury", "injured", OUTPATIENT, "99922", "410", {"410100"}),
    Case("injury-stay", "injured", STAY, "22", "310", {"310200"}, items=WARD),
    Case("cadre", "cadre", OUTPATIENT, "1301", "340", {"340100"}),
    Case("stay-of-a-cadre", "cadre", STAY, "2101", "340", {"340100"}, items=WARD),
    Case("sale-to-a-cadre", "cadre", SALE, "41", "340", {"340100"}, items=PHARMACY),
    Case("elsewhere", "elsewhere", OUTPATIENT, "11", "310", {"310200"}, region=AWAY, items=COLD),
    Case("emergency-elsewhere", "elsewhere", OUTPATIENT, "13", "310", {"310200"}, region=AWAY),
    Case("chronic-elsewhere", "elsewhere", OUTPATIENT, "14", "310", {"310100"}, "", {"disease": DISEASE}, AWAY),
    Case("sale-elsewhere", "elsewhere", SALE, "41", "310", {"310200"}, region=AWAY, items=PHARMACY),
)
BY_NAME = {case.name: case for case in CASES}


@frozen
class Done:
    """One visit as the counter was told of it."""

    case: Case
    visit: dict
    quote: dict
    settled: dict


class Counter:
    """What a clerk does for a case. ``h`` is the hospital; whose card is in the reader is remembered."""

    def __init__(self, h):
        self.h = h
        self._card = ""
        self._stays = 0

    async def opening(self, case):
        """(method, parameters) with which the visit begins, its card just read."""
        if self._card != case.who:
            await self.h.insert(case.who)
            self._card = case.who
        params = await self.h.registration() | {"med_type": case.med_type, **case.facts}
        params |= {"insurance": case.asked} if case.asked else {}
        if case.kind == SALE:
            names = ("department_code", "department_name", "specialty", "doctor_code", "doctor_name")
            return "patient.register", {k: v for k, v in params.items() if k not in names} | {"kind": "pharmacy"}
        if case.kind == OUTPATIENT:
            return "patient.register", params
        self._stays += 1
        del params["specialty"]
        stay = {"stay_number": f"ZY{self._stays:06d}", "bed": "12", "description": "咳嗽、发热三日", "diagnoses": LUNG}
        return "inpatient.admit", params | stay

    async def begun(self, case):
        """The visit."""
        return await self.h.call(*await self.opening(case))

    async def errand(self, method, visit, **params):
        return await self.h.call(method, {"request_id": self.h.key(), "visit_id": visit["visit_id"], **params})

    async def charged(self, visit, items):
        """A stay's lines, in two lots."""
        lines = [charge_line(n, *item) for n, item in enumerate(items, 1)]
        await self.errand("inpatient.charge", visit, lines=lines[:1])
        return await self.errand("inpatient.charge", visit, lines=lines[1:])

    async def discharged(self, visit):
        return await self.errand("inpatient.discharge", visit, ended_at=now(), diagnoses=LUNG)

    def bill(self, case, visit):
        """The parameters of its quote."""
        params = self.h.bill(visit, case.items)
        if case.kind == STAY:
            del params["lines"], params["diagnoses"]
        if case.kind == SALE:
            del params["diagnoses"]
        return params

    async def quoted(self, case):
        """A new visit up to its quote: (visit, quote)."""
        visit = await self.begun(case)
        if case.kind == STAY:
            await self.charged(visit, case.items)
            await self.discharged(visit)
        return visit, await self.h.call("settlement.quote", self.bill(case, visit))

    async def settled(self, case):
        """A new visit, settled, and known to everybody who is told."""
        visit, quote = await self.quoted(case)
        settled = await self.h.call("settlement.settle", self.h.confirmation(quote))
        await self.known(case, quote)
        return Done(case, visit, quote, settled)

    async def known(self, case, quote):
        """Wait until the HIS has it, where it is told."""
        await self.h.until(quote["settlement_id"], *(("Settled", "Delivered") if case.kind == SALE else ("Delivered",)))


def other(name, **changes):
    """A case that differs."""
    return evolve(BY_NAME[name], **changes)
