"""the first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bill',
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('settlement_id')
    )
    op.create_table('feed',
    sa.Column('sequence', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('sequence')
    )
    with op.batch_alter_table('feed', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_feed_settlement_id'), ['settlement_id'], unique=False)

    op.create_table('journal',
    sa.Column('sequence', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('event', sa.String(length=40), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('sequence')
    )
    with op.batch_alter_table('journal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_journal_visit_id'), ['visit_id'], unique=False)

    op.create_table('message',
    sa.Column('message_id', sa.String(length=40), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('call', sa.String(length=8), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('intended_at', sa.String(length=40), nullable=False),
    sa.Column('outcome', sa.String(length=80), nullable=False),
    sa.Column('ended_at', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('message_id')
    )
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.create_index('message_unended', ['epoch'], unique=False, sqlite_where=sa.text("outcome = ''"), postgresql_where=sa.text("outcome = ''"))

    op.create_table('meta',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('value', sa.String(length=256), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('outbox',
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('control_id', sa.String(length=24), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('matter', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.String(length=40), nullable=False),
    sa.Column('outcome', sa.String(length=80), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('sequence'),
    sa.UniqueConstraint('control_id')
    )
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.create_index('outbox_waiting', ['sequence'], unique=False, sqlite_where=sa.text("outcome = ''"), postgresql_where=sa.text("outcome = ''"))

    op.create_table('person',
    sa.Column('person_ref', sa.String(length=24), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('person_ref')
    )
    op.create_table('request',
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('method', sa.String(length=40), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('created_at', sa.String(length=40), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'key')
    )
    op.create_table('settlement',
    sa.Column('settlement_id', sa.String(length=24), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('terminal', sa.String(length=64), nullable=False),
    sa.Column('message_id', sa.String(length=40), nullable=False),
    sa.Column('settlement_number', sa.String(length=40), nullable=False),
    sa.Column('total_fen', sa.BigInteger(), nullable=False),
    sa.Column('fund_fen', sa.BigInteger(), nullable=False),
    sa.Column('account_fen', sa.BigInteger(), nullable=False),
    sa.Column('cash_fen', sa.BigInteger(), nullable=False),
    sa.Column('settled_at', sa.String(length=40), nullable=False),
    sa.Column('cancelled_at', sa.String(length=40), nullable=False),
    sa.Column('next_due', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('settlement_id')
    )
    with op.batch_alter_table('settlement', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_settlement_message_id'), ['message_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_settlement_visit_id'), ['visit_id'], unique=False)
        batch_op.create_index('settlement_shift', ['account', 'terminal', 'settled_at'], unique=False)
        batch_op.create_index('settlement_state', ['state'], unique=False)

    op.create_table('visit',
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('person_ref', sa.String(length=24), nullable=False),
    sa.Column('busy', sa.Boolean(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('visit_id')
    )
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_visit_person_ref'), ['person_ref'], unique=False)
        batch_op.create_index('visit_busy', ['busy'], unique=False, sqlite_where=sa.text('busy'), postgresql_where=sa.text('busy'))



def downgrade() -> None:
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.drop_index('visit_busy', sqlite_where=sa.text('busy'), postgresql_where=sa.text('busy'))
        batch_op.drop_index(batch_op.f('ix_visit_person_ref'))

    op.drop_table('visit')
    with op.batch_alter_table('settlement', schema=None) as batch_op:
        batch_op.drop_index('settlement_state')
        batch_op.drop_index('settlement_shift')
        batch_op.drop_index(batch_op.f('ix_settlement_visit_id'))
        batch_op.drop_index(batch_op.f('ix_settlement_message_id'))

    op.drop_table('settlement')
    op.drop_table('request')
    op.drop_table('person')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('outbox_waiting', sqlite_where=sa.text("outcome = ''"), postgresql_where=sa.text("outcome = ''"))

    op.drop_table('outbox')
    op.drop_table('meta')
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.drop_index('message_unended', sqlite_where=sa.text("outcome = ''"), postgresql_where=sa.text("outcome = ''"))

    op.drop_table('message')
    with op.batch_alter_table('journal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_journal_visit_id'))

    op.drop_table('journal')
    with op.batch_alter_table('feed', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_feed_settlement_id'))

    op.drop_table('feed')
    op.drop_table('bill')
