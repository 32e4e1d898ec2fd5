"""Money is whole fen, always; nothing in the house counts it any other way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from attrs import frozen

# NUMERIC(16,2) is the widest amount any transaction of the centre carries (insurance.md, appendix A).
MAX_FEN = 10**16 - 1
_MAX_EXPONENT = 32
_YUAN = re.compile(r"[+-]?\d{1,14}(\.\d{1,2}0*)?\Z", re.ASCII)


@frozen(order=True, slots=True)
class Money:
    """An exact amount in whole fen (1/100 yuan); negative on refunds. Raises ``ValueError`` beyond N16,2."""

    fen: int

    def __attrs_post_init__(self) -> None:
        fen = self.fen
        if type(fen) is int and -MAX_FEN <= fen <= MAX_FEN:
            return
        if not isinstance(fen, int):
            raise TypeError("an amount is an integer")
        if isinstance(fen, bool) or abs(fen) > MAX_FEN:
            raise ValueError("an amount is an integer of at most 16 digits of fen")

    @classmethod
    def parse(cls, text: str | Decimal | int) -> Money:
        """Read yuan as the wire writes them ("18785.39", "0", "-3.5"); exact, or ``ValueError``.

        A float is refused by type: 4.52 has no exact binary value (insurance.md 1.7).
        """
        if isinstance(text, (bool, float)):
            raise ValueError("amounts are never floating point")  # noqa: TRY004 - one fault for every bad amount
        if isinstance(text, Decimal):
            if not text.is_finite():
                raise ValueError("not a finite amount")
            if abs(int(text.as_tuple().exponent)) > _MAX_EXPONENT:  # "1E+999999999" is a gigabyte of zeros
                raise ValueError("not an amount in yuan with at most two decimals")
            text = format(text, "f")
        text = str(text)
        if not _YUAN.match(text):
            raise ValueError("not an amount in yuan with at most two decimals")
        yuan, _, parts = text.partition(".")
        return cls(int(yuan + (parts + "00")[:2]))

    @property
    def yuan(self) -> str:
        """The wire's form: plain decimal yuan with two places, "-0.05", "18785.39"."""
        sign, fen = ("-", -self.fen) if self.fen < 0 else ("", self.fen)
        return f"{sign}{fen // 100}.{fen % 100:02d}"

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __bool__(self) -> bool:
        return self.fen != 0

    def __str__(self) -> str:
        return self.yuan


ZERO = Money(0)


def total(amounts: Iterable[Money]) -> Money:
    """Add up; the empty sum is zero."""
    return Money(sum(amount.fen for amount in amounts))
