"""What the HIS told as one part: acting on it, whom it is about, and its charges."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from middleware.domain.told import PatientFacts, Query
from middleware.engine.his_quote import HisChargeDesk
from middleware.engine.identities import Identities
from middleware.engine.intake import Intake, Read
from middleware.engine.masters import MasterDesk
from middleware.engine.registries import Registry
from middleware.engine.runner import Means
from middleware.store.inbox import InboxReader


@frozen(slots=True)
class HisTold:
    """What a door asks."""

    intake: Intake
    identities: Identities
    charges: HisChargeDesk
    masters: MasterDesk

    def heard(self) -> None:
        """A message was taken."""
        self.intake.kick()

    async def asked(self, query: Query) -> list[PatientFacts]:
        """Who fits a query of the HIS."""
        return await self.identities.asked(query)


def his_told(
    means: Means,
    registry: Registry,
    inbox: InboxReader,
    read: Read,
    types: tuple[str, ...],
    holds: Callable[[], bool] = lambda: True,
) -> HisTold:
    """Wire them."""
    intake = Intake(means, inbox, read, types, holds)
    return HisTold(intake, Identities(means, registry.desk), HisChargeDesk(means), MasterDesk(means))
