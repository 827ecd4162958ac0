"""What footage a folder holds: video files, and folders of numbered pictures."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from app.core.entities import Video
from app.core.errors import UsageError
from app.core.frame_names import IMAGE_SUFFIXES, frame_name, sequences
from app.services.camera_names import Footage, name_cameras

logger = logging.getLogger(__name__)

# What recorders, cameras and phones write; which of them is no video after all is seen later.
_SUFFIXES = """
.mp4 .m4v .mov .qt .mkv .webm .avi .divx .wmv .asf .flv .f4v .3gp .3g2 .ogv .ogm .mxf .nut
.ts .tp .trp .mts .m2ts .m2t .mpg .mpeg .mpe .m1v .m2v .mpv .ps .vob .mod .tod .dv .rm .rmvb
.dav .h264 .264 .avc .h265 .265 .hevc .mjpg .mjpeg .ivf
"""
VIDEO_SUFFIXES = frozenset(_SUFFIXES.split())
LIBRARY_FILE = "library.sqlite"
# What operating systems and network storage put beside the footage.
_NO_FOOTAGE = frozenset({"@eadir", "__macosx", "$recycle.bin", "system volume information"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One video to be ingested.

    Attributes:
        path: the file; of an image sequence, its folder.
        camera: name of the viewpoint.
        prefix: of an image sequence, its file names before the number.
    """

    path: Path
    camera: str
    kind: Literal["file", "sequence"]
    prefix: str = ""


def find_sources(folder: Path, camera_by: str = "auto") -> list[SourceFile]:
    """Everything below a folder that can be ingested, in natural order of the paths.

    Hidden files and our own libraries are left out. A single video file, or one frame of an image
    sequence, can be given instead of a folder.

    Args:
        folder: where to look.
        camera_by: see `app.services.camera_names.name_cameras`.

    Raises:
        UsageError: nothing is there, nothing can be ingested, or `camera_by` is no valid rule.
    """
    if not folder.exists():
        raise UsageError(f"{folder} does not exist.", "Check the path.")
    if folder.is_dir():
        root, found = folder, list(_walk(folder))
    else:
        root, found = folder.parent, [_single(folder)]
    found.sort(key=lambda source: _natural((source.path / source.prefix).relative_to(root)))
    if not found:
        raise UsageError(
            f"There is no footage in {folder}.",
            "Looked for video files (MP4, MKV, AVI, MOV, WebM, TS, DAV, …) and for folders of "
            "numbered JPEG or PNG pictures, in all its subfolders.",
        )
    footage = [_footage(source, root) for source in found]
    cameras = name_cameras(footage, camera_by, root.resolve().name or "camera")
    return [
        SourceFile(source.path, camera, source.kind, source.prefix)
        for source, camera in zip(found, cameras, strict=True)
    ]


def source_files(source: SourceFile) -> list[Path]:
    """The files that a source consists of, frames in order; empty if they are gone."""
    if source.kind == "file":
        return [source.path]
    try:
        names = sequences(os.listdir(source.path)).get(source.prefix, [])  # noqa: PTH208
    except OSError:
        return []
    return [source.path / name for name in names]


def source_of(video: Video) -> SourceFile:
    """The source that a stored video was read from; of an image sequence, its first frame says."""
    name = frame_name(video.path.name)
    if name is None:
        return SourceFile(video.path, video.camera.name, "file")
    return SourceFile(video.path.parent, video.camera.name, "sequence", name.prefix)


def _walk(root: Path) -> Iterator[SourceFile]:
    """All sources below a folder, without cameras; symbolic links are followed, circles not."""
    seen: set[str] = set()
    walk = os.walk(root, followlinks=True, onerror=_skipped_folder)
    for place, folders, names in walk:
        real = os.path.realpath(place)
        is_library = LIBRARY_FILE in names
        if real in seen or is_library:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [
            name for name in folders if name.lower() not in _NO_FOOTAGE and name[0] != "."
        ]
        for name in names:
            path = Path(place, name)
            if path.suffix.lower() in VIDEO_SUFFIXES and name[0] != ".":
                yield SourceFile(path, "", "file")
        for prefix in sequences(names):
            yield SourceFile(Path(place), "", "sequence", prefix)


def _skipped_folder(error: OSError) -> None:
    logger.warning("%s cannot be read: %s", error.filename, error.strerror)


def _single(path: Path) -> SourceFile:
    """The source that one file stands for."""
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return SourceFile(path, "", "file")  # whatever its suffix: it was named
    name = frame_name(path.name)
    found = sequences(sibling.name for sibling in path.parent.iterdir())
    if name is None or name.prefix not in found:
        raise UsageError(
            f"{path.name} is a single picture, not a video.",
            "To search for the person in it, use search --image.",
        )
    return SourceFile(path.parent, "", "sequence", name.prefix)


def _footage(source: SourceFile, root: Path) -> Footage:
    files = source_files(source)
    path = PurePosixPath(files[0].relative_to(root).as_posix())
    if source.kind == "file":
        return Footage(path, source.path.stem)
    return Footage(path, source.prefix.rstrip("_-. ") or source.path.resolve().name)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts cam2 before cam10."""
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
