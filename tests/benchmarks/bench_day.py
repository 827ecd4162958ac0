"""Memory of a day of a busy place: analysed, stored, exported. Boxes are made up, not decoded.

Run by hand on Linux: ``.venv/bin/python -m tests.benchmarks.bench_day``. Peaks are of each hour.
The index of vectors grows with the library, here by some 4 MiB an hour, since looks by chance cut
the tracks into many tracklets; ``--without-index`` shows what the analysis itself takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from app.core.chapters import ResumePoint
from app.core.entities import Detections, FloatArray, Frame, Image, ModelFile, VideoInfo
from app.core.ports import DecodedFrame
from app.services.export.export import write_mot
from app.services.ingest.chapter_store import store_chapter
from app.services.ingest.video_analysis import Analysed, Chapter, VideoAnalysis, VideoEnd
from app.services.search.search import Search
from app.storage.library import Library
from app.vision.byte_tracker import ByteTracker

HOUR_S = 3600.0
WIDTH_PX, HEIGHT_PX = 320, 180
# Somebody comes every so many seconds and crosses in so many; one more person never leaves.
EVERY_S, CROSSING_S = 12.0, 70.0
EMBEDDER = ModelFile("made-up-000000000000", Path("made-up.onnx"), "0" * 64)


class _Place:
    """A `FrameSource` of noise; the frame's number is written into its first pixels."""

    def __init__(self, seconds: float, fps: float) -> None:
        self._count, self._fps = round(seconds * fps), fps
        noise = np.random.default_rng(0)
        self._noise = noise.integers(0, 256, (8, HEIGHT_PX, WIDTH_PX, 3), np.uint8)

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        for number in range(self._count):
            image = self._noise[number % 8].copy()
            image[0, :2].reshape(-1)[:4] = np.frombuffer(np.int32(number).tobytes(), np.uint8)
            yield _Made(Frame(number, number / self._fps, image))

    def close(self) -> None:
        pass


class _Made:
    def __init__(self, frame: Frame) -> None:
        self.index, self.time_s, self._image = frame.index, frame.time_s, frame.image

    def image(self) -> Image:
        return self._image


class _Crowd:
    """Where everybody is; implements `Detector`."""

    id, batch_size = "crowd", 1

    def __init__(self, fps: float) -> None:
        self._fps = fps

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self._at(image[0, :2].reshape(-1)[:4].view(np.int32)[0]) for image in images]

    def _at(self, number: int) -> Detections:
        now_s = number / self._fps
        last = int(now_s / EVERY_S)
        who = np.arange(max(0, last - int(CROSSING_S / EVERY_S) + 1), last + 1)
        share = (now_s - who * EVERY_S) / CROSSING_S
        left = np.append(share * (WIDTH_PX - 24), 150 + 5 * np.sin(now_s / 9))
        top = np.append(10.0 + who * 29 % 80, 100.0)
        boxes = np.stack([left, top, left + 20, top + 56], axis=1).astype(np.float32)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32))


class _Looks:
    """Vectors by chance; implements `Embedder`."""

    id, dimension = EMBEDDER.id, 128

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        vectors = self._random.standard_normal((len(images), self.dimension)).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def peak_mib() -> float:
    """Highest resident memory since the last call."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")
    return kib / 1024


def main() -> None:
    """Analyses the day, prints the peak of each hour, then that of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--without-index", action="store_true")
    given = parser.parse_args()
    say = partial(print, flush=True)
    seconds = given.hours * HOUR_S
    peaks: list[float] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Library.open(
        Path(folder, "library"), create=True
    ) as library:  # fmt: skip
        library.remember_model("embedder", EMBEDDER)
        search = Search(library, lambda: EMBEDDER.id, _Looks)
        path = library.folder / "day.mp4"
        info = VideoInfo(path, "cam", WIDTH_PX, HEIGHT_PX, given.fps, None, seconds)
        video = library.add_video(library.folder, info, "day", 1, 1)
        library.begin_video(video.id, given.fps, "crowd")
        if not given.without_index:
            assert len(search.index) == 0  # is there from the beginning, as in a window
        analysis = VideoAnalysis(
            partial(_Place, seconds, given.fps), _Crowd(given.fps), ByteTracker(given.fps),
            _Looks(), "cam", given.fps, ResumePoint(0.0, 0), first_number=1,
        )  # fmt: skip
        with analysis:
            for outcome in analysis.outcomes(1.0):
                if isinstance(outcome, Chapter | VideoEnd):
                    note = (
                        partial(library.commit_video, video.id, outcome.settled)
                        if isinstance(outcome, Chapter)
                        else lambda: None
                    )
                    tracklets = outcome.tracklets
                    store_chapter(library, search, video.id, tracklets, EMBEDDER.id, note)
                if isinstance(outcome, Analysed) and outcome.time_s >= HOUR_S * (len(peaks) + 1):
                    peaks.append(peak_mib())
                    took_s = time.monotonic() - began
                    say(f"hour {len(peaks):2}: peak {peaks[-1]:.1f} MiB ({took_s:.0f} s)")
        peaks.append(peak_mib())
        count = library.video(video.id).tracklet_count
        say(f"{count} tracklets; last hour / second hour {peaks[-1] / peaks[1]:.3f} (goal <= 1.05)")
        (file,) = write_mot(library, Path(folder, "mot"))
        size = file.stat().st_size / 2**20
        say(f"MOT export of {size:.0f} MiB: peak {peak_mib():.1f} MiB")


if __name__ == "__main__":
    main()
