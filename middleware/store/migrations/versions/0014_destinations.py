"""letters have a destination and a sequence number; notes on letters"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What waits is for the one destination there was.
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("destination", sa.String(length=32), server_default="his", nullable=False))
        batch_op.add_column(sa.Column("copy", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("number", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("outbox_waiting", table_name="outbox")
    waits = sa.text("outcome = ''")
    op.create_index(
        "outbox_waiting", "outbox", ["destination", "sequence"], unique=False, sqlite_where=waits, postgresql_where=waits
    )
    op.create_table(
        "his_link",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "letter_note",
        sa.Column("control_id", sa.String(length=24), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("fields", sa.String(length=256), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("control_id", "place"),
    )


def downgrade() -> None:
    op.drop_table("letter_note")
    op.drop_table("his_link")
    op.drop_index("outbox_waiting", table_name="outbox")
    waits = sa.text("outcome = ''")
    op.create_index("outbox_waiting", "outbox", ["sequence"], unique=False, sqlite_where=waits, postgresql_where=waits)
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        for name in ("revision", "number", "copy", "destination"):
            batch_op.drop_column(name)
