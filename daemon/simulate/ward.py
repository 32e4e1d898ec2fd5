"""A HIS that tells of its patients and of what it charged them, and the cashiers who bill what it told.

It sends one message after the other, each until it hears AA, and the same again now and then; in between it changes what it
said: lines, identities, two numbers that are one patient. ``lines`` is what it holds true, as far as it was heard.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from daemon.simulate.callers import Asked, Callers, Place
from daemon.simulate.hl7 import Line, charges, merged, orders, patient
from daemon.simulate.trade import KEYS, admit_order, discharge_order, register_order
from middleware.domain.charge import Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, HisQuoteOrder, QuoteOrder, Role, VisitOrder
from simulators.people import PEOPLE

PATIENTS = (2, 4)
SILENCE_S = 10.0  # then it sends the message again
BETWEEN_S = 120.0  # from one matter of the HIS to the next, at most
PAYS_S = 400.0  # from one visit of a patient to the window to the next, at most
LATER = 0.6  # of lines: something else is said of it later
TWO_NUMBERS, MUDDLED, STAYS, TWICE = 0.5, 0.05, 0.6, 0.5  # of patients
MISTAKEN = 0.15  # of what it says: and something wrong about who is who
AS_ORDERS = 0.35  # of messages about charges: an order says it; the next word about the same line may be a charge
ODDLY = 0.15  # of bills: asked for by the other number
BAD = 0.08  # of messages: a line of it cannot be right
STRUCK = 0.3  # of what was taken: the node dies before, or while, it acts on it
WINDOW = Caller(Role.HIS, "his-1", "window-3")
_COLD = (Diagnosis("J00", "感冒"),)


@define
class Patient:
    """Somebody of the HIS. ``other``: a number without a document, under which charges came first; "" = none."""

    key: str
    number: str
    other: str
    merged: bool = False  # the HIS said so, and was heard
    known: bool = False  # the HIS was heard to say who it is
    visit_id: str = ""  # at whose window the day's end is looked at

    @property
    def card(self) -> str:
        """The number of the card, by which the centre knows the patient."""
        return PEOPLE[self.key].card_number

    @property
    def numbers(self) -> frozenset[str]:
        """All numbers that are this patient."""
        return frozenset((self.number, self.other) if self.merged else (self.number,))


@frozen(slots=True)
class Message:
    """One message of the HIS. ``taken`` is what is true once it was heard."""

    control_id: str
    raw: bytes
    bad: bool = False
    taken: Callable[[], None] = lambda: None


@define
class Ward:
    """The HIS. ``strike(node)`` is called when a node took something and may be struck before it acts on it."""

    place: Place
    rng: random.Random
    callers: Callers
    strike: Callable[[str], None]
    patients: list[Patient] = field(factory=list)
    lines: dict[str, Line] = field(factory=dict)  # by code: as it was told last
    told: dict[str, set[int]] = field(factory=dict)  # code -> every amount that was ever told of it, fen
    heard: list[Message] = field(factory=list)  # answered AA
    sweeps: int = 0
    swept: list[tuple[Patient, object]] = field(factory=list)  # what the window heard at the day's end
    _waiting: deque[Message] = field(factory=deque)
    _sending: bool = False
    _said: int = 0
    _codes: int = 0
    hands: Callers = field(init=False)
    odd: random.Random = field(init=False)  # what it says by mistake
    orders: random.Random = field(init=False)  # which charges come with an order

    def __attrs_post_init__(self) -> None:
        self.odd = random.Random(f"mistakes/{self.place.seed}")  # noqa: S311 - the same
        self.orders = random.Random(f"orders/{self.place.seed}")  # noqa: S311 - seeded randomness is the point
        self.hands = Callers(self.place, self.rng, self.rng)
        other = self.callers
        self.hands.answers, self.hands.asked, self.hands.broken = other.answers, other.asked, other.broken

    def begin(self, seconds: float) -> None:
        """Let patients come, spread over so many seconds."""
        rng = self.rng
        for n, key in enumerate(rng.sample(KEYS, rng.randint(*PATIENTS))):
            one = Patient(key, f"P{n}", f"T{n}" if rng.random() < TWO_NUMBERS else "")
            self.patients.append(one)
            self.place.clock.callLater(rng.uniform(0, seconds * 0.6), self.hands.spawn, self._comes, one)

    def person_of(self, number: str) -> str:
        """By whose card the lines of that number are paid."""
        return self.whose(number).card

    def whose(self, number: str) -> Patient:
        """The patient with that number, whatever the HIS says."""
        return next(one for one in self.patients if number in {one.number, one.other})

    # -- what it tells

    async def _comes(self, one: Patient) -> None:
        """Charged, billed, changed, charged again: the HIS and the cashiers do not wait for each other."""
        rng, windows = self.rng, []

        def heard() -> None:
            one.known = True

        if one.other:
            self._tell("ADT^A01", patient(one.other, one.key, known=False))
            self._charge(one.other)
        self._tell("ADT^A04", patient(one.number, one.key), taken=heard)
        self._charge(one.number)
        windows.append(self.hands.spawn(self._window, one, f"{one.number}a"))
        if rng.random() < STAYS:
            windows.append(self.hands.spawn(self._bed, one))
        elif rng.random() < TWICE:
            windows.append(self.hands.spawn(self._window, one, f"{one.number}b"))
        for _ in range(rng.randint(3, 6)):
            await self.hands.sleep(rng.uniform(0, BETWEEN_S))
            self._goes_on(one)
        for window in windows:
            await window

    def _goes_on(self, one: Patient) -> None:
        rng = self.rng
        if self.odd.random() < MISTAKEN:
            self._mistake(one)
        mine = [line for line in self.lines.values() if line.number in {one.number, one.other}]
        if mine and rng.random() < LATER:
            line = rng.choice(mine)
            changed = evolve(line, fen=rng.choice((line.fen, rng.randint(1, 300_000))), charged=rng.random() < 0.7)  # noqa: PLR2004
            self._lines([changed])
        elif one.other and not one.merged and rng.random() < TWO_NUMBERS:

            def taken() -> None:
                one.merged = True

            self._tell("ADT^A40", *merged(one.other, one.number, one.key), taken=taken)
        elif rng.random() < MUDDLED:
            self._muddle(one)
        elif rng.random() < TWICE:
            self._tell("ADT^A08", patient(one.number, one.key, name="改"))
        else:
            self._charge(rng.choice((one.number, one.other or one.number)))

    def _muddle(self, one: Patient) -> None:
        """It says of the number that it is somebody else's, too: nobody may guess."""
        somebody = self.rng.choice([key for key in KEYS if key != one.key])
        self._tell("ADT^A08", patient(one.number, somebody))

    def _mistake(self, one: Patient) -> None:
        """What two persons must put right: the number is said to be another's, or two people to be one."""
        others = [other for other in self.patients if other is not one and other.known]
        if one.other and self.odd.random() < 0.3:  # noqa: PLR2004 - somebody's papers lay beside whoever had none
            self._tell("ADT^A08", patient(one.other, self.odd.choice([key for key in KEYS if key != one.key])))
            return
        if one.known and others and self.odd.random() < 0.5:  # noqa: PLR2004 - either
            self._tell("ADT^A40", *merged(self.odd.choice(others).number, one.number, one.key))
        else:
            keys = [other.key for other in others] or [key for key in KEYS if key != one.key]
            self._tell("ADT^A08", patient(one.number, self.odd.choice(keys)))

    def _charge(self, number: str) -> None:
        rng, new = self.rng, []
        for _ in range(rng.randint(1, 3)):
            self._codes += 1
            new.append(Line(f"L{self._codes:04d}", number, rng.randint(1, 300_000)))
        self._lines(new)

    def _lines(self, these: list[Line]) -> None:
        """Charges, all of one patient; sometimes one of them is no bill, and the message says nothing then."""
        key = self.whose(these[0].number).key
        bad, known = self.rng.random() < BAD, not these[0].number.startswith("T")

        def taken() -> None:
            for line in () if bad else these:
                self.lines[line.code] = line
                if line.charged:
                    self.told.setdefault(line.code, set()).add(line.fen)

        who = patient(these[0].number, key, known=known)
        if self.orders.random() < AS_ORDERS:
            said = orders(these, self.place.day(), told=frozenset(self.lines), spoiled=bad)
            self._tell("ORM^O01", who, *said, bad=bad, taken=taken)
        else:
            self._tell("DFT^P03", who, *charges(these, self.place.day(), spoiled=bad), bad=bad, taken=taken)

    def _tell(self, kind: str, *segments: str, bad: bool = False, taken: Callable[[], None] = lambda: None) -> None:
        self._said += 1
        control_id = f"M{self._said:05d}"
        head = f"MSH|^~\\&|HIS|H1|YKT|H1|{self.place.day():%Y%m%d%H%M%S}||{kind}|{control_id}|P|2.4|||||CHN|UTF-8"
        raw = "\r".join((head, *segments)).encode() + b"\r"
        self._waiting.append(Message(control_id, raw, bad, taken))
        if not self._sending:
            self._sending = True
            self.hands.spawn(self._send)

    # -- how it sends

    async def _send(self) -> None:
        """One after the other: who sends the next before the last was answered may not complain about their order."""
        while self._waiting:
            message = self._waiting[0]
            first = await self._insist(message)
            self._waiting.popleft()
            message.taken()
            self.heard.append(message)
            if self.rng.random() < self.place.dials.repeats:
                self.place.story.fault("told-twice", message.control_id)
                again = await self._insist(message)
                same = again == first
                self.place.story.require("6", "another answer to the same message", holds=same, about=message.control_id)
        self._sending = False

    async def _insist(self, message: Message) -> bytes:
        while True:
            answer = await self._once(message)
            if b"\rMSA|AA|" + message.control_id.encode() in answer:
                return answer
            await self.hands.sleep(self.rng.uniform(1, 20))

    async def _once(self, message: Message) -> bytes:
        """One try; nothing when there was no answer."""
        rng, dials, node = self.rng, self.place.dials, self.place.node
        if not node.ready or node.door is None or rng.random() < dials.his_down:
            return b""
        way = rng.choice(("message", "answer")) if rng.random() < dials.his_lost else ""
        heard: Deferred[bytes] = Deferred()

        def answered(wire: bytes) -> None:
            if way == "answer":
                self.place.story.fault("ack-lost", message.control_id)
            elif not heard.called:
                self.place.clock.callLater(rng.uniform(0.005, 0.2), _fire, heard, wire)
            if dials.crashes and b"|AA|" in wire and rng.random() < STRUCK:
                self.strike(node.name)

        if way == "message":
            self.place.story.fault("message-lost", message.control_id)
        else:
            node.life.do(node.door.block, message.raw, answered)
        self.place.clock.callLater(SILENCE_S, _fire, heard, b"")
        return await heard

    # -- who bills it

    async def _window(self, one: Patient, name: str) -> None:
        """A visit, and what the HIS charged so far, as often as somebody comes to pay."""
        rng = self.rng
        number = rng.choice((one.number, one.other, ""))
        await self.hands.sleep(rng.uniform(0, BETWEEN_S))
        visit = await self.hands.register(
            WINDOW, one.key, f"{name}r", lambda read, at: evolve(register_order(read, at), patient_number=number)
        )
        if visit is None:
            return
        one.visit_id = one.visit_id or visit["visit_id"]
        for n in range(rng.randint(1, 4)):
            await self.hands.sleep(rng.uniform(0, PAYS_S))
            tills = 2 if rng.random() < self.place.dials.taps else 1
            asked = one.other if one.other and rng.random() < ODDLY else one.number
            bills = [
                self.hands.spawn(self.hands.settle, WINDOW, f"{name}b{n}.{till}", self._order(visit["visit_id"], asked))
                for till in range(tills)
            ]
            for bill in bills:
                await bill

    async def _bed(self, one: Patient) -> None:
        """The same as a stay: charged with what is open, sometimes taken back, discharged and settled."""
        rng, name = self.rng, f"{one.number}i"
        await self.hands.sleep(rng.uniform(0, BETWEEN_S))
        stay = await self.hands.register(WINDOW, one.key, f"{name}r", admit_order)
        if stay is None:
            return
        visit_id = stay["visit_id"]
        for n in range(rng.randint(2, 4)):
            await self._charge_stay(f"{name}c{n}", visit_id, one.number)
            if rng.random() < 0.3:  # noqa: PLR2004 - a ward that charged the wrong patient
                await self.hands.errand(WINDOW, f"{name}w{n}", "inpatient.withdraw_charges", VisitOrder(visit_id))
        for turn in range(2):
            out = discharge_order(visit_id, self.place.day())
            await self.hands.errand(WINDOW, f"{name}d{turn}", "inpatient.discharge", out)
            heard = await self.hands.settle(WINDOW, f"{name}b{turn}", QuoteOrder(visit_id, (), ()))
            if isinstance(heard, dict) or heard.code != "settlement.quote_changed":
                return
            # As the fault says: what the HIS changed is taken back, and charged anew.
            await self.hands.errand(WINDOW, f"{name}o{turn}", "inpatient.undo_discharge", VisitOrder(visit_id))
            await self.hands.errand(WINDOW, f"{name}x{turn}", "inpatient.withdraw_charges", VisitOrder(visit_id))
            await self._charge_stay(f"{name}y{turn}", visit_id, one.number)

    async def _charge_stay(self, name: str, visit_id: str, number: str) -> None:
        await self.hands.sleep(self.rng.uniform(0, PAYS_S))
        order = HisQuoteOrder(visit_id, number, "", ())
        await self.hands.insist(self.hands.keyed(name, lambda counter: counter.charge_from_his(WINDOW, name, order)))

    def _order(self, visit_id: str, number: str) -> HisQuoteOrder:
        return HisQuoteOrder(visit_id, number, "", _COLD)

    async def sweep(self) -> None:
        """The day's end: each patient's window quotes what is still to be billed, and what it heard is kept.

        Again, it is asked of those whose number was disputed.
        """
        self.sweeps += 1
        answered = [(one, heard) for one, heard in self.swept if not is_disputed(heard)]
        done = [one.number for one, _ in answered]
        self.swept[:] = answered
        for one in self.patients:
            if one.visit_id and one.number not in done:
                key, order = f"{one.number}z{self.sweeps}", self._order(one.visit_id, one.number)
                self.swept.append((one, await self.hands.insist(_asked(key, order))))


def is_disputed(heard: object) -> bool:
    """Whether two persons must first say whose the number is."""
    return isinstance(heard, Fault) and heard.code == "identity.mismatch" and "identity.list" in heard.detail


def _asked(key: str, order: HisQuoteOrder) -> Asked:
    return Asked(key, lambda counter: counter.quote_from_his(WINDOW, key, order))


def _fire(waiter: Deferred[bytes], wire: bytes) -> None:
    if not waiter.called:
        waiter.callback(wire)
