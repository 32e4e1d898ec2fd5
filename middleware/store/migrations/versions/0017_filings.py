"""filings at the centre and their withdrawals: each row is there before the centre hears of it"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "filing",
        sa.Column("filing_id", sa.String(length=24), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("undoes", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("visit_id", sa.String(length=24), nullable=False),
        sa.Column("made_at", sa.String(length=40), nullable=False),
        sa.Column("sent_at", sa.String(length=40), nullable=False),
        sa.Column("ended_at", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("filing_id"),
    )
    in_doubt = sa.text("state IN ('sent', 'unknown')")
    op.create_index("ix_filing_subject", "filing", ["subject"], unique=False)
    op.create_index("filing_key", "filing", ["account", "key"], unique=True)
    op.create_index("filing_open", "filing", ["filing_id"], unique=False, sqlite_where=in_doubt, postgresql_where=in_doubt)


def downgrade() -> None:
    op.drop_table("filing")
