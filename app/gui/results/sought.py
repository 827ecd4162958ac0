"""Who is looked for: found in a worker, with all that is known about the person by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PySide6.QtGui import QImage

from app.core.clock import format_time
from app.core.entities import Detections, Image
from app.core.errors import NotFoundError
from app.core.queries import (
    CropQuery,
    Hit,
    PersonQuery,
    Query,
    TrackletQuery,
    examples,
    sought_tracklet,
)
from app.gui.hit_text import taken_utc, video_time_text
from app.gui.results.query_head import HeadExample
from app.gui.results.thumbnails import read_picture
from app.language import tr
from app.services.search.photo import Photo

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.services.people.catalog import HitDetails
    from app.services.workspace import Workspace

# Of those that were confirmed, and of those rejected, so many are shown in the head.
_HEAD_PICTURES = 5


class PointOfFrame(NamedTuple):
    """A point of a frame, in pixels of the full frame."""

    video_id: int
    time_s: float
    x_px: float
    y_px: float


class BoxOfFrame(NamedTuple):
    """A box that was drawn on a frame, in pixels of the full frame."""

    video_id: int
    time_s: float
    left_px: float
    top_px: float
    right_px: float
    bottom_px: float


class BoxOfPhoto(NamedTuple):
    """A box of a picture file, in its pixels."""

    file: str
    left_px: float
    top_px: float
    right_px: float
    bottom_px: float


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """Who is looked for, ready to be searched and shown.

    Attributes:
        origin: tells searches apart: the tracklet's id or the picture that it began with.
        picture: what the head of the results shows.
        details: where a stored person was seen; None for a picture.
        title: names a picture; empty for a stored person.
        examples: some of those that were confirmed or rejected, for the head of the results.
        counts: how many were confirmed, and rejected.
        begun_with: the place in a frame or a picture file that a search without a sighting
            began with; None for a pasted picture.
    """

    query: Query
    origin: object
    picture: QImage
    details: HitDetails | None = None
    title: str = ""
    examples: tuple[HeadExample, ...] = ()
    counts: tuple[int, int] = (0, 0)
    begun_with: PointOfFrame | BoxOfFrame | BoxOfPhoto | None = None

    @property
    def sighting_id(self) -> int | None:
        """A sighting of the person: verdicts are about it."""
        return sought_tracklet(self.query)

    def caption(self, zone: ZoneInfo) -> str:
        """Who is sought: name, camera and time, or what the picture is called."""
        details = self.details
        if details is None:
            return self.title
        name = f"{details.identity} · " if details.identity else ""
        taken = taken_utc(details)
        when = tr(
            "{time} into {video}",
            time=video_time_text(details.box_time_s),
            video=details.video.name,
        )
        if taken is not None:
            when = format_time(taken, zone)
        return f"{name}{details.camera} · {when}"


Find = Callable[[], Sought]
"""Finds out who is sought; runs in a worker, may load a network, raises UserFacingError."""


def stored(workspace: Workspace, tracklet_id: int) -> Sought:
    """Looks for the person of a stored tracklet; raises NotFoundError if it is gone."""
    found = workspace.catalog.details([Hit(tracklet_id, score=1.0, cosine=1.0)])
    if not found:
        raise _gone()
    picture = read_picture(found[0].thumbnail)
    query = workspace.people.query_of(tracklet_id)
    return _with_examples(workspace, Sought(query, tracklet_id, picture, found[0]))


def stored_again(workspace: Workspace, tracklet_id: int, first_time_s: float) -> Sought:
    """As `stored`; raises NotFoundError if the tracklet of that id is now another one."""
    sought = stored(workspace, tracklet_id)
    if sought.details is None or sought.details.first_time_s != first_time_s:
        raise _gone()
    return sought


def _gone() -> NotFoundError:
    return NotFoundError(
        tr("This person is no longer in the library."), tr("Click a person in the player.")
    )


def person(workspace: Workspace, identity_id: int) -> Sought:
    """Looks for a person of the library; raises NotFoundError or UsageError."""
    first = workspace.people.query(identity_id).shown[0]
    assert isinstance(first, TrackletQuery), "stored people are known by sightings"
    return stored(workspace, first.tracklet_id)


def with_sighting(workspace: Workspace, sought: Sought, tracklet_id: int | None) -> Sought:
    """A search that began with a picture, with the first sighting that was confirmed, if any."""
    if tracklet_id is None or sought.sighting_id is not None:
        return sought
    return known_by_now(workspace, with_first(sought, tracklet_id))


def with_first(sought: Sought, tracklet_id: int) -> Sought:
    """A search for a picture, once the first sighting was confirmed."""
    query = PersonQuery((*examples(sought.query), TrackletQuery(tracklet_id)))
    return replace(sought, query=query)


def known_by_now(workspace: Workspace, sought: Sought) -> Sought:
    """The same search with what has been said since."""
    tracklet_id = sought.sighting_id
    if tracklet_id is None:
        return sought
    known = workspace.people.query_of(tracklet_id)
    pictures = [each for each in examples(sought.query) if isinstance(each, CropQuery)]
    query: Query = known
    if pictures and workspace.library.tracklet(tracklet_id).identity_id is None:
        query = pictures[0]  # the first sighting was taken back
    elif pictures:
        rejected = known.rejected if isinstance(known, PersonQuery) else ()
        query = PersonQuery((*pictures, *examples(known)), rejected)
    details = sought.details
    if details is not None:
        found = workspace.catalog.details([Hit(tracklet_id, score=1.0, cosine=1.0)])
        details = found[0] if found else details
    return _with_examples(workspace, replace(sought, query=query, details=details))


def _with_examples(workspace: Workspace, sought: Sought) -> Sought:
    """With the pictures of those that were judged."""
    query, own = sought.query, sought.origin
    shown = [each.tracklet_id for each in examples(query) if isinstance(each, TrackletQuery)]
    rejected = query.rejected if isinstance(query, PersonQuery) else ()
    judged = {each: True for each in shown if each != own} | dict.fromkeys(rejected, False)
    some = [each for is_same in (True, False) for each in _most(judged, is_same)]
    found = workspace.catalog.details([Hit(each, score=0.0, cosine=0.0) for each in some])
    heads = tuple(
        HeadExample(
            each.tracklet_id,
            judged[each.tracklet_id],
            read_picture(each.thumbnail),
            f"{each.camera} · {video_time_text(each.box_time_s)}",
        )
        for each in found
    )
    counts = sum(judged.values()), len(judged) - sum(judged.values())
    return replace(sought, examples=heads, counts=counts)


def _most(judged: Mapping[int, bool], is_same: bool) -> list[int]:
    return [each for each, same in judged.items() if same is is_same][:_HEAD_PICTURES]


def pointed_at(workspace: Workspace, point: PointOfFrame) -> Sought:
    """Looks for the person at a point of a frame; raises UserFacingError if nobody is there."""
    tracklet_id = workspace.playback.person_at(*point)
    if tracklet_id is not None:
        return stored(workspace, tracklet_id)
    query = workspace.detect_person_at(*point)
    title = tr("Person at {time}, found in the frame", time=video_time_text(point.time_s))
    return Sought(query, query, as_qimage(query.image), title=title, begun_with=point)


def boxed(workspace: Workspace, drawn: BoxOfFrame) -> Sought:
    """Looks for the person in a box of a frame; raises VideoError if it cannot be read."""
    video_id, time_s, *sides_px = drawn
    query = workspace.query_in_box(video_id, time_s, np.array(sides_px, np.float32))
    title = tr("Box drawn at {time}", time=video_time_text(time_s))
    return Sought(query, query, as_qimage(query.image), title=title, begun_with=drawn)


def in_picture(query: CropQuery, name: str, begun_with: BoxOfPhoto | None) -> Sought:
    """Looks for the person of a picture."""
    title = tr("Person of {picture}", picture=name)
    return Sought(query, query, as_qimage(query.image), title=title, begun_with=begun_with)


def in_photo(workspace: Workspace, place: BoxOfPhoto) -> Sought:
    """Looks for the person in a box of a picture file; raises NotFoundError or UsageError."""
    file, *sides_px = place
    photo = Photo(workspace.read_picture(Path(file)), Detections.none())
    return in_picture(photo.query(np.array(sides_px, np.float32)), Path(file).name, place)


def as_array(image: QImage) -> Image:
    """RGB uint8 (h, w, 3), a copy."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


def as_qimage(image: Image) -> QImage:
    """A picture of its own from RGB uint8 (h, w, 3)."""
    height, width = image.shape[:2]
    data = image.tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
