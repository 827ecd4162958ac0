"""Where the numbers stand that the networks must reproduce, and on how many threads they must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

# Beside the checkout, never in it.
_GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other take longer than these products do on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def shared_golden() -> Callable[[str], Path]:
    """`shared_golden("evaluation.npz")`: that golden file; skips the test where it is absent."""

    def path_of(name: str) -> Path:
        path = _GOLDEN / name
        if not path.exists():
            pytest.skip(f"needs golden numbers: ../shared/golden/{name} is not beside the checkout")
        return path

    return path_of
