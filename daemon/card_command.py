"""``run.py card``: which readers there are, which card is in them and why, and what it says; for people, in two languages.

It speaks to the card service itself, beside the daemon: while the daemon reads, the reader is busy, and this says so. Each
command runs in a thread of its own for a bounded time, because PC/SC may wait for ever.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from daemon import media_command
from middleware.domain.card import HEALTH_CARD, SOCIAL_SECURITY_CARD, MediumRead, UnlinkedError
from middleware.domain.card_key import Pin
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from readers.cards.kinds import DEFAULT_ORDER

if TYPE_CHECKING:
    from readers.apdu import Exchange
    from readers.cards.declaration import Access
    from readers.cards.detect import Detection
    from readers.cards.looking import FileRead, Value
    from readers.cards.whole import WholeCard
    from readers.media.stored import StoredCardOptions
    from readers.pcsc.api import Load, PcscContext

LIMIT_S = 30.0
OPENED_BY_PSAM = frozenset({SOCIAL_SECURITY_CARD, HEALTH_CARD})
_MASKS: dict[str, Callable[[str], str]] = {
    "SSSE/EF05 tag 01": lambda text: CardIdCode(text).masked,
    "SSSE/EF05 tag 07": lambda text: CardNumber(text).masked,
    "SSSE/EF06 tag 08": lambda text: IdNumber(text).masked,
    "SSSE/EF06 tag 09": lambda text: PersonName(text).masked,
    "DDF1/EF06 tag 0B": lambda text: PersonName(text).masked,
    "DDF1/EF06 tag 0F": lambda text: IdNumber(text).masked,
}
_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)
_STATES = {"blank": "未写入 / never written", "missing": "卡上没有 / not on this card"}
_ORDER = click.option(
    "--kind",
    "order",
    multiple=True,
    type=click.Choice(DEFAULT_ORDER),
    help="tell these kinds apart, in this order; may be given several times",
)


@click.group()
def card() -> None:
    """Readers and the cards in them: what is there, and what a card says without keys."""


@card.command("list")
@_ORDER
def list_(order: tuple[str, ...]) -> None:
    """Every reader, whether a card is in, which kind of card it is and why."""
    bounded(lambda: show_readers(order or DEFAULT_ORDER))


@card.command()
@click.option("--reader", help="the reader's name, or a part of it; without it the only one with a card")
@click.option(
    "--psam",
    help="the PSAM's reader, or a part of its name: it proves the read keys to a third-generation card or a health card",
)
@click.option("--reveal", is_flag=True, help="show personal data in clear; without it everything about a person is masked")
@click.option("--pin", "by_pin", is_flag=True, help="ask for the holder's PIN here, unseen: files behind it are read, too")
@click.option("--config", type=_PATH, help="a configuration: its [[readers]] can be read too, and its [[stored_cards]]")
@click.option("--text", default="", help="with --config, for a reader of kind handed: what was typed")
@_ORDER
def read(
    reader: str | None,
    psam: str | None,
    config: Path | None,
    text: str,
    order: tuple[str, ...],
    *,
    reveal: bool,
    by_pin: bool,
) -> None:
    """Read every declared file that needs no key, or none but the PSAM's and the PIN, and say of the others what to do."""
    settings = media_command.settings_of(config) if config is not None else None
    if settings is not None and reader is not None and media_command.has(settings, reader):
        bounded(lambda: media_command.show_medium(settings, reader, text, reveal=reveal))
        return
    stored = settings.stored_cards if settings is not None else ()
    with asked_pin() if by_pin else nullcontext() as pin:
        bounded(lambda: show_card(reader, order or DEFAULT_ORDER, reveal=reveal, psam=psam, stored=stored, pin=pin))


def asked_pin() -> Pin:
    """The holder's PIN, typed without echo; it is on no command line, and no file gives it."""
    typed = click.prompt("持卡人 PIN / the holder's PIN", hide_input=True)
    try:
        return Pin(typed)
    except ValueError:
        raise click.UsageError("PIN 为 4 至 16 位数字 / a PIN is 4 to 16 digits") from None


def bounded(work: Callable[[], None], limit_s: float = LIMIT_S) -> None:
    """Do it in a thread; its fault, or the end of the time, is said in two languages and ends the program with 1."""
    faults: list[Fault] = []

    def run() -> None:
        try:
            work()
        except Fault as fault:
            faults.append(fault)
        except Exception as exc:  # noqa: BLE001 - the text of a mistake could carry a value from the card
            faults.append(Fault("system.internal", type(exc).__name__))

    thread = threading.Thread(target=run, name="card-command", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        faults.append(Fault("card.mute", f"no answer within {limit_s:g} s"))
    if faults:
        click.echo(line_of(faults[0]), err=True)
        sys.stderr.flush()
        sys.exit(1)


def line_of(fault: Fault) -> str:
    """A fault as a person at a counter needs it: what, what to do, where."""
    spec = fault.spec
    return f"{spec.zh}；{spec.do_zh} / {spec.en}; {spec.do_en} [{fault.code}: {fault.detail}]"


def show_readers(order: tuple[str, ...], load: Load | None = None) -> None:
    """One block a reader; a reader that is busy or mute is a line, not the end."""
    with _Service(load) as context:
        names = context.readers()
        click.echo(f"{len(names)} 个读卡器 / readers")
        for name in names:
            state = context.wait({name: 0}, 0, hotplug=False).get(name)
            if state is None or not state.present:
                click.echo(f"{name}: 无卡 / no card")
                continue
            try:
                with _Powered(context, name) as powered:
                    detection = powered.detect(order)
            except Fault as fault:
                click.echo(f"{name}: {line_of(fault)}")
                continue
            click.echo(f"{name}: {kind_of(detection)}")
            click.echo(f"    ATR {state.atr.hex().upper()}")
            for reason in detection.reasons:
                click.echo(f"    {reason}")


def show_card(
    reader: str | None,
    order: tuple[str, ...],
    *,
    reveal: bool,
    load: Load | None = None,
    psam: str | None = None,
    stored: tuple[StoredCardOptions, ...] = (),
    pin: Pin | None = None,
) -> None:
    """The card's files, each item masked unless ``reveal``; ``psam``: in which reader one is, when there is one.

    ``pin`` is shown to a social-security card once, before anything that is behind it is asked for.

    Of an old card that ``stored`` describes: its number.
    """
    from readers.cards.detect import unreadable
    from readers.cards.social_security_read import FREE_ONLY
    from readers.cards.whole import LOOKS

    with _Service(load) as context:
        name = _chosen(context, reader, psam)
        with _Powered(context, name) as powered:
            number = powered.stored_number(stored, name)
            if number is not None:
                media_command.say(media_command.number_lines(number, reveal=reveal))
                return
            detection = powered.detect(order)
            click.echo(f"{name}: {kind_of(detection)}")
            look = LOOKS.get(detection.kind.key) if detection.kind is not None else None
            if look is None:
                raise unreadable(detection)
            ours = detection.kind is not None and detection.kind.key == SOCIAL_SECURITY_CARD
            shown = powered.shown(pin) if pin is not None and ours else frozenset()
            if psam is None or detection.kind is None or detection.kind.key not in OPENED_BY_PSAM:
                found = look(powered.exchange, FREE_ONLY | shown)
            else:
                with _Powered(context, _chosen(context, psam)) as module:
                    click.echo(f"PSAM {module.serial()}")
                    exchange, granted = powered.proving(name, module, health=not ours)
                    found = look(exchange, granted | shown)
    for line in lines_of(found, reveal=reveal):
        click.echo(line)


def kind_of(detection: Detection) -> str:
    """The kind in two languages."""
    if detection.kind is None:
        return "未知的卡 / a card of no declared kind"
    return f"{detection.kind.zh} / {detection.kind.en}"


def lines_of(card: WholeCard, *, reveal: bool) -> Iterator[str]:
    """The whole card as text."""
    if card.algorithm is not None:
        yield f"规范版本 / spec version {card.version}，密钥算法 / cipher of the keys {card.algorithm}"
    for found in card.files:
        yield from _file_lines(found, reveal=reveal)
    if card.absent:
        yield f"卡上没有这些应用 / applications not on this card: {', '.join(card.absent)}"


def _file_lines(found: FileRead, *, reveal: bool) -> Iterator[str]:
    from readers.cards.looking import WHAT_TO_DO

    head = f"{found.file.path} {found.file.zh} / {found.file.en}"
    if found.refused is not None:
        zh, en = WHAT_TO_DO[found.refused]
        yield f"{head}: {zh} / {en}"
        return
    if found.fault is not None:
        yield f"{head}: {line_of(found.fault)}"
        return
    yield head
    for value in found.values:
        yield f"    {_value_line(value, reveal=reveal)}"


def _value_line(value: Value, *, reveal: bool) -> str:
    if value.fault is not None:
        return line_of(value.fault)
    place = value.where.partition(" record ")
    name = value.where if value.item is None else f"{value.item.tag:02X} {value.item.zh} / {value.item.en}"
    if place[1]:
        name = f"{place[2]}: {name}"
    return f"{name}: {_STATES.get(value.state) or (value.text if reveal else _masked(value))}"


def _masked(value: Value) -> str:
    if value.item is None or not value.item.personal:
        return value.masked
    mask = _MASKS.get(" ".join(value.where.split()[:3]))
    return mask(value.text) if mask else value.masked


def _chosen(context: PcscContext, wanted: str | None, but: str | None = None) -> str:
    names = [name for name in context.readers() if wanted is None or wanted in name]
    names = [name for name in names if but is None or but not in name]
    if not names:
        raise Fault("reader.unknown", wanted or "no reader is plugged in")
    states = context.wait(dict.fromkeys(names, 0), 0, hotplug=False)
    present = [name for name in names if name in states and states[name].present]
    if not present:
        raise Fault("card.absent", ", ".join(names))
    if len(present) > 1:
        raise Fault("reader.unknown", f"a card is in each of {', '.join(present)}: give --reader")
    return present[0]


class _Service:
    """One connection to the card service for the length of a with statement."""

    def __init__(self, load: Load | None) -> None:
        from readers.pcsc.api import PcscContext, load_scard

        self._context = PcscContext(load or load_scard)

    def __enter__(self) -> PcscContext:
        return self._context

    def __exit__(self, *_: object) -> None:
        self._context.release()


class _Powered:
    """A card that is ours alone for the length of a with statement."""

    def __init__(self, context: PcscContext, reader: str) -> None:
        self._card = context.connect(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._card.disconnect()

    def exchange(self, command: bytes) -> bytes:
        return self._card.exchange(command)

    def stored_number(self, cards: tuple[StoredCardOptions, ...], reader: str) -> MediumRead | None:
        from readers.atr import historical_bytes
        from readers.media.stored import read_stored

        try:
            read_stored(self.exchange, historical_bytes(self._card.atr()), cards, reader)
        except UnlinkedError as unlinked:
            return unlinked.medium
        return None

    def detect(self, order: tuple[str, ...]) -> Detection:
        from readers.atr import historical_bytes
        from readers.cards.detect import detect

        return detect(self.exchange, historical_bytes(self._card.atr()), order)

    def serial(self) -> str:
        """Of a PSAM; ``psam.absent`` when the card is none."""
        from readers.auth.psam import facts

        return facts(self.exchange).serial

    def shown(self, pin: Pin) -> frozenset[Access]:
        """Show the card the PIN: what that grants. ``card.pin_wrong`` with the tries left, ``card.pin_blocked``."""
        from readers.auth.commands import verify_pin
        from readers.cards import social_security as ss
        from readers.cards.declaration import Access
        from readers.cards.reading import FileReader

        FileReader(self.exchange).select_environment(ss.SSSE)
        verify_pin(self.exchange, pin)
        return frozenset({Access.PIN, Access.KEY_OR_PIN})

    def proving(self, reader: str, module: _Powered, *, health: bool) -> tuple[Exchange, frozenset[Access]]:
        """How the whole card is read with that PSAM's proof."""
        from readers.atr import historical_bytes
        from readers.auth import health as read_keys
        from readers.auth.proving import proving
        from readers.auth.psam import Terms
        from readers.cards.health_read import opened
        from readers.cards.social_security_read import CardContext

        today = dt.datetime.now().astimezone().date()
        context = CardContext(reader, historical_bytes(self._card.atr()).hex().upper(), today)
        if health:
            known = opened(self.exchange, context)
            return read_keys.proving(self.exchange, known, module.exchange, Terms()), read_keys.GRANTED
        return proving(self.exchange, context, module.exchange, Terms())
