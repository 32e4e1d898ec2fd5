"""What this HIS holds: its patients by number, its visits, and a ledger of charges and settlements that it was told of."""

from __future__ import annotations

from attrs import define, field, frozen

from middleware.domain.money import Money
from simulators.his.reading import Received

# The identifier types that this hospital agreed with its suppliers.
ID_NUMBER, CARD, SOCIAL_SECURITY, PATIENT, OLD_CARD = "NNCHN", "HC", "SS", "PI", "Card_No"


class Refusal(Exception):  # noqa: N818 - the HIS's own no
    """This HIS does not take the message; the text says why."""


@frozen(slots=True)
class Patient:
    """One person in the register."""

    number: str
    name: str
    id_number: str
    card_number: str
    social_security: str
    birth_date: str
    sex: str
    phone: str = ""
    employer: str = ""
    old_cards: tuple[tuple[str, str], ...] = ()  # number, since when it is void


@frozen(slots=True)
class Line:
    """One FT1: amounts in fen, negative on a cancellation."""

    line_id: str
    kind: str  # CG, CD ...
    code: str
    name: str
    quantity: str
    amount_fen: int


@frozen(slots=True)
class Posting:
    """One DFT^P03: what was settled, or cancelled."""

    control_id: str
    action: str  # "S" or "C"
    settlement_number: str
    settlement_id: str
    centre_visit_number: str
    visit_id: str
    patient_id_number: str
    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    lines: tuple[Line, ...]
    orders: tuple[str, ...] = ()
    appointment: str = ""


@frozen(slots=True)
class AccountEvent:
    """One BAR: P01 opened, P06 ended."""

    control_id: str
    event: str
    account: str
    patient_number: str


@define(slots=True)
class Book:
    """The register and the ledger; nothing is ever taken out of either."""

    patients: dict[str, Patient] = field(factory=dict)  # by HIS number
    visits: dict[str, str] = field(factory=dict)  # our visit id -> HIS number
    postings: list[Posting] = field(factory=list)
    updates: list[tuple[str, str]] = field(factory=list)  # control id, HIS number: of persons who were here before
    merges: list[tuple[str, str, str]] = field(factory=list)  # event, prior, kept: A40 and A37 in order
    accounts: list[AccountEvent] = field(factory=list)
    _by_id_number: dict[str, str] = field(factory=dict)

    def take(self, message: Received) -> str:
        """Enter one message; gives the patient's number. Raises ``Refusal``."""
        if message.message_type in {"ADT^A01", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31"}:
            return self._register(message)
        if message.message_type == "DFT^P03":
            return self._post(message)
        if message.message_type in {"ADT^A40", "ADT^A37"}:
            return self._merge(message)
        if message.message_type in {"BAR^P01", "BAR^P06"}:
            return self._account(message)
        raise Refusal("message type not supported")

    def settled(self) -> dict[str, Posting]:
        """Settlements that stand: posted and not cancelled, by the centre's number."""
        standing = {}
        for posting in self.postings:
            if posting.action == "S":
                standing[posting.settlement_number] = posting
            else:
                standing.pop(posting.settlement_number, None)
        return standing

    def _register(self, message: Received) -> str:
        id_number = message.by_type("PID", 3, ID_NUMBER)
        visit_id = message.value("PV1", 19)
        if not id_number or not message.value("PID", 5):
            raise Refusal("PID-3 has no citizen id number or PID-5 no name")
        known = message.message_type in {"ADT^A08", "ADT^A31"} and id_number in self._by_id_number
        changed = known and (not visit_id or visit_id in self.visits)  # else a site whose registrations are A08 or A31
        if not visit_id and not changed:
            raise Refusal("PV1-19 is empty")
        number = self._by_id_number.setdefault(id_number, message.by_type("PID", 3, PATIENT) or self._next_number())
        self.patients[number] = Patient(
            number=number,
            name=message.value("PID", 5),
            id_number=id_number,
            card_number=message.by_type("PID", 3, CARD),
            social_security=message.by_type("PID", 3, SOCIAL_SECURITY),
            birth_date=message.value("PID", 7),
            sex=message.value("PID", 8),
            phone=message.value("PID", 13),
            employer=message.value("IN1", 11),
            old_cards=_old_cards(message),
        )
        if changed:
            self.updates.append((message.control_id, number))
        else:
            self.visits[visit_id] = number
        return number

    def enter(self, patient: Patient) -> None:
        """A patient whom this HIS knows from elsewhere."""
        self.patients[patient.number] = patient
        if patient.id_number:
            self._by_id_number.setdefault(patient.id_number, patient.number)

    def standing(self) -> dict[str, str]:
        """Merged numbers that go on under another, as the last word of each says."""
        into: dict[str, str] = {}
        for event, prior, kept in self.merges:
            if event == "A40":
                into[prior] = kept
            else:
                into.pop(prior, None)
        return into

    def _next_number(self) -> str:
        return f"P{len(self._by_id_number) + 1:09d}"

    def _merge(self, message: Received) -> str:
        event = message.message_type.partition("^")[2]
        kept = message.by_type("PID", 3, PATIENT)
        prior = message.value("MRG", 1) if event == "A40" else message.by_type("PID", 3, PATIENT, nth=2)
        if not kept or not prior or kept == prior:
            raise Refusal("the two numbers are not there")
        if event == "A37" and self.standing().get(prior) != kept:
            raise Refusal("they are not merged")
        self.merges.append((event, prior, kept))
        return kept

    def _account(self, message: Received) -> str:
        account, number = message.value("PID", 18), message.by_type("PID", 3, PATIENT)
        if not account:
            raise Refusal("PID-18 is empty")
        if message.segments("ZST"):
            self._enter(_posting(message))
        self.accounts.append(AccountEvent(message.control_id, message.message_type.partition("^")[2], account, number))
        return number

    def _post(self, message: Received) -> str:
        posting = _posting(message)
        if sum(line.amount_fen for line in posting.lines) != posting.total_fen:
            raise Refusal("the lines do not add up to the total")
        self._enter(posting)
        return self._by_id_number.get(posting.patient_id_number, "")

    def _enter(self, posting: Posting) -> None:
        if posting.action not in {"S", "C"} or not posting.settlement_number:
            raise Refusal("ZST is incomplete")
        if posting.action == "S" and posting.settlement_number in self.settled():
            raise Refusal("this settlement is posted already")
        self.postings.append(posting)


def _old_cards(message: Received) -> tuple[tuple[str, str], ...]:
    found = []
    for repetition in range(1, message.repetitions("PID", 3) + 1):
        if message.value("PID", 3, 5, repetition=repetition) == OLD_CARD:
            number, until = (message.value("PID", 3, place, repetition=repetition) for place in (1, 8))
            found.append((number, until))
    return tuple(found)


def _posting(message: Received) -> Posting:
    try:
        total, fund, account, cash = (Money.parse(message.value("ZST", number)).fen for number in (8, 9, 10, 11))
        lines = tuple(_line(message, nth) for nth in range(1, message.segments("FT1") + 1))
    except ValueError as exc:
        raise Refusal("an amount cannot be read") from exc
    return Posting(
        control_id=message.control_id,
        action=message.value("ZST", 2),
        settlement_number=message.value("ZST", 3),
        settlement_id=message.value("ZST", 4),
        centre_visit_number=message.value("ZST", 5),
        visit_id=message.value("PV1", 19),
        patient_id_number=message.by_type("PID", 3, ID_NUMBER),
        total_fen=total,
        fund_fen=fund,
        account_fen=account,
        cash_fen=cash,
        lines=lines,
        orders=_orders(message),
        appointment=message.value("ZRF", 2),
    )


def _orders(message: Received) -> tuple[str, ...]:
    """From wherever they may stand: this HIS looks everywhere."""
    orders = [message.value("ORC", place, nth=nth) for nth in range(1, message.segments("ORC") + 1) for place in (2, 3)]
    orders += [message.value("ZRF", 3, repetition=number) for number in range(1, message.repetitions("ZRF", 3) + 1)]
    return tuple(order for order in orders if order)


def _line(message: Received, nth: int) -> Line:
    return Line(
        line_id=message.value("FT1", 2, nth=nth),
        kind=message.value("FT1", 6, nth=nth),
        code=message.value("FT1", 7, nth=nth),
        name=message.value("FT1", 7, 2, nth=nth),
        quantity=message.value("FT1", 10, nth=nth),
        amount_fen=Money.parse(message.value("FT1", 11, nth=nth)).fen,
    )
