"""Repositories: one class per group of tables."""
