"""ByteTrack over frames at their real times, as the services see it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from app.core.entities import Detections, TrackedBoxes, TrackStep
from app.vision.ultralytics_setup import import_ultralytics

# How long a person may be out of sight and keep their track. Longer, and somebody else who
# comes along is taken for them; the search joins the parts of one person anyway.
LOST_S = 2.0
# Frames so far apart that a person may be gone in the next: one detection is then a tracklet.
SPARSE_S = 0.5

# Tuned at 5 analysed frames a second on two crowded and one quiet camera; at 10, 2.5 and 1 they
# hold as well. Weaker boxes than STRONG_SCORE only continue a track that is seen.
NEW_TRACK_SCORE = 0.4
STRONG_SCORE = 0.3
WEAK_SCORE = 0.1
# Small boxes of walking people hardly overlap from one analysed frame to the next: boxes grow by
# MARGIN of their sides on each side, and must then overlap by MIN_OVERLAP (IoU).
MARGIN = 0.3
MIN_OVERLAP = 0.25


@dataclass(slots=True)
class _Known:
    """What is known of a track that is alive."""

    last_s: float
    confirmed: bool = False


class ByteTracker:
    """Joins the detections of one video into tracks. Not thread-safe; one instance per video."""

    def __init__(self, analysed_fps: float) -> None:
        """Starts without tracks.

        A fresh tracker that is given the frames from one on after which `alive` was 0 (that
        frame included) goes on as this one would: numbers apart, the same tracks.

        Args:
            analysed_fps: how many frames a second are handed over, nominally.
        """
        if analysed_fps <= 0:
            raise ValueError(f"analysed_fps must be above 0, got {analysed_fps}")
        import_ultralytics()
        from app.vision.timed_bytetrack import TimedByteTrack

        settings = SimpleNamespace(
            track_high_thresh=STRONG_SCORE,
            track_low_thresh=WEAK_SCORE,
            new_track_thresh=NEW_TRACK_SCORE,
            match_thresh=1 - MIN_OVERLAP,
            track_buffer=0,  # counts frames; here it is time that counts
            fuse_score=False,  # else a weak but well placed box ends a track
        )
        self._engine = TimedByteTrack(settings, MARGIN, MIN_OVERLAP)
        # One missed frame must not end a track, however rarely frames are analysed.
        self._lost_s = max(LOST_S, 2.5 / analysed_fps)
        self._time_s: float | None = None
        self._spacing_s = float("inf")
        self._known: dict[int, _Known] = {}

    def update(self, detections: Detections, time_s: float) -> TrackStep:
        """Takes the next analysed frame's detections (possibly none), times rising.

        Raises:
            ValueError: the time does not lie after the frame before.
        """
        if self._time_s is not None:
            if time_s <= self._time_s:
                raise ValueError(f"time {time_s} s does not follow {self._time_s} s")
            self._spacing_s = time_s - self._time_s
        self._time_s = time_s
        stale = [n for n, known in self._known.items() if time_s - known.last_s > self._lost_s]
        self._engine.forget(stale)
        elapsed_s = self._spacing_s if self._known else 0.0
        self._engine.advance(detections, elapsed_s)
        alive = self._engine.alive()
        over = [number for number in self._known if number not in alive]
        ended, dropped = self._part(over)
        rows = [(number, row) for number, row in self._engine.current() if number in alive]
        rows.sort()
        confirmed = self._engine.confirmed()
        for number, _ in rows:
            self._known[number] = _Known(time_s, number in confirmed)
        return TrackStep(_tracked(detections, rows), ended, dropped, len(self._known))

    def finish(self) -> TrackStep:
        """The video is over: every track that is still alive ends or is dropped."""
        self._engine.forget(list(self._known))
        ended, dropped = self._part(list(self._known))
        return TrackStep(_tracked(Detections.none(), []), ended, dropped, 0)

    def _part(self, over: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tracks that are over, as those that stand and those to be forgotten."""
        sparse = self._spacing_s >= SPARSE_S
        stand = {number: self._known.pop(number).confirmed or sparse for number in sorted(over)}
        return (
            tuple(number for number, stands in stand.items() if stands),
            tuple(number for number, stands in stand.items() if not stands),
        )


TRACKERS: dict[str, type[ByteTracker]] = {"bytetrack": ByteTracker}


def _tracked(detections: Detections, rows: list[tuple[int, int]]) -> TrackedBoxes:
    """The detections' own boxes, not the smoothed ones, by track number."""
    index = np.array([row for _, row in rows], np.int64)
    numbers = np.array([number for number, _ in rows], np.int64)
    return TrackedBoxes(detections.boxes[index], detections.scores[index], numbers)
