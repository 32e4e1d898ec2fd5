"""``python -m benchmarks.unjournalled COMMAND...``: ``run.py COMMAND`` without a journal, its chain and a flush.

What is left is what any program would keep: the rows of visits, settlements, messages and letters, in a file that a power
cut may break. The difference to run.py is the price of the promise. The product knows nothing of this.
"""

from __future__ import annotations

import sys
from typing import Any

from middleware.store import database
from middleware.store.batch import Batch
from middleware.store.chain import Head


def _not_durable(connection: Any, _record: object) -> None:
    """As SQLite's own defaults are, minus the flush: no assertion, no write-ahead log to keep."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _forget(batch: Batch, _record: object) -> None:
    """No journal row, no hash; but its number, which other rows carry."""
    batch.journal = Head(batch.journal.sequence + 1, batch.journal.hash)


def main() -> None:
    """Take the place of run.py."""
    database._make_durable = _not_durable  # noqa: SLF001 - from outside: the product carries no switch for it
    Batch._seal_record = _forget  # type: ignore[method-assign]  # noqa: SLF001 - the same
    sys.argv = ["run.py", *sys.argv[1:]]
    from daemon.cli import main as run

    run()


if __name__ == "__main__":
    main()
