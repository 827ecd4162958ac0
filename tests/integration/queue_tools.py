"""What tests of the queue share: files without people in them, read without networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from app.core.entities import Detections, TrackedBoxes, TrackStep, VideoStatus
from app.core.events import IngestEvent, VideoFinished
from app.core.ports import EmbedBoxes
from tests.integration import main_job


class NobodyTracker:
    """Follows nobody: what is tested here has no people in it, and needs no torch."""

    def update(
        self, detections: Detections, time_s: float, embed: EmbedBoxes | None = None
    ) -> TrackStep:
        none = Detections.none()
        boxes = TrackedBoxes(none.boxes, none.scores, np.zeros(0, np.int64))
        return TrackStep(boxes, (), (), 0)

    def finish(self) -> TrackStep:
        return self.update(Detections.none(), 0.0)


def make_tiny_video(folder: Path) -> bytes:
    """One frame of nothing, as an MP4 file."""
    path = folder / "tiny.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode()])
    return path.read_bytes()


def write(folder: Path, tiny_video: bytes, names: Iterable[str]) -> None:
    """Files of different content: an MP4 may end with a box that says nothing."""
    folder.mkdir(exist_ok=True)
    for name in names:
        said = name.encode()
        box = (len(said) + 8).to_bytes(4, "big") + b"free" + said
        (folder / name).write_bytes(tiny_video + box)


def statuses(library: Path) -> Counter[VideoStatus]:
    with main_job.opened(library) as workspace:
        return Counter(video.status for video in workspace.library.videos())


def finished(events: Iterable[IngestEvent]) -> list[str]:
    return [event.path.name for event in events if isinstance(event, VideoFinished)]
