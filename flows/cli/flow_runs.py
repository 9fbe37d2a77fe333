"""Flows as commands: call a flow, print its summary."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flows.cli.options import build_parameters
from flows.cli.output import print_result
from flows.failures import require_prefect_settings
from flows.progress_line import announce_if_slow

if TYPE_CHECKING:
    from flows.summary import RunSummary

STARTING = "Starting: the flow is loaded, and a Prefect server comes up unless PREFECT_API_URL names one."


def run_flow(name: str, *, json: bool, source: str | None, **options: Any) -> None:
    """Call the flow of that name with options of the same names as its parameters, and print its summary.

    Raises:
        BandcastError: As the flow failed.
    """
    summary: RunSummary = call_flow(name, **build_parameters(source=source, **options))
    from db import open_reader
    from flows.presentation.summaries import build_summary_parts
    from flows.settings import load_settings

    settings = load_settings(source=source)
    with open_reader(settings.url, settings.source) as store:
        parts = build_summary_parts(summary, store, settings.known_ahead)
        print_result(parts, summary.plain(), json=json)


def call_flow(name: str, **parameters: Any) -> Any:
    """Call the flow of that name; return its result.

    Raises:
        BandcastError: As the flow failed, or the Prefect server cannot be used.
    """
    from httpx import HTTPError

    require_prefect_settings()
    from flows.prefect_runtime.configured_server import describe_server_fault, require_server
    from flows.prefect_runtime.flow_results import call_for_result
    from flows.prefect_runtime.temporary_server import temporary_server

    require_server()
    with temporary_server() as wait_for_server:
        with announce_if_slow(STARTING):
            flow = getattr(import_module(f"flows.{name}"), name)  # takes seconds, most of them torch
            wait_for_server()
        try:
            result = call_for_result(flow, **parameters)
        except (HTTPError, RuntimeError) as error:  # Prefect's, since a flow turns its own into its state
            raise describe_server_fault(error) from error
    if isinstance(result, BaseException):
        raise result
    return result
