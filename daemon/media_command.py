"""``run.py card read --config``: what lies in a reader of ``[[readers]]``, or an old card in a PC/SC reader; for people.

It opens the reader itself, so that a daemon that has it says ``reader.shared`` here. A private reactor runs for one read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from middleware.domain.card import CardRead, MediumRead, UnlinkedError
from middleware.domain.fault import Fault

if TYPE_CHECKING:
    from daemon.settings import Settings

SEXES = {"1": "男 / man", "2": "女 / woman"}


def settings_of(config: Path) -> Settings:
    """The configuration, or a usage error with every problem of it."""
    from config.load import ConfigError, load
    from daemon.settings import Settings

    try:
        return load(Settings, config)
    except ConfigError as exc:
        raise click.UsageError("\n".join([str(config), *map(str, exc.problems)])) from None


def has(settings: Settings, reader: str | None) -> bool:
    """Whether that name, or a part of it, is a reader of ``[[readers]]``."""
    return reader is not None and any(reader in options.name for options in settings.readers)


def show_medium(settings: Settings, reader: str, text: str, *, reveal: bool) -> None:
    """Read it once and say what it says, masked unless ``reveal``. Raises what the read raises."""
    names = [options.name for options in settings.readers if reader in options.name]
    if len(names) > 1 and reader not in names:
        raise Fault("reader.unknown", f"{', '.join(names)}: give one name")
    name = reader if reader in names else names[0]
    try:
        say(lines_of(_read(settings, name, text), reveal=reveal))
    except UnlinkedError as unlinked:
        say(number_lines(unlinked.medium, reveal=reveal))


def say(lines: Iterable[str]) -> None:
    """Line by line."""
    for line in lines:
        click.echo(line)


def number_lines(medium: MediumRead, *, reveal: bool) -> Iterator[str]:
    """An old medium as text."""
    yield f"{medium.reader}: {medium.kind}"
    yield f"    号码 / number: {medium.number.reveal() if reveal else medium.number.masked}"
    yield "    只有号码，不是身份；由关联登记或 HIS 找到本人 / a number and no identity: the links, or the HIS, know whose"


def lines_of(card: CardRead, *, reveal: bool) -> Iterator[str]:
    """An identity as text."""
    yield f"{card.reader}: {card.kind}"
    yield f"    姓名 / name: {card.name.reveal() if reveal else card.name.masked}"
    yield f"    证件号码 / id number: {card.id_number.reveal() if reveal else card.id_number.masked}"
    yield f"    性别 / sex: {SEXES.get(card.sex, card.sex)}"
    yield f"    出生日期 / birth date: {card.birth_date.isoformat() if reveal else '****-**-**'}"
    yield f"    就诊凭证 / shown as: {card.credential.shown}, {card.credential.document}"
    if card.issued_on and card.expires_on:
        until = "长期 / without end" if card.expires_on == dt.date.max else card.expires_on.isoformat()
        yield f"    有效期 / valid: {card.issued_on.isoformat()} - {until}"
    if card.photo:
        yield f"    相片 / photo: {len(card.photo)} 字节 / bytes (WLT)"


def _read(settings: Settings, name: str, text: str) -> CardRead:
    from twisted.internet.defer import Deferred
    from twisted.internet.selectreactor import SelectReactor

    reactor: Any = SelectReactor()
    found: list[Any] = []

    def begin() -> None:
        Deferred.fromCoroutine(_once(settings, reactor, name, text)).addBoth(end)

    def end(outcome: Any) -> None:
        found.append(outcome)
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    if isinstance(found[0], CardRead):
        return found[0]
    raise found[0].value


async def _once(settings: Settings, reactor: Any, name: str, text: str) -> CardRead:
    from daemon.code_channels import channels_of
    from readers.media.link import MediaReaders

    zone = dt.timezone(dt.timedelta(minutes=settings.engine.utc_offset_minutes))
    wanted = tuple(options for options in settings.readers if options.name == name)

    def now() -> dt.datetime:
        return dt.datetime.now(zone)

    readers = MediaReaders(wanted, settings.codes, reactor, lambda: now().date(), now, channels_of(now))
    readers.start()
    try:
        return await (readers.present(name, text) if text else readers.read_card(name))
    finally:
        await readers.stop()
