"""Crops of people laid into labelled pictures: many more people than a few clips show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.detection.frames import PICTURES, Image, read_picture
from trainer.detection.matching import Boxes, covered
from trainer.detection.teaching import read_labels
from trainer.detection.windows import boxes_within
from trainer.errors import TrainerError

# Crops of re-identification sets hold some background around the person, beside more than above.
_PERSON_SHARE = np.array([0.85, 0.95], np.float32)  # of width and height
# What of a crop is laid: half its width is kept at these heights (head, shoulders, hips, feet), and
# fades over _SOFT more, so that little of its own background comes along.
_OUTLINE = ((0.0, 0.14, 0.24, 0.55, 1.0), (0.3, 0.36, 0.72, 0.78, 0.72))
_SOFT = 0.25
_SOFT_ENDS = 0.05
_HEIGHTS = (0.06, 1.0)  # of the picture's height
_LARGEST_SCALE = 3.0
_MOST_COVERED = 0.6
_IN_PERSPECTIVE = 0.6  # share of pictures where who stands lower is larger
_BESIDE = 0.4  # share of people who are beside the one before
_DEGRADED = 0.3  # share of pictures that are made blurred and grainy


@dataclass(frozen=True)
class CollageSettings:
    """Pictures made by laying crops into others.

    Attributes:
        crops: folders of crops that each show one person.
        pictures: how many are made.
        people: at most so many crops in each; up to a quarter as many pieces without people are
            laid in too, so that an edge is no sign of a person.
    """

    crops: tuple[Path, ...] = ()
    pictures: int = 0
    people: int = 12


def find_crops(folders: tuple[Path, ...]) -> list[Path]:
    """Picture files below some folders, sorted.

    Raises:
        TrainerError: a folder holds none.
    """
    found: list[Path] = []
    for folder in folders:
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
        if not files:
            raise TrainerError(f"{folder} holds no crops.", "Check the folders after --crops.")
        found += files
    return found


def collages(
    bases: list[tuple[Path, Path]], crops: list[Path], settings: CollageSettings, seed: int
) -> Iterator[tuple[Image, Boxes]]:
    """Picture (RGB uint8 (H, W, 3)) and boxes (n, 4) of each collage; a seed's are the same.

    Args:
        bases: labelled pictures with their label files.
        crops: pictures of one person each.
        settings: how many of what.
        seed: of every choice.
    """
    for number in range(settings.pictures):
        rng = np.random.default_rng([seed, number])
        base, other = (bases[int(rng.integers(len(bases)))] for _ in range(2))
        picture, boxes = _labelled(base)
        piece_source, piece_people = _labelled(other)
        for _ in range(int(rng.integers(settings.people // 4 + 1))):
            piece = _piece(piece_source, piece_people, rng)
            if piece is not None:
                place = _Places(picture, 1, rng).choose()[0]
                boxes = _uncovered(
                    boxes, _lay(picture, piece, place, rng, outlined=rng.random() < 0.3)
                )
        # Mostly few, sometimes a crowd.
        count = 1 + int(settings.people * rng.random() ** 2)
        for place in _Places(picture, count, rng).choose():
            crop = read_picture(crops[int(rng.integers(len(crops)))])
            laid = _lay(picture, crop, place, rng, outlined=True)
            middle, half = (laid[:2] + laid[2:]) / 2, (laid[2:] - laid[:2]) / 2
            person = np.concatenate([middle - half * _PERSON_SHARE, middle + half * _PERSON_SHARE])
            boxes = np.concatenate([_uncovered(boxes, person), person[None]]).astype(np.float32)
        yield _degraded(picture, rng), boxes_within(boxes, (0, 0, *picture.shape[1::-1]))[0]


class _Places:
    """Feet (middle, lowest) and heights of people in a picture, in pixels; the farthest first."""

    def __init__(self, picture: Image, count: int, rng: np.random.Generator) -> None:
        self._height, self._width = picture.shape[:2]
        self._count, self._rng = count, rng
        low, high = np.log(_HEIGHTS)
        self._nearest = float(np.exp(rng.uniform(low, high)))
        self._perspective = rng.random() < _IN_PERSPECTIVE
        self._horizon = rng.uniform(-0.6, 0.3)

    def choose(self) -> list[tuple[float, float, float]]:
        chosen: list[tuple[float, float, float]] = []
        for _ in range(self._count):
            if chosen and self._rng.random() < _BESIDE:
                x, y, tall = chosen[-1]
                x += self._rng.choice((-1, 1)) * tall * self._rng.uniform(0.2, 0.5)
                y += tall * self._rng.uniform(-0.1, 0.1)
                chosen.append((x, y, tall * self._rng.uniform(0.9, 1.1)))
            else:
                chosen.append(self._anywhere())
        return sorted(chosen, key=lambda place: place[1])

    def _anywhere(self) -> tuple[float, float, float]:
        if self._perspective:
            feet = self._rng.uniform(max(self._horizon + 0.1, 0.1), 1.2)
            tall = self._nearest * (feet - self._horizon) / (1.0 - self._horizon)
        else:
            low, high = np.log(_HEIGHTS)
            tall = float(np.exp(self._rng.uniform(low, high)))
            feet = self._rng.uniform(0.6 * tall, 1 + 0.4 * tall)
        x = self._rng.uniform(-0.02, 1.02) * self._width
        return x, feet * self._height, max(tall, _HEIGHTS[0]) * self._height


def _labelled(pair: tuple[Path, Path]) -> tuple[Image, Boxes]:
    picture = read_picture(pair[0])
    return picture, read_labels(pair[1], (picture.shape[1], picture.shape[0]))


def _uncovered(boxes: Boxes, place: NDArray[np.float32]) -> Boxes:
    """Without the boxes of which most is now hidden."""
    if not len(boxes):
        return boxes
    return boxes[covered(boxes, place[None])[:, 0] < _MOST_COVERED]


def _piece(picture: Image, people: Boxes, rng: np.random.Generator) -> Image | None:
    """An upright piece of a picture that shows nobody; None where none was found."""
    height, width = picture.shape[:2]
    for _ in range(5):
        tall = int(height * rng.uniform(0.15, 0.5))
        wide = min(int(tall * rng.uniform(0.35, 0.6)), width - 1)
        left, top = int(rng.integers(width - wide)), int(rng.integers(height - tall))
        box = np.array([[left, top, left + wide, top + tall]], np.float32)
        if not len(people) or (
            covered(people, box).max() < 0.1 and covered(box, people).max() < 0.1
        ):
            return picture[top : top + tall, left : left + wide]
    return None


def _lay(
    picture: Image,
    crop: Image,
    place: tuple[float, float, float],
    rng: np.random.Generator,
    *,
    outlined: bool,
) -> NDArray[np.float32]:
    """Lays a crop into the picture, in place; returns where, (4,) in pixels, beyond it or not."""
    x, feet, tall = place
    scale = min(tall / crop.shape[0], _LARGEST_SCALE)
    size = (
        max(4, int(crop.shape[1] * scale * rng.uniform(0.9, 1.1))),
        max(8, int(crop.shape[0] * scale)),
    )
    shrinks = scale < 1
    laid = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        laid = laid[:, ::-1]
    left, top = round(x - size[0] / 2), round(feet - size[1])
    whole = np.array([left, top, left + size[0], top + size[1]], np.float32)
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + size[0], picture.shape[1]), min(top + size[1], picture.shape[0])
    if x1 >= x2 or y1 >= y2:
        return whole
    gain, lift = rng.uniform(0.7, 1.3), rng.uniform(-20, 20)
    seen = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    part, alpha = picture[y1:y2, x1:x2], _outline(size, outlined)[seen]
    part[:] = np.clip(part + alpha * (laid[seen] * gain + lift - part), 0, 255).astype(np.uint8)
    return whole


def _outline(size: tuple[int, int], outlined: bool) -> NDArray[np.float32]:
    """How much of a crop of (width, height) is laid at each pixel, (H, W, 1) of 0 to 1.

    All of it within its soft sides where it is not outlined as a person.
    """
    across = np.abs(np.linspace(-1, 1, size[0], dtype=np.float32))[None]
    down = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    half = np.interp(down[:, 0], *_OUTLINE)[:, None] if outlined else 1 - _SOFT
    sides = np.clip((half + _SOFT - across) / _SOFT, 0, 1)
    ends = np.clip(np.minimum(down, 1 - down) / _SOFT_ENDS, 0, 1)
    return np.asarray((sides * ends)[..., None], np.float32)


def _degraded(picture: Image, rng: np.random.Generator) -> Image:
    """Blurred and grainy, as cheap cameras are; most pictures as they were."""
    if rng.random() >= _DEGRADED:
        return picture
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.4))
    grain = rng.normal(0, rng.uniform(0, 8), (*picture.shape[:2], 1))
    return np.clip(blurred + grain, 0, 255).astype(np.uint8)
