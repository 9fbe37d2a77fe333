"""Check of the alarms: a message reaches somebody when something fails."""

from collections.abc import Iterator
from datetime import datetime

from flows.alarms import read_notify_url, require_receiver
from flows.doctor.finding import Finding
from flows.settings import Settings


def check_alarms(_: Settings, __: datetime) -> Iterator[Finding]:
    """Check that a URL of alarms is set and known to Apprise."""
    if url := read_notify_url():
        require_receiver(url)
        service = url.partition("://")[0]
        yield Finding("alarms", "ok", f"sent by {service}; `bandcast notify` tries it")
    else:
        yield Finding("alarms", "warn", "none are sent when something fails", "set BANDCAST_NOTIFY_URL")
