"""The tables. What is true stands in ``journal``; every other table can be derived from it and from person and bill."""

from __future__ import annotations

import sqlalchemy as sa

from middleware.domain.kind import SETTLE_CALLS

metadata = sa.MetaData()
SEALED = {"sealed": True}  # a column that only the vault reads and writes: rotation and destruction go by this

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
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # the body's members about a person
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
    sa.Column(
        "leg", sa.String(24), nullable=False, server_default=""
    ),  # the payer's leg that a person must look at, or the newest
    sa.Column("bank_fen", sa.BigInteger, nullable=False, server_default="0"),  # taken by the bank
    sa.Column("refunded_fen", sa.BigInteger, nullable=False, server_default="0"),  # given back by it
    sa.Column("finding", sa.String(16), nullable=False, server_default=""),  # how the centre's books differ, if they do
)
sa.Index("settlement_leg", settlement.c.leg)
for _name, _column in (("settled", "settled_at"), ("cancelled", "cancelled_at"), ("finding", "finding")):
    _there = settlement.c[_column] != ""
    sa.Index(f"settlement_{_name}", settlement.c[_column], sqlite_where=_there, postgresql_where=_there)
sa.Index("settlement_shift", settlement.c.account, settlement.c.terminal, settlement.c.settled_at)
sa.Index("settlement_state", settlement.c.state)

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_ref", sa.String(24), primary_key=True),
    sa.Column("body", sa.Text, nullable=False, info=SEALED),
    sa.Column("id_digest", sa.String(64), nullable=False, server_default="", index=True),
    sa.Column("card_digest", sa.String(64), nullable=False, server_default="", index=True),
)

payer = sa.Table(  # a payer's bank card, for as long as a message may have to name it
    "payer",
    metadata,
    sa.Column("card_ref", sa.String(24), primary_key=True),
    sa.Column("body", sa.Text, nullable=False, info=SEALED),
)

bill = sa.Table(
    "bill",
    metadata,
    sa.Column("settlement_id", sa.String(24), primary_key=True),
    sa.Column("body", sa.Text, nullable=False, info=SEALED),  # it shows diagnoses
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
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # the answer's members about a person
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
    sa.Column("sign_number", sa.String(30), nullable=False, server_default=""),  # the sign-in that it went out under
)
_signed = message.c.sign_number != ""
sa.Index("message_cycle", message.c.sign_number, message.c.visit_id, sqlite_where=_signed, postgresql_where=_signed)
# Literals, not parameters: a partial index serves only a query with the very same words.
_settles = ", ".join(f"'{call}'" for call in sorted(SETTLE_CALLS))
SETTLES = sa.text(f"call IN ({_settles})")
sa.Index("message_settles", message.c.intended_at, sqlite_where=SETTLES, postgresql_where=SETTLES)
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
    sa.Column("destination", sa.String(32), nullable=False, server_default="his"),
    sa.Column("copy", sa.Boolean, nullable=False, server_default=sa.false()),  # its answer moves no visit and no settlement
    sa.Column("number", sa.BigInteger, nullable=False, server_default="0"),  # MSH-13, 0 = none given yet
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),  # corrections that were applied
)
_unanswered = outbox.c.outcome == ""
sa.Index(
    "outbox_waiting",
    outbox.c.destination,
    outbox.c.sequence,
    sqlite_where=_unanswered,
    postgresql_where=_unanswered,
)
# Written with the words themselves: an index of a part of a table is used by a query that names the same part.
REFUSED_LETTER = sa.and_(
    outbox.c.outcome >= sa.literal_column("'refused'"), outbox.c.outcome < sa.literal_column("'refusee'")
)
sa.Index("outbox_refused", outbox.c.sequence, sqlite_where=REFUSED_LETTER, postgresql_where=REFUSED_LETTER)

his_link = sa.Table(  # the sequence numbers of one destination (HL7 2.5, 2.10.1)
    "his_link",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("next", sa.BigInteger, nullable=False),  # the number that the next letter is given
    sa.Column("open", sa.String(24), nullable=False),  # the letter that bears the last one and has no answer, "" = none
    sa.Column("state", sa.String(8), nullable=False),  # open, start (0 is sent next), resync (-1 is sent next), frozen
    sa.Column("why", sa.String(80), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)

letter_note = sa.Table(  # what a person should see or decide about a letter, and what was corrected in it
    "letter_note",
    metadata,
    sa.Column("control_id", sa.String(24), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(8), nullable=False),  # refusal (why it was refused), fix
    sa.Column("state", sa.String(8), nullable=False),  # of a fix: proposed, applied, rejected
    sa.Column("by", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("fields", sa.String(256), nullable=False),  # names of what a fix corrects
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
)

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

# -- a terminal's batches (invariant 16): a row is never changed; a batch is the terminal's rows of a stretch of the journal

shift_row = sa.Table(
    "shift_row",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),  # of the journal's record
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # one step may make several things certain
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("settlement_id", sa.String(24), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    sa.Column("bank_fen", sa.BigInteger, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),  # to be read by people: no batch is made by it
)
sa.Index("shift_row_of", shift_row.c.account, shift_row.c.terminal, shift_row.c.sequence)

shift_batch = sa.Table(
    "shift_batch",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("terminal", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("after", sa.BigInteger, nullable=False),  # its rows: after < sequence <= last
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.String(40), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # of the request that closed it
    sa.Column("body", sa.Text, nullable=False),
)

# -- what came over HL7: each message as it came, and what was answered; never changed

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),  # of the journal's record
    sa.Column("link", sa.String(32), nullable=False),
    sa.Column("control_id", sa.String(199), nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("why", sa.String(40), nullable=False),  # "" = taken; else the fault for which it is only kept
    sa.Column("digest", sa.String(64), nullable=False),  # as the journal's record has it: salted, SM3
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("ack", sa.LargeBinary, nullable=False),  # blocks as they were sent, none where none was wanted
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),  # the salt, and the bytes as they came
)
_taken = inbox.c.why == ""
sa.Index("inbox_taken", inbox.c.link, inbox.c.control_id, unique=True, sqlite_where=_taken, postgresql_where=_taken)
sa.Index("inbox_kept", inbox.c.sequence, sqlite_where=inbox.c.why != "", postgresql_where=inbox.c.why != "")

# -- personal data: what is sealed is opened by the vault and by nothing else

words = sa.Table(  # a stranger's words, and free text of a caller; the journal's row names them by their digest
    "words",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("visit_id", sa.String(24), nullable=False, index=True),
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
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

# -- reconciliation: what was compared with the centre, day by day, and what came of it

reconcile_run = sa.Table(
    "reconcile_run",
    metadata,
    sa.Column("run_id", sa.String(24), primary_key=True),
    sa.Column("day", sa.String(10), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),  # running, balanced, open, failed
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("account", sa.String(64), nullable=False),  # who asked for it; "" = the clock
    sa.Column("begun_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),
    sa.Column("differences", sa.Integer, nullable=False),  # of the last round
    sa.Column("resolved", sa.Integer, nullable=False),
    sa.Column("fault", sa.String(40), nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
)

reconcile_totals = sa.Table(
    "reconcile_totals",
    metadata,
    sa.Column("run_id", sa.String(24), primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("refunds", sa.String(16), primary_key=True),
    sa.Column("cycle", sa.String(30), primary_key=True, server_default=""),  # an old centre's, else ""
    sa.Column("insurance", sa.String(8), primary_key=True),
    sa.Column("clearing_type", sa.String(8), primary_key=True),
    sa.Column("agency", sa.String(8), primary_key=True),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("equal", sa.Boolean, nullable=False),
    sa.Column("code", sa.String(32), nullable=False),  # as the centre wrote it
)

reconcile_file = sa.Table(
    "reconcile_file",
    metadata,
    sa.Column("run_id", sa.String(24), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("way", sa.String(8), nullable=False),  # sent, received
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("refunds", sa.String(16), nullable=False),
    sa.Column("clearing_type", sa.String(8), nullable=False),
    sa.Column("agency", sa.String(8), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),  # SHA-256 of the ZIP
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),  # the ZIP itself: it holds person numbers
)

reconcile_row = sa.Table(
    "reconcile_row",
    metadata,
    sa.Column("run_id", sa.String(24), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("difference", sa.String(16), nullable=False),
    sa.Column("resolution", sa.String(16), nullable=False),
    sa.Column("refund", sa.Boolean, nullable=False),
    sa.Column("message_id", sa.String(40), nullable=False),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("settlement_id", sa.String(24), nullable=False, index=True),  # "" = no message of ours
    sa.Column("settlement_number", sa.String(40), nullable=False),  # as the file has it
    sa.Column("our_total_fen", sa.BigInteger),
    sa.Column("our_fund_fen", sa.BigInteger),
    sa.Column("our_account_fen", sa.BigInteger),
    sa.Column("total_fen", sa.BigInteger),
    sa.Column("fund_fen", sa.BigInteger),
    sa.Column("account_fen", sa.BigInteger),
    sa.Column("file_digest", sa.String(64), nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
)

reconcile_key = sa.Table(  # under which keys this hospital's settlements were ever cleared
    "reconcile_key",
    metadata,
    sa.Column("insurance", sa.String(8), primary_key=True),
    sa.Column("med_type", sa.String(8), primary_key=True),
    sa.Column("clearing_type", sa.String(8), primary_key=True),
    sa.Column("agency", sa.String(8), primary_key=True),
)

cycle = sa.Table(  # an old centre's business cycles: each sign-in and sign-out that was answered
    "cycle",
    metadata,
    sa.Column("message_id", sa.String(40), primary_key=True),
    sa.Column("sign_number", sa.String(30), nullable=False, index=True),
    sa.Column("way", sa.String(4), nullable=False),  # in, out
    sa.Column("at", sa.String(40), nullable=False),
)

RECONCILIATION = (reconcile_run, reconcile_totals, reconcile_file, reconcile_row, reconcile_key, cycle)

# -- registers, lists of cards, links of old media, and the audit's window

register_entry = sa.Table(  # PSAMs, terminals, issuers: what two persons agreed on
    "register_entry",
    metadata,
    sa.Column("register", sa.String(12), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # how often it was changed
    sa.Column("changed_at", sa.String(40), nullable=False),
    sa.Column("used_at", sa.String(40), nullable=False, server_default=""),  # a PSAM's last success
    sa.Column("failures", sa.BigInteger, nullable=False, server_default="0"),  # since that
)

registry_proposal = sa.Table(
    "registry_proposal",
    metadata,
    sa.Column("proposal", sa.String(32), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("by", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # the note: it may name somebody
)

card_list = sa.Table(
    "card_list",
    metadata,
    sa.Column("list_id", sa.String(24), primary_key=True),
    sa.Column("source", sa.String(32), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),  # add, replace
    sa.Column("state", sa.String(12), nullable=False),  # loading, waiting, current, ended
    sa.Column("rows", sa.BigInteger, nullable=False),  # so far, or in all
    sa.Column("expected", sa.BigInteger, nullable=False),
    sa.Column("file_digest", sa.String(64), nullable=False),  # SHA-256 of the file
    sa.Column("by", sa.String(64), nullable=False),
    sa.Column("begun_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
)

listed_card = sa.Table(  # keyed digests and no number
    "listed_card",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("list_id", sa.String(24), primary_key=True),
    sa.Column("reason", sa.String(12), nullable=False),
    sa.Column("since", sa.String(40), nullable=False),  # UTC
)
sa.Index("listed_card_of", listed_card.c.list_id)

medium_link = sa.Table(  # an old medium is this person's
    "medium_link",
    metadata,
    sa.Column("link_id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # linked, disputed, ended
    sa.Column("medium_digest", sa.String(64), nullable=False, index=True),
    sa.Column("person_digest", sa.String(64), nullable=False, index=True),
    sa.Column("name_digest", sa.String(64), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Column("moved_at", sa.String(40), nullable=False, server_default=""),  # from then on the medium is good for nothing
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),
)

link_conflict = sa.Table(
    "link_conflict",
    metadata,
    sa.Column("conflict_id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("first", sa.String(24), nullable=False),  # the links that contradict each other, the older one first
    sa.Column("second", sa.String(24), nullable=False),
    sa.Column("decision", sa.String(12), nullable=False, server_default=""),  # "" = it is open
    sa.Column("found_at", sa.String(40), nullable=False),
    sa.Column("decided_at", sa.String(40), nullable=False, server_default=""),
)
_open = link_conflict.c.decision == ""
sa.Index("link_conflict_open", link_conflict.c.conflict_id, sqlite_where=_open, postgresql_where=_open)

audit_event = sa.Table(  # the window that the rules look through: pruned, and in no chain
    "audit_event",
    metadata,
    sa.Column("audit_id", sa.String(24), primary_key=True),
    sa.Column("at", sa.String(40), nullable=False),  # UTC
    sa.Column("act", sa.String(16), nullable=False),
    sa.Column("code", sa.String(40), nullable=False),
    sa.Column("card", sa.String(64), nullable=False),  # keyed digest
    sa.Column("number", sa.String(64), nullable=False),  # that of its number: a list may name it so
    sa.Column("role", sa.String(12), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("psam", sa.String(32), nullable=False),
    sa.Column("differs", sa.String(32), nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False),  # no rule has looked at it yet
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # the card's numbers, for a flag
)
sa.Index("audit_event_card", audit_event.c.card, audit_event.c.at)
sa.Index("audit_event_at", audit_event.c.at)
_waiting = audit_event.c.waiting
sa.Index("audit_event_waiting", audit_event.c.audit_id, sqlite_where=_waiting, postgresql_where=_waiting)

flag = sa.Table(  # what the rules found, for the bureau: chained as the feed is
    "flag",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rule", sa.String(24), nullable=False),
    sa.Column("key", sa.String(96), nullable=False, unique=True),  # one rule, one subject, one day: one flag
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("seen_by", sa.String(64), nullable=False, server_default=""),
    sa.Column("seen_at", sa.String(40), nullable=False, server_default=""),
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),
)
_unseen = flag.c.seen_by == ""
sa.Index("flag_unseen", flag.c.sequence, sqlite_where=_unseen, postgresql_where=_unseen)

# -- what the HIS tells: its patients, what it merged, charge lines, and what came of each message that was taken

hl7_outcome = sa.Table(
    "hl7_outcome",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),  # of the inbox
    sa.Column("state", sa.String(8), nullable=False),  # done, failed, retry
    sa.Column("why", sa.String(40), nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),  # names a field, never what stands in it
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)
_failed = hl7_outcome.c.state != "done"
sa.Index("hl7_outcome_failed", hl7_outcome.c.sequence, sqlite_where=_failed, postgresql_where=_failed)

his_person = sa.Table(  # a patient by the HIS's own number
    "his_person",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("number_digest", sa.String(64), nullable=False, index=True),
    sa.Column("document_digest", sa.String(64), nullable=False, index=True),  # "" = none is known, as of a newborn
    sa.Column("name_digest", sa.String(64), nullable=False, index=True),
    sa.Column("merged_into", sa.String(24), nullable=False, index=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),  # the newest message about it
    sa.Column("changed_at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
)

his_number = sa.Table(  # the other numbers of a patient, to be found by
    "his_number",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("person_id", sa.String(24), primary_key=True, index=True),
)

his_merge = sa.Table(
    "his_merge",
    metadata,
    sa.Column("merge_id", sa.String(24), primary_key=True),
    sa.Column("prior", sa.String(24), nullable=False),
    sa.Column("kept", sa.String(24), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # followed, disputed, undone
    sa.Column("found_at", sa.String(40), nullable=False),
    sa.Column("decided_at", sa.String(40), nullable=False, server_default=""),
    sa.Column("origin", sa.String(8), nullable=False, server_default="his"),  # who said it: his, or desk
    sa.Column("told", sa.String(24), nullable=False, server_default=""),  # the letter by which the HIS heard of it
)

his_standing = sa.Table(  # a person as the HIS was last told; one row a person
    "his_standing",
    metadata,
    sa.Column("standing_id", sa.String(24), primary_key=True),
    sa.Column("person_digest", sa.String(64), nullable=False, index=True),
    sa.Column("changed_at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
)

his_notice = sa.Table(  # what a letter about persons says, fixed when it was written
    "his_notice",
    metadata,
    sa.Column("control_id", sa.String(24), primary_key=True),
    sa.Column("standing_id", sa.String(24), nullable=False),  # of an update: whose
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
)

his_charge = sa.Table(  # one line, as the HIS said it last; taken by one settlement
    "his_charge",
    metadata,
    sa.Column("link", sa.String(32), primary_key=True),
    sa.Column("line_id", sa.String(30), primary_key=True),
    sa.Column("patient_digest", sa.String(64), nullable=False, index=True),
    sa.Column("encounter", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # open, withdrawn
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),  # the HIS said something else of it after a settlement had taken it
    sa.Column("settlement_id", sa.String(24), nullable=False, index=True),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("changed_at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),
)

his_master = sa.Table(  # departments, staff and charge items as the HIS names them, a row for each version
    "his_master",
    metadata,
    sa.Column("link", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(12), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),  # of the code, by the standing key
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(12), nullable=False),  # active, inactive, deleted
    sa.Column("effective_at", sa.String(40), nullable=False),  # UTC: compared as text
    sa.Column("sequence", sa.BigInteger, nullable=False),  # of the inbox
    sa.Column("content", sa.String(64), nullable=False),  # keyed digest of what it says: the same again is no version
    sa.Column("sealed", sa.Text, nullable=False, info=SEALED),  # staff have names
)
sa.Index("his_master_code", his_master.c.kind, his_master.c.digest)

his_quote = sa.Table(  # how many of the HIS's lines a settlement, or a charge of a stay, was made with
    "his_quote",
    metadata,
    sa.Column("settlement_id", sa.String(24), primary_key=True),
    sa.Column("lines", sa.Integer, nullable=False),
)

# -- the centre's catalogues. A row counts from its edition on, until the edition that replaced it.

catalogue = sa.Table(  # what counts now, and a load that is not whole yet
    "catalogue",
    metadata,
    sa.Column("name", sa.String(8), primary_key=True),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("base", sa.BigInteger, nullable=False),  # rows of editions from base to edition count
    sa.Column("edition", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("next_version", sa.String(64), nullable=False),  # of a load whose versions count together, "" = none
    sa.Column("next_base", sa.BigInteger, nullable=False),
    sa.Column("next_edition", sa.BigInteger, nullable=False),
    sa.Column("published_at", sa.String(40), nullable=False),
    sa.Column("checked_at", sa.String(40), nullable=False),  # when the centre said last that nothing is newer
)

catalogue_load = sa.Table(
    "catalogue_load",
    metadata,
    sa.Column("load_id", sa.String(24), primary_key=True),
    sa.Column("catalogue", sa.String(8), nullable=False, index=True),
    sa.Column("way", sa.String(12), nullable=False),  # full, increment
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("begun_at", sa.String(40), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # running, loaded, newest, failed
    sa.Column("step", sa.String(12), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("versions", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),  # of the version that is being loaded
    sa.Column("of", sa.BigInteger, nullable=False),  # how many the centre announced, 0 = it did not say
    sa.Column("odd", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("fault", sa.String(40), nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
)

catalogue_item = sa.Table(
    "catalogue_item",
    metadata,
    sa.Column("catalogue", sa.String(8), primary_key=True),
    sa.Column("edition", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", sa.String(150), primary_key=True),
    sa.Column("code", sa.String(150), nullable=False),
    sa.Column("gone", sa.BigInteger, nullable=False),  # the edition that replaced it, 0 = none
    sa.Column("name", sa.String(300), nullable=False),
    sa.Column("valid", sa.Boolean, nullable=False),
    sa.Column("since", sa.String(10), nullable=False),
    sa.Column("until", sa.String(10), nullable=False),
    sa.Column("limit", sa.String(48), nullable=False),  # a number as text: exact on either database
    sa.Column("share", sa.String(48), nullable=False),
    sa.Column("level", sa.String(3), nullable=False),
    sa.Column("limited", sa.Boolean, nullable=False),
    sa.Column("other", sa.String(150), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
)
sa.Index("catalogue_item_code", catalogue_item.c.catalogue, catalogue_item.c.code)
sa.Index("catalogue_item_record", catalogue_item.c.catalogue, catalogue_item.c.record)
_gone = catalogue_item.c.gone > 0
sa.Index(
    "catalogue_item_gone", catalogue_item.c.catalogue, catalogue_item.c.gone, sqlite_where=_gone, postgresql_where=_gone
)

card_debit = sa.Table(  # debits of the accounts on cards: each row is there before the card hears of it
    "card_debit",
    metadata,
    sa.Column("debit_id", sa.String(24), primary_key=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # the caller's request_id
    sa.Column("digest", sa.String(64), nullable=False),  # of what was asked under it
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("card", sa.String(64), nullable=False, index=True),  # keyed digest
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("why", sa.String(40), nullable=False),  # the fault that left it open or ended it
    sa.Column("status", sa.Integer, nullable=False),  # the card's status word, 0 = none
    sa.Column("way", sa.String(32), nullable=False),  # serial of the PSAM, or HSM
    sa.Column("individual_fen", sa.BigInteger, nullable=False),
    sa.Column("pooled_fen", sa.BigInteger, nullable=False),
    sa.Column("written_at", sa.String(14), nullable=False),  # the moment on the card's log
    sa.Column("terminal_number", sa.String(12), nullable=False),
    sa.Column("transaction_number", sa.String(8), nullable=False),
    sa.Column("counter", sa.Integer, nullable=False),
    sa.Column("tac", sa.String(8), nullable=False),
    sa.Column("mac2", sa.String(8), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("proposal", sa.Text, nullable=False),  # a decision that waits for a second person
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # the card's number, what it said before
)
sa.Index("card_debit_key", card_debit.c.account, card_debit.c.key, unique=True)
_debit_open = card_debit.c.state.in_([sa.literal_column("'sent'"), sa.literal_column("'unknown'")])
sa.Index("card_debit_open", card_debit.c.debit_id, sqlite_where=_debit_open, postgresql_where=_debit_open)

filing = sa.Table(  # filings at the centre and their withdrawals: each row is there before the centre hears of it
    "filing",
    metadata,
    sa.Column("filing_id", sa.String(24), primary_key=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # the caller's request_id
    sa.Column("digest", sa.String(64), nullable=False),  # of what was asked under it
    sa.Column("terminal", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("undoes", sa.String(24), nullable=False),  # the filing that this takes back
    sa.Column("subject", sa.String(64), nullable=False, index=True),  # keyed digest of the person and what is filed
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("why", sa.String(40), nullable=False),  # a fault, the centre's code, or by what it was established
    sa.Column("message_id", sa.String(32), nullable=False),  # under which it left last
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("number", sa.String(40), nullable=False),  # the centre's, "" while it is not known
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sa.Column("visit_id", sa.String(24), nullable=False),
    sa.Column("made_at", sa.String(40), nullable=False),
    sa.Column("sent_at", sa.String(40), nullable=False),
    sa.Column("ended_at", sa.String(40), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False, server_default="", info=SEALED),  # who, and what was filed
    sa.Column("said", sa.Text, nullable=False, server_default="", info=SEALED),  # the centre's words
)
sa.Index("filing_key", filing.c.account, filing.c.key, unique=True)
_filing_open = filing.c.state.in_([sa.literal_column("'sent'"), sa.literal_column("'unknown'")])
sa.Index("filing_open", filing.c.filing_id, sqlite_where=_filing_open, postgresql_where=_filing_open)
