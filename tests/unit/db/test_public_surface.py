"""The public names of `db`: what `__all__` lists, and nothing else."""

from types import ModuleType

import db


def test_all_lists_every_public_name_once() -> None:
    public = {
        name
        for name, value in vars(db).items()
        if not (name.startswith("_") or isinstance(value, ModuleType))
    }
    assert set(db.__all__) == public
    assert len(db.__all__) == len(set(db.__all__))


def test_every_public_name_can_be_imported() -> None:
    names: dict[str, object] = {}
    exec("from db import *", names)
    assert set(db.__all__) <= set(names)
