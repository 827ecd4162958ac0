"""How long the timeline takes to count and to paint, with many cameras, videos and people.

Run by hand: ``python -m tests.benchmarks.bench_timeline --tracklets 50000``. A library of 16
cameras with a day of ten-minute videos each is made in a temporary folder; rows are written
directly.

Printed: seconds of the tasks (lanes, counts by zoom, marks of 5 000 hits), then milliseconds of a
paint of the whole window of lanes, at every zoom from a day to some seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.core.entities import StartSource, VideoInfo
from app.core.queries import Hit
from app.gui.timeline.timeline_flow import _BINS_S
from app.gui.timeline.timeline_view import TimelineView
from app.services.people.catalog import Catalog
from app.services.route.timeline import Lane, densities, lanes_of, marks
from app.storage.library import Library
from app.storage.tables import TrackletRow, VideoRow
from tests.benchmarks.bench_rendered import say

DAY = datetime(2024, 5, 14, tzinfo=UTC)
CAMERAS, VIDEO_S = 16, 600
SHOWN_PX = (900, 140)


def fill(library: Library, tracklets: int) -> None:
    """Videos by the API, tracklets as bare rows."""
    folder = Path("/footage")
    for camera in range(CAMERAS):
        for number in range(86_400 // VIDEO_S):
            start = DAY + timedelta(seconds=number * VIDEO_S)
            path = folder / f"cam{camera}" / f"{number}.mp4"
            info = VideoInfo(
                path, f"cam{camera}", 640, 360, 25.0, None, VIDEO_S, start, StartSource.FILE_NAME
            )
            library.add_video(folder, info, f"hash {path}", 1, 1)
    random = np.random.default_rng(0)
    with library._database.writing() as session:
        videos = list(session.scalars(select(VideoRow.id)))
        rows = [
            {
                "id": number + 1, "video_id": videos[number % len(videos)],
                "number": number // len(videos) + 1, "first_time_s": first,
                "last_time_s": min(first + 8, VIDEO_S),
            }
            for number, first in enumerate(random.uniform(0, VIDEO_S - 1, tracklets).tolist())
        ]  # fmt: skip
        session.execute(insert(TrackletRow), rows)


def said(what: str, began: float) -> None:
    """Prints how long something took."""
    say(f"{what}: {time.perf_counter() - began:.3f} s")


def measure(library: Library) -> None:
    """Prints what tasks and paints take."""
    began = time.perf_counter()
    lanes = lanes_of(Catalog(library).cameras())
    said("lanes", began)
    every = {video.id for lane in lanes for video in lane.videos}
    began = time.perf_counter()
    hits = [Hit(each, 0.5, 0.5, probability=0.5) for each in range(1, 5001)]
    *_, found = marks(library, None, None, hits)  # type: ignore[arg-type]
    said("marks of 5 000 hits", began)
    view = TimelineView()
    view.resize(*SHOWN_PX)
    view.set_lanes(lanes, library.timezone)
    view.set_marks(found)
    view.show()
    paint(view, lanes, library, every)


def paint(view: TimelineView, lanes: tuple[Lane, ...], library: Library, every: set[int]) -> None:
    """From the whole day to some seconds."""
    while view.axis.last_s - view.axis.first_s > 5:
        bin_s = next(each for each in (*_BINS_S, 1e9) if each >= view.axis.s_per_px)
        ids = {
            each.id for lane in lanes for each in lane.between(view.axis.first_s, view.axis.last_s)
        }
        began = time.perf_counter()
        *_, counted = densities(library, lanes, ids & every, bin_s)
        counts_s = time.perf_counter() - began
        assert counted is not None
        view.set_densities(counted)
        taken = []
        for _ in range(5):
            view._forget_picture()
            began = time.perf_counter()
            view.grab()
            taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        view.grab()
        say(
            f"{view.axis.last_s - view.axis.first_s:8.0f} s seen, {len(ids):5} videos: counts "
            f"{counts_s:.3f} s, paint {1000 * statistics.median(taken):5.1f} ms, "
            f"again {1000 * (time.perf_counter() - began):.1f} ms"
        )
        view.zoom(1 / 6)


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracklets", type=int, default=50_000)
    options = parser.parse_args()
    application = QApplication([])
    with (
        tempfile.TemporaryDirectory() as place,
        Library.open(Path(place) / "library", create=True) as library,
    ):
        fill(library, options.tracklets)
        measure(library)
    del application


if __name__ == "__main__":
    main()
