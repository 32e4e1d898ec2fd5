"""persons as the HIS was last told, letters about persons, merges that began at the desk"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("his_merge", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=8), server_default="his", nullable=False))
        batch_op.add_column(sa.Column("told", sa.String(length=24), server_default="", nullable=False))
    op.create_table(
        "his_standing",
        sa.Column("standing_id", sa.String(length=24), nullable=False),
        sa.Column("person_digest", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("standing_id"),
    )
    op.create_index("ix_his_standing_person_digest", "his_standing", ["person_digest"], unique=False)
    op.create_table(
        "his_notice",
        sa.Column("control_id", sa.String(length=24), nullable=False),
        sa.Column("standing_id", sa.String(length=24), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("control_id"),
    )


def downgrade() -> None:
    op.drop_table("his_notice")
    op.drop_index("ix_his_standing_person_digest", table_name="his_standing")
    op.drop_table("his_standing")
    with op.batch_alter_table("his_merge", schema=None) as batch_op:
        for name in ("told", "origin"):
            batch_op.drop_column(name)
