"""Which camera recorded a file, by its folder or its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.core.errors import UsageError

_TOKEN = r"(?:cam(?:era)?|ch(?:annel|an|n)?|kamera)[ _.-]?\d{1,4}"
_CAMERA_IN_NAME = re.compile(rf"(?<![A-Za-z0-9]){_TOKEN}(?![A-Za-z0-9])", re.IGNORECASE)
_CAMERA_FOLDER = re.compile(_TOKEN, re.IGNORECASE)
_DATA_SET_CAMERA = re.compile(r"(c\d{1,3})s\d+(?:_|$)")  # Market-1501: "c3s1_000501"
_DATE = r"20\d\d[-_.]?[01]\d[-_.]?[0-3]\d"
# "Driveway_20240514_103207": what stands before the time is what its owner calls the camera.
_NAME_BEFORE_TIME = re.compile(rf"(?P<name>.*?)[ _.-]+{_DATE}(?:[T _.-]|\d{{6}}|$)")
_DATE_FOLDERS = re.compile(r"^(?:20\d\d[-_./]?[01]\d[-_./]?[0-3]\d/)+")
# What phones and recorders write before the time, whichever camera it is.
_GENERIC = """
capture clip export frame image img mov movie nvr output pxl rec record recording screen screenshot
snapshot stream vid video
"""
_NO_CAMERA = frozenset(_GENERIC.split())


@dataclass(frozen=True, slots=True)
class Footage:
    """What there is to tell a camera by.

    Attributes:
        path: relative to the ingested folder; of an image sequence, its first frame.
        stem: the file's name without its suffix; of an image sequence, without the number.
    """

    path: PurePosixPath
    stem: str


def name_cameras(footage: Sequence[Footage], camera_by: str, root_name: str) -> list[str]:
    """Names the camera of each video of a folder.

    Args:
        footage: all videos of the folder.
        camera_by: `auto`: the first folder below the ingested one, unless its videos themselves
            name different cameras; else what the file name says; else its stem. Days that stand
            above the cameras are passed over, and equal names in different folders are told
            apart (``siteA/cam1``). `folder`: the first folder. `file`: what the file name says,
            else its stem. Anything else: a regular expression, searched in the relative path,
            whose group `camera`, or only group, is the name; a file without it keeps its stem.
        root_name: name of the ingested folder, the camera of videos directly in it with `folder`.

    Returns:
        One name for each.

    Raises:
        UsageError: the regular expression is invalid or has no such group.
    """
    if camera_by == "auto":
        names = _auto(footage, root_name)
    elif camera_by == "folder":
        names = [_first_folder(one.path) or root_name for one in footage]
    elif camera_by == "file":
        names = [_said_by_name(one.stem) or one.stem for one in footage]
    else:
        names = _by_pattern(footage, camera_by)
    spelling: dict[str, str] = {}  # CH01 and ch01 are one camera
    return [spelling.setdefault(name.casefold(), name) for name in names]


def _auto(footage: Sequence[Footage], root_name: str) -> list[str]:
    undated = [PurePosixPath(_DATE_FOLDERS.sub("", one.path.as_posix())) for one in footage]
    top = root_name if _CAMERA_FOLDER.fullmatch(root_name) else ""
    folders = [_first_folder(path) or top for path in undated]
    said = _said(footage, undated, folders)
    named: dict[str, set[str]] = {}  # folder → the cameras that its videos name
    for folder, name in zip(folders, said, strict=True):
        named.setdefault(folder, set()).update({name.casefold()} if name else ())
    by_itself = [
        bool(name) and (not folder or len(named[folder]) > 1)
        for folder, name in zip(folders, said, strict=True)
    ]
    names = [
        (name if itself else folder) or one.stem
        for one, folder, name, itself in zip(footage, folders, said, by_itself, strict=True)
    ]
    origins: dict[str, set[str]] = {}
    for folder, name in zip(folders, names, strict=True):
        origins.setdefault(name.casefold(), set()).add(folder)
    return [
        f"{folder}/{name}" if itself and folder and len(origins[name.casefold()]) > 1 else name
        for folder, name, itself in zip(folders, names, by_itself, strict=True)
    ]


def _said(
    footage: Sequence[Footage], undated: Sequence[PurePosixPath], folders: Sequence[str]
) -> list[str]:
    """The camera that each video's path names below its first folder, or empty.

    A short name (cam2) stands for the whole one (North gate_cam2) unless that would make one
    camera out of several.
    """
    short = [
        _folder_said(path) or _said_by_name(one.stem)
        for one, path in zip(footage, undated, strict=True)
    ]
    whole = [_whole_name(one.stem, name) for one, name in zip(footage, short, strict=True)]
    wholes: dict[tuple[str, str], set[str]] = {}
    for folder, name, long in zip(folders, short, whole, strict=True):
        wholes.setdefault((folder, name.casefold()), set()).add(_letters(long))
    return [
        long if len(wholes[folder, name.casefold()]) > 1 else name
        for folder, name, long in zip(folders, short, whole, strict=True)
    ]


def _first_folder(path: PurePosixPath) -> str:
    return path.parts[0] if len(path.parts) > 1 else ""


def _folder_said(path: PurePosixPath) -> str:
    """A folder between the first one and the file that is called like a camera, or empty."""
    return next((part for part in path.parts[1:-1] if _CAMERA_FOLDER.fullmatch(part)), "")


def _said_by_name(stem: str) -> str:
    """The camera that a file name says, or empty."""
    token = _CAMERA_IN_NAME.search(stem)
    if token:
        return token.group()
    data_set = _DATA_SET_CAMERA.match(stem)
    if data_set:
        return data_set.group(1)
    before_time = _NAME_BEFORE_TIME.match(stem)
    name = before_time["name"] if before_time else ""
    return name if _letters(name) and _letters(name) not in _NO_CAMERA else ""


def _whole_name(stem: str, short: str) -> str:
    """The file name up to and with the short name of the camera, without a time before it."""
    end = stem.find(short) + len(short) if short and short in stem else 0
    return re.sub(r"^[\d\W_]+", "", stem[:end]) or short


def _letters(name: str) -> str:
    return re.sub(r"[\d\W_]+", "", name).casefold()


def _by_pattern(footage: Sequence[Footage], pattern: str) -> list[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f'"{pattern}" is no rule for cameras: {error}.',
            "Give auto, folder, file, or a regular expression such as (cam[0-9]+).",
        ) from error
    if "camera" not in expression.groupindex and expression.groups != 1:
        raise UsageError(
            f'"{pattern}" does not say which part is the camera.',
            "Put brackets around that part, as in (cam[0-9]+), or name it (?P<camera>…).",
        )
    group = "camera" if "camera" in expression.groupindex else 1
    matches = [expression.search(one.path.as_posix()) for one in footage]
    return [
        (match[group] if match else None) or one.stem
        for one, match in zip(footage, matches, strict=True)
    ]
