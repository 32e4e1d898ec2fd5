"""Everything that a card of one kind says: each application that it has, looked at; ``LOOKS`` has one procedure a kind.

A look is for people and for tests of cards; the identity of a patient comes from ``social_security_read`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from attrs import frozen

from middleware.domain.fault import Fault
from readers.apdu import Exchange, read_numbered_record, transmit
from readers.cards import finance
from readers.cards import social_security as ss
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, Algorithm, Environment, Generation
from readers.cards.encoding import Malformed, decode
from readers.cards.fci import algorithm, find, objects
from readers.cards.health import HEALTH
from readers.cards.kinds import Kind
from readers.cards.looking import OF_AN_APPLICATION, FileRead, look_at
from readers.cards.reading import TEMPLATE, FileReader
from readers.cards.social_security_read import FREE_ONLY, generation_of

NAME_BYTES = range(5, 17)  # of an application's name (ISO 7816-4)


@frozen(slots=True)
class WholeCard:
    """All declared files and accounts of one card, in order; ``absent``: applications that it does not have.

    ``generation``, ``version`` and ``algorithm`` are those of a social-security card; other kinds say none.
    """

    files: tuple[FileRead, ...]
    absent: tuple[str, ...]
    generation: Generation | None = None
    version: str = ""
    algorithm: Algorithm | None = None


Look = Callable[[Exchange, frozenset[Access]], WholeCard]


def read_whole(exchange: Exchange, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    """Every declared file of a social-security card whose rule is in ``granted``: what was done on it since its last reset.

    Then the financial side, where the card has one. Raises ``card.unsupported`` for another kind of card, the fault of the
    version when that cannot be read (without it nothing says which layout holds), and whatever ``exchange`` raises.
    """
    files = FileReader(exchange)
    cipher = algorithm(files.select_environment(ss.SSSE))
    version = _version(files)
    generation = generation_of(version)
    found: list[FileRead] = look_at(files, ss.SSSE, granted, generation)
    rest = _all_of(files, SOCIAL_SECURITY[1:], granted, generation)
    bank = read_finance(exchange, granted)
    return WholeCard((*found, *rest.files, *bank.files), (*rest.absent, *bank.absent), generation, version, cipher)


def read_finance(exchange: Exchange, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    """The financial side of any card: account, e-cash and purse; an account number comes out masked."""
    files = FileReader(exchange)
    unlisted: list[FileRead] = []
    named: tuple[bytes, ...] = ()
    for lister in (finance.PPSE, finance.PSE):
        try:
            named = named or application_names(exchange, lister)
        except Fault as fault:
            if fault.code not in OF_AN_APPLICATION:
                raise
            unlisted.append(FileRead(lister, fault=fault))  # the declared names are tried all the same
    card = _all_of(files, finance.FINANCE, granted, named=named)
    return WholeCard((*unlisted, *card.files), card.absent)


def read_health(exchange: Exchange, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    """The resident health card: without its read keys that is its issuer's data and its number."""
    files = FileReader(exchange)
    if files.enter(HEALTH[0]) is None:
        raise Fault("card.unsupported", f"{HEALTH[0].label}: not on this card")
    return _all_of(files, HEALTH, granted)


LOOKS: Mapping[Kind, Look] = MappingProxyType({
    Kind.SOCIAL_SECURITY: read_whole,
    Kind.BANK: read_finance,
    Kind.HEALTH: read_health,
})  # fmt: skip


def _all_of(
    files: FileReader,
    environments: tuple[Environment, ...],
    granted: frozenset[Access],
    generation: Generation = Generation.FIRST,
    named: tuple[bytes, ...] = (),
) -> WholeCard:
    """Each application; one that is locked or spoiled hides no other. ``named``: names that the card itself gave for the first."""
    found: list[FileRead] = []
    absent: list[str] = []
    for environment in environments:
        try:
            opened = files.enter(environment, named if environment is environments[0] else ())
        except Fault as fault:
            if fault.code not in OF_AN_APPLICATION:
                raise
            found.append(FileRead(environment, fault=fault))
            continue
        if opened is None:
            absent.append(environment.label)
        else:
            found += look_at(files, environment, granted, generation)
    return WholeCard(tuple(found), tuple(absent))


def application_names(exchange: Exchange, lister: Environment) -> tuple[bytes, ...]:
    """The financial applications that the card itself lists there (PPSE or PSE), in its order; no list is no fault.

    Only names that are declared are given back: nobody here talks to an application of which nothing is known.
    """
    fci = FileReader(exchange).enter(lister)
    if fci is None:
        return ()
    listed = _names(fci, lister.label) if lister is finance.PPSE else tuple(_directory(exchange, fci))
    return tuple(name for name in listed if name.startswith((finance.PBOC.name, *finance.PBOC.also)))


def _directory(exchange: Exchange, fci: bytes) -> Iterator[bytes]:
    """The names in the directory file that the environment's answer points to."""
    pointer = find(fci, finance.DIRECTORY_FILE, finance.PSE.label)
    if pointer is None or len(pointer) != 1 or not 1 <= pointer[0] <= finance.MAX_DIRECTORY:
        return
    for number in range(1, finance.MAX_DIRECTORY + 1):
        where = f"{finance.PSE.label} directory record {number}"
        response = transmit(exchange, read_numbered_record(number, 256, pointer[0]), where)
        if not response.ok:
            return
        template = find(response.data, TEMPLATE, where)
        yield from _names(template or b"", where)


def _names(data: bytes, where: str, depth: int = 4) -> tuple[bytes, ...]:
    """The names of all entries inside, however deep (EMV nests them in A5 and BF0C)."""
    found: list[bytes] = []
    for tag, value in objects(data, where):
        if tag == finance.DIRECTORY_ENTRY:
            name = find(value, finance.APPLICATION_NAME, where)
            if name is not None and len(name) in NAME_BYTES:
                found.append(name)
        elif tag in {0x6F, 0xA5, 0xBF0C} and depth > 1:
            found += _names(value, where, depth - 1)
    return tuple(found)


def _version(files: FileReader) -> str:
    item = ss.EF05.item(ss.SPEC_VERSION)
    files.select_file(ss.EF05)
    value = files.read_item(ss.EF05, item)
    assert value is not None  # noqa: S101 - the declaration lets no card lack it
    try:
        return decode(item, value)
    except Malformed as exc:
        raise Fault("card.malformed", f"{ss.EF05.where(item)}: {exc}") from None
