"""The tables. What is true stands in ``journal``; every other table can be derived from it and from person and bill."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(256), nullable=False),
)

node = sa.Table(  # one row a life of a daemon; a lease is a time of the database's clock, in seconds
    "node",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("joined_at", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("ended", sa.String(16), nullable=False),  # "" = it lives
    sa.Column("cleared", sa.Boolean, nullable=False),  # what it left is taken over
)

task_lease = sa.Table(  # what one node at a time does; it is held while the life with that epoch lives
    "task_lease",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("visit_id", sa.String(24), nullable=False, index=True),
    sa.Column("settlement_id", sa.String(24), nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("line", sa.Text, nullable=False),
)

visit = sa.Table(
    "visit",
    metadata,
    sa.Column("visit_id", sa.String(24), primary_key=True),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("person_ref", sa.String(24), nullable=False, index=True),
    sa.Column("busy", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("updated_at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, server_default=""),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),  # how often it was written
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),  # whose last write or claim: its due times too
    sa.Column("since", sa.String(40), nullable=False, server_default=""),  # that life's clock when it began to be so
)
sa.Index("visit_busy", visit.c.busy, sqlite_where=visit.c.busy, postgresql_where=visit.c.busy)

settlement = sa.Table(
    "settlement",
    metadata,
    sa.Column("settlement_id", sa.String(24), primary_key=True),
    sa.Column("visit_id", sa.String(24), nullable=False, index=True),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("message_id", sa.String(40), nullable=False, index=True),
    sa.Column("settlement_number", sa.String(40), nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    sa.Column("settled_at", sa.String(40), nullable=False),
    sa.Column("cancelled_at", sa.String(40), nullable=False),
    sa.Column("next_due", sa.String(40), nullable=False),
)
sa.Index("settlement_shift", settlement.c.account, settlement.c.terminal, settlement.c.settled_at)
sa.Index("settlement_state", settlement.c.state)

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_ref", sa.String(24), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # sealed
    sa.Column("id_digest", sa.String(64), nullable=False, server_default="", index=True),
    sa.Column("card_digest", sa.String(64), nullable=False, server_default="", index=True),
)

bill = sa.Table(
    "bill",
    metadata,
    sa.Column("settlement_id", sa.String(24), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # sealed: it shows diagnoses
)

request = sa.Table(
    "request",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("method", sa.String(40), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("settlement_id", sa.String(24), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, server_default=""),  # the answer's members about a person
)

message = sa.Table(
    "message",
    metadata,
    sa.Column("message_id", sa.String(40), primary_key=True),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("settlement_id", sa.String(24), nullable=False),
    sa.Column("call", sa.String(8), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("intended_at", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(80), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
)

sa.Index("message_unended", message.c.epoch, sqlite_where=message.c.outcome == "", postgresql_where=message.c.outcome == "")

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("control_id", sa.String(24), nullable=False, unique=True),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("settlement_id", sa.String(24), nullable=False),
    sa.Column("matter", sa.String(16), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(80), nullable=False, server_default=""),
)
sa.Index("outbox_waiting", outbox.c.sequence, sqlite_where=outbox.c.outcome == "", postgresql_where=outbox.c.outcome == "")

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("settlement_id", sa.String(24), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("line", sa.Text, nullable=False),
)

# -- personal data: what the columns sealed, lookup and words hold is opened by the vault and by nothing else

words = sa.Table(  # a stranger's words, and free text of a caller; the journal's row has the digest of them
    "words",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("visit_id", sa.String(24), nullable=False, index=True),
    sa.Column("sealed", sa.Text, nullable=False),
)

data_key = sa.Table(
    "data_key",
    metadata,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("period", sa.String(16), nullable=False, index=True),
    sa.Column("purpose", sa.String(8), nullable=False),
    sa.Column("algorithm", sa.String(16), nullable=False),
    sa.Column("wrapped", sa.Text, nullable=False),
    sa.Column("master_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Column("retired_at", sa.String(40), nullable=False),
    sa.Column("destroyed_at", sa.String(40), nullable=False),
    sa.Column("values_reserved", sa.BigInteger, nullable=False),
)
