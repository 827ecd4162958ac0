"""Where the numbers stand that the networks must reproduce: beside the checkout, never in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"


@pytest.fixture
def shared_golden() -> Callable[[str], Path]:
    """`shared_golden("evaluation.npz")`: that golden file; skips the test where it is absent."""

    def path_of(name: str) -> Path:
        path = _GOLDEN / name
        if not path.exists():
            pytest.skip(f"needs golden numbers: ../shared/golden/{name} is not beside the checkout")
        return path

    return path_of
