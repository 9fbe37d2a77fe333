"""Start Prefect's temporary server while the heavy imports are under way."""

import threading
from collections.abc import Callable
from importlib import import_module

from prefect import get_client
from prefect.settings import PREFECT_API_URL


def warm_up_server() -> Callable[[], None]:
    """Begin to start the temporary server that a run without PREFECT_API_URL needs.

    Returns:
        A function that waits until the server answers; call it before the first flow.
    """
    if PREFECT_API_URL.value():
        return lambda: None
    import_module("prefect.server.api.server")  # two threads must not import Prefect at the same time
    starting = threading.Thread(target=get_client, kwargs={"sync_client": True}, daemon=True)
    starting.start()
    return starting.join
