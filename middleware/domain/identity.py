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

    @property
    def masked(self) -> str:
        """Region and nothing else: "999999************"."""
        return _mask(self._text, 6, 0)

    @property
    def birth_date(self) -> dt.date:
        """Digits 7-14."""
        return dt.date(int(self._text[6:10]), int(self._text[10:12]), int(self._text[12:14]))

    @property
    def is_male(self) -> bool:
        """Digit 17 is odd for men (GB 11643)."""
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
class PersonName(_Opaque):
    """A person's name; masked to its first character: "张**"; a name of one character is masked whole."""

    @property
    def masked(self) -> str:
        """The first character only."""
        return _mask(self._text, 1, 0)
