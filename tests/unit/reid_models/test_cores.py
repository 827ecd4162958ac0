from __future__ import annotations

import os
from pathlib import Path

import pytest

from reid_models import cores


@pytest.mark.parametrize(
    ("quota", "usable"),
    [("max 100000\n", 3), ("150000 100000\n", 2), ("50000 100000\n", 1), ("", 3), ("9 0", 3)],
)
def test_no_more_cores_than_the_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, usable: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(quota)
    assert cores.usable_cores() == usable
