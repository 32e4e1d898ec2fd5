"""The keys' section of the configuration: where the PSAM is, and how long a card may be held."""

from __future__ import annotations

from attrs import frozen

from config.section import between, matching, setting
from readers.auth.psam import MAX_LEVELS, Terms
from readers.auth.tables import HEALTH_KEY, HEALTH_KEYS, INTERNAL_KEY


@frozen(slots=True)
class CardKeyOptions:
    """[card_keys]: authentication of cards. The daemon itself has no key of any card."""

    psam_reader: str = setting(
        "",
        help="the reader, by name or shell pattern, in which the PSAM is (its own slot); empty = no PSAM",
        validator=matching(r"[^\x00-\x1f]{0,128}", "at most 128 characters"),
    )
    psam_levels: int = setting(
        MAX_LEVELS,
        help="diversifications that the PSAM is asked for: 3 card, city and message, 2 card and message, 1 message",
        validator=between(1, MAX_LEVELS),
    )
    psam_internal_key: int = setting(
        INTERNAL_KEY,
        help="the PSAM's number of the key by which cards prove themselves (IRK)",
        validator=between(0, 255),
    )
    psam_health_key: int = setting(
        HEALTH_KEY,
        help="the PSAM's number of the read key of resident health cards (RK_DDF1); those of DF01 to DF03 follow it",
        validator=between(0, 256 - HEALTH_KEYS),
    )
    psam_wait_s: float = setting(
        10.0, help="how long a read waits its turn for the PSAM", unit="s", validator=between(0.1, 60)
    )
    session_idle_s: float = setting(
        60.0, help="a card is let go when no step comes for so long", unit="s", validator=between(1, 600)
    )
    session_s: float = setting(
        180.0, help="a card is let go after so long, whatever comes", unit="s", validator=between(5, 900)
    )
    pin_entry_s: float = setting(
        30.0, help="how long a holder may take at a reader's PIN pad", unit="s", validator=between(5, 120)
    )
    debit: str = setting(
        "off",
        help="on: driver.iDoDebit debits the accounts on the card; confirm docs/card-keys.md on a real card first",
        validator=matching("off|on", "off or on"),
    )
    terminal_number: str = setting(
        "",
        help="terminal number of driver.* outputs where the PSAM says none; 12 digits",
        validator=matching(r"([0-9]{12})?", "12 digits"),
    )
    device_number: str = setting(
        "",
        help="terminal device number of driver.* outputs",
        validator=matching(r"[A-Za-z0-9]{0,32}", "at most 32 letters and digits"),
    )

    @property
    def terms(self) -> Terms:
        """As the PSAM is asked."""
        return Terms(self.psam_levels, self.psam_internal_key, self.psam_health_key)
