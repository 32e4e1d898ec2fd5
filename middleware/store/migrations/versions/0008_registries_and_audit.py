"""registers of PSAMs, terminals and issuers, lists of lost cards, links of old media, and the audit's window and flags"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "register_entry",
        sa.Column("register", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.String(length=40), nullable=False),
        sa.Column("used_at", sa.String(length=40), server_default="", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("register", "key"),
    )
    op.create_table(
        "registry_proposal",
        sa.Column("proposal", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("proposal"),
    )
    op.create_table(
        "card_list",
        sa.Column("list_id", sa.String(length=24), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.String(length=40), nullable=False),
        sa.Column("ended_at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("list_id"),
    )
    op.create_table(
        "listed_card",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("list_id", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("since", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("digest", "list_id"),
    )
    op.create_index("listed_card_of", "listed_card", ["list_id"], unique=False)
    op.create_table(
        "medium_link",
        sa.Column("link_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("medium_digest", sa.String(length=64), nullable=False),
        sa.Column("person_digest", sa.String(length=64), nullable=False),
        sa.Column("name_digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.String(length=40), nullable=False),
        sa.Column("moved_at", sa.String(length=40), server_default="", nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("link_id"),
    )
    op.create_index("ix_medium_link_medium_digest", "medium_link", ["medium_digest"], unique=False)
    op.create_index("ix_medium_link_person_digest", "medium_link", ["person_digest"], unique=False)
    op.create_table(
        "link_conflict",
        sa.Column("conflict_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("first", sa.String(length=24), nullable=False),
        sa.Column("second", sa.String(length=24), nullable=False),
        sa.Column("decision", sa.String(length=12), server_default="", nullable=False),
        sa.Column("found_at", sa.String(length=40), nullable=False),
        sa.Column("decided_at", sa.String(length=40), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("conflict_id"),
    )
    op.create_index("link_conflict_open", "link_conflict", ["conflict_id"], unique=False, sqlite_where=sa.text("decision = ''"), postgresql_where=sa.text("decision = ''"))
    op.create_table(
        "audit_event",
        sa.Column("audit_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=12), nullable=False),
        sa.Column("psam", sa.String(length=32), nullable=False),
        sa.Column("differs", sa.String(length=32), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("audit_id"),
    )
    op.create_index("audit_event_at", "audit_event", ["at"], unique=False)
    op.create_index("audit_event_card", "audit_event", ["card", "at"], unique=False)
    op.create_index("audit_event_waiting", "audit_event", ["audit_id"], unique=False, sqlite_where=sa.text("waiting"), postgresql_where=sa.text("waiting"))
    op.create_table(
        "flag",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("seen_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("seen_at", sa.String(length=40), server_default="", nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("flag_unseen", "flag", ["sequence"], unique=False, sqlite_where=sa.text("seen_by = ''"), postgresql_where=sa.text("seen_by = ''"))


def downgrade() -> None:
    op.drop_table("flag")
    op.drop_table("audit_event")
    op.drop_table("link_conflict")
    op.drop_table("medium_link")
    op.drop_table("listed_card")
    op.drop_table("card_list")
    op.drop_table("registry_proposal")
    op.drop_table("register_entry")
