"""docs/media.md says what the declarations say, and its example is one that the daemon takes."""

from __future__ import annotations

import tomllib

import attrs
import pytest

from config.load import read
from config.section import setting
from readers.media import pages
from readers.media.options import ReaderOptions
from readers.media.stored import CHIPS, StoredCardOptions
from readers.qr.options import CodeOptions
from readers.qr.profile import BUSINESS
from readers.serial.id_card import LAYOUTS, NOT_DECLARED


@attrs.frozen
class Sections:
    readers: tuple[ReaderOptions, ...] = setting((), help="x")
    codes: tuple[CodeOptions, ...] = setting((), help="x")
    stored_cards: tuple[StoredCardOptions, ...] = setting((), help="x")


@pytest.fixture
def page(tmp_path):
    pages.write(tmp_path / "media.md")
    return (tmp_path / "media.md").read_text(encoding="utf-8")


def test_every_declaration_is_in_the_page(page):
    for layout in LAYOUTS:
        assert f"`{layout.kind}`" in page
        for field in layout.fields:
            assert f"| {field.start} | {field.width} | {field.zh} · {field.name} |" in page
    for zh, _ in NOT_DECLARED.values():
        assert zh in page
    assert all(f"| `{code}` |" in page for code in (*BUSINESS, *CHIPS))


def test_the_example_is_a_configuration(page):
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    made = read(Sections, tomllib.loads(example))
    assert [one.kind for one in made.readers] == ["serial-id", "scanner", "handed", "service"]
    assert len(made.readers[1].layouts) == 2
    assert (len(made.codes), len(made.stored_cards)) == (1, 1)
