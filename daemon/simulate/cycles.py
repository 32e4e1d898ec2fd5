"""An old centre on some days: it takes messages under a sign-in's number, compares that cycle's totals, and then ends it.

One cycle is open at a time. It takes messages for ``VALID``, past midnight too; then nothing but its comparing and its
sign-out. What it holds was done under the cycle that was open when it did it, whenever the message was written.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from attrs import define, evolve, field

from adapters.insurance.files.form import StatementForm
from adapters.insurance.profile import Profile
from daemon.simulate.dials import Dials
from daemon.simulate.ledger import SIGN_IN, Ledger
from daemon.simulate.statements import AGENCY, CLEARING, Entry, agree, every_entry, is_in
from daemon.simulate.story import Story
from middleware.domain import centre as c
from middleware.domain.outcome import Answered, Outcome, Refused
from middleware.domain.statement import Slice
from middleware.ports import PreparedCall
from simulators.people import EMPLOYEE, MATERNITY

EXPIRED, ENDED, UNEQUAL = "4206", "4207", "4208"
VALID = dt.timedelta(hours=24)
PROFILE = Profile(
    name="old centre",
    region="999900",
    reversible=(),
    sign_in_again_codes=(SIGN_IN,),
    statement=StatementForm(detail=False, by_cycle=True, signed_out_codes=(ENDED,)),
)
SLICES = tuple(Slice(kind, CLEARING, AGENCY) for kind in (EMPLOYEE, MATERNITY))
CYCLES = "cycles"
SHARE = {CYCLES: 1.0, "nodes": 0.15, "hostile": 0.1}  # of a profile's days
SHARED = 0.4  # of the days that are for this alone
HOURS = (8, 22, 23)  # on days that are for this alone it begins late: a cycle goes over midnight


def drawn(seed: int, profile: str, dials: Dials) -> Dials:
    """The day with what an old centre makes of it; by a stream of its own, as ``copies.drawn``."""
    rng = random.Random(f"cycles/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    if rng.random() >= SHARE.get(profile, 0.0):
        return dials
    if profile != CYCLES:
        return evolve(dials, cycles=True)
    dials = evolve(dials, cycles=True, hour=rng.choice(HOURS))
    if rng.random() >= SHARED:
        return dials
    return evolve(dials, nodes=rng.randint(2, 3), pauses=rng.randint(1, 4))


@define
class OldCentre:
    """Its sign-ins. ``strikes(life)``: a node may be struck that has just heard of a cycle, or has not."""

    ledger: Ledger
    story: Story
    strikes: Callable[[object], None] = lambda _life: None
    begun: int = 0
    open: dict[str, dt.datetime] = field(factory=dict)  # the one number, and since when
    ended: dict[str, frozenset[Entry]] = field(factory=dict)  # with the rows that it was ended with
    sign_outs: set[str] = field(factory=set)  # numbers that somebody wanted to end
    _agreed: dict[tuple[str, Slice], frozenset[Entry]] = field(factory=dict)  # what was last found equal, as it was then
    _asked: dict[str, int] = field(factory=dict)  # a 3201's message -> its turn, as they left
    _newest: dict[tuple[str, Slice], tuple[int, bool, dt.datetime]] = field(factory=dict)  # by turn: equal, and when

    def leaves(self, call: PreparedCall, request: object) -> None:
        """The first byte of a message."""
        if isinstance(request, c.CompareTotals):
            self._asked[call.message_id] = len(self._asked)

    def rows(self, number: str) -> frozenset[Entry]:
        """What was done under that sign-in and stands."""
        return frozenset(entry for entry in every_entry(self.ledger) if entry.cycle == number)

    def refuses(self, number: str, request: object, now: dt.datetime) -> Refused | None:
        """Whether a message may come under that number now."""
        match request:
            case c.SignIn():
                expired = any(now - since >= VALID for since in self.open.values())
                return Refused(EXPIRED, "上一业务周期尚未签退") if expired else None
            case c.SignOut(named) | c.CompareTotals(cycle=named):
                return None if named in self.open else Refused(ENDED, "该业务周期已签退")
        since = self.open.get(number)
        return None if since is not None and now - since < VALID else Refused(SIGN_IN, "请先签到")

    def does(self, life: object, call: PreparedCall, request: object, now: dt.datetime) -> Outcome[c.CentreReply] | None:
        """The answer, or None when it is about no cycle."""
        match request:
            case c.SignIn():
                if not self.open:
                    self.begun += 1
                    self.open[f"C{self.begun:04d}"] = now
                return Answered(c.SignedIn(next(iter(self.open))))
            case c.CompareTotals():
                return self._compare(life, call.message_id, request, now)
            case c.SignOut(number):
                return self._end(life, number)
        return None

    def _compare(self, life: object, message_id: str, asked: c.CompareTotals, now: dt.datetime) -> Outcome[c.CentreReply]:
        key = (asked.cycle, asked.slice)
        mine = frozenset(entry for entry in self.rows(asked.cycle) if is_in(entry, asked.slice))
        equal = agree(mine, asked.totals)
        turn = (self._asked[message_id], equal, now)
        self._newest[key] = max(turn, self._newest.get(key, turn))
        if equal:
            self._agreed[key] = mine
        else:
            self._agreed.pop(key, None)
        self.strikes(life)
        return Answered(c.TotalsCompared(equal, "0" if equal else "1", ""))

    def _end(self, life: object, number: str) -> Outcome[c.CentreReply]:
        self.sign_outs.add(number)
        rows = self.rows(number)
        self._was_seen(number, rows)
        agreed = frozenset(entry for (of, _), found in self._agreed.items() if of == number for entry in found)
        if rows != agreed:
            self.story.fault("sign-out-refused", number)
            return Refused(UNEQUAL, "尚未对平")
        del self.open[number]
        self.ended[number] = rows
        self.story.tell(f"centre ended cycle {number} with {len(rows)} rows")
        self.strikes(life)
        return Answered(c.SignedOut())

    def _was_seen(self, number: str, rows: frozenset[Entry]) -> None:
        """No sign-out is asked for while the newest comparison of a slice differs, or before what is there was compared."""
        told = {slice_: found for (of, slice_), found in self._newest.items() if of == number}
        differ = sorted(slice_.insurance for slice_, (_, equal, _) in told.items() if not equal)
        self.story.require("cycle", f"{number} is to be ended, {differ} differ", holds=not differ, about=number)
        asked_at = {slice_.insurance: at for slice_, (_, _, at) in told.items()}
        before = sorted(e.message_id for e in rows if e.insurance not in asked_at or e.at < asked_at[e.insurance])
        agreed = {one.message_id for (of, _), found in self._agreed.items() if of == number for one in found}
        unseen = [one for one in before if one not in agreed]
        self.story.require("cycle", f"{number} is to be ended, {unseen} not compared", holds=not unseen, about=number)
