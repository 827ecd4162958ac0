"""A teacher's boxes as labels, the doubtful ones apart; labels as YOLO's text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.detection.detectors import People, PeopleFinder
from trainer.detection.frames import Image
from trainer.detection.matching import Boxes, Truth, covered, overlaps
from trainer.detection.windows import boxes_within, cut
from trainer.errors import TrainerError

# What ultralytics pads pictures with: nothing to be learnt there.
GREY = 114
# A doubtful box that lies in a sure one by this share is a second box of that person.
_SAME_PERSON = 0.7
# Boxes of one person in a picture and in a part of it overlap at least so much.
_SAME_BOX = 0.4


@dataclass(frozen=True)
class Doubt:
    """From which scores on a teacher's box is a label, or doubtful.

    Attributes:
        sure: boxes of this score or more are people.
        least: boxes below this score are nothing; between the two, nobody knows.
        most_hidden: a picture is left out where doubtful boxes hide a larger share of it.
    """

    sure: float = 0.5
    least: float = 0.15
    most_hidden: float = 0.1

    def __post_init__(self) -> None:
        """Raises TrainerError where the numbers are in no order."""
        if not 0 < self.least <= self.sure <= 1:
            raise TrainerError(
                f"A box cannot be doubtful from {self.least} and sure from {self.sure}.",
                "Give 0 < --doubtful <= --sure <= 1.",
            )


def divided(found: People, doubt: Doubt) -> Truth:
    """Sure boxes as people; doubtful ones, unless they repeat a sure one, as ignored."""
    people = found.boxes[found.scores >= doubt.sure]
    unsure = found.boxes[(found.scores < doubt.sure) & (found.scores >= doubt.least)]
    if len(people) and len(unsure):
        unsure = unsure[covered(unsure, people).max(axis=1) < _SAME_PERSON]
    return Truth(people, unsure)


def found_in_window(
    teacher: PeopleFinder,
    image: Image,
    window: tuple[int, int, int, int],
    whole: People,
    doubt: Doubt,
) -> People:
    """What a teacher finds in a part of a picture, and what of its finds in the whole is there.

    In a part it overlooks people whose head is cut off; in the whole, small ones.

    Args:
        teacher: finds people in the part.
        image: the whole picture.
        window: corners x1 y1 x2 y2 of the part.
        whole: what the teacher found in the whole picture.
        doubt: from which scores on a find in the part stands for the one in the whole.
    """
    there = teacher.find(cut(image, window))
    boxes, kept = boxes_within(whole.boxes, window)
    scores = whole.scores[kept]
    sure = there.boxes[there.scores >= doubt.sure]
    if len(sure) and len(boxes):
        new = overlaps(boxes, sure).max(axis=1) < _SAME_BOX
        boxes, scores = boxes[new], scores[new]
    return People(np.concatenate([there.boxes, boxes]), np.concatenate([there.scores, scores]))


def without_doubt(image: Image, truth: Truth, doubt: Doubt) -> Image | None:
    """The picture with its ignored regions greyed except where a person is; None: leave it out."""
    if not len(truth.ignored):
        return image
    hidden = np.zeros(image.shape[:2], bool)
    for box, value in [(box, True) for box in truth.ignored] + [(b, False) for b in truth.people]:
        x1, y1, x2, y2 = np.clip(np.round(box), 0, None).astype(int)
        hidden[y1:y2, x1:x2] = value
    if hidden.mean() > doubt.most_hidden:
        return None
    greyed = image.copy()
    greyed[hidden] = GREY
    return greyed


def label_text(boxes: Boxes, size_px: tuple[int, int]) -> str:
    """YOLO's labels: class 0, middle, width and height as shares of the (width, height)."""
    width, height = size_px
    lines = []
    for box in boxes:
        x1, x2 = np.clip(box[[0, 2]], 0, width)
        y1, y2 = np.clip(box[[1, 3]], 0, height)
        lines.append(
            f"0 {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
            f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n"
        )
    return "".join(lines)


def read_labels(file: Path, size_px: tuple[int, int]) -> Boxes:
    """Boxes (n, 4) in pixels of a YOLO label file.

    Raises:
        TrainerError: a line is no label.
    """
    rows = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    try:
        shares = np.array([row[1:] for row in rows], np.float32).reshape(len(rows), 4)
    except ValueError as error:
        raise TrainerError(f"{file} holds no YOLO labels.", "Render the scenes again.") from error
    middle, half = shares[:, :2], shares[:, 2:] / 2
    scale = np.array([*size_px, *size_px], np.float32)
    return np.concatenate([middle - half, middle + half], axis=1) * scale
