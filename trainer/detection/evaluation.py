"""Detectors side by side on the same pictures: precision, recall, time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from trainer.detection.data_set import labelled_scenes
from trainer.detection.detectors import People, PeopleFinder
from trainer.detection.frames import Image, find_sources, pictures_of, read_picture
from trainer.detection.matching import Accuracy, Truth, accuracy
from trainer.detection.teaching import Doubt, divided, read_labels
from trainer.errors import TrainerError

# Classes of MOT17's truth: pedestrian; on a vehicle, static, distractor, reflection.
_PEDESTRIAN = 1
_PEOPLE_OF_MOT = (_PEDESTRIAN, 2, 7, 8, 12)
_LEAST_VISIBLE = 0.25
REAL, RENDERED = "real, by the teacher", "rendered, by the truth"


@dataclass(frozen=True)
class Measured:
    """One detector on one kind of pictures."""

    detector: str
    pictures: str
    frames: int
    accuracy: Accuracy
    ms_a_frame: float  # median


def judged_pictures(
    frames: tuple[Path, ...],
    scenes: tuple[Path, ...],
    teacher: PeopleFinder | None,
    every_s: float,
    seed: int,
    doubt: Doubt,
    sequences: tuple[Path, ...] = (),
) -> Iterator[tuple[str, Image, Truth]]:
    """Kind, picture and what is known of it: real frames, rendered ones, labelled sequences.

    Raises:
        TrainerError: a file cannot be read, or there are none.
    """
    if teacher:
        for source in find_sources(frames):
            for _, image in pictures_of(source, every_s, seed):
                yield REAL, image, divided(teacher.find(image), doubt)
    for file, labels in chain.from_iterable(labelled_scenes(root) for root in scenes):
        image = read_picture(file)
        boxes = read_labels(labels, (image.shape[1], image.shape[0]))
        yield RENDERED, image, Truth(boxes, np.zeros((0, 4), np.float32))
    for folder in sequences:
        for image, truth in labelled_sequence(folder):
            yield f"{folder.name}, by the truth", image, truth


def labelled_sequence(folder: Path) -> Iterator[tuple[Image, Truth]]:
    """Pictures and people of a MOT-challenge sequence: `img1/000001.jpg`, …, and `gt/gt.txt`.

    Pedestrians who are visible by a quarter or more are people; the others, and what MOT17 says
    to leave out (people in vehicles, sitting still, in mirrors), count neither way.

    Raises:
        TrainerError: there is no such file, or a line of it cannot be read.
    """
    file = folder / "gt" / "gt.txt"
    try:
        rows = np.loadtxt(file, delimiter=",", ndmin=2)  # frame, id, x, y, w, h, flag, class, seen
    except (OSError, ValueError) as error:
        raise TrainerError(
            f"{file} cannot be read as MOT-challenge truth: {error}.",
            "Name a folder with img1/ and gt/gt.txt.",
        ) from error
    if rows.shape[1] < 9:
        raise TrainerError(
            f"{file} has {rows.shape[1]} columns; the classes of MOT17's truth need 9.",
            "Name a sequence of MOT16, MOT17 or MOT20.",
        )
    for number in np.unique(rows[:, 0]).astype(int):
        its = rows[(rows[:, 0] == number) & np.isin(rows[:, 7], _PEOPLE_OF_MOT)]
        boxes = np.concatenate([its[:, 2:4], its[:, 2:4] + its[:, 4:6]], axis=1).astype(np.float32)
        counts = (its[:, 6] > 0) & (its[:, 7] == _PEDESTRIAN) & (its[:, 8] >= _LEAST_VISIBLE)
        picture = read_picture(folder / "img1" / f"{number:06d}.jpg")
        yield picture, Truth(boxes[counts], boxes[~counts])


def compare(
    detectors: Mapping[str, PeopleFinder],
    pictures: Iterator[tuple[str, Image, Truth]],
    score: float,
    hog_score: float = 0.0,
) -> Iterator[int | list[Measured]]:
    """Yields the number of pictures seen after each one, and in the end the measurements.

    Only boxes are kept in memory, not pictures. Each detector must have run once before, as its
    first call would count into the time.
    """
    truths: dict[str, list[Truth]] = {}
    found: dict[tuple[str, str], list[People]] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    for number, (kind, image, truth) in enumerate(pictures, 1):
        truths.setdefault(kind, []).append(truth)
        for name, detector in detectors.items():
            start = time.perf_counter()
            people = detector.find(image)
            seconds.setdefault((name, kind), []).append(time.perf_counter() - start)
            found.setdefault((name, kind), []).append(people)
        yield number
    yield [
        Measured(
            name, kind, len(boxes),
            accuracy(boxes, truths[kind], hog_score if name == "HOG" else score),
            1000 * float(np.median(seconds[name, kind])),
        )
        for (name, kind), boxes in found.items()
    ]  # fmt: skip
