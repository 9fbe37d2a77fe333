"""One thread inside, whatever it was before outside, in every thread."""

import threading
from collections.abc import Iterator

import pytest
import torch

from forecasting.model.threads import single_thread


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_the_count_is_one_inside_and_returns_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"), single_thread():
        1 / (torch.get_num_threads() - 1)  # one, or there is no error
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_every_thread_gets_its_count_back_whoever_leaves_first() -> None:
    inside, left, counts = threading.Event(), threading.Event(), list[int]()

    def other() -> None:
        with single_thread():
            inside.set()
            left.wait(10)
            torch.ones(8).exp()
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with single_thread():
        thread.start()
        assert inside.wait(10)
    here = torch.get_num_threads()
    left.set()
    thread.join(10)
    assert here == 3
    assert counts == [1, 3]
    assert torch.get_num_threads() == 3
