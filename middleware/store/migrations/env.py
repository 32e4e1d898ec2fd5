"""Alembic's entry: always on-line, always with the engine that the caller opened (and made durable)."""

from alembic import context

from middleware.store.postgres import migrate_alone
from middleware.store.tables import metadata

engine = context.config.attributes["engine"]
with engine.begin() as connection:
    migrate_alone(connection)
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
