"""debits of the accounts on cards: each row is there before the card hears of it"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_debit",
        sa.Column("debit_id", sa.String(length=24), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("individual_fen", sa.BigInteger(), nullable=False),
        sa.Column("pooled_fen", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.String(length=14), nullable=False),
        sa.Column("terminal_number", sa.String(length=12), nullable=False),
        sa.Column("transaction_number", sa.String(length=8), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("tac", sa.String(length=8), nullable=False),
        sa.Column("mac2", sa.String(length=8), nullable=False),
        sa.Column("made_at", sa.String(length=40), nullable=False),
        sa.Column("ended_at", sa.String(length=40), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("debit_id"),
    )
    is_open = sa.text("state IN ('sent', 'unknown')")
    op.create_index("ix_card_debit_card", "card_debit", ["card"], unique=False)
    op.create_index("card_debit_key", "card_debit", ["account", "key"], unique=True)
    op.create_index(
        "card_debit_open", "card_debit", ["debit_id"], unique=False, sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    op.drop_table("card_debit")
