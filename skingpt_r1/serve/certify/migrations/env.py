"""Alembic's entry: runs within the connection that `store.Store` opened, or offline to print SQL."""

from __future__ import annotations

from alembic import context

from skingpt_r1.serve.certify.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
