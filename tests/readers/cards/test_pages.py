"""The generated card reference: current, and nothing that is declared is missing from it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import readers.cards
from readers.cards import pages
from readers.cards.catalogue import EXCLUDED
from readers.cards.declaration import Balance, CardFile, Environment
from readers.cards.kinds import CardKind

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cards.md"
DECLARED = (Balance, CardFile, CardKind, Environment)


def declared() -> Iterator[tuple[str, object]]:
    """Every declaration of every module of ``readers.cards``, whether a catalogue knows it or not."""
    for module in pkgutil.iter_modules(readers.cards.__path__):
        loaded = importlib.import_module(f"readers.cards.{module.name}")
        for name, value in vars(loaded).items():
            for found in value if isinstance(value, tuple) else (value,):
                if isinstance(found, DECLARED):
                    yield f"{module.name}.{name}", found


def heading(found: object) -> str:
    if isinstance(found, CardFile):
        versions = ", ".join(pages._GENERATIONS[generation] for generation in sorted(found.generations))
        versioned = found.path.startswith(("SSSE/", "DF0"))
        return f"### {found.path} {found.zh} · {found.en}" + (f" ({versions})\n" if versioned else "\n")
    if isinstance(found, CardKind):
        return f"| `{found.key}` | {found.zh} · {found.en} |"
    if isinstance(found, Balance):
        return f"### {found.path} {found.zh} · {found.en}\n"
    assert isinstance(found, Environment)
    return f"## {found.label} {found.zh} · {found.en}\n"


def missing(text: str) -> list[str]:
    return [name for name, found in declared() if name not in EXCLUDED and heading(found) not in text]


def test_whatever_is_declared_is_in_the_reference_or_excluded_with_a_reason() -> None:
    names = {name for name, _ in declared()}

    assert missing(PAGE.read_text(encoding="utf-8")) == []
    assert set(EXCLUDED) <= names
    assert all(EXCLUDED.values())
    assert len([found for _, found in declared() if isinstance(found, CardFile)]) > 50


def test_a_file_that_nobody_put_into_the_catalogue_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(environment for environment in pages.EVERY_ENVIRONMENT if environment.label != "DF04")
    monkeypatch.setattr(pages, "EVERY_ENVIRONMENT", kept)
    text = "\n".join(pages._page())

    assert "social_security_medical.DF04" in missing(text)
    assert "social_security_medical.DF04_EF08" in missing(text)


def test_every_item_of_every_file_stands_in_the_reference() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for _, found in declared():
        if isinstance(found, CardFile):
            for item in found.every_item():
                assert f"| `{item.tag:02X}` | {item.zh} · {item.en}" in text


def test_the_committed_reference_is_current(tmp_path: Path) -> None:
    pages.write(tmp_path / "cards.md")

    assert (tmp_path / "cards.md").read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
