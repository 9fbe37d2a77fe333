"""Alembic migrations, driven by `db.migrate`."""
