"""The reliability diagram."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cli.calibration import _write_plot
from app.core.errors import UsageError
from app.services.search.reliability import reliability

FOUND = reliability(np.array([0.9, 0.95, 0.4]), np.array([0.01, 0.02, 0.5, 0.1]), 0.3)


def test_the_diagram_is_a_picture(tmp_path: Path) -> None:
    _write_plot(tmp_path / "plot.png", FOUND)
    drawn = cv2.imread(str(tmp_path / "plot.png"))
    assert drawn.shape == (500, 500, 3)
    assert (drawn != 255).any()


@pytest.mark.parametrize("name", ["missing/plot.png", "plot.docx"])
def test_where_it_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        _write_plot(tmp_path / name, FOUND)
