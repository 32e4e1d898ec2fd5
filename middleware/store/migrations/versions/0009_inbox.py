"""what comes over HL7: each message as it came, and what was answered"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("link", sa.String(length=32), nullable=False),
        sa.Column("control_id", sa.String(length=199), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("ack", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    taken, kept = sa.text("why = ''"), sa.text("why != ''")
    columns = ["link", "control_id"]
    op.create_index("inbox_taken", "inbox", columns, unique=True, sqlite_where=taken, postgresql_where=taken)
    op.create_index("inbox_kept", "inbox", ["sequence"], unique=False, sqlite_where=kept, postgresql_where=kept)


def downgrade() -> None:
    op.drop_index("inbox_kept", table_name="inbox")
    op.drop_index("inbox_taken", table_name="inbox")
    op.drop_table("inbox")
