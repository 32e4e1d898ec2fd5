"""Cards of other kinds than a social-security card, by name: each with the knobs of ``CardFaults``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from simulators.card.bank import BankCard
from simulators.card.faults import CardFaults
from simulators.card.health import HealthCard
from simulators.card.plastic import Plastic, atr_of, data_of

_OK = b"\x90\x00"
_BY_NAME = 0x04
_MIFARE = bytes.fromhex("804F0CA00000030603000100000000")


class PlainCard(Plastic):
    """As far as a detection sees it: the names that it knows, its historical bytes, and its word for everything else."""

    def __init__(
        self,
        faults: CardFaults | None = None,
        *,
        names: tuple[bytes, ...] = (),
        historical: bytes = bytes.fromhex("0081549999"),
        status: int = 0x6A82,
    ) -> None:
        super().__init__(faults or CardFaults(), atr_of(historical))
        self._names = names
        self._status = status

    def _execute(self, apdu: bytes) -> bytes:
        name = data_of(apdu)
        if apdu[:2] == b"\x00\xa4" and apdu[2] == _BY_NAME and any(known.startswith(name) for known in self._names):
            return bytes((0x6F, len(name) + 2, 0x84, len(name))) + name + _OK
        return self._status.to_bytes(2, "big")


def _psam(faults: CardFaults) -> Plastic:
    return PlainCard(faults, names=(b"sx3.sh." + "社会保障".encode("gbk"), bytes.fromhex("D15600000590")))


OTHERS: Mapping[str, Callable[[CardFaults], Plastic]] = MappingProxyType({
    "bank-card": BankCard,
    "health-card": HealthCard,
    "mifare-classic": lambda faults: PlainCard(faults, historical=_MIFARE, status=0x6D00),
    "psam": _psam,
    # Of a citizen's sub card nothing is published: the simulated one knows no name that anybody asks for.
    "citizen-sub-card": PlainCard,
    "unknown": PlainCard,
})  # fmt: skip


def other_card(kind: str, faults: CardFaults | None = None) -> Plastic:
    """A card of that kind; ``KeyError`` for a kind that there is not."""
    return OTHERS[kind](faults or CardFaults())
