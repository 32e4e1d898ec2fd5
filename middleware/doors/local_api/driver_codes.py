"""Our faults as the unified card driver's error codes: published numbers, so that an old program's table goes on to hold.

A card's own refusal is minus its status word, with the published exceptions. What nothing fits is -999.
"""

from __future__ import annotations

from types import MappingProxyType

from middleware.domain.fault import Fault

UNKNOWN = -999
MOST_TRIES_NAMED = 2

BY_FAULT = MappingProxyType({
    "card.unsupported": -1,
    "card.absent": -2,
    "card.withdrawn": -2,
    "card.session_gone": -3,
    "card.mute": -4,
    "reader.unknown": -11,
    "reader.service_down": -11,
    "reader.gone": -11,
    "reader.denied": -11,
    "reader.busy": -12,
    "reader.shared": -12,
    "reader.no_sessions": -13,
    "card.no_pin_pad": -13,
    "card.debit_not_offered": -13,
    "request.bad_params": -14,
    "request.key_reused": -14,
    "card.id_number": -15,
    "card.other_card": -22,
    "card.proof_rule": -23,
    "psam.key_level": -24,
    "card.not_genuine": -25,
    "card.pin_cancelled": -31,
    "card.pin_timeout": -32,
    "card.pin_rule": -33,
    "card.pins_differ": -34,
    "card.pin_wrong": -51,
    "card.pin_blocked": -52,
    "psam.absent": -2201,
    "psam.failed": -2201,
    "psam.lost": -2201,
    "psam.not_in_use": -2201,
    "psam.unknown": -2201,
    "psam.no_algorithm": -2202,
    "psam.no_key": -2203,
    "card.hsm_not_needed": -2204,
})  # fmt: skip

# A card's status word; the rest of the published list is minus the word itself.
BY_STATUS = MappingProxyType({
    0x6700: -26369,
    0x6A86: -26370,
    0x6986: -26881,
    **{word: -word for word in (
        0x6981, 0x6982, 0x6983, 0x6984, 0x6985, 0x6988, 0x6A80, 0x6A81, 0x6A82, 0x6A83, 0x6A88,
        0x9302, 0x9303, 0x9403, 0x9406,
    )},
})  # fmt: skip
WRONG_LENGTH, WRONG_CLASS = -26368, -26371  # 6Cxx, 6Exx
TRIES = 0x63C0


def code_of(fault: Fault) -> int:
    """The driver's number of a fault; always negative."""
    known = BY_FAULT.get(fault.code)
    if known is not None:
        return known
    status = fault.status
    if status is None:
        return UNKNOWN
    if fault.tries_left is not None:  # of an external authentication: 0, 1 or 2 left have numbers of their own
        return -(TRIES + min(fault.tries_left, MOST_TRIES_NAMED))
    if status >> 8 == 0x6C:  # noqa: PLR2004 - 6Cxx
        return WRONG_LENGTH
    if status >> 8 == 0x6E:  # noqa: PLR2004 - 6Exx
        return WRONG_CLASS
    return BY_STATUS.get(status, UNKNOWN)


def text_of(fault: Fault) -> str:
    """What ``out`` says of it, in Chinese, with the tries left."""
    left = f"，还可试 {fault.tries_left} 次" if fault.tries_left is not None else ""
    return f"{fault.spec.zh}{left}；{fault.spec.do_zh}"
