"""Logs of Prefect runs: one clean line for each record, and no traceback after the sentence of a failure."""

import logging

from flows.failures import format_traceback, hide_secrets
from forecasting.errors import BandcastError
from forecasting.text import clean_text

FLOW_LOGGERS = ("prefect.flow_runs", "prefect.engine")
TASK_LOGGER = "prefect.task_runs"


def clean_run_logs() -> None:
    """Clean every record that Prefect's loggers of runs get from now on; repeatable."""
    for name in (*FLOW_LOGGERS, TASK_LOGGER):
        logging.getLogger(name).addFilter(clean_record)  # a filter that is there is not added again


def clean_record(record: logging.LogRecord) -> bool:
    """Clean the text of a record; return whether it is logged.

    Prefect logs the error of a failed run twice more once the run has ended, with some 45 lines of traceback.
    Its sentence is in the state by then, so these records are dropped. A task's error is raised again in its
    flow, so its record keeps no traceback; that of an unforeseen one is in the log file of the home.
    """
    error = record.exc_info[1] if record.exc_info else None
    record.msg, record.args = clean_text(hide_secrets(record.getMessage())), None
    record.exc_info = None
    if isinstance(error, BandcastError) and record.name in FLOW_LOGGERS:
        return False
    if error is not None and record.name in FLOW_LOGGERS:
        record.exc_text = format_traceback(error).rstrip()
    return True
