"""What PC/SC answers, as a table: result code, its name, our fault, and where it was met (reference 4.5-4.8)."""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True)
class ResultRow:
    """One PC/SC result code."""

    code: int
    name: str
    fault: str
    when: str


# fmt: off
RESULTS = (
    ResultRow(0x80100003, "SCARD_E_INVALID_HANDLE", "reader.service_down", "a context of a service that was restarted"),
    ResultRow(0x80100006, "SCARD_E_NO_MEMORY", "reader.service_down", "the service is out of handles or memory"),
    ResultRow(0x80100009, "SCARD_E_UNKNOWN_READER", "reader.gone", "unplugged, or never there"),
    ResultRow(0x8010000B, "SCARD_E_SHARING_VIOLATION", "reader.shared", "held exclusively by another program"),
    ResultRow(0x8010000C, "SCARD_E_NO_SMARTCARD", "card.absent", "empty slot"),
    ResultRow(0x8010000F, "SCARD_E_PROTO_MISMATCH", "card.mute", "connect behind an exchange that never ends; card that negotiates no protocol"),
    ResultRow(0x80100010, "SCARD_E_NOT_READY", "card.mute", "the card is not powered yet"),
    ResultRow(0x80100013, "SCARD_F_COMM_ERROR", "reader.service_down", "the service died while we waited"),
    ResultRow(0x80100015, "SCARD_E_INVALID_ATR", "card.unsupported", "no answer-to-reset of a smart card"),
    ResultRow(0x80100016, "SCARD_E_NOT_TRANSACTED", "card.mute", "exchange failed; the card was pulled or fell silent"),
    ResultRow(0x80100017, "SCARD_E_READER_UNAVAILABLE", "reader.gone", "unplugged while in use"),
    ResultRow(0x8010001D, "SCARD_E_NO_SERVICE", "reader.service_down", "pcscd does not run"),
    ResultRow(0x8010001E, "SCARD_E_SERVICE_STOPPED", "reader.service_down", "pcscd is shutting down"),
    ResultRow(0x80100027, "SCARD_E_NO_ACCESS", "reader.denied", "policy of the service"),
    ResultRow(0x8010002E, "SCARD_E_NO_READERS_AVAILABLE", "reader.gone", "no reader is plugged in"),
    ResultRow(0x8010002F, "SCARD_E_COMM_DATA_LOST", "card.mute", "exchange failed; the card was pulled or fell silent"),
    ResultRow(0x80100031, "SCARD_E_SERVER_TOO_BUSY", "reader.service_down", "too many clients"),
    ResultRow(0x80100065, "SCARD_W_UNSUPPORTED_CARD", "card.unsupported", "reader and card share no protocol"),
    ResultRow(0x80100066, "SCARD_W_UNRESPONSIVE_CARD", "card.mute", "no answer to reset: wrong way round, or dead"),
    ResultRow(0x80100067, "SCARD_W_UNPOWERED_CARD", "card.mute", "the card lost power"),
    ResultRow(0x80100068, "SCARD_W_RESET_CARD", "reader.shared", "another program reset the card under us"),
    ResultRow(0x80100069, "SCARD_W_REMOVED_CARD", "card.withdrawn", "pulled, or swapped under an old handle"),
    ResultRow(0x8010006A, "SCARD_W_SECURITY_VIOLATION", "reader.denied", "polkit refused; or 200 handles are open"),
)
# fmt: on
BY_CODE = {row.code: row for row in RESULTS}

# pyscard's upper layer gives some failures no result code (0 or -1), only a class.
BY_EXCEPTION = {
    "NoCardException": "card.absent",
    "CardRequestTimeoutException": "card.absent",
    "CardConnectionException": "card.mute",
    "NoReadersException": "reader.gone",
    "InvalidReaderException": "reader.gone",
}
# An exchange that fails so may be a pulled card or a silent one: only the reader's state can tell.
UNDECIDED = frozenset({0, 0x80100016, 0x8010002F, 0x80100067})
TIMEOUT = 0x8010000A
CANCELLED = 0x80100002
UNKNOWN_READER = 0x80100009
NO_READERS = 0x8010002E
MASK = 0xFFFFFFFF

PROTOCOL_UNDEFINED = 0
# SCARD_ATTR_VENDOR_IFD_SERIAL_NO and SCARD_ATTR_CHANNEL_ID (PC/SC part 3)
ATTRIBUTES = (0x00010103, 0x00020110)

# SCARD_STATE_*
STATE_UNAWARE = 0x0000
STATE_CHANGED = 0x0002
STATE_UNKNOWN = 0x0004
STATE_UNAVAILABLE = 0x0008
STATE_EMPTY = 0x0010
STATE_PRESENT = 0x0020
STATE_MUTE = 0x0200
EVENT_SHIFT = 16  # the upper half of a state counts insertions and removals
PNP_READER = "\\\\?PnP?\\Notification"
MAX_STATES = 16  # PCSCLITE_MAX_READERS_CONTEXTS; a seventeenth is SCARD_E_INVALID_PARAMETER
