"""One thread for tiny products."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than these products do on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
