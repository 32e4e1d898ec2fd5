"""what was compared with the centre: runs, totals, files, differences"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('reconcile_run',
    sa.Column('run_id', sa.String(length=24), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('epoch', sa.BigInteger(), nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('begun_at', sa.String(length=40), nullable=False),
    sa.Column('ended_at', sa.String(length=40), nullable=False),
    sa.Column('rounds', sa.Integer(), nullable=False),
    sa.Column('differences', sa.Integer(), nullable=False),
    sa.Column('resolved', sa.Integer(), nullable=False),
    sa.Column('fault', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('run_id')
    )
    op.create_index(op.f('ix_reconcile_run_day'), 'reconcile_run', ['day'], unique=False)
    op.create_table('reconcile_totals',
    sa.Column('run_id', sa.String(length=24), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('refunds', sa.String(length=16), nullable=False),
    sa.Column('insurance', sa.String(length=8), nullable=False),
    sa.Column('clearing_type', sa.String(length=8), nullable=False),
    sa.Column('agency', sa.String(length=8), nullable=False),
    sa.Column('total_fen', sa.BigInteger(), nullable=False),
    sa.Column('fund_fen', sa.BigInteger(), nullable=False),
    sa.Column('account_fen', sa.BigInteger(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('equal', sa.Boolean(), nullable=False),
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('run_id', 'round', 'refunds', 'insurance', 'clearing_type', 'agency')
    )
    op.create_table('reconcile_file',
    sa.Column('run_id', sa.String(length=24), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('way', sa.String(length=8), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('refunds', sa.String(length=16), nullable=False),
    sa.Column('clearing_type', sa.String(length=8), nullable=False),
    sa.Column('agency', sa.String(length=8), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('at', sa.String(length=40), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('run_id', 'number')
    )
    op.create_index(op.f('ix_reconcile_file_digest'), 'reconcile_file', ['digest'], unique=False)
    op.create_table('reconcile_row',
    sa.Column('run_id', sa.String(length=24), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('difference', sa.String(length=16), nullable=False),
    sa.Column('resolution', sa.String(length=16), nullable=False),
    sa.Column('refund', sa.Boolean(), nullable=False),
    sa.Column('message_id', sa.String(length=40), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_number', sa.String(length=40), nullable=False),
    sa.Column('our_total_fen', sa.BigInteger(), nullable=True),
    sa.Column('our_fund_fen', sa.BigInteger(), nullable=True),
    sa.Column('our_account_fen', sa.BigInteger(), nullable=True),
    sa.Column('total_fen', sa.BigInteger(), nullable=True),
    sa.Column('fund_fen', sa.BigInteger(), nullable=True),
    sa.Column('account_fen', sa.BigInteger(), nullable=True),
    sa.Column('file_digest', sa.String(length=64), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('run_id', 'number')
    )
    op.create_index(op.f('ix_reconcile_row_settlement_id'), 'reconcile_row', ['settlement_id'], unique=False)
    op.create_table('reconcile_key',
    sa.Column('insurance', sa.String(length=8), nullable=False),
    sa.Column('med_type', sa.String(length=8), nullable=False),
    sa.Column('clearing_type', sa.String(length=8), nullable=False),
    sa.Column('agency', sa.String(length=8), nullable=False),
    sa.PrimaryKeyConstraint('insurance', 'med_type', 'clearing_type', 'agency')
    )
    # Adding a column with a default rewrites no row, whatever the table's size.
    op.add_column('settlement', sa.Column('finding', sa.String(length=16), server_default='', nullable=False))
    for name, column in (('settled', 'settled_at'), ('cancelled', 'cancelled_at'), ('finding', 'finding')):
        there = sa.text(f"{column} != ''")
        op.create_index(f'settlement_{name}', 'settlement', [column], sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    for name in ('finding', 'cancelled', 'settled'):
        op.drop_index(f'settlement_{name}', table_name='settlement')
    with op.batch_alter_table('settlement') as batch_op:
        batch_op.drop_column('finding')
    op.drop_table('reconcile_key')
    op.drop_table('reconcile_row')
    op.drop_table('reconcile_file')
    op.drop_table('reconcile_totals')
    op.drop_table('reconcile_run')
