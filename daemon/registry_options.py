"""[registry] and [audit]: what becomes of unknown issuers and PSAMs, how long a list may be, and when a flag is raised."""

from __future__ import annotations

from attrs import frozen

from config.section import between, one_of, setting
from middleware.domain.registry import UnknownIssuer
from middleware.engine.gate import GateRules
from middleware.flow.audit_rules import Limits


@frozen(slots=True)
class RegistryOptions:
    """[registry]."""

    unknown_issuer: str = setting(
        "accept",
        help="a card whose issuer (or its specification there) is not registered: refuse, warn in card.read, or accept",
        validator=one_of(*UnknownIssuer),
    )
    unknown_psam: str = setting(
        "accept", help="a PSAM that is not registered: refuse or accept", validator=one_of("refuse", "accept")
    )
    list_max_rows: int = setting(
        1_000_000, help="cards in one list of lost and blacklisted cards", validator=between(1, 20_000_000)
    )

    @property
    def rules(self) -> GateRules:
        """As the gate wants them."""
        return GateRules(UnknownIssuer(self.unknown_issuer), self.unknown_psam == "accept")


@frozen(slots=True)
class AuditOptions:
    """[audit]: thresholds of the rules that raise a flag for the bureau."""

    max_speed_m_s: float = setting(
        30.0, help="faster than this no card travels between two desks", unit="m/s", validator=between(0.1, 1000)
    )
    min_distance_m: float = setting(
        200.0, help="desks that are nearer than this are one place", unit="m", validator=between(0, 100_000)
    )
    travel_window_s: float = setting(
        43_200.0, help="two uses of a card further apart than this prove nothing", unit="s", validator=between(60, 259_200)
    )
    pin_failures: int = setting(3, help="failed PINs of one card, none right in between", validator=between(1, 100))
    pin_window_s: float = setting(86_400.0, help="within so long", unit="s", validator=between(60, 259_200))
    pharmacy_uses: int = setting(6, help="reads of one card at pharmacies", validator=between(2, 400))
    pharmacy_window_s: float = setting(86_400.0, help="within so long", unit="s", validator=between(60, 259_200))

    @property
    def limits(self) -> Limits:
        """As the rules want them."""
        return Limits(
            travel_window_s=self.travel_window_s,
            max_speed_m_s=self.max_speed_m_s,
            min_distance_m=self.min_distance_m,
            pin_failures=self.pin_failures,
            pin_window_s=self.pin_window_s,
            pharmacy_uses=self.pharmacy_uses,
            pharmacy_window_s=self.pharmacy_window_s,
        )
