"""The checks that a card must pass: when it is read, and once more before a settlement's first intent."""

from __future__ import annotations

import structlog
from attrs import frozen

from middleware.domain.audit import Act, CardAct
from middleware.domain.card import CardRead
from middleware.domain.card_key import OpenedCard
from middleware.domain.centre import Holder
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.domain.registry import (
    REFUSALS,
    Issuer,
    Listing,
    Matter,
    Psam,
    UnknownIssuer,
    issuer_trouble,
    psam_trouble,
)
from middleware.engine.audit import Audit
from middleware.engine.runner import Means

log = structlog.get_logger()


@frozen(slots=True)
class GateRules:
    """What the configuration says."""

    unknown_issuer: UnknownIssuer = UnknownIssuer.ACCEPT
    unknown_psam: bool = True  # whether one that nobody registered may be used


class Gate:
    """Each check is one indexed query in a reader's thread. What cannot be asked is refused, never let through."""

    def __init__(self, means: Means, audit: Audit, rules: GateRules) -> None:
        self._means = means
        self._audit = audit
        self._rules = rules
        self.refused = 0

    async def at_read(self, read: CardRead) -> tuple[str, ...]:
        """What is odd about a card that may be used all the same; one word each.

        Raises ``card.lost``, ``card.blacklisted`` or ``card.issuer_unknown``.
        """
        listing, trouble = await self._means.pool.run(self._looked_up, read)
        self._refuse(listing)
        if trouble and self._rules.unknown_issuer is UnknownIssuer.REFUSE:
            self.refused += 1
            raise Fault("card.issuer_unknown", trouble)
        if trouble:
            log.warning("card.issuer_unknown", detail=trouble)
        return ("issuer_unknown",) if trouble else ()

    async def opened(self, card: OpenedCard) -> None:
        """Before anything is read of a card that is held, or written, or a PIN tried. Raises as ``before_money``."""
        registers = self._means.reader.registers
        self._refuse(await self._means.pool.run(registers.listing, card.card_id_code.reveal(), card.card_number.reveal()))

    async def before_money(self, caller: Caller, holder: Holder, settlement_id: str) -> None:
        """Asked before a settlement's first intent. Raises ``card.lost`` or ``card.blacklisted``: nothing has left then."""
        listing = await self._means.pool.run(
            self._means.reader.registers.listing, holder.card_id_code.reveal(), holder.card_number.reveal()
        )
        try:
            self._refuse(listing)
        except Fault as fault:
            act = CardAct(
                Act.SETTLE, "", fault.code, kind=holder.credential.shown, why=f"settlement.settle {settlement_id}"
            )
            await self._audit.note(caller, act, holder)
            raise

    async def psam(self, serial: str) -> Psam | None:
        """A PSAM that may be used, as the register has it; None when it has none and need not.

        Raises ``psam.lost``, ``psam.not_in_use`` or ``psam.unknown``; whoever asked notes the refusal in the audit, which
        tells the bureau.
        """
        stored = await self._means.pool.run(self._means.reader.registers.entry, Matter.PSAM, serial)
        psam = stored.entry if stored is not None and isinstance(stored.entry, Psam) else None
        if psam is None and self._rules.unknown_psam:
            return None
        if code := psam_trouble(psam, self._means.now().date()):
            self.refused += 1
            raise Fault(code, f"PSAM {serial}")
        return psam

    def _looked_up(self, read: CardRead) -> tuple[Listing | None, str]:
        registers = self._means.reader.registers
        listing = registers.listing(read.card_id_code.reveal(), read.card_number.reveal())
        if listing is not None or not read.region_code or self._rules.unknown_issuer is UnknownIssuer.ACCEPT:
            return listing, ""
        stored = registers.entry(Matter.ISSUER, read.region_code)
        return None, issuer_trouble(read, stored.entry if stored and isinstance(stored.entry, Issuer) else None)

    def _refuse(self, listing: Listing | None) -> None:
        if listing is not None:
            self.refused += 1
            raise Fault(REFUSALS[listing.reason], f"since {listing.since.isoformat()}, list {listing.list_id}")
