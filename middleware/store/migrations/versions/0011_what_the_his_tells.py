"""what the HIS tells: its patients, what it merged, charge lines, and what came of each message that was taken"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hl7_outcome",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    failed, on = sa.text("state != 'done'"), ["sequence"]
    op.create_index("hl7_outcome_failed", "hl7_outcome", on, unique=False, sqlite_where=failed, postgresql_where=failed)
    op.create_table(
        "his_person",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("number_digest", sa.String(length=64), nullable=False),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("name_digest", sa.String(length=64), nullable=False),
        sa.Column("merged_into", sa.String(length=24), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
    )
    for column in ("number_digest", "document_digest", "name_digest", "merged_into"):
        op.create_index(f"ix_his_person_{column}", "his_person", [column], unique=False)
    op.create_table(
        "his_number",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("digest", "person_id"),
    )
    op.create_index("ix_his_number_person_id", "his_number", ["person_id"], unique=False)
    op.create_table(
        "his_merge",
        sa.Column("merge_id", sa.String(length=24), nullable=False),
        sa.Column("prior", sa.String(length=24), nullable=False),
        sa.Column("kept", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("found_at", sa.String(length=40), nullable=False),
        sa.Column("decided_at", sa.String(length=40), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("merge_id"),
    )
    op.create_table(
        "his_charge",
        sa.Column("link", sa.String(length=32), nullable=False),
        sa.Column("line_id", sa.String(length=30), nullable=False),
        sa.Column("patient_digest", sa.String(length=64), nullable=False),
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("settlement_id", sa.String(length=24), nullable=False),
        sa.Column("visit_id", sa.String(length=24), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("link", "line_id"),
    )
    for column in ("patient_digest", "settlement_id"):
        op.create_index(f"ix_his_charge_{column}", "his_charge", [column], unique=False)
    op.create_table(
        "his_quote",
        sa.Column("settlement_id", sa.String(length=24), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("settlement_id"),
    )


def downgrade() -> None:
    for table in ("his_quote", "his_charge", "his_merge", "his_number", "his_person", "hl7_outcome"):
        op.drop_table(table)
