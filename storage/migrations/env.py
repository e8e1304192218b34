"""Runs the migrations on the connection that `storage.migrating` opened; there is no offline mode."""

from __future__ import annotations

from alembic import context

from storage.audit_tables import metadata  # all tables are declared by then

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    # SQLite's DDL is transactional once the driver leaves BEGIN to us: all of an upgrade, or nothing.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
