"""The Prefect server that PREFECT_API_URL names: whether it can be used, and what is wrong with it."""

from prefect import get_client
from prefect.settings import PREFECT_API_URL

from flows.failures import describe_masked
from flows.server_access import AUTH_VARIABLE, display_server
from forecasting.errors import SourceError


def require_server() -> None:
    """Check that the server of PREFECT_API_URL answers, accepts this client, and fits its version.

    Raises:
        SourceError: It does not.
    """
    if not PREFECT_API_URL.value():
        return
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except Exception as error:  # whatever the client raises, no run can be made
        raise describe_server_fault(error) from error


def describe_server_fault(error: Exception) -> SourceError:
    """Word what Prefect's client or engine raised outside of a flow."""
    shown = f"a Prefect server at {display_server(PREFECT_API_URL.value() or '')}"
    if "401" in str(error):
        found = "another one or none"
        return SourceError(f"Expected the auth string of {shown}, found {found}; set {AUTH_VARIABLE}.")
    found = describe_masked(error.__cause__ or error).rstrip(".")
    return SourceError(f"Expected {shown}, found {found}; start it, or correct or unset PREFECT_API_URL.")
