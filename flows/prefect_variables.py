"""Universes that are kept in Prefect Variables: each run and command that needs one reads it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.failures import describe_masked, require_prefect_settings
from flows.server_access import display_server, read_auth_string, read_server_url
from flows.settings import TICKER_LISTS, Settings, load_settings
from flows.symbols import VARIABLE_MARK, names_variable, parse_tickers
from forecasting.errors import SourceError, UsageError


def resolve_settings(**overrides: Any) -> Settings:
    """Read the environment, with the symbols of Prefect Variables in place of their names.

    Args:
        **overrides: Settings given by the caller; None leaves the environment's value.

    Raises:
        UsageError: As `load_settings` and `resolve_variables`; or a folder of price files is given without
            its source, and would stay unread.
        SourceError: As `resolve_variables`.
    """
    settings = load_settings(**overrides)
    if overrides.get("csv_dir") and not overrides.get("source") and settings.source != "csv":
        raise UsageError(
            f"Expected the source csv for the folder of price files that is given, found {settings.source}; "
            "add --source csv, or leave --csv-dir out."
        )
    return resolve_variables(settings)


def resolve_variables(settings: Settings) -> Settings:
    """Return settings with the symbols of Prefect Variables in place of their names.

    Raises:
        UsageError: A variable is missing, or holds no symbols.
        SourceError: The Prefect server does not answer.
    """
    lists = {name: getattr(settings, name) for name in TICKER_LISTS}
    resolved = {
        name: tuple(dict.fromkeys(symbol for text in texts for symbol in _expand(settings, text)))
        for name, texts in lists.items()
        if any(map(names_variable, texts))
    }
    return settings.model_copy(update=resolved) if resolved else settings


def _expand(settings: Settings, text: str) -> tuple[str, ...]:
    return _read_symbols(settings, text.removeprefix(VARIABLE_MARK)) if names_variable(text) else (text,)


def _read_symbols(settings: Settings, name: str) -> tuple[str, ...]:
    expected = f"Expected symbols in the Prefect Variable '{name}', as a list or separated by commas"
    value = _read_variable(settings, name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{expected}, found something else; correct it in the Prefect UI.")
    try:
        symbols = parse_tickers(texts)
    except UsageError as error:
        raise UsageError(f"{expected}, found another text: {error}") from error
    if not symbols or any(map(names_variable, symbols)):
        found = "the name of another one" if symbols else "none"
        raise UsageError(f"{expected}, found {found}; correct it in the Prefect UI.")
    return symbols


def _read_variable(settings: Settings, name: str) -> Any:
    """Read the value of a variable from the first server that has it: PREFECT_API_URL's, then the home's."""
    servers = dict(_list_servers(settings.home.absolute()))
    for url, auth_string in servers.items():
        if (value := _ask(url, auth_string, name)) is not None:
            return value
    shown = f"at {' or '.join(map(display_server, servers))}" if servers else "and a server that has it"
    raise UsageError(
        f"Expected a Prefect Variable '{name}' with symbols {shown}, found none; make it with `prefect "
        f"variable set {name} AAPL,MSFT` or in the UI, or set PREFECT_API_URL to the server that has it."
    )


def _list_servers(home: Path) -> Iterator[tuple[str, str | None]]:
    """Yield URL and auth string of the servers that may hold a variable."""
    require_prefect_settings()
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL  # takes seconds to import

    if url := PREFECT_API_URL.value():
        yield url, PREFECT_API_AUTH_STRING.value()
    if (noted := read_server_url(home)) and noted != url:
        yield noted, read_auth_string(home)


def _ask(url: str, auth_string: str | None, name: str) -> Any:
    from httpx import HTTPError
    from prefect import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    access = {PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: auth_string}
    try:
        with temporary_settings(access), get_client(sync_client=True) as client:
            variable = client.read_variable_by_name(name)
    except (HTTPError, RuntimeError) as error:
        found = describe_masked(error).rstrip(".")
        raise SourceError(
            f"Expected the Prefect Variable '{name}' at {display_server(url)}, found {found}."
        ) from error
    return variable.value if variable else None
