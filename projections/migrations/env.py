"""Alembic's entry: migrate on the connection handed in, inside its transaction."""

from alembic import context

from projections.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
# No transaction of its own: the caller holds the right to write and commits everything at once.
context.run_migrations()
