"""The bank's own books: what it holds, took and gave back, by card; knows nothing of ours."""

from __future__ import annotations

from attrs import define, field, frozen


@frozen(slots=True)
class TestCard:
    """A card that exists nowhere else: numbers of the reserved range 6299 99."""

    __test__ = False  # not a test class, whatever its name
    number: str
    expiry: str
    balance: int  # fen
    refuses: str = ""  # a response code that every hold gets


CARDS: dict[str, TestCard] = {
    "rich": TestCard("6299990000000017", "3012", 100_000_000),
    "poor": TestCard("6299990000000025", "3012", 1),
    "lost": TestCard("6299990000000033", "3012", 100_000_000, "41"),
    "other": TestCard("6299990000000041", "3012", 100_000_000),
}


@define
class Hold:
    """One pre-authorisation as the bank has it. ``state``: held, captured, released, reversed, refunded."""

    key: str  # batch + trace + date, as field 61 names it
    card: str
    amount: int
    reference: str
    authorisation: str
    state: str = "held"
    captured: int = 0
    refunded: int = 0
    capture_key: str = ""
    release_key: str = ""
    refund_keys: list[str] = field(factory=list)


@define
class Ledger:
    """Every hold; ``receipts`` are (kind, key, amount) in the order in which messages came, repeats too."""

    holds: dict[str, Hold] = field(factory=dict)
    receipts: list[tuple[str, str, int]] = field(factory=list)
    cards: dict[str, TestCard] = field(factory=lambda: {card.number: card for card in CARDS.values()})
    captures: int = 0
    refunds: int = 0
    numbers: int = 0

    def charged(self) -> int:
        """What all payers together have paid, in fen."""
        return sum(hold.captured - hold.refunded for hold in self.holds.values())

    def held(self) -> list[Hold]:
        """What is held and neither taken nor given back."""
        return [hold for hold in self.holds.values() if hold.state == "held"]

    def used(self, card: str) -> int:
        """What is bound on a card."""
        of_card = (hold for hold in self.holds.values() if hold.card == card)
        return sum(hold.amount if hold.state == "held" else hold.captured - hold.refunded for hold in of_card)

    def hold(self, key: str, card: str, amount: int) -> tuple[str, Hold | None]:
        """(response code, the hold)."""
        known = self.cards.get(card)
        if key in self.holds:
            return "94", None
        if known is None:
            return "14", None
        if known.refuses:
            return known.refuses, None
        if self.used(card) + amount > known.balance:
            return "51", None
        self.numbers += 1
        made = Hold(key, card, amount, f"{self.numbers:012d}", f"A{self.numbers:05d}")
        self.holds[key] = made
        return "00", made

    def capture(self, key: str, original: str, amount: int) -> tuple[str, Hold | None]:
        """Take of a hold; the same advice again is answered again and takes nothing more."""
        hold = self.holds.get(original)
        if hold is None:
            return "25", None
        if hold.capture_key == key:
            return "00", hold
        if hold.state != "held" or not 0 < amount <= hold.amount:
            return "12", None
        hold.state, hold.captured, hold.capture_key = "captured", amount, key
        self.captures += 1
        return "00", hold

    def release(self, key: str, original: str) -> tuple[str, Hold | None]:
        """Give a hold back; the same again is answered again."""
        hold = self.holds.get(original)
        if hold is None:
            return "25", None
        if hold.release_key == key:
            return "00", hold
        if hold.state != "held":
            return ("25" if hold.state in {"released", "reversed"} else "12"), None
        hold.state, hold.release_key = "released", key
        return "00", hold

    def reverse(self, original: str, amount: int) -> tuple[str, Hold | None]:
        """Undo exactly that hold, of exactly that amount."""
        hold = self.holds.get(original)
        if hold is None or hold.amount != amount:
            return "25", None
        if hold.state == "reversed":
            return "00", hold
        if hold.state != "held":
            return "12", None
        hold.state = "reversed"
        return "00", hold

    def refund(self, key: str, original: str, amount: int) -> tuple[str, Hold | None]:
        """Give back what was taken, never more."""
        hold = next((one for one in self.holds.values() if original in {one.key, one.capture_key}), None)
        if hold is None:
            return "25", None
        if key in hold.refund_keys:
            return "94", None
        if hold.refunded + amount > hold.captured:
            return "61", None
        hold.refunded += amount
        hold.refund_keys.append(key)
        hold.state = "refunded" if hold.refunded == hold.captured else hold.state
        self.refunds += 1
        return "00", hold
