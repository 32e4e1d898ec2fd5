"""What is done to a database from the command line."""

from __future__ import annotations

from collections.abc import Callable

from middleware.domain.fault import Fault
from middleware.store import tables
from middleware.store.database import migrate, open_database, revisions
from middleware.store.reader import Reader

Say = Callable[[str], object]


def verify_chains(url: str, say: Say) -> int:
    """Walk both chains; 0 whole, 1 broken or not readable."""
    try:
        database = open_database(url)
        reader = Reader(database)
        status = 0
        for table in (tables.journal, tables.feed):
            broken = reader.broken(table)
            head = reader.head(table)
            if broken is None:
                say(f"{table.name}: 完整 / whole, {head.sequence} rows, head {head.hash}")
            else:
                status = 1
                say(f"{table.name}: 断链 / BROKEN at row {broken[0]}: {broken[1]}. 请停机核查 / stop, inspect")
        database.dispose()
    except Fault as fault:
        say(f"{fault.spec.zh} / {fault}")
        return 1
    return status


def migrate_database(url: str, say: Say) -> int:
    """Upgrade the schema; 0 done."""
    try:
        database = open_database(url)
        before, needed = revisions(database)
        migrate(database)
        database.dispose()
    except Fault as fault:
        say(f"{fault.spec.zh} / {fault}")
        return 1
    say(f"{before or 'empty'} -> {needed}")
    return 0
