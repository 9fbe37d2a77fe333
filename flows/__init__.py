"""The orchestration: all that bandcast knows of Prefect, yfinance, the environment and the clock."""

import os

# Nothing of bandcast needs the internet but the prices. Prefect reads these two when it is imported; whoever
# wants its telemetry sets them.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
