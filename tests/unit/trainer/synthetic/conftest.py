"""One thread for small pictures; empty places are rendered small."""

import pytest
import torch

from trainer.synthetic import stations
from trainer.synthetic.stations import draw_station


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than these products do on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_frames(monkeypatch):
    """Cameras of crops have a quarter of the resolution: empty places are quick."""
    monkeypatch.setattr(stations, "FRAME_PX", (240, 136))
    draw_station.cache_clear()
    yield
    draw_station.cache_clear()
