"""Names of the numbered pictures that together are one video."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})

# Crops of re-identification data sets: "0001_c1s1_001051_00", "-1_c3s2_000123", "0005_c2_f0046985".
_PERSON_CROP = re.compile(r"-?\d+_c\d+(?:s\d+)?_f?\d+")
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d{1,18})", re.DOTALL)


class FrameName(NamedTuple):
    """What a numbered picture is called.

    Attributes:
        prefix: the name before the number; equal for all frames of a sequence.
        number: the number at the end of the name; its digits carry no length.
    """

    prefix: str
    number: int


def frame_name(file_name: str) -> FrameName | None:
    """Splits ``c1s1_001051.jpg`` into its prefix and number; None if this is no video frame."""
    path = PurePath(file_name)
    match = _NUMBERED.fullmatch(path.stem)
    hidden = path.name.startswith(".")
    if match is None or hidden or path.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    if _PERSON_CROP.match(path.stem):
        return None
    return FrameName(match["prefix"], int(match["number"]))


def sequences(file_names: Iterable[str]) -> dict[str, list[str]]:
    """Which files of one folder make up image sequences.

    Returns:
        Prefix → its file names in order of their numbers, at least two; where a number occurs
        twice (``1.jpg``, ``01.png``), the first name stands.
    """
    numbered: dict[str, dict[int, str]] = {}
    for name in sorted(file_names):
        split = frame_name(name)
        if split is not None:
            numbered.setdefault(split.prefix, {}).setdefault(split.number, name)
    return {
        prefix: [frames[number] for number in sorted(frames)]
        for prefix, frames in sorted(numbered.items())
        if len(frames) > 1
    }
