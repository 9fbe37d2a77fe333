"""Forecasts to be beaten: each maps the past of a ticker to (H, Q) quantiles of its cumulative log return."""
