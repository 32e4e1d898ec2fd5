"""Numbers of the authentication of social-security cards: names, key references, command bytes. Sources stand beside them."""

from __future__ import annotations

from types import MappingProxyType

from readers.cards.declaration import Algorithm

# The environment of a PSAM says its cipher: "sx1.sh." 3DES, "sx2.sh." SSF33, "sx3.sh." SM4, each with the same four letters.
_LETTERS = "社会保障".encode("gbk")
PSAM_ENVIRONMENTS = MappingProxyType({
    Algorithm.TDES: b"sx1.sh." + _LETTERS,
    Algorithm.SSF33: b"sx2.sh." + _LETTERS,
    Algorithm.SM4: b"sx3.sh." + _LETTERS,
})  # fmt: skip
PSAM_DF01 = bytes.fromhex("D15600000590")
MARKERS = MappingProxyType({Algorithm.TDES: "01", Algorithm.SSF33: "02", Algorithm.SM4: "03"})
BY_MARKER = MappingProxyType({marker: algorithm for algorithm, marker in MARKERS.items()})
BLOCK_OF_16 = frozenset({Algorithm.SSF33, Algorithm.SM4})

# BFDE (or 80DE) <usage> <key>: the high three bits of the usage are the number of diversifications, the low five what the
# key is for.
PSAM_CLASSES = (0xBF, 0x80)
ENCRYPTION = 7
LEVELS_SHIFT = 5
SERIAL_FILE, SERIAL_BYTES = (
    0x95,
    10,
)  # READ BINARY with short identifier 15: the PSAM's public data begin with its serial (PBOC)
TERMINAL_FILE, TERMINAL_BYTES = 0x96, 6  # 16: the terminal's number (PBOC)

CITY_SUFFIX = b"sx"  # 7378 was seen behind the six digits of the region
CARD_FACTOR_BYTES = 8  # the last of the historical bytes
INTERNAL_KEY = 0x00  # IRK: INTERNAL AUTHENTICATE names no other

# Resident health cards: the PSAM's DF01 by its identifier, its numbers of the read keys (DDF1, then DF01 to DF03), and the
# usage byte that one implementation sends with them.
ROOT, HEALTH_DF01 = 0x3F00, 0xDF01
HEALTH_KEY, HEALTH_KEYS, HEALTH_USAGE = 0x31, 4, 0x47
HEALTH_CITY_SUFFIX = b"000000"  # behind the first two digits of the application's city
HEALTH_PROOF_SUFFIX = b"\x01"

# PIN pads (PC/SC part 10): the reader's own answers.
PAD_TIMEOUT, PAD_CANCELLED, PAD_DIFFER, PAD_LENGTH = 0x6400, 0x6401, 0x6402, 0x6403
