"""The automation that marks runs as crashed whose process has died."""

from importlib.resources import files

import yaml
from prefect import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings


def install_automation(
    api_url: str, auth_string: str | None, within_seconds: int | None = None
) -> str | None:
    """Install the automation unless one of its name exists, which stays as a person has set it.

    Args:
        api_url: URL of the Prefect server's API.
        auth_string: What the API asks for; None where it asks for nothing.
        within_seconds: Time without a heartbeat after which a run counts as dead; None for three heartbeats.

    Returns:
        Its name if it was installed.
    """
    description = yaml.safe_load((files("flows") / "zombies.yaml").read_text())
    if within_seconds is not None:
        description["trigger"]["within"] = within_seconds
    automation = AutomationCore.model_validate(description)
    access = {PREFECT_API_URL: api_url, PREFECT_API_AUTH_STRING: auth_string}
    with temporary_settings(access), get_client(sync_client=True) as client:
        if client.read_automations_by_name(automation.name):
            return None
        client.create_automation(automation)
    return automation.name
