"""Promotion: whether a new model may serve, and when one is due."""
