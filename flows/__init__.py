"""The orchestration: the only part of bandcast that knows Prefect, yfinance, the environment and the clock."""
