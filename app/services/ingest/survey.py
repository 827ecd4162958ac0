"""What is understood of a folder before anything of it is analysed or stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

from app.core.clock import zone_text
from app.core.entities import StartSource, VideoInfo
from app.core.errors import VideoError
from app.core.layouts import Layout
from app.core.name_reading import read_name
from app.core.orders import view_camera
from app.core.ports import FrameSource
from app.language import tr
from app.services.footage.sources import (
    SourceFile,
    find_sources,
    reading,
    source_files,
    sub_stream_reason,
)
from app.services.ingest.ingest_options import IngestOptions
from app.services.pipeline import in_background

OpenSource = Callable[[SourceFile, float | None, tzinfo], FrameSource]
"""(source, its frame rate if given, zone of times that name none) → opened video."""
ToldApart = Callable[[Sequence[SourceFile], Sequence[SourceFile]], Sequence[SourceFile]]
"""(sources, others that come before them) → the sources, named."""


STATED = "stated"
"""In place of a zone: the time itself says which one it is in."""


@dataclass(frozen=True, slots=True)
class SurveyedVideo:
    """One video, as it would be ingested.

    Attributes:
        path: relative to the folder.
        layout: the row of `app.core.layouts` that its path fits, or None.
        info: what it says of itself, or None if it cannot be read.
        zone: the zone that its start was taken to be in, `STATED` where its name or layout says,
            or empty where its source has none to choose.
        problem: why it cannot be read, as a sentence, or empty.
        left_out: why it would not be read, although it can be, as a sentence, or empty.
    """

    path: Path
    camera: str
    layout: Layout | None
    info: VideoInfo | None
    zone: str
    problem: str = ""
    left_out: str = ""

    @property
    def name(self) -> str:
        """Its path, with its number where it is a further view of a file."""
        view = self.info.view if self.info else 0
        return self.path.as_posix() + (f"#{view + 1}" if view else "")

    @property
    def zone_words(self) -> str:
        """Its zone, for people."""
        return tr("stated") if self.zone == STATED else self.zone


@dataclass(frozen=True, slots=True)
class SurveyedCamera:
    """All videos of one camera together.

    Attributes:
        first_utc: start of the earliest one whose start is known, or None.
        last_utc: end of the latest one, or None.
        duration_s: of all of them, as far as they announce it.
    """

    name: str
    videos: tuple[SurveyedVideo, ...]
    first_utc: datetime | None
    last_utc: datetime | None
    duration_s: float


@dataclass(frozen=True, slots=True)
class Surveying:
    """How far it is; comes at least every 0.3 s.

    Attributes:
        video: what has just been looked at, or None.
    """

    done: int
    total: int
    video: SurveyedVideo | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The last event: everything in the folders.

    Attributes:
        paths: folders or single videos that were looked at, absolute.
        zone: the zone of times that name none.
    """

    paths: tuple[Path, ...]
    zone: tzinfo
    videos: tuple[SurveyedVideo, ...]

    @property
    def duration_s(self) -> float:
        """Seconds of footage that the videos announce."""
        return sum(_length_s(video) for video in self.videos)

    def cameras(self) -> list[SurveyedCamera]:
        """In the order in which they first occur."""
        by_name: dict[str, list[SurveyedVideo]] = {}
        for video in self.videos:
            by_name.setdefault(video.camera, []).append(video)
        return [_camera(name, videos) for name, videos in by_name.items()]


def survey(
    paths: Sequence[Path],
    options: IngestOptions,
    zone: tzinfo,
    open_source: OpenSource,
    told_from_stored: ToldApart = lambda sources, _others: sources,
) -> Iterator[Surveying | Survey]:
    """Looks at every video as it would be ingested; stores nothing.

    Args:
        paths: folders, or single videos.
        options: how they would be ingested.
        zone: of times that name none.
        open_source: opens a video.
        told_from_stored: names cameras apart from those of a library, see
            `app.services.footage.vehicles`.

    Raises:
        UsageError: a path is missing or holds no footage.
    """
    paths = [path.expanduser().resolve() for path in paths]
    found: list[tuple[SourceFile, Path]] = []
    for path in paths:
        root = path if path.is_dir() else path.parent
        sources = yield from in_background(
            partial(_sources, path, options, told_from_stored, [source for source, _ in found]),
            lambda: Surveying(0, 0),
        )
        found += [(source, root) for source in sources]
    videos: list[SurveyedVideo] = []
    for looked_at, (source, root) in enumerate(found, 1):
        look = partial(_look_at, root=root, options=options, zone=zone, open_source=open_source)
        video = yield from in_background(
            partial(look, source), partial(Surveying, looked_at - 1, len(found))
        )
        views = video.info.views if video.info else 1
        videos.append(video)
        yield Surveying(looked_at, len(found), video)
        for view in range(1, views):
            other = replace(source, camera=view_camera(source.camera, view), view=view)
            video = yield from in_background(
                partial(look, other), partial(Surveying, looked_at, len(found))
            )
            videos.append(video)
            yield Surveying(looked_at, len(found), video)
    yield Survey(tuple(paths), zone, tuple(videos))


def _sources(
    path: Path,
    options: IngestOptions,
    told_from_stored: ToldApart,
    others: Sequence[SourceFile],
) -> Sequence[SourceFile]:
    found = find_sources(path, options.camera_by)
    return told_from_stored(found, others) if options.camera_by == "auto" else found


def _look_at(
    source: SourceFile,
    root: Path,
    options: IngestOptions,
    zone: tzinfo,
    open_source: OpenSource,
) -> SurveyedVideo:
    first = next(iter(source_files(source)), source.path)
    read = read_name(first.as_posix())
    path = first.relative_to(root)
    layout = read.layout if read else None
    left_out = "" if options.sub_streams else sub_stream_reason(source)
    if left_out:
        return SurveyedVideo(path, source.camera, layout, None, "", left_out=left_out)
    try:
        with reading(source):
            opened = open_source(source, options.rate_fps, zone)
        opened.close()
    except VideoError as error:
        return SurveyedVideo(path, source.camera, layout, None, "", str(error))
    return SurveyedVideo(path, source.camera, layout, opened.info, _zone(opened.info, zone))


def _zone(info: VideoInfo, zone: tzinfo) -> str:
    if info.start_local is not None:
        return zone_text(zone)
    return STATED if info.start_source is StartSource.FILE_NAME else ""


def _camera(name: str, videos: list[SurveyedVideo]) -> SurveyedCamera:
    starts = [video.info.start_utc for video in videos if video.info and video.info.start_utc]
    ends = [end for video in videos if (end := _end(video)) is not None]
    return SurveyedCamera(
        name,
        tuple(videos),
        min(starts, default=None),
        max(ends, default=None),
        sum(_length_s(video) for video in videos),
    )


def _length_s(video: SurveyedVideo) -> float:
    return (video.info.duration_s if video.info else None) or 0.0


def _end(video: SurveyedVideo) -> datetime | None:
    if video.info is None or video.info.start_utc is None:
        return None
    return video.info.start_utc + timedelta(seconds=_length_s(video))
