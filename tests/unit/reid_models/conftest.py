"""Tiny networks under their own names in the registry; one thread for tiny products."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than these products do on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_entries(monkeypatch):
    """For one test, "tiny", "tiny_aggregator" and "tiny_pair" are networks like any other."""
    from reid_models.registry import MODELS
    from tests.tiny_torch_networks import ENTRIES

    for entry in ENTRIES:
        monkeypatch.setitem(MODELS, entry.name, entry)
