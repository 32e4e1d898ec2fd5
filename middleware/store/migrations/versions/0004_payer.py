"""the payer's leg at the bank"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('payer',
    sa.Column('card_ref', sa.String(length=24), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('card_ref')
    )
    with op.batch_alter_table('settlement', schema=None) as batch_op:
        batch_op.add_column(sa.Column('leg', sa.String(length=24), server_default='', nullable=False))
        batch_op.add_column(sa.Column('bank_fen', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('refunded_fen', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.create_index('settlement_leg', ['leg'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('settlement', schema=None) as batch_op:
        batch_op.drop_index('settlement_leg')
        batch_op.drop_column('refunded_fen')
        batch_op.drop_column('bank_fen')
        batch_op.drop_column('leg')
    op.drop_table('payer')
