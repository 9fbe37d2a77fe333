"""Backtesting: walk forward over history as if each past session were today."""
