"""Alembic environment: run by `app.storage.schema`, never by hand."""
