"""Old cards in a PC/SC reader, through a real pcscd: their number by the daemon's readers and by ``run.py card read``."""

from __future__ import annotations

import pytest
import pytest_twisted
from click.testing import CliRunner
from twisted.internet.threads import deferToThread

from daemon import card_command
from daemon.cli import main
from middleware.domain.card import UnlinkedError
from readers.cards.kinds import DEFAULT_ORDER
from readers.cards.social_security_read import in_order
from readers.media.stored import MIFARE, SLE4442, StoredCardOptions, with_stored
from simulators.card import PEOPLE, VirtualCard, VpcdSlot
from simulators.card.stored import StoredCard
from simulators.pcscd import Pcscd
from tests.readers.pcsc.bench import bench
from tests.readers.pcsc.test_card_command import _wait

pytestmark = pytest.mark.pcsc
NUMBER = "T0012345678"


@pytest.fixture
def cards(tmp_path) -> tuple[StoredCardOptions, ...]:
    key_file = tmp_path / "sector.key"
    key_file.write_text("A0A1A2A3A4A5")
    return (
        StoredCardOptions(MIFARE, offset=0, length=11, block=4, key_file=key_file),
        StoredCardOptions(SLE4442, kind="insurance-card", offset=32, length=10),
    )


def mifare(key: str = "A0A1A2A3A4A5") -> StoredCard:
    return StoredCard(MIFARE, {4: NUMBER.encode() + bytes(5)}, key=bytes.fromhex(key))


@pytest_twisted.ensureDeferred
async def test_old_cards_say_their_number_and_the_one_card_is_read_as_ever(pcscd: Pcscd, cards) -> None:
    async with bench(pcscd, procedure=with_stored(in_order(DEFAULT_ORDER), cards)) as desk:
        put = (mifare(), StoredCard(SLE4442, {32: b"00123456"}), VirtualCard(PEOPLE["employee"]), mifare("FFFFFFFFFFFF"))
        for name, card in zip(desk.names, put, strict=True):
            await deferToThread(desk.slots[name].insert, card)
        found = []
        for name in desk.names:
            await desk.until_state(name, "card-present")
            found.append(await desk.read(name))

        assert [getattr(one, "code", "read") for one in found] == [
            "medium.no_identity", "medium.no_identity", "read", "medium.key",
        ]  # fmt: skip
        numbers = [(one.medium.kind, one.medium.number.reveal()) for one in found if isinstance(one, UnlinkedError)]
        assert numbers == [("treatment-card", NUMBER), ("insurance-card", "00123456")]


def test_the_command_says_the_number_masked_unless_asked(pcscd: Pcscd, cards, monkeypatch, tmp_path) -> None:
    slot = pcscd.slots[0]
    virtual = VpcdSlot(port=slot.port)
    virtual.insert(mifare())
    _wait(slot.reader, present=True)
    config = tmp_path / "y.toml"
    config.write_text("")
    monkeypatch.setattr(
        card_command.media_command, "settings_of", lambda _: type("S", (), {"readers": (), "stored_cards": cards})
    )
    for words in ((), ("--reveal",)):
        result = CliRunner().invoke(main, ["card", "read", "--config", str(config), "--reader", slot.reader, *words])
        assert result.exit_code == 0, result.output
        assert "treatment-card" in result.output
        assert (NUMBER in result.output) == bool(words)
    virtual.close()
    _wait(slot.reader, present=False)
