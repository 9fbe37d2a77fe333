"""Alarms: a message to BANDCAST_NOTIFY_URL where a person is needed; silence means health."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from pydantic import TypeAdapter

from flows.environment import read_environment
from flows.failures import NOTIFY_NAME, hide_secrets
from flows.files import atomic, locked
from forecasting.errors import SourceError, UsageError
from forecasting.text import clean_text

MEMORY = "alarms.json"  # in the home: the lasting conditions that a message was sent about
REMINDER = timedelta(days=7)
LONGEST_TEXT = 1500  # characters; many services cut longer ones

_SENT = TypeAdapter(dict[str, dict[str, date]])  # kind -> name -> day of the message


def read_notify_url() -> str:
    """Read the URL alone, so that a fault of another setting can be reported, too; empty where none is set.

    Raises:
        UsageError: The file `.env` cannot be read.
    """
    return read_environment().get(NOTIFY_NAME, "").strip()


def require_receiver(url: str) -> None:
    """Check that Apprise accepts a URL.

    Raises:
        UsageError: It does not.
    """
    from apprise import Apprise  # takes a third of a second

    with _capture_log():
        known = Apprise().add(url)
    if not known:
        raise UsageError(
            f"Expected an Apprise URL in {NOTIFY_NAME}, such as slack://..., mailto://... or json://host, "
            "found another text; see https://github.com/caronc/apprise/wiki."
        )


def send_message(subject: str, text: str, url: str) -> None:
    """Send a message: its first line, and what was found and what to do.

    Raises:
        UsageError: The URL is none of Apprise's.
        SourceError: The receiver did not take it.
    """
    from apprise import Apprise, NotifyType

    require_receiver(url)
    receiver = Apprise()
    receiver.add(url)
    subject, text = (clean_text(hide_secrets(part), LONGEST_TEXT) for part in (subject, text))
    with _capture_log() as records:
        is_sent = receiver.notify(body=text, title=subject, notify_type=NotifyType.FAILURE)
    if not is_sent:
        found = clean_text(hide_secrets("; ".join(records)), 200).rstrip(".") or "no answer"
        raise SourceError(f"Expected the receiver of {NOTIFY_NAME} to take a message, found {found}.")


def try_alarm(subject: str, text: str) -> str:
    """Send a message if BANDCAST_NOTIFY_URL is set, and never raise: no run fails for its alarm.

    Returns:
        Why the message was not sent, in a sentence for the log; empty if it was, or none is wanted.
    """
    try:
        if url := read_notify_url():
            send_message(subject, text, url)
    except Exception as error:  # whatever a service or its library raises
        return f"no alarm was sent ({subject}): {clean_text(hide_secrets(str(error)), 500)}"
    return ""


def try_lasting_alarm(
    kind: str, subject: str, conditions: Mapping[str, str], *, home: Path, today: date
) -> str:
    """Send one message about conditions that last: when one begins, and again after a week.

    Args:
        kind: Of condition, such as `drift/yahoo`.
        subject: First line of the message.
        conditions: Name -> sentence, of the conditions that hold now; a name that is missing has ended.
        home: Folder that keeps what was sent.
        today: Day of the run.

    Returns:
        As `try_alarm`. What could not be sent is tried again by the next run.
    """
    sent = _load_memory(home).get(kind, {})
    # A day far ahead is of a clock that was wrong.
    due = [name for name in conditions if name not in sent or abs(today - sent[name]) >= REMINDER]
    fault = try_alarm(subject, " ".join(conditions.values())) if due and read_notify_url() else ""
    kept = {name: day for name, day in sent.items() if name in conditions}
    noted = kept if fault else kept | dict.fromkeys(due, today)
    if noted == sent or not read_notify_url():
        return fault
    try:
        _note(home, kind, noted)
    except OSError as error:
        return f"{fault or 'an alarm was sent'}; expected to note that in {home / MEMORY}, found {error}"
    return fault


def _load_memory(home: Path) -> dict[str, dict[str, date]]:
    """Load kind -> name -> day of the message; a file that is missing or damaged holds nothing."""
    try:
        return _SENT.validate_json((home / MEMORY).read_bytes())
    except (OSError, ValueError):
        return {}


def _note(home: Path, kind: str, sent: dict[str, date]) -> None:
    """Replace what is kept of one kind; the run of another source may note its own meanwhile."""
    home.mkdir(parents=True, exist_ok=True)
    with locked(home):
        memory = {**_load_memory(home), kind: sent}
        with atomic(home / MEMORY) as path:
            path.write_bytes(_SENT.dump_json(memory, indent=1) + b"\n")


@contextmanager
def _capture_log() -> Iterator[list[str]]:
    """Collect what Apprise logs, and keep it from the streams: it may hold parts of the URL."""
    lines: list[str] = []
    logger, handler = logging.getLogger("apprise"), logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # shorter than a class
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
