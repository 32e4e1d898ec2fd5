"""All generated pages of docs/, and whether they are current."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from adapters.his.hl7v2 import pages as hl7_out
from adapters.insurance import pages as transactions
from adapters.insurance import profile_pages
from daemon.sample import agent_sample, sample
from middleware.doors.local_api import reference
from middleware.doors.mllp import pages as hl7
from middleware.flow import pages
from readers.cards import pages as cards
from readers.media import pages as media
from simulators.centre.repertoire import simulated

ROOT = Path(__file__).resolve().parent.parent


def _sample(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sample(), encoding="utf-8")


def _agent_sample(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(agent_sample(), encoding="utf-8")


def shown(page: str) -> frozenset[str]:
    """The transactions of which a conformance page has a line that was done."""
    return frozenset(re.findall(r"^\| [^|]+ \| (\w+) \| [^|]+ \| [^-|][^|]*\|", page, re.MULTILINE))


def _transactions(path: Path) -> None:
    """After the conformance runs: their page says what they show."""
    transactions.write(path, simulated(), shown((ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")))


WRITERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("docs/api", reference.write),
    ("docs/hl7.md", hl7.write),
    ("docs/hl7-out.md", hl7_out.write),
    ("docs/machines.md", pages.write),
    ("docs/transactions.md", _transactions),
    ("docs/centre-queries.md", transactions.write_queries),
    ("docs/profile-keys.md", profile_pages.write),
    ("docs/cards.md", cards.write),
    ("docs/media.md", media.write),
    ("config/examples/yikatong.toml", _sample),
    ("config/examples/reader-agent.toml", _agent_sample),
)


def write_all(*, check: bool = False, root: Path = ROOT) -> list[str]:
    """Write them, or with ``check`` only look; the paths that changed or would change."""
    stale: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, write in WRITERS:
            fresh = Path(scratch) / name
            fresh.parent.mkdir(parents=True, exist_ok=True)
            write(fresh)
            made = sorted(p for p in ([fresh] if fresh.is_file() else fresh.rglob("*")) if p.is_file())
            for path in made:
                target = root / path.relative_to(scratch)
                if not target.exists() or target.read_bytes() != path.read_bytes():
                    stale.append(str(path.relative_to(scratch)))
                    if not check:
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(path.read_bytes())
    return stale
