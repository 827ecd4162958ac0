"""Progress counts describing people, which follows finding them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.entities import FloatArray, Image
from app.core.events import Progress
from app.vision.network_files import KnownNetworkFiles
from tests.fakes import HistogramEmbedder
from tests.integration import main_job
from tests.rendered import render_world, write_clip


class SlowEmbedder(HistogramEmbedder):
    def embed(
        self, images: list[Image], cameras: list[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        time.sleep(0.5)
        return super().embed(images, cameras, urgent=urgent)


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    for _ in main_job.use_stand_ins():
        KnownNetworkFiles.embedder = lambda files, path, device: SlowEmbedder()
        yield


def test_progress_does_not_rest_near_the_end_while_people_are_described(tmp_path: Path) -> None:
    world = render_world(seed=5, people=1, crossing_s=3.0)
    seen = zip(world.frames("cam1"), world.truth["cam1"], strict=True)
    (tmp_path / "footage").mkdir()
    # Somebody is in view from the first frame to the last: described in one go, at the end.
    write_clip(tmp_path / "footage" / "cam1.mp4", [frame for frame, people in seen if people])
    options = main_job.weights(tmp_path / "weights")
    _, events = main_job.ingest(tmp_path / "library", tmp_path / "footage", options)
    told = [each for each in events if isinstance(each, Progress) and each.total_s]
    describing = [each for each in told if each.step == "Computing features of the people in cam1"]
    assert describing, [each.step for each in told]
    shares = [each.done_s / (each.total_s or 1.0) for each in describing]
    assert all(0.5 < share < 0.75 for share in shares[:-1]), shares
    assert told[-1].done_s == pytest.approx(told[-1].total_s)
    done = [each.done_s for each in told]
    assert done == sorted(done)
