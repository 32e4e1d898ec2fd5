"""sealed personal data: data keys, digests to search by, a stranger's words beside the chain"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('data_key',
    sa.Column('id', sa.String(length=24), nullable=False),
    sa.Column('period', sa.String(length=16), nullable=False),
    sa.Column('purpose', sa.String(length=8), nullable=False),
    sa.Column('algorithm', sa.String(length=16), nullable=False),
    sa.Column('wrapped', sa.Text(), nullable=False),
    sa.Column('master_id', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('made_at', sa.String(length=40), nullable=False),
    sa.Column('retired_at', sa.String(length=40), nullable=False),
    sa.Column('destroyed_at', sa.String(length=40), nullable=False),
    sa.Column('values_reserved', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_data_key_period'), 'data_key', ['period'], unique=False)
    op.create_table('words',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('visit_id', sa.String(length=24), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('digest')
    )
    op.create_index(op.f('ix_words_visit_id'), 'words', ['visit_id'], unique=False)
    # Adding a column with a default rewrites no row, whatever the table's size.
    op.add_column('visit', sa.Column('sealed', sa.Text(), server_default='', nullable=False))
    op.add_column('request', sa.Column('sealed', sa.Text(), server_default='', nullable=False))
    op.add_column('person', sa.Column('id_digest', sa.String(length=64), server_default='', nullable=False))
    op.add_column('person', sa.Column('card_digest', sa.String(length=64), server_default='', nullable=False))
    op.create_index(op.f('ix_person_id_digest'), 'person', ['id_digest'], unique=False)
    op.create_index(op.f('ix_person_card_digest'), 'person', ['card_digest'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_person_card_digest'), 'person')
    op.drop_index(op.f('ix_person_id_digest'), 'person')
    for table, column in (('person', 'card_digest'), ('person', 'id_digest'), ('request', 'sealed'), ('visit', 'sealed')):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
    op.drop_table('words')
    op.drop_table('data_key')
