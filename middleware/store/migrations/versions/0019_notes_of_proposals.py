"""the note of a proposal about a register is sealed"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A note that waits already stays where it is until its proposal is decided: nothing here can seal it.
    with op.batch_alter_table("registry_proposal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sealed", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("registry_proposal", schema=None) as batch_op:
        batch_op.drop_column("sealed")
