"""The Prefect server of a run that a person started: the configured one, or a temporary one."""

import threading
from collections.abc import Callable
from importlib import import_module

from prefect import get_client
from prefect.settings import PREFECT_API_URL

from flows.failures import describe_error
from flows.server_access import AUTH_VARIABLE, display_server
from forecasting.errors import SourceError


def warm_up_server() -> Callable[[], None]:
    """Begin to start the temporary server that a run without PREFECT_API_URL needs, or check the given one.

    Returns:
        A function that waits until the server answers; call it before the first flow.

    Raises:
        SourceError: The server of PREFECT_API_URL cannot be used.
    """
    if PREFECT_API_URL.value():
        require_server()
        return lambda: None
    import_module("prefect.server.api.server")  # two threads must not import Prefect at the same time
    starting = threading.Thread(target=get_client, kwargs={"sync_client": True}, daemon=True)
    starting.start()
    return starting.join


def require_server() -> None:
    """Check that the server of PREFECT_API_URL answers, accepts this client, and fits its version.

    Raises:
        SourceError: It does not.
    """
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except Exception as error:  # whatever the client raises, no run can be made
        raise word_server_fault(error) from error


def word_server_fault(error: Exception) -> SourceError:
    """Word what Prefect's client or engine raised outside of a flow."""
    url = PREFECT_API_URL.value()
    shown = f"a Prefect server at {display_server(url)}" if url else "a temporary Prefect server"
    if "401" in str(error):
        return SourceError(
            f"Expected the auth string of {shown}, found another one or none; set {AUTH_VARIABLE}."
        )
    found = describe_error(error.__cause__ or error).rstrip(".")
    advice = "start it, or correct or unset PREFECT_API_URL" if url else "run the command again"
    return SourceError(f"Expected {shown}, found {found}; {advice}.")
