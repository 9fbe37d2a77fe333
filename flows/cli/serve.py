"""`bandcast serve`."""

from flows.cli.options import Port, Reset


def serve(port: Port = 4200, reset: Reset = False) -> None:
    """Serve every flow on its schedule. Run a worker, and a Prefect server where none is configured."""
    from flows.prefect_runtime.server import serve_flows

    serve_flows(port, reset=reset)
