"""letters that the HIS refused are listed for an operator"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    refused = sa.text("outcome >= 'refused' AND outcome < 'refusee'")
    op.create_index("outbox_refused", "outbox", ["sequence"], unique=False, sqlite_where=refused, postgresql_where=refused)


def downgrade() -> None:
    op.drop_index("outbox_refused", table_name="outbox")
