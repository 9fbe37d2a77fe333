"""Presentation: the renderer, the sheets of each command, charts and Prefect artifacts."""
