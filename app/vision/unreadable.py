"""Why a file cannot be opened as a video, in words that a user can act on."""

from __future__ import annotations

import errno
from pathlib import Path

import av

from app.core.errors import VideoError
from app.language import tr

_LFS_MARK = b"version https://git-lfs"
# Nothing that a recorder writes is shorter than its headers.
_SMALLEST_VIDEO_BYTES = 512
_HEAD_BYTES = 4096
_COPY_AGAIN = tr("Copy it again from the recorder.")


def why_unreadable(path: Path, error: Exception) -> VideoError:
    """The reason why PyAV could not open a file, or found nothing to decode in it.

    Args:
        path: the file.
        error: what was raised.
    """
    if isinstance(error, av.DecoderNotFoundError):
        return unknown_codec(path)
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as problem:
        return _out_of_reach(path, problem)
    return (
        _not_a_video(path, head, size_bytes)
        or _index_missing(path, head, size_bytes)
        or _damaged(path, error)
    )


def no_pictures(path: Path, *, has_sound: bool) -> VideoError:
    """The file could be opened but shows nothing."""
    if has_sound:
        message = tr("{name} contains only sound.", name=path.name)
    else:
        message = tr("{name} contains no video stream.", name=path.name)
    return VideoError(message, tr("Take it out of the folder."))


def pictures_taken_for_sound(path: Path) -> VideoError:
    """An MPEG program stream without a stream map, whose pictures were not recognised."""
    return VideoError(
        tr(
            "{name} contains pictures, but not the stream map that says how they are "
            "coded, so they are taken for sound.",
            name=path.name,
        ),
        tr("Export it from the recorder again, as MP4 if possible."),
    )


def not_a_file(path: Path) -> VideoError:
    """There is a pipe or device of that name; to open it might take for ever."""
    return VideoError(
        tr("{name} is a pipe or device, not a video file.", name=path.name),
        tr("Take it out of the folder."),
    )


def unknown_codec(path: Path) -> VideoError:
    """The file could be opened, but no decoder is there for its pictures."""
    return VideoError(
        tr("{name} has a codec that no decoder is available for.", name=path.name),
        tr("Export it from the recorder as MP4 (H.264)."),
    )


def nothing_decodable(path: Path) -> VideoError:
    """The file could be opened but not a single frame came out."""
    return VideoError(
        tr("{name} contains no frame that can be decoded.", name=path.name), _COPY_AGAIN
    )


def _out_of_reach(path: Path, problem: OSError) -> VideoError:
    if isinstance(problem, FileNotFoundError):
        return VideoError(
            tr("{name} is no longer there.", name=path.name), tr("Load its folder again.")
        )
    if isinstance(problem, PermissionError):
        return VideoError(
            tr("You may not read {name}.", name=path.name),
            tr("Change its permissions so that you can read it."),
        )
    if isinstance(problem, IsADirectoryError):
        return VideoError(tr("{name} is a folder, not a video file.", name=path.name))
    detail = problem.strerror or errno.errorcode.get(problem.errno or 0, tr("unknown error"))
    return VideoError(
        tr("{name} cannot be read: {detail}.", name=path.name, detail=detail),
        tr("Check the disk it is stored on."),
    )


def _not_a_video(path: Path, head: bytes, size_bytes: int) -> VideoError | None:
    if size_bytes == 0:
        return VideoError(tr("{name} is empty.", name=path.name), _COPY_AGAIN)
    if head.startswith(_LFS_MARK):
        return VideoError(
            tr("{name} is a Git LFS pointer, not the video itself.", name=path.name),
            tr('Fetch the video with "git lfs pull".'),
        )
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return VideoError(
            tr("{name} is a web page, not a video: a download went wrong.", name=path.name),
            tr("Download it again."),
        )
    if size_bytes < _SMALLEST_VIDEO_BYTES:
        return VideoError(
            tr(
                "{name} is too small to be a video ({size_bytes} bytes).",
                name=path.name,
                size_bytes=size_bytes,
            ),
            _COPY_AGAIN,
        )
    return None


def _index_missing(path: Path, head: bytes, size_bytes: int) -> VideoError | None:
    """An MP4 file without its `moov` box; that box is written last, when recording ends."""
    if head[4:8] not in (b"ftyp", b"mdat", b"wide", b"free", b"skip"):
        return None
    if b"moov" in _top_level_boxes(path, size_bytes):
        return None
    return VideoError(
        tr(
            "{name} has no index (moov): the recording or copy was cut before it was complete.",
            name=path.name,
        ),
        tr("Copy it again from the recorder, or repair it there."),
    )


def _top_level_boxes(path: Path, size_bytes: int) -> set[bytes]:
    kinds: set[bytes] = set()
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size_bytes:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:], "big")
            kinds.add(header[4:8])
            if length < 8:  # 0: up to the end of the file
                break
            at += length
    return kinds


def _damaged(path: Path, error: Exception) -> VideoError:
    if isinstance(error, av.InvalidDataError):
        return VideoError(
            tr(
                "{name} is not a video in a format that is known, or is damaged at its start.",
                name=path.name,
            ),
            tr("Play it elsewhere to see whether it is complete, or export it as MP4."),
        )
    detail = getattr(error, "strerror", None) or type(error).__name__
    return VideoError(
        tr("{name} cannot be opened: {detail}.", name=path.name, detail=detail), _COPY_AGAIN
    )
