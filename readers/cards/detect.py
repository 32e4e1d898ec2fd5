"""Which card it is, from the declarations alone, and why: every probe that was made and what the card said to it.

The kinds are tried in the order given, each by its probes; the first that holds decides. Historical bytes cost nothing,
a SELECT costs one exchange: with the social-security card first, its detection is the SELECT that its reading needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import Exchange, Response, select_by_name, select_file, transmit
from readers.cards.kinds import DEFAULT_ORDER, ByHistory, ByName, CardKind, Probe, by_key

ROOT_FORM = 0x00  # P1 of SELECT of a file right under the root


@frozen(slots=True)
class Reason:
    """One probe and its outcome. ``said`` is a status word, or what was compared; never a holder's data."""

    kind: CardKind
    probe: str
    said: str
    holds: bool

    def __str__(self) -> str:
        return f"{self.kind.key} {'is' if self.holds else 'is not'}: {self.probe} -> {self.said}"


@frozen(slots=True)
class Detection:
    """What was found. ``kind`` is ``None`` when no declared kind fits. ``fci``: the answer to the SELECT that decided."""

    kind: CardKind | None
    reasons: tuple[Reason, ...]
    fci: bytes = b""

    def why(self) -> str:
        """All reasons in one line."""
        return "; ".join(str(reason) for reason in self.reasons)


def detect(exchange: Exchange, historical: bytes, order: Iterable[str] = DEFAULT_ORDER) -> Detection:
    """The kind of a powered card, with the application that decided left selected.

    Raises what ``exchange`` raises; and the fault of a status word that says neither yes nor "never heard of it", as
    ``card.locked``: a locked card of this kind is no card of another kind.
    """
    reasons: list[Reason] = []
    for key in order:
        kind = by_key(key)
        for probe in kind.probes:
            if isinstance(probe, ByHistory):
                holds = historical.startswith(probe.prefix)
                reasons.append(Reason(kind, str(probe), "the same" if holds else "other historical bytes", holds))
                data = b""
            else:
                response = _select(exchange, kind, probe)
                holds, data = response.ok, response.data
                reasons.append(Reason(kind, str(probe), f"{response.sw:04X}", holds))
            if holds:
                return Detection(kind, tuple(reasons), data)
    return Detection(None, tuple(reasons))


def unreadable(detection: Detection) -> Fault:
    """The fault of a card that no procedure of ours reads, saying what it is."""
    kind = detection.kind
    if kind is None:
        return Fault("card.unsupported", f"no declared kind of card: {detection.why()}")
    return Fault("card.unsupported", f"{kind.key} ({kind.zh}): {kind.todo_zh} / {kind.todo_en}; {detection.reasons[-1]}")


def _select(exchange: Exchange, kind: CardKind, probe: Probe) -> Response:
    assert not isinstance(probe, ByHistory)  # noqa: S101 - asked of the other two only
    where = f"{kind.key} {probe}"
    command = select_by_name(probe.name) if isinstance(probe, ByName) else select_file(probe.file_id, ROOT_FORM)
    response = transmit(exchange, command, where)
    if response.ok or response.sw in status_words.NO_SUCH_APPLICATION:
        return response
    raise status_words.as_fault(response.sw, where)
