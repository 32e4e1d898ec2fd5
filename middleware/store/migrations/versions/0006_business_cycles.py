"""business cycles of old centres: under which sign-in a message went out"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = ("run_id", "round", "refunds")
_SLICE = ("insurance", "clearing_type", "agency")


def _totals(*more: str) -> None:
    """Made anew: another key. What it held, the journal holds, too."""
    op.drop_table("reconcile_totals")
    op.create_table(
        "reconcile_totals",
        sa.Column("run_id", sa.String(length=24), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("refunds", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.String(length=30), server_default="", nullable=False) for name in more),
        sa.Column("insurance", sa.String(length=8), nullable=False),
        sa.Column("clearing_type", sa.String(length=8), nullable=False),
        sa.Column("agency", sa.String(length=8), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund_fen", sa.BigInteger(), nullable=False),
        sa.Column("account_fen", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("equal", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, *more, *_SLICE),
    )


def upgrade() -> None:
    op.create_table(
        "cycle",
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("sign_number", sa.String(length=30), nullable=False),
        sa.Column("way", sa.String(length=4), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_cycle_sign_number"), "cycle", ["sign_number"], unique=False)
    signed = sa.text("sign_number != ''")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sign_number", sa.String(length=30), server_default="", nullable=False))
        batch_op.create_index(
            "message_cycle", ["sign_number", "visit_id"], unique=False, sqlite_where=signed, postgresql_where=signed
        )
    _totals("cycle")


def downgrade() -> None:
    _totals()
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(
            "message_cycle", sqlite_where=sa.text("sign_number != ''"), postgresql_where=sa.text("sign_number != ''")
        )
        batch_op.drop_column("sign_number")
    op.drop_index(op.f("ix_cycle_sign_number"), table_name="cycle")
    op.drop_table("cycle")
