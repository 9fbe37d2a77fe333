"""The store: the only part of bandcast that knows SQLAlchemy."""
