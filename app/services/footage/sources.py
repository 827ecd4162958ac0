"""What footage a folder holds: video files, and folders of numbered pictures."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from app.core.entities import Video
from app.core.errors import UsageError, VideoError
from app.core.frame_names import IMAGE_SUFFIXES, frame_name, sequences
from app.core.library_files import CROPS, DATABASE
from app.core.orders import Ordered
from app.language import tr
from app.services.footage.camera_names import Footage, name_cameras
from app.services.footage.substreams import pair_streams

logger = logging.getLogger(__name__)

# What recorders, cameras and phones write; which of them is no video after all is seen later.
_SUFFIXES = """
.mp4 .m4v .mov .qt .mkv .webm .avi .divx .wmv .asf .flv .f4v .3gp .3g2 .ogv .ogm .mxf .nut
.ts .tp .trp .mts .m2ts .m2t .mpg .mpeg .mpe .m1v .m2v .mpv .ps .vob .mod .tod .dv .rm .rmvb
.dav .h264 .264 .avc .h265 .265 .hevc .mjpg .mjpeg .ivf
"""
VIDEO_SUFFIXES = frozenset(_SUFFIXES.split())
# What operating systems and network storage put beside the footage.
_NO_FOOTAGE = frozenset({"@eadir", "__macosx", "$recycle.bin", "system volume information"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One video to be ingested.

    Attributes:
        path: the file; of an image sequence, its folder.
        camera: name of the viewpoint.
        prefix: of an image sequence, its file names before the number.
        view: which of the file's video streams, from 0, the main one first.
        main: of a sub stream, the file in which the same is recorded large; else None.
    """

    path: Path
    camera: str
    kind: Literal["file", "sequence"]
    prefix: str = ""
    view: int = 0
    main: Path | None = None


def find_sources(folder: Path, camera_by: str = "auto") -> list[SourceFile]:
    """Everything below a folder that can be ingested, in natural order of the paths.

    Hidden files and the crops of our own libraries are left out. A single video file, or one frame
    of an image sequence, can be given instead of a folder.

    Args:
        folder: where to look.
        camera_by: see `app.services.footage.camera_names.name_cameras`.

    Raises:
        UsageError: nothing is there, nothing can be ingested, or `camera_by` is no valid rule.
    """
    if not folder.exists():
        raise UsageError(tr("{folder} does not exist.", folder=folder), tr("Check the path."))
    if folder.is_dir():
        root, found = folder, list(_walk(folder))
    else:
        root, found = folder.parent, [_single(folder)]
    found.sort(key=lambda each: _natural((each[0].path / each[0].prefix).relative_to(root)))
    if not found:
        raise UsageError(
            tr("There is no footage in {folder}.", folder=folder),
            tr(
                "Looked for video files (MP4, MKV, AVI, MOV, WebM, TS, DAV, …) and "
                "for folders of numbered JPEG or PNG pictures, in all its subfolders."
            ),
        )
    footage = [_footage(source, first.relative_to(root)) for source, first in found]
    top = PurePosixPath(root.resolve().as_posix())
    cameras = name_cameras(footage, camera_by, top)
    streams = pair_streams(footage, top, lambda some: name_cameras(some, "auto", top))
    if camera_by == "auto":
        pairs = zip(streams.cameras, cameras, strict=True)
        cameras = [common or camera for common, camera in pairs]
    mains = [None if main is None else found[main][1] for main in streams.main]
    return [
        replace(source, camera=camera, main=main)
        for (source, _), camera, main in zip(found, cameras, mains, strict=True)
    ]


def ready(sources: Sequence[SourceFile], *, sub_streams: bool) -> list[Ordered]:
    """Sources ready to be ordered; without those that are gone.

    Args:
        sources: as found.
        sub_streams: read sub streams, too, although their main streams are read.
    """
    found = []
    for source in sources:
        first = next(iter(source_files(source)), None)
        if first is not None:
            reason = "" if sub_streams else sub_stream_reason(source)
            found.append(Ordered(first, source.camera, *fingerprint(source), reason))
    return found


def sub_stream_reason(source: SourceFile) -> str:
    """Why a source is not read by itself, as a sentence; empty if it is."""
    return (
        "" if source.main is None else tr("It is the sub stream of {main}.", main=source.main.name)
    )


def source_files(source: SourceFile) -> list[Path]:
    """The files that a source consists of, frames in order; empty if they are gone."""
    if source.kind == "file":
        return [source.path]
    try:
        names = sequences(os.listdir(source.path)).get(source.prefix, [])  # noqa: PTH208
    except OSError:
        return []
    return [source.path / name for name in names]


def is_storable(source: SourceFile) -> bool:
    """Whether a library can hold it: it keeps paths as UTF-8, file systems take any bytes."""
    return not any("\ud800" <= sign <= "\udfff" for sign in str(source.path / source.prefix))


def fingerprint(source: SourceFile) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns, over all files of a source; 0 if gone."""
    stats = []
    for path in source_files(source):
        with suppress(OSError):  # a file may go at any moment
            stats.append(path.stat())
    return sum(each.st_size for each in stats), max((each.st_mtime_ns for each in stats), default=0)


def is_readable(source: SourceFile) -> bool:
    """Whether all files of a source are there and may be read."""
    try:
        for path in source_files(source):
            with path.open("rb") as file:
                file.read(1)
    except OSError:
        return False
    return True


@contextmanager
def reading(source: SourceFile) -> Iterator[None]:
    """Turns an OSError of the body, which reads the source's files, into a VideoError."""
    try:
        yield
    except OSError as error:
        raise VideoError(
            tr(
                "{name} can no longer be read: {reason}.",
                name=source.path.name,
                reason=error.strerror,
            ),
            tr("Make it readable and load the folder again."),
        ) from error


def source_of(video: Video) -> SourceFile:
    """The source that a stored video was read from; of an image sequence, its first frame says."""
    name = frame_name(video.path.name)
    if name is None:
        return SourceFile(video.path, video.camera.name, "file", view=video.info.view)
    return SourceFile(video.path.parent, video.camera.name, "sequence", name.prefix)


def _walk(root: Path) -> Iterator[tuple[SourceFile, Path]]:
    """All sources below a folder, without cameras, each with its first file.

    Symbolic links are followed, circles not.
    """
    seen: set[str] = set()
    walk = os.walk(root, followlinks=True, onerror=_skipped_folder)
    for place, folders, names in walk:
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        own = {CROPS} if DATABASE in names else set()
        folders[:] = [
            name
            for name in folders
            if name.lower() not in _NO_FOOTAGE and name[0] != "." and name not in own
        ]
        names = [name for name in names if _can_be_read(place, name)]
        for name in names:
            path = Path(place, name)
            if path.suffix.lower() in VIDEO_SUFFIXES and name[0] != ".":
                yield SourceFile(path, "", "file"), path
        for prefix, pictures in sequences(names).items():
            yield SourceFile(Path(place), "", "sequence", prefix), Path(place, pictures[0])


def _can_be_read(place: str, name: str) -> bool:
    """Whether it is footage by its name, and no pipe or device, which may never end.

    What is not there, such as the target of a link, is named as missing later.
    """
    path = Path(place, name)
    if path.suffix.lower() not in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    if not stat.S_ISREG(mode):
        logger.info("%s is not a file; it is left out", path)
    return stat.S_ISREG(mode)


def _skipped_folder(error: OSError) -> None:
    logger.warning("%s cannot be read: %s", error.filename, error.strerror)


def _single(path: Path) -> tuple[SourceFile, Path]:
    """The source that one file stands for, and its first file."""
    if not path.is_file():
        raise UsageError(
            tr("{path} is a pipe or a device, not a file.", path=path),
            tr("Name a file or a folder."),
        )
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return SourceFile(path, "", "file"), path  # whatever its suffix: it was named
    name = frame_name(path.name)
    found = sequences(sibling.name for sibling in path.parent.iterdir())
    if name is None or name.prefix not in found:
        raise UsageError(
            tr("{name} is a single picture, not a video.", name=path.name),
            tr("To search for the person in it, use search --image."),
        )
    first = path.with_name(found[name.prefix][0])
    return SourceFile(path.parent, "", "sequence", name.prefix), first


def _footage(source: SourceFile, first: Path) -> Footage:
    """What tells the camera; `first` is the source's first file, relative to the folder."""
    path = PurePosixPath(first.as_posix())
    if source.kind == "file":
        return Footage(path, source.path.stem)
    return Footage(path, source.prefix.rstrip("_-. ") or source.path.resolve().name)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts cam2 before cam10."""
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
