"""`bandcast notify`."""

import socket

from flows.cli.output import print_line


def notify() -> None:
    """Send a test message to BANDCAST_NOTIFY_URL. Exit code 1 if the receiver does not take it."""
    from flows.alarms import read_notify_url, send_message
    from forecasting.errors import UsageError

    if not (url := read_notify_url()):
        raise UsageError("Expected an Apprise URL in BANDCAST_NOTIFY_URL, found none; set it.")
    send_message("bandcast: a test", f"Alarms of bandcast on {socket.gethostname()} arrive here.", url)
    print_line("The receiver has taken the message.")
