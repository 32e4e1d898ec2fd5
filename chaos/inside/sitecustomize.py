"""What chaos puts inside the daemon from outside: Python runs this file first when its folder is on PYTHONPATH.

The product carries no switch for any of it. The environment says what is wanted:

``CHAOS_POINT``        a crash point, as "NAME" or "NAME:N": the process kills itself at its N-th occurrence
``CHAOS_SYNCHRONOUS``  a wrong durability setting: "NORMAL" for SQLite, "off" for PostgreSQL
``CHAOS_PARENT``       the number of the process that started us: die with it, so that a killed run leaves no daemon

A point that cannot be put in place ends the process with a word why: a check that quietly checks nothing is none.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

POINT, _, _NTH = os.environ.get("CHAOS_POINT", "").partition(":")
SYNCHRONOUS = os.environ.get("CHAOS_SYNCHRONOUS", "")
PR_SET_PDEATHSIG = 1
CANNOT = 97  # the exit status of "this point cannot be put in place"

Patch = Callable[[ModuleType], None]
_left = [int(_NTH or "1")]


def die() -> None:
    """SIGKILL, from inside, at the wanted occurrence."""
    _left[0] -= 1
    if _left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


# -- points in the program: entered, and nothing done yet -----------------------------------------------------------------


def _before(owner: Any, name: str, when: Callable[..., bool] = lambda *_args, **_named: True) -> None:
    original = getattr(owner, name)

    def replaced(*args: Any, **named: Any) -> Any:
        if when(*args, **named):
            die()
        return original(*args, **named)

    setattr(owner, name, replaced)


def _request_read(module: ModuleType) -> None:
    """After the request's bytes: the door has read and checked them, nothing was written."""
    _before(module.CounterService, "settle")


def _first_byte(module: ModuleType) -> None:
    """After the first byte of a settlement, before anybody noted it."""
    original = module.CentreLink.send

    def send(self: Any, call: Any, left: Callable[[], None], *rest: Any) -> Any:
        def dying() -> None:
            if str(getattr(call, "call", "")) == "2207":
                die()
            left()

        return original(self, call, dying, *rest)

    module.CentreLink.send = send


def _answer_of(call: str) -> Patch:
    """The reply is parsed, nothing of it is written."""

    def patch(module: ModuleType) -> None:
        def wanted(*args: object, **named: object) -> bool:
            given = (*args, *named.values())
            answered = any(type(one).__name__ == "Answered" for one in given)
            return answered and any(str(getattr(one, "call", "")) == call for one in given)

        _before(module.Engine, "_record", wanted)

    return patch


# -- points in the database: a statement carried out, or a transaction committed ------------------------------------------


def _statement(start: str, value: str = "") -> Callable[[str, Any], bool]:
    def fits(statement: str, parameters: Any) -> bool:
        return statement.lower().startswith(start) and (not value or f"'{value}'" in repr(parameters))

    return fits


def _uncommitted(fits: Callable[[str, Any], bool]) -> Patch:
    """The statement was carried out, its transaction is open."""

    def patch(module: ModuleType) -> None:
        def executed(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
            if fits(statement, parameters):
                die()

        module.event.listen(module.Engine, "after_cursor_execute", executed)

    return patch


def _committed(fits: Callable[[str, Any], bool]) -> Patch:
    """The statement's transaction is on the disk, and nobody has heard of it."""

    def patch(module: ModuleType) -> None:
        seen: set[int] = set()

        def executed(connection: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
            if fits(statement, parameters):
                seen.add(id(connection.connection.dbapi_connection))

        module.event.listen(module.Engine, "after_cursor_execute", executed)
        dialect = module.engine.default.DefaultDialect
        original = dialect.do_commit

        def do_commit(self: Any, fairy: Any) -> None:
            original(self, fairy)
            key = id(getattr(fairy, "dbapi_connection", fairy))
            if key in seen:
                seen.discard(key)
                die()

        dialect.do_commit = do_commit

    return patch


def _any_statement(module: ModuleType) -> None:
    """Before the N-th statement of the process, whatever it is."""

    def executing(*_args: Any) -> None:
        die()

    module.event.listen(module.Engine, "before_cursor_execute", executing)


POINTS: dict[str, tuple[str, Patch]] = {
    "request-read": ("middleware.engine.service", _request_read),
    "key-stored": ("sqlalchemy", _committed(_statement("insert into request", "settlement.settle"))),
    "quote-stored": ("sqlalchemy", _committed(_statement("insert into settlement", "Quoted"))),
    "intent-stored": ("sqlalchemy", _committed(_statement("insert into message", "2207"))),
    "first-byte": ("adapters.insurance.exchange.link", _first_byte),
    "reply-parsed": ("middleware.engine.runner", _answer_of("2207")),
    "chain-seal": ("sqlalchemy", _uncommitted(_statement("insert into journal"))),
    "feed-seal": ("sqlalchemy", _uncommitted(_statement("insert into feed"))),
    "settled-stored": ("sqlalchemy", _committed(_statement("insert into settlement", "Settled"))),
    "his-ack-unstored": ("sqlalchemy", _uncommitted(_statement("update outbox"))),
    "reversal-parsed": ("middleware.engine.runner", _answer_of("2601")),
    "cancel-parsed": ("middleware.engine.runner", _answer_of("2208")),
    "key-retired": ("sqlalchemy", _uncommitted(_statement("update data_key", "retired"))),
    "person-resealed": ("sqlalchemy", _uncommitted(_statement("update person"))),
    "statement": ("sqlalchemy", _any_statement),
}


# -- a wrong setting, for the run that must lose something ----------------------------------------------------------------


def _not_durable(module: ModuleType) -> None:
    """Every connection, each time it is taken from the pool: after whatever the product has set and asserted."""

    def taken(connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        sqlite = type(connection).__module__.startswith("sqlite3")
        cursor.execute(f"PRAGMA synchronous={SYNCHRONOUS}" if sqlite else f"SET synchronous_commit = {SYNCHRONOUS}")
        cursor.close()

    module.event.listen(module.pool.Pool, "checkout", taken)


# -- putting it in place: a module is patched as soon as it was loaded -----------------------------------------------------


class _Patched(Loader):
    def __init__(self, loader: Any, patches: list[Patch]) -> None:
        self._loader = loader
        self._patches = patches

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """The same, and then the patches."""
        self._loader.exec_module(module)
        try:
            for patch in self._patches:
                patch(module)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the point is not there and the run must not go on
            sys.stderr.write(f"chaos: {module.__name__} cannot be patched: {type(exc).__name__}: {exc}\n")
            sys.stderr.flush()
            os._exit(CANNOT)


class _Finder(MetaPathFinder):
    def __init__(self, wanted: dict[str, list[Patch]]) -> None:
        self._wanted = wanted

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The module's own spec, its loader wrapped; None for every module that nobody wants."""
        del path, target
        patches = self._wanted.pop(name, None)
        if patches is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patched(spec.loader, patches)
        return spec


def install() -> None:
    """Once, as the interpreter starts."""
    wanted: dict[str, list[Patch]] = {}
    if POINT:
        if POINT not in POINTS:
            sys.stderr.write(f"chaos: there is no point {POINT!r}\n")
            os._exit(CANNOT)
        name, patch = POINTS[POINT]
        wanted.setdefault(name, []).append(patch)
    if SYNCHRONOUS:
        wanted.setdefault("sqlalchemy", []).append(_not_durable)
    if wanted:
        sys.meta_path.insert(0, _Finder(wanted))
    if os.environ.get("CHAOS_PARENT") == str(os.getppid()):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


install()
