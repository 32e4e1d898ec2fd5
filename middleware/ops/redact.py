"""What may not be seen, masked: one function for every sink (invariant 21). Pure.

Two nets. By key: whatever stands under a key that holds personal data or a secret. By shape: whatever looks like an id
number, a bank card or a token, wherever it stands. A social-security card number (nine characters) has no shape of its
own; it is caught by its key and, inside the house, by the opaque types of ``domain.identity``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from middleware.domain.identity import id_check_character

MASK = "***"
MAX_TEXT = 4096
MAX_DEPTH = 8
MAX_ITEMS = 200

# Lower case, without separators. The centre's, the HIS's and our own names for the same things.
SECRET_KEYS = frozenset({
    "name", "personname", "patientname", "psnname", "holder", "idnumber", "idno", "idcard", "certno", "cardnumber",
    "cardno", "cardsn", "cardidcode", "mdtrtcertno", "psnno", "personnumber", "pan", "track2", "track3", "pin", "pinblock",
    "password", "passwd", "token", "authorization", "secret", "privatekey", "phone", "mobile", "tel", "address",
    "birthdate", "brdy", "body", "foreign", "mackey", "masterkey", "workkey", "sessionkey",
})  # fmt: skip

_LOOKAROUND = (r"(?<![0-9０-９])", r"(?![0-9０-９])")
_D = "[0-9０-９]"
# An id number by its check character, or by a possible birth date even when a digit was mistyped: still a person's.
_ID = re.compile(rf"{_LOOKAROUND[0]}{_D}{{17}}[0-9０-９xXｘＸ]{_LOOKAROUND[1]}")
_OLD_ID = re.compile(rf"{_LOOKAROUND[0]}{_D}{{15}}{_LOOKAROUND[1]}")
_PAN = re.compile(rf"{_LOOKAROUND[0]}{_D}{{13,19}}{_LOOKAROUND[1]}")
_GROUPED_PAN = re.compile(r"(?<![0-9])[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,7}(?![0-9])")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+")
# key=value, key: value and "key": "value" inside a text; the value ends at a quote, comma, blank, bracket or bar.
_PAIR = re.compile(
    r"""(?ix)
    (?P<key>
      (?: \\*["'] )?
      (?: 姓名 | 身份证号码? | 证件号码? | 社保卡号 | 卡号
        | \b (?: id_?number | id_?no | certno | card_?number | card_?no | card_?sn
              | psn_?name | patient_?name | person_?name | name
              | pin | pin_?block | pass_?word | passwd | token | secret | track_?[23] ) )
      (?: \\*["'] )? \s* [=:：] \s*
    )
    (?: \\*"(?:[^"\\]|\\.)*+(?:"|\\?\Z)
      | \\*'(?:[^'\\]|\\.)*+(?:'|\\?\Z)
      | [^\s"',;|)}\]<>&]++ )
    """
)
# None of the shapes and pairs above fits into such a text: most of what is logged is a word of ours.
_HARMLESS = re.compile(r"(?:[^\s=:：]{0,12}|[^\s=:：0-9０-９]*+)\Z")
_WORD = string.ascii_letters + string.digits + "０１２３４５６７８９ｘＸ._~+/=-"
_FULL_WIDTH = {ord("０") + n: str(n) for n in range(10)} | {ord("ｘ"): "X", ord("Ｘ"): "X"}


def redact(value: Any, depth: int = 0) -> Any:
    """The value with everything masked that may not be seen; only plain, bounded, printable values come out."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if redact_text(str(value)) == str(value) else MASK
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return {redact_text(str(key)): redact_pair(key, item, depth + 1) for key, item in _first(value.items())}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item, depth + 1) for item in _first(value)]
    return redact_text(repr(value))


def redact_pair(key: object, value: Any, depth: int = 0) -> Any:
    """The value under this key: masked whole when the key says what it is."""
    if str(key).lower().replace("_", "").replace("-", "") in SECRET_KEYS:
        return value if value is None or value == "" else MASK  # emptiness is worth knowing, and tells nobody
    return redact(value, depth)


def redact_text(text: str) -> str:
    """The text with every id number, card number, token and named value masked; cut at MAX_TEXT characters."""
    if len(text) > MAX_TEXT:
        # Half a number has no shape any more: the word that was cut goes too.
        text = text[:MAX_TEXT].rstrip(_WORD) + f"... ({len(text)} characters)"
    return text if _HARMLESS.match(text) else _masked(text)


def _masked(text: str) -> str:
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _PAIR.sub(rf"\g<key>{MASK}", text)
    text = _ID.sub(lambda found: MASK if _is_id(found[0]) else found[0], text)
    text = _OLD_ID.sub(lambda found: MASK if _is_date("19" + _plain(found[0])[6:12]) else found[0], text)
    text = _GROUPED_PAN.sub(lambda found: MASK if _luhn(found[0]) else found[0], text)
    return _PAN.sub(lambda found: MASK if _luhn(found[0]) else found[0], text)


def _first(items: Any) -> list[Any]:
    taken: list[Any] = []
    for item in items:
        if len(taken) >= MAX_ITEMS:
            break
        taken.append(item)
    return taken


def _plain(text: str) -> str:
    return text.translate(_FULL_WIDTH).upper()


def _is_id(text: str) -> bool:
    plain = _plain(text)
    return id_check_character(plain[:17]) == plain[17] or _is_date(plain[6:14])


def _is_date(text: str) -> bool:
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    return 1850 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31  # noqa: PLR2004 - a calendar's own numbers


def _luhn(text: str) -> bool:
    digits = [int(character) for character in reversed(_plain(text)) if character.isdigit()]
    doubled = (digit * 2 for digit in digits[1::2])
    return (sum(digits[::2]) + sum(digit // 10 + digit % 10 for digit in doubled)) % 10 == 0
