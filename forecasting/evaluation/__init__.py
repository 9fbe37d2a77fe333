"""Evaluation: scores, coverage, comparisons and tests of forecasts against outcomes."""
