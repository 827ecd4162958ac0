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
from trainer.errors import TrainerError

# Crops of re-identification sets hold some background around the person, beside more than above.
_PERSON_SHARE = np.array([0.85, 0.95], np.float32)  # of width and height
# Width of the soft edge, as a share of the half side: a hard one would be learnt as the person.
_SOFT = (0.35, 0.1)  # left and right, above and below
_HEIGHTS = (0.1, 0.6)  # of the picture's height
_LARGEST_SCALE = 2.5
_MOST_COVERED = 0.5


@dataclass(frozen=True)
class CollageSettings:
    """Pictures made by laying crops into others.

    Attributes:
        crops: folders of crops that each show one person.
        pictures: how many are made.
        people: at most so many crops in each; half as many pieces without people are laid in too,
            so that an edge is no sign of a person.
    """

    crops: tuple[Path, ...] = ()
    pictures: int = 0
    people: int = 6


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
        for _ in range(int(rng.integers(settings.people // 2 + 1))):
            piece = _piece(piece_source, piece_people, rng)
            if piece is not None:
                boxes = _uncovered(boxes, _lay(picture, piece, rng))
        for _ in range(int(rng.integers(1, settings.people + 1))):
            crop = read_picture(crops[int(rng.integers(len(crops)))])
            place = _lay(picture, crop, rng)
            middle, half = (place[:2] + place[2:]) / 2, (place[2:] - place[:2]) / 2
            person = np.concatenate([middle - half * _PERSON_SHARE, middle + half * _PERSON_SHARE])
            boxes = np.concatenate([_uncovered(boxes, place), person[None]]).astype(np.float32)
        yield picture, boxes


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


def _lay(picture: Image, crop: Image, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lays a crop somewhere into the picture, in place; returns where, (4,) in pixels."""
    height, width = picture.shape[:2]
    low, high = np.log(_HEIGHTS)
    tall = height * float(np.exp(rng.uniform(low, high)))
    scale = min(tall / crop.shape[0], _LARGEST_SCALE, (width - 1) / crop.shape[1])
    wide = int(crop.shape[1] * scale * rng.uniform(0.9, 1.1))
    size = (min(max(4, wide), width), min(max(8, int(crop.shape[0] * scale)), height))
    shrinks = scale < 1
    laid = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        laid = laid[:, ::-1]
    left = int(rng.integers(width - size[0] + 1))
    top = int(rng.integers(height - size[1] + 1))
    gain, lift = rng.uniform(0.75, 1.25), rng.uniform(-15, 15)
    across, down = (
        np.clip((1 - np.abs(np.linspace(-1, 1, side, dtype=np.float32))) / soft, 0, 1)
        for side, soft in zip(size, _SOFT, strict=True)
    )
    alpha = (down[:, None] * across[None])[..., None]
    part = picture[top : top + size[1], left : left + size[0]]
    part[:] = np.clip(part + alpha * (laid * gain + lift - part), 0, 255).astype(np.uint8)
    return np.array([left, top, left + size[0], top + size[1]], np.float32)
