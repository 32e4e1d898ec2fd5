"""Who somebody is: opaque values that never show themselves by accident.

``repr`` and ``str`` are masked, so a log line, an exception text or an f-string cannot leak one (invariant 21).
``reveal()`` is the only way out and is called at edges that must write the value to a wire.
"""

from __future__ import annotations

import datetime as dt
import re

from attrs import field, frozen

# GB 11643-1999, 6.1: weights of the first 17 digits and the check character by remainder.
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"
_ID_SHAPE = re.compile(r"\d{17}[\dX]\Z", re.ASCII)
# The number of a foreigner's permanent residence card before December 2023: nationality, region, yymmdd, serial, check.
_FOREIGNER_SHAPE = re.compile(r"[A-Z]{3}\d{12}\Z", re.ASCII)
_FOREIGNER_WEIGHTS = (7, 3, 1)  # ICAO 9303, letters from A = 10


def _mask(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]


@frozen(slots=True, repr=False)
class _Opaque:
    _text: str = field()

    def reveal(self) -> str:
        """The value in clear. Only for a wire or a person that needs it."""
        return self._text

    @property
    def masked(self) -> str:
        """What a log, a page or a transcript may show."""
        return _mask(self._text, 0, 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    def __str__(self) -> str:
        return self.masked

    def __bool__(self) -> bool:
        return bool(self._text)


@frozen(slots=True, repr=False)
class IdNumber(_Opaque):
    """A citizen id number (GB 11643): 17 digits and a check character. Build it with :meth:`parse`."""

    @classmethod
    def parse(cls, text: str) -> IdNumber:
        """Check shape, birth date and check character; ``ValueError`` names the rule, never the number."""
        text = text.strip().upper()
        if not _ID_SHAPE.match(text):
            raise ValueError("an id number is 17 digits and a check character")
        if id_check_character(text[:17]) != text[17]:
            raise ValueError("the check character of the id number is wrong (GB 11643)")
        try:
            dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
        except ValueError:
            raise ValueError("the birth date inside the id number does not exist") from None
        return cls(text)

    @classmethod
    def parse_foreigner(cls, text: str) -> IdNumber:
        """The same for a foreigner's permanent residence card: 18 characters as a citizen's, or the older 15."""
        text = text.strip().upper()
        if not _FOREIGNER_SHAPE.match(text):
            return cls.parse(text)
        digits = (int(char, 36) for char in text[:-1])
        if sum(d * _FOREIGNER_WEIGHTS[n % 3] for n, d in enumerate(digits)) % 10 != int(text[-1]):
            raise ValueError("the check digit of the residence number is wrong (ICAO 9303)")
        return cls(text)

    @property
    def masked(self) -> str:
        """Region and nothing else: "999999************"."""
        return _mask(self._text, 6, 0)

    @property
    def is_detailed(self) -> bool:
        """Whether it says birth date and sex: all of 18 characters do, the older ones of foreigners do not."""
        return not _FOREIGNER_SHAPE.match(self._text)

    def differs(self, birth_date: dt.date, sex: str) -> tuple[str, ...]:
        """What is said beside the number and does not agree with it: "birth_date", "sex"."""
        if not self.is_detailed:
            return () if self._text[7:13] == f"{birth_date:%y%m%d}" else ("birth_date",)
        found = []
        if birth_date != self.birth_date:
            found.append("birth_date")
        if sex in {"1", "2"} and (sex == "1") != self.is_male:
            found.append("sex")
        return tuple(found)

    @property
    def birth_date(self) -> dt.date:
        """Digits 7-14, of a number that ``is_detailed``."""
        return dt.date(int(self._text[6:10]), int(self._text[10:12]), int(self._text[12:14]))

    @property
    def is_male(self) -> bool:
        """Digit 17 is odd for men (GB 11643), of a number that ``is_detailed``."""
        return int(self._text[16]) % 2 == 1


def id_check_character(first17: str) -> str:
    """The 18th character for 17 digits, by ISO 7064 MOD 11-2 as GB 11643 writes it."""
    return _ID_CHECK[sum(int(d) * w for d, w in zip(first17, _ID_WEIGHTS, strict=True)) % 11]


@frozen(slots=True, repr=False)
class CardNumber(_Opaque):
    """The nine characters printed on a social-security card."""

    @property
    def masked(self) -> str:
        """The last three only."""
        return _mask(self._text, 0, 3)


@frozen(slots=True, repr=False)
class CardIdCode(_Opaque):
    """The card identification code (卡识别码), 32 hex digits; its first six are the issuer's region."""

    @property
    def masked(self) -> str:
        """The issuer's region only."""
        return _mask(self._text, 6, 0)


@frozen(slots=True, repr=False)
class MediumNumber(_Opaque):
    """The number that an old treatment or insurance card, or a code of the hospital's own, carries."""

    @property
    def masked(self) -> str:
        """The last three only."""
        return _mask(self._text, 0, 3)


@frozen(slots=True, repr=False)
class VoucherToken(_Opaque):
    """The token of an insurance e-voucher: whoever has it may settle as its owner. Nothing of it is ever shown."""


@frozen(slots=True, repr=False)
class Password(_Opaque):
    """What a person typed to let insurance pay. Never durable, in no digest, and nothing of it is ever shown."""


@frozen(slots=True, repr=False)
class PersonName(_Opaque):
    """A person's name; masked to its first character: "张**"; a name of one character is masked whole."""

    @property
    def masked(self) -> str:
        """The first character only."""
        return _mask(self._text, 1, 0)
