"""The command line, called in this process, with what it wrote to both streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration import main_job


@dataclass(frozen=True)
class Said:
    """What a command ended with and wrote."""

    status: int
    out: str
    err: str


Retrace = Callable[..., Said]


@pytest.fixture
def retrace(capfd: pytest.CaptureFixture[str]) -> Retrace:
    """`retrace("list", "--library", folder)`: like ``python main.py list --library …``."""
    from app import bootstrap

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        status = bootstrap.main([str(argument) for argument in arguments])
        return Said(status, *capfd.readouterr())

    return call


@pytest.fixture
def networks(tmp_path: Path) -> list[str]:
    """Flags that name two files, which the stand-ins are loaded instead of."""
    options = main_job.weights(tmp_path / "weights")
    assert options.detector and options.embedder
    return ["--detector", options.detector, "--embedder", options.embedder]
