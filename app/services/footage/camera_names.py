"""Which camera recorded a file, by its folder or its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import PurePosixPath

from app.core.errors import UsageError
from app.core.name_reading import NameReading, is_generic, is_storage_folder, read_name
from app.language import tr

# Recordings that begin within so much of each other were made at once.
TOGETHER = timedelta(seconds=10)
_TOKEN = r"(?:cam(?:era)?|ch(?:annel|an|n)?|kamera)[ _.-]?\d{1,4}"
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
# cam2, 192.168.1.11-CH2, 192.168.1.64_01
_CAMERA_IN_NAME = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:{_ADDRESS}[ _-])?{_TOKEN}|{_ADDRESS}(?:_D?\d{{1,2}})?)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_CAMERA_FOLDER = re.compile(_TOKEN, re.IGNORECASE)
_DATA_SET_CAMERA = re.compile(r"(c\d{1,3})s\d+(?:_|$)")  # Market-1501: "c3s1_000501"
_DATE = r"20\d\d[-_.]?[01]\d[-_.]?[0-3]\d"
_ANY_DATE = re.compile(rf"(?<!\d)(?:{_DATE}|[0-3]?\d([-_.])[0-3]?\d\1(?:20)?\d\d)(?!\d)")
# "Driveway_20240514": what stands before the date is what its owner calls the camera.
_NAME_BEFORE_DATE = re.compile(
    rf"(?P<name>.*?)[ _.-]+(?:{_DATE}|[0-3]?\d([-_.])[0-3]?\d\2(?:20)?\d\d)(?:[T _.-]|\d{{6}}|$)"
)
# Folders named after what recorded: they name a camera only where nothing else does.
_MAKER_NAMES = """
amcrest axis blueiris blue_iris dahua eufy foscam frigate hikvision lorex motioneye nvr reolink
shinobi swann synology tapo unifi uniview wyze yi zoneminder
"""
_MAKERS = frozenset(_MAKER_NAMES.split())
_DATE_FOLDERS = re.compile(r"^(?:20\d\d[-_./]?[01]\d[-_./]?[0-3]\d/)+")


@dataclass(frozen=True, slots=True)
class Footage:
    """What there is to tell a camera by.

    Attributes:
        path: relative to the ingested folder; of an image sequence, its first frame.
        stem: the file's name without its suffix; of an image sequence, without the number.
    """

    path: PurePosixPath
    stem: str


def name_cameras(footage: Sequence[Footage], camera_by: str, root: PurePosixPath) -> list[str]:
    """Names the camera of each video of a folder.

    Args:
        footage: all videos of the folder.
        camera_by: `auto`: what the recorder's layout says (`app.core.layouts`), wherever the
            folder was entered; else the first folder below the ingested one, unless its videos
            themselves name different cameras; else what the file name says; else its stem, or
            the ingested folder where the name is nothing but a time. Days that stand above the
            cameras are passed over, and equal names in different folders are told apart
            (``siteA/cam1``). A camera cannot make two recordings at once: where the files of two
            folders begin together, the deeper folders count (``site/Lobby``, ``site/Garage``).
            `folder`: the first folder. `file`: what the file name says, else its stem. Anything
            else: a regular expression, searched in the relative path, whose group `camera`, or
            only group, is the name; a file without it keeps its stem.
        root: the ingested folder, absolute. Its name is the camera of videos directly in it with
            `folder`.

    Returns:
        One name for each.

    Raises:
        UsageError: the regular expression is invalid or has no such group.
    """
    readings = [read_name((root / one.path).as_posix()) for one in footage]
    if camera_by == "auto":
        names = _auto(footage, readings, root)
    elif camera_by == "folder":
        names = [_first_folder(one.path) or _place(root) for one in footage]
    elif camera_by == "file":
        names = [
            _said_by_name(one.stem, reading) or one.stem
            for one, reading in zip(footage, readings, strict=True)
        ]
    else:
        names = _by_pattern(footage, camera_by)
    spelling: dict[str, str] = {}  # CH01 and ch01 are one camera
    return [spelling.setdefault(name.casefold(), name) for name in names]


def _auto(
    footage: Sequence[Footage], readings: Sequence[NameReading | None], root: PurePosixPath
) -> list[str]:
    """What the layout says, and for the rest what folders and names say."""
    names = [reading.camera if reading else "" for reading in readings]
    rest = [at for at, name in enumerate(names) if not name]
    places = [_origin(reading, root) for reading in readings]
    told = _told_apart(names, places)
    by_names = _by_folder_and_name(
        [footage[at] for at in rest], [readings[at] for at in rest], root
    )
    for at, name in zip(rest, by_names, strict=True):
        told[at] = name
    return told


def _by_folder_and_name(
    footage: Sequence[Footage], readings: Sequence[NameReading | None], root: PurePosixPath
) -> list[str]:
    undated = [_undated(one.path, reading) for one, reading in zip(footage, readings, strict=True)]
    top = root.name if _CAMERA_FOLDER.fullmatch(root.name) else ""
    folders = [_first_folder(path) or top for path in undated]
    said = _said(footage, readings, undated, folders)
    named: dict[str, set[str]] = {}  # folder → the cameras that its videos name
    for folder, name in zip(folders, said, strict=True):
        named.setdefault(folder, set()).update({name.casefold()} if name else ())
    by_itself = [
        bool(name) and (not folder or len(named[folder]) > 1 or folder.casefold() in _MAKERS)
        for folder, name in zip(folders, said, strict=True)
    ]
    names = [
        (name if itself else folder) or (_place(root) if _is_only_a_time(reading) else one.stem)
        for one, reading, folder, name, itself in zip(
            footage, readings, folders, said, by_itself, strict=True
        )
    ]
    deeper = [_telling_below_first(path) for path in undated]
    at_once = _recorded_at_once(names, readings, deeper)
    for at, name in enumerate(names):
        is_maker = not by_itself[at] and folders[at].casefold() in _MAKERS
        if deeper[at] and (name in at_once or is_maker):
            names[at] = f"{deeper[at]}/{name}" if by_itself[at] else deeper[at]
            by_itself[at] = True
    places = [folder if itself else "" for folder, itself in zip(folders, by_itself, strict=True)]
    return _told_apart(names, places, folders)


def _recorded_at_once(
    names: Sequence[str], readings: Sequence[NameReading | None], folders: Sequence[str]
) -> set[str]:
    """The cameras that would have made two recordings at once, told apart by `folders`."""
    starts = sorted(
        (name, reading.start.clock, folder)
        for name, reading, folder in zip(names, readings, folders, strict=True)
        if reading is not None and reading.start is not None
    )
    return {
        name
        for (name, start, folder), (other, other_start, other_folder) in pairwise(starts)
        if name == other and folder != other_folder and other_start - start <= TOGETHER
    }


def _telling_below_first(path: PurePosixPath) -> str:
    return "/".join(part for part in path.parts[1:-1] if _tells(part))


def _told_apart(
    names: Sequence[str], places: Sequence[str], origins: Sequence[str] | None = None
) -> list[str]:
    """Puts its place before a name that occurs at several origins."""
    seen: dict[str, set[str]] = {}
    for name, origin in zip(names, origins or places, strict=True):
        seen.setdefault(name.casefold(), set()).add(origin)
    return [
        f"{place}/{name}" if place and len(seen[name.casefold()]) > 1 else name
        for name, place in zip(names, places, strict=True)
    ]


def _origin(reading: NameReading | None, root: PurePosixPath) -> str:
    """The folder that a whole layout lies in, below the ingested one; empty if directly in it."""
    above = PurePosixPath(reading.before) if reading else root
    if not above.is_relative_to(root):
        return ""
    telling = [part for part in above.relative_to(root).parts if _tells(part)]
    return "/".join(telling)


def nearest_telling(folder: PurePosixPath) -> PurePosixPath:
    """A folder or the nearest one above it whose name is more than a date or "videos"."""
    above = [each for each in (folder, *folder.parents) if each.name]
    return next((each for each in above if _tells(each.name)), folder)


def _place(root: PurePosixPath) -> str:
    return nearest_telling(root).name or "camera"


def _tells(folder: str) -> bool:
    return bool(re.search(r"[^\W\d_]", folder)) and not is_storage_folder(folder)


def _undated(path: PurePosixPath, reading: NameReading | None) -> PurePosixPath:
    """The path without the days above it; where its time is known, without "recordings", too."""
    shorter = PurePosixPath(_DATE_FOLDERS.sub("", path.as_posix()))
    while reading and len(shorter.parts) > 1 and not _tells(shorter.parts[0]):
        shorter = PurePosixPath(*shorter.parts[1:])
    return shorter


def _is_only_a_time(reading: NameReading | None) -> bool:
    return reading is not None and not reading.said


def _said(
    footage: Sequence[Footage],
    readings: Sequence[NameReading | None],
    undated: Sequence[PurePosixPath],
    folders: Sequence[str],
) -> list[str]:
    """The camera that each video's path names below its first folder, or empty.

    A short name (cam2) stands for the whole one (North gate_cam2) unless that would make one
    camera out of several: those whose whole names differ in letters, or that record at once.
    """
    short = [
        _folder_said(path) or _said_by_name(one.stem, reading)
        for one, reading, path in zip(footage, readings, undated, strict=True)
    ]
    whole = [
        _whole_name(_untimed(one.stem, reading), name)
        for one, reading, name in zip(footage, readings, short, strict=True)
    ]
    places = [f"{folder}/{name}".casefold() for folder, name in zip(folders, short, strict=True)]
    at_once = _recorded_at_once(places, readings, [name.casefold() for name in whole])
    wholes: dict[tuple[str, str], set[str]] = {}
    for folder, name, long in zip(folders, short, whole, strict=True):
        wholes.setdefault((folder, name.casefold()), set()).add(_letters(long))
    return [
        long if len(wholes[folder, name.casefold()]) > 1 or place in at_once else name
        for folder, name, long, place in zip(folders, short, whole, places, strict=True)
    ]


def _first_folder(path: PurePosixPath) -> str:
    return path.parts[0] if len(path.parts) > 1 else ""


def _folder_said(path: PurePosixPath) -> str:
    """A folder between the first one and the file that is called like a camera, or empty."""
    return next((part for part in path.parts[1:-1] if _CAMERA_FOLDER.fullmatch(part)), "")


def _said_by_name(stem: str, reading: NameReading | None) -> str:
    """The camera that a file name says, or empty."""
    token = _CAMERA_IN_NAME.search(_untimed(stem, reading))
    if token:
        return token.group()
    data_set = _DATA_SET_CAMERA.match(stem)
    if data_set:
        return data_set.group(1)
    if reading is not None and (reading.camera or reading.said):
        return reading.camera or reading.said
    before_date = _NAME_BEFORE_DATE.match(stem)
    name = before_date["name"] if before_date else ""
    return "" if is_generic(name) else name


def _untimed(stem: str, reading: NameReading | None) -> str:
    """The name with a line break instead of its time or date: "cam 2024-05-14" has no number."""
    return reading.untimed if reading is not None else _ANY_DATE.sub("\n", stem)


def _whole_name(untimed: str, short: str) -> str:
    """The file name up to and with the short name of the camera, without its time."""
    name = re.sub(r"[\s_.-]*\n[\s_.-]*", "_", untimed)
    end = name.find(short) + len(short) if short and short in name else 0
    return re.sub(r"^[\d\W_]+", "", name[:end]) or short


def _letters(name: str) -> str:
    return re.sub(r"[\d\W_]+", "", name).casefold()


def _by_pattern(footage: Sequence[Footage], pattern: str) -> list[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            tr('"{pattern}" is not a rule for cameras: {error}.', pattern=pattern, error=error),
            tr("Give auto, folder, file, or a regular expression such as (cam[0-9]+)."),
        ) from error
    if "camera" not in expression.groupindex and expression.groups != 1:
        raise UsageError(
            tr('"{pattern}" does not say which part is the camera.', pattern=pattern),
            tr("Put brackets around that part, as in (cam[0-9]+), or name it (?P<camera>…)."),
        )
    group = "camera" if "camera" in expression.groupindex else 1
    matches = [expression.search(one.path.as_posix()) for one in footage]
    return [
        (match[group] if match else None) or one.stem
        for one, match in zip(footage, matches, strict=True)
    ]
