"""Environment variables that turn telemetry off: bandcast needs the internet for prices alone."""

from collections.abc import Mapping, MutableMapping

# Prefect reads these when it is imported. Whoever wants its telemetry sets them.
TELEMETRY_OFF: Mapping[str, str] = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def turn_off_telemetry(environment: MutableMapping[str, str]) -> None:
    """Set the variables that are not set."""
    for name, value in TELEMETRY_OFF.items():
        environment.setdefault(name, value)
