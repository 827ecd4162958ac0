"""What lists show: cameras and videos, tracklets of a video, and everything about a hit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.core.entities import Camera, FloatArray, Tracklet, Trajectory, Verdict, Video
from app.core.errors import NotFoundError, UsageError
from app.core.queries import Hit, Transit
from app.language import listed, tr
from app.services.people.judgement import Judgement, judgement_about
from app.storage.library import Library

# So many names are listed in a message.
NAMES_IN_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """A camera with its videos, in natural order of their paths."""

    camera: Camera
    videos: tuple[Video, ...]

    def recorded(self) -> list[tuple[datetime, datetime]]:
        """Begin and end of those videos whose clock is known."""
        return [
            (start, video.moment(video.info.duration_s or 0.0) or start)
            for video in self.videos
            if (start := video.moment(0.0)) is not None
        ]


@dataclass(frozen=True, slots=True, eq=False)
class HitDetails:
    """A hit as people see it.

    Attributes:
        rank: place in the ranking, from 1.
        camera: the camera's name.
        video: absolute path of the video; it may no longer exist.
        start_utc: timezone-aware time of `first_time_s`, or None where the clock is unknown.
        time_source: where the time comes from, and whether it is raw or corrected.
        corrected: whether the camera's clock has been corrected.
        box: float32 (4,) xyxy in pixels of the full frame at `box_time_s`: the thumbnail's.
        score: what the ranking is sorted by.
        thumbnail: absolute path of the best crop.
        identity: name of the person it was confirmed to be, or None.
        verdict: what was decided about it and the query, or None.
        transit: the time between it and the query, or None where that does not count.
        probability: that it shows the person sought, 0..1, or None where that is not known.
        pictures: absolute paths of all crops, in order of time.
        is_person: False if the user said that it shows a thing.
    """

    rank: int
    tracklet_id: int
    camera: str
    video_id: int
    video: Path
    first_time_s: float
    last_time_s: float
    start_utc: datetime | None
    time_source: str
    box: FloatArray
    box_time_s: float
    score: float
    thumbnail: Path
    identity: str | None
    verdict: Verdict | None
    transit: Transit | None = None
    probability: float | None = None
    pictures: tuple[Path, ...] = ()
    corrected: bool = False
    is_person: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class TrackletRow:
    """A tracklet as a list shows it.

    Attributes:
        number: the tracklet's number within its video, from 1.
        start_utc: timezone-aware time of `first_time_s`, or None where the clock is unknown.
        box: float32 (4,) xyxy in pixels of the full frame at `box_time_s`: the thumbnail's.
        score: the detector's, 0..1, for that box.
        thumbnail: absolute path of the best crop.
        identity: name of the person it was confirmed to be, or None.
    """

    tracklet_id: int
    number: int
    first_time_s: float
    last_time_s: float
    start_utc: datetime | None
    box: FloatArray
    box_time_s: float
    score: float
    thumbnail: Path
    identity: str | None


class Catalog:
    """Reads what a library holds, in a few queries however long the list is."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._known: _Known | None = None

    def cameras(self) -> list[CameraEntry]:
        """Every camera with its videos, in natural order of the names."""
        videos = self.library.videos()
        return [
            CameraEntry(camera, tuple(each for each in videos if each.camera.id == camera.id))
            for camera in self.library.cameras()
        ]

    def details(
        self, hits: Sequence[Hit], query_tracklet_id: int | None = None, first_rank: int = 1
    ) -> list[HitDetails]:
        """Everything about hits, in their order.

        A hit whose tracklet was deleted since the search is left out.

        Args:
            hits: a ranking, or a page of it.
            query_tracklet_id: whose verdicts to show; None shows none.
            first_rank: rank of the first hit.
        """
        stored = {
            each.id: each for each in self.library.tracklets([hit.tracklet_id for hit in hits])
        }
        known = self._known_about(query_tracklet_id)
        videos = self.library.videos_by_id({each.video_id for each in stored.values()})
        pictures = self.library.crop_paths(list(stored))
        found = []
        for rank, hit in enumerate(hits, first_rank):
            tracklet = stored.get(hit.tracklet_id)
            video = None if tracklet is None else videos.get(tracklet.video_id)
            if tracklet is not None and video is not None:
                shown = tuple(pictures.get(tracklet.id, ()))
                found.append(_details(rank, hit, tracklet, video, known, shown))
        return found

    def sightings(self, identity_id: int) -> list[HitDetails]:
        """The confirmed sightings of a person in order of time, those of unknown time last."""
        members = self.library.tracklets_of_person(identity_id)
        return self.in_time_order(Hit(each.id, score=0.0, cosine=0.0) for each in members)

    def in_time_order(self, hits: Iterable[Hit]) -> list[HitDetails]:
        """Details of hits in order of time, those of unknown time last, by camera and video."""
        never = datetime.max.replace(tzinfo=UTC)
        return sorted(
            self.details(list(hits)),
            key=lambda each: (
                each.start_utc or never,
                "" if each.start_utc else each.camera,
                str(each.video),
                each.first_time_s,
                each.tracklet_id,
            ),
        )

    def tracklet_rows(self, video_id: int) -> list[TrackletRow]:
        """A video's tracklets by number, with what a list shows.

        Raises:
            NotFoundError: if there is no such video.
        """
        video = self.library.video(video_id)
        names = self._identity_names()
        tracks = self.library.trajectories_between(video_id, 0.0, float("inf"))
        rows = [_row(tracklet, trajectory, video, names) for tracklet, trajectory in tracks]
        return sorted(rows, key=lambda row: row.number)

    def find_video(self, text: str | Path) -> Video:
        """The video that a user named by its path, the end of its path, or its file name.

        Of a file with several views it is the main one; ``NAME#2`` is the second.

        Raises:
            NotFoundError: if there is none.
            UsageError: if there are several.
        """
        videos = self.library.videos()
        named = re.fullmatch(r"(.+)#([1-9])", str(text))
        if named and any(video.info.view for video in videos):
            text, view = named[1], int(named[2]) - 1
            videos = [video for video in videos if video.info.view == view]
        else:
            videos = [video for video in videos if video.info.view == 0]
        wanted = Path(text).expanduser()
        # Stored paths do not follow links; a user's may be meant either way.
        absolute = Path(os.path.abspath(wanted))  # noqa: PTH100
        found = [video for video in videos if video.path in (absolute, absolute.resolve())]
        if not found:
            ending = Path(os.path.normpath(wanted)).parts
            found = [video for video in videos if video.path.parts[-len(ending) :] == ending]
        if not found:
            raise NotFoundError(
                tr("The library has no video {text}.", text=text),
                tr("It has {videos}.", videos=_first_of([video.path.name for video in videos]))
                if videos
                else tr("It has no videos yet: ingest a folder first."),
            )
        if len(found) > 1:
            raise UsageError(
                tr(
                    "{text} could be {videos}.",
                    text=text,
                    videos=_first_of([str(video.path) for video in found]),
                ),
                tr("Give a longer part of the path."),
            )
        return found[0]

    def find_camera(self, name: str) -> Camera:
        """The camera of a name; upper and lower case matter only where they distinguish.

        Raises:
            NotFoundError: if there is none.
        """
        cameras = self.library.cameras()
        found = [camera for camera in cameras if camera.name == name] or [
            camera for camera in cameras if camera.name.casefold() == name.casefold()
        ]
        if len(found) != 1:
            raise NotFoundError(
                tr("The library has no camera {name}.", name=name),
                tr(
                    "Its cameras are {cameras}.",
                    cameras=listed(camera.name for camera in cameras),
                )
                if cameras
                else tr("It has no cameras yet: ingest a folder first."),
            )
        return found[0]

    def _identity_names(self) -> dict[int, str]:
        return {identity.id: identity.name for identity in self.library.identities()}

    def _known_about(self, query_id: int | None) -> _Known:
        """What does not change from page to page, read anew after anything was written."""
        revision = self.library.revision  # before what is read: see there
        known = self._known  # one look: another thread may replace it meanwhile
        if known is None or (known.revision, known.query_id) != (revision, query_id):
            known = self._known = _Known(
                revision,
                query_id,
                self._identity_names(),
                None if query_id is None else judgement_about(self.library, query_id),
            )
        return known


@dataclass(frozen=True, slots=True)
class _Known:
    """What the details of all hits of a query have in common.

    Attributes:
        revision: the library's when it was read.
        names: of people, by identity.
    """

    revision: int
    query_id: int | None
    names: dict[int, str]
    judgement: Judgement | None


def _details(
    rank: int,
    hit: Hit,
    tracklet: Tracklet,
    video: Video,
    known: _Known,
    pictures: tuple[Path, ...],
) -> HitDetails:
    judgement = known.judgement
    return HitDetails(
        rank=rank,
        tracklet_id=tracklet.id,
        camera=video.camera.name,
        video_id=video.id,
        video=video.path,
        first_time_s=tracklet.first_time_s,
        last_time_s=tracklet.last_time_s,
        start_utc=video.moment(tracklet.first_time_s),
        time_source=video.time_source,
        box=tracklet.thumbnail.box,
        box_time_s=tracklet.thumbnail.time_s,
        score=hit.score,
        thumbnail=tracklet.thumbnail.path,
        identity=_name_of(tracklet, known.names),
        verdict=None if judgement is None else judgement.of(tracklet.id, tracklet.identity_id),
        transit=hit.transit,
        probability=hit.probability,
        pictures=pictures,
        corrected=not video.camera.clock.is_raw,
        is_person=tracklet.is_person,
    )


def _row(
    tracklet: Tracklet, trajectory: Trajectory, video: Video, names: dict[int, str]
) -> TrackletRow:
    # The nearest analysed frame is the thumbnail's own: crops are cut from analysed frames.
    place = int(np.argmin(np.abs(trajectory.frame_index - tracklet.thumbnail.frame_index)))
    return TrackletRow(
        tracklet_id=tracklet.id,
        number=tracklet.number,
        first_time_s=tracklet.first_time_s,
        last_time_s=tracklet.last_time_s,
        start_utc=video.moment(tracklet.first_time_s),
        box=tracklet.thumbnail.box,
        box_time_s=tracklet.thumbnail.time_s,
        score=float(trajectory.scores[place]),
        thumbnail=tracklet.thumbnail.path,
        identity=_name_of(tracklet, names),
    )


def _name_of(tracklet: Tracklet, names: dict[int, str]) -> str | None:
    return None if tracklet.identity_id is None else names.get(tracklet.identity_id)


def _first_of(names: Sequence[str]) -> str:
    """Names for a message; a long list is cut."""
    shown = listed(names[:NAMES_IN_MESSAGE])
    left_out = len(names) - NAMES_IN_MESSAGE
    return tr("{names} and {count} more", names=shown, count=left_out) if left_out > 0 else shown
