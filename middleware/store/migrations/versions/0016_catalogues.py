"""the centre's catalogues and dictionaries"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("next_version", sa.String(length=64), nullable=False),
        sa.Column("next_base", sa.BigInteger(), nullable=False),
        sa.Column("next_edition", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.String(length=40), nullable=False),
        sa.Column("checked_at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "catalogue_load",
        sa.Column("load_id", sa.String(length=24), nullable=False),
        sa.Column("catalogue", sa.String(length=8), nullable=False),
        sa.Column("way", sa.String(length=12), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("of", sa.BigInteger(), nullable=False),
        sa.Column("odd", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.String(length=40), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("load_id"),
    )
    op.create_index("ix_catalogue_load_catalogue", "catalogue_load", ["catalogue"], unique=False)
    op.create_table(
        "catalogue_item",
        sa.Column("catalogue", sa.String(length=8), nullable=False),
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record", sa.String(length=150), nullable=False),
        sa.Column("code", sa.String(length=150), nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("since", sa.String(length=10), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=False),
        sa.Column("limit", sa.String(length=48), nullable=False),
        sa.Column("share", sa.String(length=48), nullable=False),
        sa.Column("level", sa.String(length=3), nullable=False),
        sa.Column("limited", sa.Boolean(), nullable=False),
        sa.Column("other", sa.String(length=150), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("catalogue", "edition", "record"),
    )
    op.create_index("catalogue_item_code", "catalogue_item", ["catalogue", "code"], unique=False)
    op.create_index("catalogue_item_record", "catalogue_item", ["catalogue", "record"], unique=False)
    gone = sa.text("gone > 0")
    op.create_index(
        "catalogue_item_gone", "catalogue_item", ["catalogue", "gone"], sqlite_where=gone, postgresql_where=gone
    )


def downgrade() -> None:
    op.drop_table("catalogue_item")
    op.drop_table("catalogue_load")
    op.drop_table("catalogue")
