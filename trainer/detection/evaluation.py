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
) -> Iterator[tuple[str, Image, Truth]]:
    """Kind, picture and what is known of it: real frames first, then rendered ones.

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
