"""batches of terminals: what becomes certain from now on; what was before is in no batch"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FEN = ("total_fen", "fund_fen", "account_fen", "cash_fen", "bank_fen")


def upgrade() -> None:
    op.create_table(
        "shift_row",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("settlement_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _FEN),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "place"),
    )
    op.create_index("shift_row_of", "shift_row", ["account", "terminal", "sequence"], unique=False)
    op.create_table(
        "shift_batch",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "terminal", "number"),
    )


def downgrade() -> None:
    op.drop_table("shift_batch")
    op.drop_index("shift_row_of", table_name="shift_row")
    op.drop_table("shift_row")
