"""PostgreSQL 15 as the second database: the same promise as SQLite's pragmas, asserted on each connection (invariant 30).

Time-outs are chosen so that none can end a COMMIT: ``lock_timeout`` ends a wait for a lock, ``idle_in_transaction_session_
timeout`` a transaction whose client is silent, ``statement_timeout`` is off before COMMIT begins (tcop/postgres.c,
``finish_xact_command``) and guards readers only: the writer and the migrations switch it off. Whoever waits for a COMMIT
waits for its end; there is no time-out of the client's.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import sqlalchemy as sa

from middleware.domain.fault import Fault

CONNECT_S = 5
OLDEST = 150_000  # server_version_num
DURABLE = ("on", "remote_apply")  # synchronous_commit; "local" and "remote_write" can lose what was acknowledged

# Given to the server with the connection; a url's own ``options`` come behind and may tighten them.
_OPTIONS = {
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "idle_session_timeout": "0",
    "statement_timeout": "60s",
    # The server's side: a node whose machine is gone keeps no lock for longer than these. Of no effect on a Unix socket.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# libpq's: a peer that is gone is found within half a minute. A frozen one that still acknowledges TCP is not: then we wait.
_LINK: dict[str, str | int] = {
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",
    "application_name": "yikatong",
    "client_encoding": "utf8",
}

_MIGRATION = 0x59494B41  # an advisory lock of this number is a migration of ours

_ASKED = """
SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('server_encoding'), current_setting('server_version_num')::int, 'B' < 'a' COLLATE "default"
"""


def arguments(url: sa.URL) -> dict[str, Any]:
    """What a connection is opened with, beside the url; what the url itself says counts."""
    own = url.query.get("options", "")
    options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    given = own if isinstance(own, str) else " ".join(own)
    return {"options": f"{options} {given}".strip(), **{k: v for k, v in _LINK.items() if k not in url.query}}


def require_durable(connection: Any, _record: object) -> None:
    """Refuse a server on which an acknowledged commit may be lost, or text sorts or is kept otherwise than on SQLite.

    Raises ``Fault("system.journal")``; runs once for each new connection of a pool.
    """
    _refuse_open_wire(connection)
    connection.autocommit = True
    try:
        commit, fsync, pages, encoding, version, bytewise = connection.execute(_ASKED).fetchone()
    finally:
        connection.autocommit = False
    wrong = []
    if commit not in DURABLE:
        wrong.append(f"synchronous_commit={commit}")
    if fsync != "on":
        wrong.append(f"fsync={fsync}")
    if pages != "on":
        wrong.append(f"full_page_writes={pages}")
    if wrong:
        raise Fault("system.journal", f"{' '.join(wrong)}: not durable")
    if encoding != "UTF8" or not bytewise:
        how = "CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        raise Fault(
            "system.journal", f"encoding {encoding}, text sorts {'by' if bytewise else 'not by'} bytes: make it with {how}"
        )
    if version < OLDEST:
        raise Fault("system.journal", f"PostgreSQL {version // 10_000} is too old: {OLDEST // 10_000} or newer is needed")


def _refuse_open_wire(connection: Any) -> None:
    """Beyond this machine only with TLS: the rule of every line of ours that a patient's data goes over."""
    info = connection.info
    here = info.host.startswith("/") or ipaddress.ip_address(info.hostaddr).is_loopback
    if not here and not connection.pgconn.ssl_in_use:
        raise Fault("system.journal", "beyond this machine only with TLS: sslmode=verify-full and sslrootcert in the url")


def without_time_limit(connection: sa.Connection) -> None:
    """For whoever writes: statements of this session take as long as they take. Ends the transaction it is called in."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.commit()


def migrate_alone(connection: sa.Connection) -> None:
    """Inside the migration's transaction: two nodes that find an empty database make its tables one after the other."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION})")
