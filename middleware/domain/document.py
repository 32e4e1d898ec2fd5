"""Documents that name a person for life: which number it is, checked where it has a check, as one text for one person.

A citizen's number and a residence permit's (of foreigners; of Hong Kong, Macao and Taiwan residents: 81, 82, 83) have 18
characters by GB 11643 and stand as they are. Travel permits and passports have no check that anyone publishes: they stand
behind their kind, so that a permit never equals a citizen's number.
"""

from __future__ import annotations

import re

from middleware.domain.identity import IdNumber

# Kind -> shape. Home-return permit of Hong Kong and Macao residents; that of Taiwan residents; passports (ICAO 9303).
_OTHERS = {
    "hk-macao-permit": re.compile(r"[HM]\d{8}(\d{2})?\Z", re.ASCII),
    "taiwan-permit": re.compile(r"\d{8}(\d{2})?\Z", re.ASCII),
    "passport": re.compile(r"[A-Z0-9]{6,9}\Z", re.ASCII),
}
CITIZEN = "citizen"
KINDS = (CITIZEN, *_OTHERS)
NOBODYS = IdNumber("")


def document_of(kind: str, text: str) -> IdNumber:
    """The document as one text. Raises ``ValueError`` that names the rule, never the number."""
    text = text.strip().upper()
    if not text:
        return NOBODYS
    if kind == CITIZEN:
        return IdNumber.parse_foreigner(text)
    if not _OTHERS[kind].match(text):
        raise ValueError(f"not the number of a {kind}")
    return IdNumber(f"{kind}/{text}")


def is_payable(document: IdNumber) -> bool:
    """Whether it may stand where a card's id number stands: what has a check character, and was checked."""
    return bool(document) and "/" not in document.reveal()
