"""The automation that ends runs whose process has died without a word."""

from importlib.resources import files

import yaml
from prefect import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings


def install_automation(api_url: str, within_seconds: int | None = None) -> str | None:
    """Install it where it is not; its name if that was so. One of that name stays as somebody has set it.

    Args:
        api_url: Of the Prefect server.
        within_seconds: Silence after which a run counts as dead; None for three heartbeats.
    """
    description = yaml.safe_load((files("flows") / "zombies.yaml").read_text())
    if within_seconds is not None:
        description["trigger"]["within"] = within_seconds
    automation = AutomationCore.model_validate(description)
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        if client.read_automations_by_name(automation.name):
            return None
        client.create_automation(automation)
    return automation.name
