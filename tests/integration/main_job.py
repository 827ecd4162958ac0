"""The real program on rendered clips, with stand-ins for the two networks only.

Run as a script, it loads a folder like ``main.py ingest`` would, so that a test can kill it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import bootstrap
from app.core.boxes import iou
from app.core.entities import Tracklet
from app.core.events import IngestEvent, IngestSummary
from app.services.ingest.ingest_options import IngestOptions
from app.services.workspace import Workspace
from app.storage.library import Library
from app.vision.network_files import KnownNetworkFiles
from reid_models.picture_model import file_id
from tests.fakes import ColourBlobDetector, HistogramEmbedder
from tests.rendered import RenderedWorld


def weights(folder: Path) -> IngestOptions:
    """Options that name two files, which the stand-ins are loaded instead of."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("detector.onnx", "embedder.onnx"):
        (folder / name).write_bytes(name.encode())
    return IngestOptions(
        detector=str(folder / "detector.onnx"), embedder=str(folder / "embedder.onnx")
    )


def _stand_in_embedder(_: object, path: Path, device: str) -> HistogramEmbedder:
    embedder = HistogramEmbedder()
    embedder.id = file_id(path)
    return embedder


def use_stand_ins(
    detector: type[ColourBlobDetector] = ColourBlobDetector,
) -> Iterator[None]:
    """Puts the stand-ins where the program loads its networks, until closed."""
    loaders = KnownNetworkFiles.detector, KnownNetworkFiles.embedder
    KnownNetworkFiles.detector = lambda files, path, device: detector()
    KnownNetworkFiles.embedder = _stand_in_embedder
    yield
    KnownNetworkFiles.detector, KnownNetworkFiles.embedder = loaders


@contextmanager
def opened(library: Path) -> Iterator[Workspace]:
    with bootstrap.Retrace().open_workspace(library, create=True) as workspace:
        yield workspace


def ingest(
    library: Path, videos: Path, options: IngestOptions
) -> tuple[IngestSummary, list[IngestEvent]]:
    """Loads a folder to the end."""
    with opened(library) as workspace:
        events = list(workspace.ingest(videos, options))
    summary = events[-1]
    assert isinstance(summary, IngestSummary)
    return summary, events


def content(library: Path) -> list[tuple[object, ...]]:
    """All that an ingest has stored, but for row ids: equal content, equal lists."""
    found = []
    with Library.open(library) as stored:
        embedder = stored.model("embedder")
        for video in stored.videos():
            found.append((video.path.name, video.status, video.tracklet_count, video.problem))
            for tracklet in stored.tracklets_of(video.id):
                track = stored.trajectory(tracklet.id)
                crops = stored.crops(tracklet.id)
                vector = stored.vector(tracklet.id, embedder.id) if embedder else None
                found.append(
                    (
                        video.path.name,
                        tracklet.number,
                        track.frame_index.tolist(),
                        track.time_s.tolist(),
                        track.boxes.tolist(),
                        [(crop.frame_index, crop.path.read_bytes()) for crop in crops],
                        None if vector is None else vector.tolist(),
                    )
                )
    return found


def orphans(library: Path) -> set[Path]:
    """Crop files that no row names."""
    with Library.open(library) as stored:
        known = {
            crop.path
            for video in stored.videos()
            for tracklet in stored.tracklets_of(video.id)
            for crop in stored.crops(tracklet.id)
        }
    return {path for path in (library / "crops").rglob("*") if path.is_file()} - known


def identity_of(world: RenderedWorld, library: Library, tracklet: Tracklet) -> int:
    """Whom a tracklet shows, by the rendered truth at its boxes."""
    camera = library.video(tracklet.video_id).camera.name
    track = library.trajectory(tracklet.id)
    votes: Counter[int] = Counter()
    for frame, box in zip(track.frame_index.tolist(), track.boxes, strict=True):
        for identity, truth in world.truth[camera][frame].items():
            if iou(box[None], np.array([truth], np.float32))[0, 0] > 0.5:
                votes[identity] += 1
    assert votes, f"tracklet {tracklet.id} of {camera} shows nobody"
    return votes.most_common(1)[0][0]


if __name__ == "__main__":
    stand_ins = use_stand_ins()
    next(stand_ins)
    ingest(Path(sys.argv[1]), Path(sys.argv[2]), weights(Path(sys.argv[3])))
