"""Repositories: the queries of one price source on one connection, table by table."""
