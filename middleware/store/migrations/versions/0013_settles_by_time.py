"""the messages that ask for a settlement, by the time of their intent: what left on a day, whatever came of it"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settles = sa.text("call IN ('2102', '2207', '2304', '6202')")
    on = ["intended_at"]
    op.create_index("message_settles", "message", on, unique=False, sqlite_where=settles, postgresql_where=settles)


def downgrade() -> None:
    op.drop_index("message_settles", table_name="message")
