"""several nodes on one database"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('node',
    sa.Column('epoch', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=False),
    sa.Column('joined_at', sa.Double(), nullable=False),
    sa.Column('lease_until', sa.Double(), nullable=False),
    sa.Column('ended', sa.String(length=16), nullable=False),
    sa.Column('cleared', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('epoch')
    )
    op.create_table('task_lease',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('epoch', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.add_column(sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('epoch', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('since', sa.String(length=40), server_default='', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.drop_column('since')
        batch_op.drop_column('epoch')
        batch_op.drop_column('version')
    op.drop_table('task_lease')
    op.drop_table('node')
