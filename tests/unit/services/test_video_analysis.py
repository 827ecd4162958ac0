"""Chapters of one video: stored while people stay, and resumed to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.core.chapters import ResumePoint
from app.core.entities import Detections, FloatArray, Image, VideoInfo
from app.services.ingest.untangling import Untangled
from app.services.ingest.video_analysis import (
    CHAPTER_S,
    Chapter,
    VideoAnalysis,
    VideoEnd,
    can_resume,
)
from app.vision.byte_tracker import ByteTracker

FPS = 5.0
SIZE = (72, 128)


class _Frame:
    def __init__(self, index: int) -> None:
        self.index, self.time_s = index, index / FPS

    def image(self) -> Image:
        """Noise, with its own number in the corner, where the stand-in of a detector reads it."""
        image = np.random.default_rng(self.index).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
        image[0, 0] = (self.index // 256, self.index % 256, 0)
        return image


class _Source:
    def __init__(self, count: int) -> None:
        self.info = VideoInfo(Path("a.mp4"), "cam1", SIZE[1], SIZE[0], FPS, count, count / FPS)
        self._count = count

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[_Frame]:
        for index in range(round(start_s * FPS), self._count):
            yield _Frame(index)

    def close(self) -> None:
        pass


class _Busy:
    """Somebody is always there; others pass every five seconds, one of them twice as fast."""

    id, batch_size = "scripted", 4

    def detect(self, images: list[Image]) -> list[Detections]:
        return [self._at(int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])) for image in images]

    def _at(self, index: int) -> Detections:
        boxes = [[8 + 3 * np.sin(index / 9), 10, 28 + 3 * np.sin(index / 9), 66]]
        since = index % 25
        if since < 20:
            x = 5.0 * since * (1 + index // 25 % 2)
            if x < 104:
                boxes.append([x, 6, x + 20, 60])
        return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32))


class _Means:
    """Embeds by coarse colours; what is in one call with what does not matter."""

    id, dimension = "means", 12

    def embed(
        self, images: list[Image], cameras: list[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        rows = []
        for image in images:
            quarters = np.array_split(image.astype(np.float32), 4)
            rows.append(np.concatenate([each.mean(axis=(0, 1)) for each in quarters]))
        vectors = np.stack(rows)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def chapters(count: int, start: ResumePoint | None = None) -> list[Chapter | VideoEnd]:
    """All chapters, and the end, which holds the last one."""
    analysis = VideoAnalysis(
        lambda: _Source(count), _Busy(), ByteTracker(FPS), _Means(), "cam1", FPS,
        start or ResumePoint(0.0, 0), first_number=1,
    )  # fmt: skip
    with analysis:
        outcomes = list(analysis.outcomes(1.0))
    assert isinstance(outcomes[-1], VideoEnd) and outcomes[-1].frame_count == count
    return [outcome for outcome in outcomes if isinstance(outcome, Chapter | VideoEnd)]


def settled_at(each: Chapter | VideoEnd) -> ResumePoint | None:
    return each.settled if isinstance(each, Chapter) else None


def content(tracklets: list[Untangled]) -> list[tuple[object, ...]]:
    return [
        (
            each.part.number,
            each.is_new,
            each.part.trajectory.frame_index.tolist(),
            each.part.trajectory.boxes.tolist(),
            [(crop.frame_index, crop.image.tobytes(), crop.quality) for crop in each.part.crops],
            each.part.kept_frames,
            each.vector.tolist(),
        )
        for each in tracklets
    ]


@pytest.fixture(scope="module")
def undisturbed() -> list[Chapter | VideoEnd]:
    return chapters(220)


def test_what_is_seen_is_stored_while_somebody_stays(undisturbed: list[Chapter | VideoEnd]) -> None:
    settled = [each.settled.time_s for each in undisturbed if isinstance(each, Chapter)]
    assert settled == [CHAPTER_S * number for number in range(1, len(settled) + 1)]
    assert len(settled) == int(44 / CHAPTER_S)
    for number, chapter in enumerate(undisturbed):
        for each in chapter.tracklets:
            assert each.part.trajectory.time_s[-1] < CHAPTER_S * (number + 1)
    stays = [each for chapter in undisturbed for each in chapter.tracklets if each.part.number == 1]
    assert len(stays) == len(undisturbed), "one sighting, which grows"
    assert [each.is_new for each in stays] == [True] + [False] * (len(stays) - 1)


def test_every_box_is_stored_once(undisturbed: list[Chapter | VideoEnd]) -> None:
    boxes = [
        (int(frame), tuple(box))
        for chapter in undisturbed
        for each in chapter.tracklets
        for frame, box in zip(
            each.part.trajectory.frame_index, each.part.trajectory.boxes.tolist(), strict=True
        )
    ]
    assert len(boxes) == len(set(boxes))
    assert {frame for frame, _ in boxes} == set(range(220))


@pytest.mark.parametrize("number", range(2))
def test_resumed_at_any_chapter_it_ends_as_if_undisturbed(
    undisturbed: list[Chapter | VideoEnd], number: int
) -> None:
    settled = settled_at(undisturbed[number])
    assert settled is not None and can_resume(settled.state)
    rest = chapters(220, settled)
    assert [content(list(each.tracklets)) for each in rest] == [
        content(list(each.tracklets)) for each in undisturbed[number + 1 :]
    ]
    assert [settled_at(each) for each in rest] == [
        settled_at(each) for each in undisturbed[number + 1 :]
    ]


def test_a_state_that_another_version_wrote_is_not_gone_on_from() -> None:
    assert can_resume(b"")
    assert not can_resume(b"something else")
