"""The orchestration: the only package that uses Prefect, yfinance, the environment and the clock."""
