"""Untangles the tracklets of a library that is there already, from its stored crops and boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from app.core.chapters import TrackPart
from app.core.entities import Crop, FloatArray, Tracklet, Trajectory, Video, VideoStatus
from app.core.ports import Embedder
from app.services.ingest.untangling import Untangled, Untangler
from app.services.networks.networks import Networks
from app.services.pipeline import in_background
from app.services.search.search import Search
from app.storage.library import Library

_WHOLE = frozenset({VideoStatus.DONE, VideoStatus.PARTIAL})
# So many tracklets that follow one another are looked at together.
_AT_ONCE = 400
# The crops stay on disk; what is untangled needs their vectors only.
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class UntangleProgress:
    """How it stands.

    Attributes:
        done: tracklets looked at.
        total: tracklets that can be.
        replaced: those of which others were made.
        made: the others.
    """

    done: int
    total: int
    replaced: int
    made: int


class UntangleLibrary:
    """Cuts tracklets that show several people, and joins those that show one.

    Args:
        library: whose finished videos are untangled, each in one transaction.
        search: told of what changed.
        networks: the library's embedder.
    """

    def __init__(self, library: Library, search: Search, networks: Networks) -> None:
        self._library = library
        self._search = search
        self._networks = networks

    def run(self, device: str | None = None) -> Iterator[UntangleProgress]:
        """Untangles video by video; tracklets that the user has judged stay as they are.

        Yields at least every 0.3 s; closing the generator keeps the videos that are done.

        Args:
            device: "auto", "cpu", "cuda:0", …; None: from the settings.

        Raises:
            ModelError: the library's embedder cannot be loaded.
            NotFoundError: a stored crop is missing.
            LibraryError: the library can no longer be written to.
        """
        videos = [video for video in self._library.videos() if video.status in _WHOLE]
        total = sum(video.tracklet_count for video in videos)
        done = replaced = made = 0
        embedder = yield from in_background(
            lambda: self._networks.embedder(None, device), lambda: UntangleProgress(0, total, 0, 0)
        )
        for video in videos:
            tracklets = self._library.tracklets_of(video.id)
            number = 1 + max((each.number for each in tracklets), default=0)
            free = self._not_judged(tracklets)
            for some in (free[first : first + _AT_ONCE] for first in range(0, len(free), _AT_ONCE)):
                parts: list[TrackPart] = []
                vectors: list[FloatArray] = []
                for tracklet in some:
                    beat = partial(UntangleProgress, done, total, replaced, made)
                    part, rows = yield from in_background(
                        partial(self._read, embedder, video, tracklet), beat
                    )
                    parts.append(part)
                    vectors.append(rows)
                    done += 1
                    yield beat()
                changed, gone = yield from in_background(
                    partial(_untangled, parts, vectors, number), beat
                )
                if changed:
                    self._library.replace_tracklets(
                        video.id,
                        [each.id for each in some if each.number in gone],
                        [each.part for each in changed],
                        np.stack([each.vector for each in changed]),
                        embedder.id,
                    )
                    self._search.reset()
                number += len(changed)
                replaced, made = replaced + len(gone), made + len(changed)
        yield UntangleProgress(done, total, replaced, made)

    def _not_judged(self, tracklets: list[Tracklet]) -> list[Tracklet]:
        decisions = self._library.decisions()
        judged = {each.tracklet_id for each in decisions} | {each.other_id for each in decisions}
        return [
            each
            for each in tracklets
            if each.identity_id is None and each.is_person and each.id not in judged
        ]

    def _read(
        self, embedder: Embedder, video: Video, tracklet: Tracklet
    ) -> tuple[TrackPart, FloatArray]:
        """A tracklet as a part of a track, and its crops' vectors, float32 (n, D)."""
        stored = self._library.crops(tracklet.id)
        images = [self._library.crop(crop.path) for crop in stored]
        crops = tuple(
            Crop(_NO_PIXELS, crop.frame_index, crop.time_s, crop.box, crop.quality)
            for crop in stored
        )
        part = TrackPart(tracklet.number, self._library.trajectory(tracklet.id), crops, False)
        return part, embedder.embed(images, [video.camera.name] * len(images))


def _untangled(
    parts: list[TrackPart], vectors: list[FloatArray], first_number: int
) -> tuple[list[Untangled], set[int]]:
    """The tracklets that none of the parts is, and the numbers of those they replace."""
    found = Untangler(first_number).chapter(parts, vectors, math.inf)
    owner = {key: part.track_id for part in parts for key in _keys(part.trajectory)}
    length = {part.track_id: len(part.trajectory) for part in parts}
    changed: list[Untangled] = []
    gone: set[int] = set()
    for each in found:
        owners = {owner[key] for key in _keys(each.part.trajectory)}
        if len(owners) > 1 or length[next(iter(owners))] != len(each.part.trajectory):
            number = first_number + len(changed)
            changed.append(replace(each, part=replace(each.part, number=number)))
            gone |= owners
    return changed, gone


def _keys(trajectory: Trajectory) -> list[tuple[int, bytes]]:
    """What tells one box of a video from all others."""
    frames = trajectory.frame_index.tolist()
    return [(frame, box.tobytes()) for frame, box in zip(frames, trajectory.boxes, strict=True)]
