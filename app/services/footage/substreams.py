"""Sub streams: many recorders write the same minutes twice, the second time small."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from app.core.name_reading import read_name
from app.services.footage.camera_names import TOGETHER, Footage

# Where a path says which stream it is: what says "main", what says "sub", what stands for both.
# Reolink's RecM01 and RecS01, and the letter at the end of its newer names; Yi's record_sub; UniFi
# Protect's channels 0 and 2; Hikvision's "Streaming/Channels/101" and 102; words, as Dahua and
# others write them.
_SUB = r"(?:sub|extra)[ _-]?(?:stream)?\d?"
_MARKS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = tuple(
    (re.compile(main, re.IGNORECASE), re.compile(sub, re.IGNORECASE), neutral)
    for main, sub, neutral in (
        (r"(?<![^/_])RecM(?=\d\d_)", r"(?<![^/_])RecS(?=\d\d_)", "RecM"),
        (r"(?<=\d)_M(?=\.\w+$)", r"(?<=\d)_S(?=\.\w+$)", ""),
        (r"(?<![^/])record/", r"(?<![^/])record_sub/", "record/"),
        (r"_0(?=_rotating_)", r"_[12](?=_rotating_)", ""),
        (
            r"(?<=channels[ _/-])(\d{1,2})01(?!\d)",
            r"(?<=channels[ _/-])(\d{1,2})0[23](?!\d)",
            r"\1",
        ),
        (
            r"(?<![^/])main[ _-]?(?:stream)?/|[ _-]main[ _-]?(?:stream)?(?![A-Za-z\d])",
            r"(?<![^/])SUB/|[ _-]SUB(?![A-Za-z\d])".replace("SUB", _SUB),
            "",
        ),
        (r"[ _-]stream[ _-]?1(?!\d)", r"[ _-]stream[ _-]?2(?!\d)", ""),
    )
)


@dataclass(frozen=True, slots=True)
class Streams:
    """Which of a folder's videos are streams of one camera.

    Attributes:
        cameras: of videos that have a partner of the other kind: their common camera; else None.
        main: of a sub stream, the place of the main stream that was recorded together with it; of
            all others None.
    """

    cameras: tuple[str | None, ...]
    main: tuple[int | None, ...]


def pair_streams(
    footage: Sequence[Footage],
    root: PurePosixPath,
    name: Callable[[Sequence[Footage]], Sequence[str]],
) -> Streams:
    """Finds main and sub streams of one camera.

    Args:
        footage: all videos of a folder.
        root: that folder, absolute.
        name: names the cameras of such videos.
    """
    read = [_stream_of(one) for one in footage]
    none = tuple(None for _ in footage)
    if not any(kind == "sub" for kind, _ in read):
        return Streams(none, none)
    names = name([neutral for _, neutral in read])
    mains: dict[str, list[int]] = {}
    # Those that say "main" first; some recorders mark the sub stream only.
    for wanted in ("main", ""):
        for at, ((kind, _), camera) in enumerate(zip(read, names, strict=True)):
            if kind == wanted:
                mains.setdefault(camera, []).append(at)
    subs = {camera for (kind, _), camera in zip(read, names, strict=True) if kind == "sub"}
    cameras = [
        camera if camera in mains and camera in subs else None
        for (kind, _), camera in zip(read, names, strict=True)
    ]
    starts = [read_name((root / one.path).as_posix()) for one in footage]

    def is_together(sub: int, main: int) -> bool:
        one, other = starts[sub], starts[main]
        if one is None or other is None or one.start is None or other.start is None:
            return read[sub][1].path == read[main][1].path
        return abs(one.start.clock - other.start.clock) <= TOGETHER

    main = [
        next((each for each in mains.get(camera, ()) if is_together(at, each)), None)
        if kind == "sub"
        else None
        for at, ((kind, _), camera) in enumerate(zip(read, names, strict=True))
    ]
    return Streams(tuple(cameras), tuple(main))


def _stream_of(one: Footage) -> tuple[str, Footage]:
    """Main, sub or empty, and the video as it would be called if it were the only stream."""
    text = one.path.as_posix()
    for main, sub, neutral in _MARKS:
        for kind, mark in (("sub", sub), ("main", main)):
            if mark.search(text):
                path = PurePosixPath(mark.sub(neutral, text, count=1))
                is_sequence = one.stem != one.path.stem
                return kind, replace(one, path=path, stem=one.stem if is_sequence else path.stem)
    return "", one
