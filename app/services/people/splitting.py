"""Cutting a sighting in two at a moment, where it shows two people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np

from app.core.boxes import area, cut_out
from app.core.clock import format_offset
from app.core.crop_selection import geometric_quality, sharpness
from app.core.entities import Crop, FloatArray, Image, Tracklet, Video, VideoStatus
from app.core.errors import UsageError, VideoError
from app.core.journal import IdentityChanges, SightingEdit, SplitChange
from app.core.ports import Embedder
from app.language import tr
from app.services.pipeline import in_background
from app.services.search.mean_vectors import mean_vectors
from app.storage.library import Library

_WHOLE = (VideoStatus.DONE, VideoStatus.PARTIAL)
_SAME_TIME_S = 0.0005


class Splitting:
    """Cuts sightings; each cut is a step of the journal, which `People` undoes.

    Args:
        library: which holds them.
        load_embedder: loads the library's embedder; raises ModelError.
        frame: (video id, seconds) → RGB uint8 (H, W, 3); raises VideoError.
        learn: called with the ids of both parts, after they are stored.
    """

    def __init__(
        self,
        library: Library,
        load_embedder: Callable[[], Embedder],
        frame: Callable[[int, float], Image],
        learn: Callable[[Sequence[int]], None],
    ) -> None:
        self._library = library
        self._load_embedder = load_embedder
        self._frame = frame
        self._learn = learn

    def run(self, tracklet_id: int, time_s: float) -> Iterator[tuple[int, int] | None]:
        """Cuts a sighting: boxes from this time on are the later part.

        The part with the thumbnail, which the user saw when deciding, keeps id, person and
        decisions. About the other one nothing is decided. A part that has no picture gets one from
        the footage.

        Args:
            tracklet_id: the sighting.
            time_s: seconds of the video.

        Yields:
            None at least every 0.3 s, then the ids of that part and of the other one.

        Raises:
            NotFoundError: there is no such tracklet.
            UsageError: there is nothing to cut at that time, the video is still being read, or a
                part has no picture and the footage cannot be read.
            ModelError: the embedder cannot be loaded.
        """
        ids = yield from in_background(partial(self._split, tracklet_id, time_s), lambda: None)
        yield ids

    def _split(self, tracklet_id: int, time_s: float) -> tuple[int, int]:
        library, time_s = self._library, time_s - _SAME_TIME_S
        tracklet = library.tracklet(tracklet_id)
        video = library.video(tracklet.video_id)
        self._check(tracklet, video, time_s)
        new = self._missing_picture(tracklet, video, time_s)
        crops = [
            (each.time_s, each.quality, library.crop(each.path))
            for each in library.crops(tracklet_id)
        ]
        crops += [(each.time_s, each.quality, each.image) for each in new]
        new_is_later = tracklet.thumbnail.time_s < time_s
        crops.sort(key=lambda each: (each[0] >= time_s) == new_is_later)  # those that stay first
        moving = sum((each[0] >= time_s) == new_is_later for each in crops)
        embedder = self._load_embedder()
        vectors = mean_vectors(
            embedder.embed([each[2] for each in crops], [video.camera.name] * len(crops)),
            [len(crops) - moving, moving],
            [each[1] for each in crops],
        )
        with library.transaction():
            library.add_crops(tracklet_id, new)
            new_id = library.next_tracklet_id()
            numbers = [each.number for each in library.tracklets_of(video.id)]
            change = SplitChange(
                tracklet_id,
                new_id,
                max(numbers) + 1,
                time_s,
                new_is_later,
                library.vectors_by_embedder(tracklet_id),
                embedder.id,
                (vectors[0], vectors[1]),
            )
            step = SightingEdit((tracklet_id, new_id), "split", datetime.now(UTC))
            library.record_decision(step, IdentityChanges({}, split=change))
        self._learn(step.tracklet_ids)
        return tracklet_id, new_id

    def _check(self, tracklet: Tracklet, video: Video, time_s: float) -> None:
        if video.status not in _WHOLE:
            raise UsageError(
                tr("{video} is still being read.", video=video.path.name),
                tr("Split the sighting when the video is done."),
            )
        if not tracklet.first_time_s < time_s <= tracklet.last_time_s:
            raise UsageError(
                tr("The sighting cannot be split at {time}.", time=format_offset(time_s)),
                tr(
                    "Choose a frame after {first} and up to {last}.",
                    first=format_offset(tracklet.first_time_s),
                    last=format_offset(tracklet.last_time_s),
                ),
            )

    def _missing_picture(self, tracklet: Tracklet, video: Video, time_s: float) -> list[Crop]:
        """A crop of the part that has none: of its largest box."""
        has_later = {each.time_s >= time_s for each in self._library.crops(tracklet.id)}
        if len(has_later) == 2:
            return []
        trajectory = self._library.trajectory(tracklet.id)
        rows = np.flatnonzero((trajectory.time_s >= time_s) != has_later.pop())
        row = int(rows[np.argmax(area(trajectory.boxes[rows]))])
        box, at_s = trajectory.boxes[row], float(trajectory.time_s[row])
        try:
            image = self._frame(video.id, at_s)
        except VideoError as error:
            raise UsageError(
                tr("One part has no picture yet, and the footage cannot be read. {why}", why=error),
                error.remedy,
            ) from error
        crop = cut_out(image, box)
        quality = sharpness(crop) * _geometry(image, box)
        return [Crop(crop, int(trajectory.frame_index[row]), at_s, box, quality)]


def _geometry(image: Image, box: FloatArray) -> float:
    height_px, width_px = image.shape[:2]
    return float(geometric_quality(box[None], width_px, height_px)[0])
