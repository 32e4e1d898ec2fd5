"""The whole configuration: every part's own section, composed here because only the process sees all parts."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

from attrs import Factory, frozen
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from adapters.bank.iso8583.options import BankOptions
from adapters.his.hl7v2.destinations import HisOptions
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.mobile.options import MobileOptions
from config.section import between, one_of, setting
from daemon.anchor_url import place_of
from daemon.cataloguing import CatalogueOptions
from daemon.reconciling import ReconcileOptions
from daemon.registry_options import AuditOptions, RegistryOptions
from middleware.doors.feed.options import FeedOptions
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.mllp.options import MllpOptions, links_are_named
from middleware.doors.notices.options import NoticeOptions
from middleware.doors.tokens import AccountOptions
from middleware.engine.masters import NameRule
from middleware.ops.logs import LogOptions
from middleware.ops.options import SiteOptions
from middleware.store.key_options import KeyOptions
from middleware.store.nodes import Membership
from middleware.store.places import FilePlace, Place
from readers.auth.options import CardKeyOptions
from readers.media.options import ReaderOptions
from readers.media.stored import StoredCardOptions
from readers.pcsc.options import PcscOptions
from readers.qr.options import CodeOptions
from readers.remote.options import RemoteReaderOptions


def _store_url(_instance: object, attribute: Any, value: str) -> None:
    """Says what is wrong and never the url itself: it may hold a password."""
    if re.fullmatch(r"sqlite:///.+", value):
        return
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername != "postgresql+psycopg" or not url.database:
        raise ValueError(
            f"{attribute.name} must be sqlite:////absolute/path or postgresql+psycopg://user@host:port/database?passfile=/path"
        )


@frozen(slots=True)
class StoreOptions:
    """[store]."""

    url: str = setting(
        "sqlite:////var/lib/yikatong/yikatong.db",
        help="sqlite:////absolute/path, embedded, or postgresql+psycopg://user@host:5432/name?passfile=/path,"
        " where that file (libpq's .pgpass, mode 0600) keeps the password",
        validator=_store_url,
    )
    read_threads: int = setting(2, help="threads that read", validator=between(1, 16))
    start_check_s: float = setting(
        10.0,
        help="a start walks the old rows of the chains at most so long, the rest beside the work; new rows always",
        unit="s",
        validator=between(0, 3600),
    )

    node_name: str = setting("", help="this daemon's name among those that share a PostgreSQL; empty = the machine's name")
    lease_s: float = setting(
        15.0,
        help="on PostgreSQL: a node that is not heard of for so long is taken over by the others",
        unit="s",
        validator=between(1, 600),
    )
    lease_margin_s: float = setting(
        3.0, help="a node sends nothing in the last part of its lease", unit="s", validator=between(0.2, 60)
    )

    def __attrs_post_init__(self) -> None:
        if self.lease_margin_s * 3 > self.lease_s:
            raise ValueError("lease_margin_s is at most a third of lease_s")

    @property
    def membership(self) -> Membership:
        """As what this daemon joins the others; SQLite is one process's alone."""
        name = self.node_name or socket.gethostname()
        return Membership(name[:64], self.lease_s, shared=make_url(self.url).get_backend_name() != "sqlite")

    def __repr__(self) -> str:
        return f"StoreOptions(url={make_url(self.url)!r}, ...)"  # SQLAlchemy masks a password


@frozen(slots=True)
class EngineOptions:
    """[engine]: how long people wait, and how an unknown outcome is pursued."""

    register_wait_s: float = setting(
        30.0, help="a caller of patient.register waits so long", unit="s", validator=between(1, 600)
    )
    quote_wait_s: float = setting(
        90.0, help="a caller of settlement.quote waits so long", unit="s", validator=between(1, 600)
    )
    settle_wait_s: float = setting(
        90.0, help="a caller of settlement.settle or cancel waits so long", unit="s", validator=between(1, 600)
    )
    card_read_valid_s: float = setting(
        300.0, help="a card read may be used for a registration so long", unit="s", validator=between(5, 3600)
    )
    first_check_s: float = setting(
        5.0, help="from an unknown outcome to the first reversal", unit="s", validator=between(0.05, 3600)
    )
    repeat_s: float = setting(10.0, help="to the next reversal; doubles each time", unit="s", validator=between(0.05, 3600))
    repeat_max_s: float = setting(600.0, help="longest of these waits", unit="s", validator=between(0.05, 86400))
    max_attempts: int = setting(
        8, help="reversals without a clear answer before the next evidence, or a person", validator=between(1, 100)
    )
    doubt_limit_s: float = setting(
        259200.0,
        help="an outcome that is still not known after so long goes to a person, whatever evidence is still awaited",
        unit="s",
        validator=between(60, 2592000),
    )
    max_clock_skew_s: float = setting(
        300.0,
        help="while this machine's clock and the centre's differ by more, no money is begun",
        unit="s",
        validator=between(5, 86400),
    )
    cancel_on_his_refusal: bool = setting(
        False, help="when the HIS refuses a settlement: true cancels it at the centre, false holds it for a person"
    )
    his_names: str = setting(
        str(NameRule.FILL),
        help="departments and doctors of a registration, where the HIS told of its own by MFN: fill takes names that were"
        " left out from there; check also refuses codes and names that the HIS does not have",
        validator=one_of(*map(str, NameRule)),
    )
    drain_s: float = setting(20.0, help="at a stop, what was sent may end so long", unit="s", validator=between(0, 600))
    utc_offset_minutes: int = setting(480, help="the hospital's time zone", unit="min", validator=between(-720, 840))


@frozen(slots=True)
class AnchorOptions:
    """[anchor]."""

    path: Path | None = setting(  # noqa: RUF009 - an attrs field
        None, help="the anchor file, on another machine's disk; neither it nor url = no anchors by the clock"
    )
    url: str = setting("", help="instead of path: https address of a server that keeps anchors, as the bureau's")
    token_file: Path | None = setting(None, help="the bearer token for url")  # noqa: RUF009 - an attrs field
    ca_file: Path | None = setting(None, help="PEM of the authority that signed url's certificate; default the system's")  # noqa: RUF009 - an attrs field
    key_file: Path | None = setting(None, help="the key that signs, made by run.py anchor --new-key")  # noqa: RUF009 - an attrs field
    every_s: float = setting(300.0, help="from one anchor to the next", unit="s", validator=between(1, 86400))

    def __attrs_post_init__(self) -> None:
        if self.path is not None and self.url:
            raise ValueError("give path or url, not both")
        if (self.place is None) != (self.key_file is None):
            raise ValueError("path (or url) and key_file belong together")

    @property
    def place(self) -> Place | None:
        """Where anchors are kept, if anywhere."""
        if self.url:
            return place_of(self.url, self.token_file, self.ca_file)
        return FilePlace(self.path) if self.path is not None else None


def _accounts_exist(_instance: object, _attribute: object, value: dict[str, AccountOptions]) -> None:
    if not value:
        raise ValueError("there must be at least one account: [accounts.NAME]")


def _differ(what: str) -> Any:
    """A check that no two of a list have the same ``what``."""

    def check(_instance: object, attribute: Any, value: tuple[Any, ...]) -> None:
        names = [getattr(each, what) for each in value if each is not None]  # one with a mistake is none
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{attribute.name}: {what} {', '.join(sorted(twice))} stands twice")

    return check


@frozen(slots=True)
class Settings:
    """One file. Every key has a sentence of help; an unknown key is a mistake, never ignored."""

    centre: CentreOptions = setting(help="the insurance centre")  # noqa: RUF009 - an attrs field
    accounts: dict[str, AccountOptions] = setting(help="who may call: [accounts.NAME]", validator=_accounts_exist)  # noqa: RUF009 - an attrs field
    store: StoreOptions = setting(Factory(StoreOptions), help="the database")  # noqa: RUF009 - an attrs field
    keys: KeyOptions = setting(Factory(KeyOptions), help="the master key: without it no personal data is read or written")  # noqa: RUF009 - an attrs field
    engine: EngineOptions = setting(Factory(EngineOptions), help="waits and pursuit")  # noqa: RUF009 - an attrs field
    mobile: MobileOptions = setting(Factory(MobileOptions), help="the channel of mobile payment (6201-6302)")  # noqa: RUF009 - an attrs field
    mobile_notices: NoticeOptions = setting(Factory(NoticeOptions), help="where its notices (6302) come in")  # noqa: RUF009 - an attrs field
    his: HisOptions = setting(  # noqa: RUF009 - an attrs field
        Factory(HisOptions), help="the HIS by HL7 v2, and others that are told: [his.destinations.NAME]"
    )
    bank: BankOptions = setting(Factory(BankOptions), help="own shares by bank card, by ISO 8583")  # noqa: RUF009 - an attrs field
    pcsc: PcscOptions = setting(Factory(PcscOptions), help="card readers by PC/SC")  # noqa: RUF009 - an attrs field
    readers: tuple[ReaderOptions, ...] = setting(
        (), help="id-card readers, scanners and what front ends hand in: [[readers]] for each", validator=_differ("name")
    )
    codes: tuple[CodeOptions, ...] = setting(
        (), help="services that say whose a code is: [[codes]] for each kind", validator=_differ("kind")
    )
    stored_cards: tuple[StoredCardOptions, ...] = setting(
        (), help="old cards that PC/SC readers open: [[stored_cards]] for each"
    )
    remote_readers: RemoteReaderOptions = setting(  # noqa: RUF009 - an attrs field
        Factory(RemoteReaderOptions), help="card readers at other computers, by an agent there"
    )
    card_keys: CardKeyOptions = setting(Factory(CardKeyOptions), help="PSAM, PINs and cards that are held open")  # noqa: RUF009 - an attrs field
    local_api: LocalApiOptions = setting(Factory(LocalApiOptions), help="the socket door")  # noqa: RUF009 - an attrs field
    mllp: dict[str, MllpOptions] = setting(  # noqa: RUF009 - an attrs field
        Factory(dict), help="HL7 from the HIS: [mllp.NAME], one listener each", validator=links_are_named
    )
    http: SiteOptions = setting(Factory(SiteOptions), help="feed, metrics and health")  # noqa: RUF009 - an attrs field
    feed: FeedOptions = setting(Factory(FeedOptions), help="the bureau's feed")  # noqa: RUF009 - an attrs field
    anchor: AnchorOptions = setting(Factory(AnchorOptions), help="signed heads of the chains, kept elsewhere")  # noqa: RUF009 - an attrs field
    reconcile: ReconcileOptions = setting(Factory(ReconcileOptions), help="comparing each day with the centre")  # noqa: RUF009 - an attrs field
    catalogue: CatalogueOptions = setting(Factory(CatalogueOptions), help="the centre's catalogues and dictionaries")  # noqa: RUF009 - an attrs field
    registry: RegistryOptions = setting(Factory(RegistryOptions), help="PSAMs, terminals, issuers, lists of lost cards")  # noqa: RUF009 - an attrs field
    audit: AuditOptions = setting(Factory(AuditOptions), help="when a use of cards is flagged for the bureau")  # noqa: RUF009 - an attrs field
    log: LogOptions = setting(Factory(LogOptions), help="the log")  # noqa: RUF009 - an attrs field

    def __attrs_post_init__(self) -> None:
        for name, one in self.his.all.items():
            if one.answers_on and one.answers_on not in self.mllp:
                raise ValueError(f"his ({name}): answers_on names mllp.{one.answers_on}, and there is none")
