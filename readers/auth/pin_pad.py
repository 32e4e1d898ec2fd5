"""PIN pads on readers (PC/SC part 10): features, and the structures that let the reader itself ask for a PIN. Pure.

The PIN goes from the pad to the card inside the reader: this program never has it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from middleware.domain.card_key import MAX_PIN, MIN_PIN
from middleware.domain.fault import Fault
from readers.auth.commands import judge_pin

if TYPE_CHECKING:
    from readers.cards.social_security_read import CardContext

Control = Callable[[int, bytes], bytes]
"""SCardControl on the card's reader: control code and data; raises ``Fault`` when the reader has no such thing."""

GET_FEATURES = 3400  # CM_IOCTL_GET_FEATURE_REQUEST, as the argument of SCARD_CTL_CODE
VERIFY_DIRECT = 0x06
_FEATURE = struct.Struct(">BBI")
_CODE_BYTES = 4
_VERIFY = struct.Struct("<5BH2BH4BL")
_FORMAT = 0x80 | 0x01  # offsets in bytes, the PIN from the first byte of the data on, left justified, BCD
_AS_LONG_AS_THE_PIN = 0x00
_BY_OK_KEY = 0x02
_ONE_MESSAGE = 1
_CHINESE_PRC = 0x0804
_COMMAND = bytes((0x00, 0x20, 0x00, 0x00, 0x00))  # VERIFY; the reader puts in the PIN and its length
_LONGEST_TIMER_S = 255
_STATUS = 2


def features(answer: bytes) -> dict[int, int]:
    """Feature -> control code; ``card.malformed`` when the reader's list is none."""
    if len(answer) % _FEATURE.size:
        raise Fault("card.malformed", "PIN pad: features cut short")
    found = {}
    for tag, length, code in _FEATURE.iter_unpack(answer):
        if length != _CODE_BYTES:
            raise Fault("card.malformed", "PIN pad: feature of an odd length")
        found[tag] = code
    return found


def verify_structure(timeout_s: float) -> bytes:
    """PIN_VERIFY: VERIFY with the holder's 4 to 16 digits, packed, as many bytes as they need."""
    limit = min(int(timeout_s), _LONGEST_TIMER_S)
    # Five bytes of form, least and most digits; when the entry is over, one message, its language, its number; no T=1
    # prologue; length of the command.
    head = (limit, limit, _FORMAT, _AS_LONG_AS_THE_PIN, 0, MIN_PIN << 8 | MAX_PIN)
    return _VERIFY.pack(*head, _BY_OK_KEY, _ONE_MESSAGE, _CHINESE_PRC, 0, 0, 0, 0, len(_COMMAND)) + _COMMAND


def ask_pad(context: CardContext, timeout_s: float) -> None:
    """Let the reader ask for the PIN and give it to the card.

    Raises ``card.no_pin_pad``, ``card.pin_cancelled``, ``card.pin_timeout``, ``card.pin_rule``, ``card.pin_wrong`` and
    ``card.pin_blocked``. A change of PIN is not asked for at a pad: part 10 puts the new PIN at a fixed place, and these
    cards want it right behind the old one.
    """
    control = context.control
    if control is None:
        raise Fault("card.no_pin_pad")
    known = features(control(GET_FEATURES, b""))
    code = known.get(VERIFY_DIRECT)
    if code is None:
        raise Fault("card.no_pin_pad")
    answer = control(code, verify_structure(timeout_s))
    if len(answer) != _STATUS:
        raise Fault("card.malformed", "PIN pad: no status word")
    judge_pin(int.from_bytes(answer, "big"))
