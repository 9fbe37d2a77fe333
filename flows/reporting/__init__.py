"""Presentation: tables, charts, artifacts."""
