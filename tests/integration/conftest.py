"""The command line, called in this process, with what it wrote to both streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.services.ingest.ingest_options import IngestOptions
from tests.integration import main_job
from tests.integration.queue_tools import NobodyTracker, make_tiny_video


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


@pytest.fixture
def nobody_followed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ingest of this test loads no networks and follows nobody."""
    from app import bootstrap

    monkeypatch.setattr(bootstrap, "_make_tracker", lambda analysed_fps: NobodyTracker())
    yield from main_job.use_stand_ins()


@pytest.fixture(scope="module")
def tiny_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One frame of nothing, as an MP4 file."""
    return make_tiny_video(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def options(tmp_path: Path) -> IngestOptions:
    return main_job.weights(tmp_path / "weights")
