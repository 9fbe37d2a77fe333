"""The public names of `forecasting`."""

import importlib
import inspect
from pathlib import Path

import pytest

import forecasting


@pytest.mark.parametrize("name", forecasting.__all__)
def test_each_public_name_is_importable_and_documented(name: str) -> None:
    public = getattr(forecasting, name)
    assert public.__name__ == name
    assert public.__module__.startswith("forecasting.")
    assert getattr(importlib.import_module(public.__module__), name) is public
    assert len(inspect.getdoc(public) or "") > 20
    assert not (inspect.getdoc(public) or "").startswith(("What ", "Whether "))


def test_all_is_what_can_be_imported_no_less_and_no_more() -> None:
    assert sorted(forecasting.__all__) == forecasting.__all__
    found: dict[str, object] = {}
    exec("from forecasting import *", found)
    assert sorted(found.keys() - {"__builtins__"}) == forecasting.__all__
    with pytest.raises(AttributeError, match="module 'forecasting' has no attribute 'make_forecast'"):
        forecasting.make_forecast  # noqa: B018  the access is the point


def test_the_type_checker_sees_the_same_names_as_the_interpreter() -> None:
    """The names under TYPE_CHECKING are those of __all__, each from its home."""
    source = Path(forecasting.__file__).read_text()
    block = source.split("if TYPE_CHECKING:")[1].split("\n\n")[0]
    declared = {
        name.strip(): line.split()[1]
        for line in block.strip().splitlines()
        for name in line.split(" import ")[1].split(",")
    }
    assert declared == {name: getattr(forecasting, name).__module__ for name in forecasting.__all__}


def test_every_module_of_the_core_has_a_docstring() -> None:
    root = Path(forecasting.__file__).parent
    names = [
        ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(root.rglob("*.py"))
    ]
    assert len(names) > 60
    assert [name for name in names if not (importlib.import_module(name).__doc__ or "").strip()] == []
