"""Garbage collection around a command that soon ends."""

import gc

import pytest

from flows.cli.garbage import without_collection


def test_collection_is_off_in_the_block_alone_and_nothing_is_kept_from_it() -> None:
    with without_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_collection_goes_on_after_an_error() -> None:
    with pytest.raises(KeyError), without_collection():
        raise KeyError
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
