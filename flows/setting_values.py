"""Values of settings: each with whether the environment, `.env` or nobody has set it."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

from flows.environment import PREFIX, read_dotenv
from flows.failures import hide_secrets
from flows.settings import Settings
from forecasting.text import MASK

SettingOrigin = Literal["default", ".env", "environment"]
PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class SettingValue:
    """One setting of this installation.

    Attributes:
        variable: Its name.
        value: In use, as a plain value; secrets are masked.
        origin: Who has set it.
    """

    variable: str
    value: Any
    origin: SettingOrigin


def list_settings(settings: Settings) -> Iterator[SettingValue]:
    """Yield every setting, those within a setting of several values one by one."""
    sources: tuple[tuple[SettingOrigin, dict[str, str]], ...] = (
        ("environment", {name.upper(): value for name, value in os.environ.items()}),
        (".env", read_dotenv()),
    )
    for path, value in _walk(settings):
        variable = PREFIX + "__".join(path).upper()
        found = (origin for origin, variables in sources if _is_set(variables, path))
        used = settings.url if path == ("database_url",) else value
        yield SettingValue(variable, _plain(used), next(found, "default"))


def _walk(model: BaseModel, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in model:
        if isinstance(value, BaseModel):
            yield from _walk(value, (*path, name))
        else:
            yield (*path, name), value


def _is_set(variables: Mapping[str, str], path: tuple[str, ...]) -> bool:
    """Return whether variables hold a setting: by its own name, or in the JSON of one that it is part of."""
    for depth in range(len(path), 0, -1):
        given: Any = variables.get(PREFIX + "__".join(path[:depth]).upper()) or None
        if given is None:
            continue
        for name in path[depth:]:
            given = json.loads(given) if isinstance(given, str) else given
            given = given.get(name) if isinstance(given, Mapping) else None
        if given is not None:
            return True
    return False


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, PLAIN) and not isinstance(value, str):
        return value
    return hide_secrets(str(value))
