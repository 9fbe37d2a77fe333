"""Flows that submit a task for each ticker run a few of them at once: the store lends 15 connections."""

from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["daily", "backfill", "forecast", "ingest", "retrain"])
def test_five_hundred_tickers_are_not_fetched_at_once(name: str) -> None:
    flow = getattr(import_module(f"flows.{name}"), name)
    assert flow.task_runner._max_workers == 4
