"""The part of `Library` that tells when sightings were, without their boxes and pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.core.entities import IntArray
from app.storage.library_part import LibraryPart, chunks
from app.storage.tables import TrackletRow


@dataclass(frozen=True, slots=True)
class SightingTimes:
    """When a tracklet was, in seconds of its video, and who it was confirmed to be."""

    tracklet_id: int
    video_id: int
    first_time_s: float
    last_time_s: float
    identity_id: int | None


class SightingRows(LibraryPart):
    """Times of tracklets: some of them, or how many there are."""

    def sighting_times(self, tracklet_ids: Collection[int]) -> list[SightingTimes]:
        """When some tracklets were; unknown ids are left out."""
        query = select(
            TrackletRow.id,
            TrackletRow.video_id,
            TrackletRow.first_time_s,
            TrackletRow.last_time_s,
            TrackletRow.identity_id,
        )
        found = []
        with self._database.reading() as session:
            for some in chunks([int(each) for each in tracklet_ids]):
                rows = session.execute(query.where(TrackletRow.id.in_(some)))
                found += [SightingTimes(*row) for row in rows]
        return found

    def sighting_counts(
        self, video_ids: Collection[int], bin_s: float
    ) -> tuple[IntArray, IntArray]:
        """How many tracklets begin, and how many end, in each stretch of some videos.

        Args:
            video_ids: the videos.
            bin_s: length of a stretch; the first begins with its video.

        Returns:
            Beginnings and ends, int64 (n, 3) each, video ids rising: video id, number of the
            stretch, how many.
        """
        return (
            self._counts(video_ids, TrackletRow.first_time_s, bin_s),
            self._counts(video_ids, TrackletRow.last_time_s, bin_s),
        )

    def _counts(
        self, video_ids: Collection[int], time: InstrumentedAttribute[float], bin_s: float
    ) -> IntArray:
        number = cast(time / bin_s, Integer)
        query = select(TrackletRow.video_id, number, func.count()).where(TrackletRow.is_person)
        query = query.group_by(TrackletRow.video_id, number).order_by(TrackletRow.video_id)
        found = [np.zeros((0, 3), np.int64)]
        with self._database.reading() as session:
            for some in chunks(sorted(int(each) for each in video_ids)):
                rows = session.execute(query.where(TrackletRow.video_id.in_(some)))
                found.append(np.array([tuple(row) for row in rows], np.int64).reshape(-1, 3))
        return np.concatenate(found)
