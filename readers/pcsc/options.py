"""The PC/SC section of the configuration."""

from __future__ import annotations

from attrs import frozen

from config.section import between, setting
from readers.cards.kinds import DEFAULT_ORDER, check_order


@frozen(slots=True)
class PcscOptions:
    """Readers behind the card service (pcscd, or the one of Windows)."""

    enabled: bool = setting(default=True, help="read cards through PC/SC")
    exchange_timeout_s: float = setting(
        default=5.0,
        validator=between(0.1, 60),
        unit="s",
        help="longest wait for one answer of a card; PC/SC itself has no limit",
    )
    read_timeout_s: float = setting(
        default=20.0, validator=between(0.5, 300), unit="s", help="longest time for reading one whole card"
    )
    busy_wait_s: float = setting(
        default=2.0,
        validator=between(0, 60),
        unit="s",
        help="how long a second use of a reader waits its turn before it is told that the reader is busy",
    )
    poll_interval_s: float = setting(
        default=0.5,
        validator=between(0.05, 10),
        unit="s",
        help="how often the list of readers is looked at; insertions and removals are told at once",
    )
    retry_s: float = setting(
        default=1.0, validator=between(0.05, 60), unit="s", help="pause before asking again for a card service that is down"
    )
    stop_timeout_s: float = setting(
        default=3.0, validator=between(0.1, 30), unit="s", help="how long a stop waits for reader threads to end"
    )
    max_lost_threads: int = setting(
        default=4,
        validator=between(1, 64),
        help="threads a reader may lose to cards that never answer before it is given up until one returns",
    )
    ignore: tuple[str, ...] = setting(
        default=("*Windows Hello*", "*Yubico*"),
        help="readers left alone, by shell pattern: sign-in devices and keys of the staff",
    )
    kinds: tuple[str, ...] = setting(
        default=DEFAULT_ORDER,
        validator=check_order,
        help="kinds of card to tell apart, in the order of trying; what is not read here is refused by its name",
    )
