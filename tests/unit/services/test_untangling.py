"""Tracks that were exchanged, went over to somebody else, or were lost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from app.core.array_file import packed, unpacked
from app.core.chapters import TrackPart
from app.core.entities import Crop, FloatArray, Trajectory
from app.services.ingest.segments import segments_of
from app.services.ingest.untangling import RELINK_S, Untangled, Untangler

FPS = 5.0
ALIKE = 0.6
LOOKS = np.eye(8, dtype=np.float32)
# Person and place (x of the middle in px) by frame.
Way = Mapping[int, tuple[int, float]]


def walk(person: int, frames: range, begin_px: float, speed_px: float) -> Way:
    return {f: (person, begin_px + speed_px * (f - frames.start)) for f in frames}


class Clip:
    """Tracks given by whom they follow where, and what the untangler makes of them."""

    def __init__(self) -> None:
        self.untangler = Untangler()
        self.shown: dict[int, list[tuple[int, int]]] = {}  # tracklet → (frame, person)

    def chapter(
        self, tracks: Mapping[int, Way], until: int, alive: tuple[int, ...] = ()
    ) -> list[Untangled]:
        parts, vectors, whom = [], [], {}
        for track_id, way in tracks.items():
            part, looks = _part(track_id, way, track_id in alive)
            parts.append(part)
            vectors.append(looks)
            for frame, (person, x) in way.items():
                whom[frame, round(x, 3)] = person
        found = self.untangler.chapter(parts, vectors, until / FPS)
        for each in found:
            track = each.part.trajectory
            for frame, box in zip(track.frame_index.tolist(), track.boxes, strict=True):
                person = whom[frame, round(float(box[0] + box[2]) / 2, 3)]
                self.shown.setdefault(each.part.number, []).append((frame, person))
        return found

    def people(self) -> dict[int, set[int]]:
        return {number: {person for _, person in seen} for number, seen in self.shown.items()}


def _part(track_id: int, way: Way, alive: bool) -> tuple[TrackPart, FloatArray]:
    frames = np.array(list(way), np.int32)
    x = np.array([place for _, place in way.values()])
    boxes = np.stack([x - 20, 0 * x + 100, x + 20, 0 * x + 200], axis=1).astype(np.float32)
    trajectory = Trajectory(frames, frames / FPS, boxes, np.full(len(x), 0.9, np.float32))
    crops = tuple(
        Crop(np.zeros((8, 4, 3), np.uint8), int(frame), frame / FPS, boxes[row], 0.5)
        for row, frame in enumerate(frames.tolist())
    )
    rng = np.random.default_rng(track_id)
    looks = np.stack([LOOKS[person] for person, _ in way.values()])
    looks = looks + rng.normal(0, 0.1, looks.shape).astype(np.float32)
    return TrackPart(track_id, trajectory, crops, alive), looks / np.linalg.norm(
        looks, axis=1, keepdims=True
    )


def test_a_track_that_meets_nobody_is_one_segment_and_one_tracklet() -> None:
    way = walk(0, range(20), 50, 10)
    part, looks = _part(1, way, False)
    (segment,) = segments_of([part], [looks], ALIKE)
    assert len(segment.trajectory) == 20 and len(segment.crops) == 20
    clip = Clip()
    (found,) = clip.chapter({1: way}, 20)
    assert found.is_new and found.part.number == 1
    assert 3 <= len(found.part.crops) <= 6
    assert {0, 19} <= {crop.frame_index for crop in found.part.crops}
    assert float(found.vector @ LOOKS[0]) > 0.95


def test_segments_end_where_two_people_cross() -> None:
    tracks = [_part(1, walk(0, range(20), 50, 10), False),
              _part(2, walk(1, range(20), 250, -10), False)]  # fmt: skip
    segments = segments_of([part for part, _ in tracks], [looks for _, looks in tracks], ALIKE)
    assert [(each.track_id, each.order, each.is_last) for each in segments] == [
        (1, 0, False), (1, 1, True), (2, 0, False), (2, 1, True)
    ]  # fmt: skip
    assert sum(len(each.trajectory) for each in segments) == 40
    # They meet at frame 10; crops taken where both are in a box are left out.
    assert all(abs(index - 10) > 1 for each in segments for index in each.crops)


def test_tracks_exchanged_at_a_crossing_are_exchanged_back() -> None:
    there, back = walk(0, range(20), 50, 10), walk(1, range(20), 250, -10)
    exchanged = {
        1: {f: (there if f < 10 else back)[f] for f in range(20)},
        2: {f: (back if f < 10 else there)[f] for f in range(20)},
    }
    clip = Clip()
    clip.chapter(exchanged, 20)
    # Where both are in one place neither box says who it is.
    mixed = {n: {p for f, p in seen if abs(f - 10) > 1} for n, seen in clip.shown.items()}
    assert mixed == {1: {0}, 2: {1}}


def test_a_track_that_goes_over_to_somebody_else_is_cut() -> None:
    """Person 1 comes out from behind a wall, where person 0 has gone."""
    way = dict(walk(0, range(10), 50, 10)) | dict(walk(1, range(15, 25), 150, -10))
    clip = Clip()
    clip.chapter({1: way}, 25)
    assert clip.people() == {1: {0}, 2: {1}}


def test_a_track_whose_looks_jump_is_cut_without_a_crossing() -> None:
    way = dict(walk(0, range(10), 50, 4)) | dict(walk(1, range(10, 20), 90, 4))
    clip = Clip()
    clip.chapter({1: way}, 20)
    assert clip.people() == {1: {0}, 2: {1}}


def test_people_who_walk_together_are_cut_from_crop_to_crop() -> None:
    tracks = [_part(number, walk(number, range(30), 100 + 15 * number, 5), False)
              for number in (1, 2)]  # fmt: skip
    segments = segments_of([part for part, _ in tracks], [looks for _, looks in tracks], ALIKE)
    assert len(segments) > 10 and all(each.crops for each in segments)
    assert sum(len(each.trajectory) for each in segments) == 60
    clip = Clip()
    clip.chapter({1: walk(1, range(30), 100, 5), 2: walk(2, range(30), 115, 5)}, 30)
    assert clip.people() == {1: {1}, 2: {2}}


def test_whoever_comes_back_soon_and_looks_the_same_is_linked() -> None:
    clip = Clip()
    clip.chapter({1: walk(0, range(10), 50, 10), 2: walk(0, range(25, 40), 200, 10)}, 40)
    assert clip.people() == {1: {0}} and len(clip.shown[1]) == 25


@pytest.mark.parametrize(
    "second",
    [
        walk(1, range(25, 40), 200, 10),  # looks different
        walk(0, range(12, 27), 2000, 10),  # nobody runs so fast
        walk(0, range(8, 23), 140, 10),  # both were in view at once
        walk(0, range(90, 99), 200, 10),  # much later
    ],
)
def test_others_are_not_linked(second: Way) -> None:
    clip = Clip()
    clip.chapter({1: walk(0, range(10), 50, 10), 2: second}, 100)
    assert len(clip.shown) == 2


def test_a_tracklet_goes_on_in_the_next_chapter_and_keeps_few_crops() -> None:
    clip = Clip()
    (first,) = clip.chapter({1: walk(0, range(20), 50, 2)}, 20, alive=(1,))
    (second,) = clip.chapter({1: walk(0, range(20, 40), 90, 2)}, 40, alive=(1,))
    assert (second.part.number, second.is_new) == (first.part.number, False)
    assert len(second.part.trajectory) == 20
    stay = set(second.part.kept_frames) | {crop.frame_index for crop in second.part.crops}
    assert len(stay) <= 6 and {0, 39} <= stay
    assert set(second.part.kept_frames) <= {crop.frame_index for crop in first.part.crops}
    assert clip.people() == {1: {0}}


def test_whoever_comes_back_in_the_next_chapter_is_linked_unless_too_late() -> None:
    later = int(RELINK_S * FPS) + 30
    for begins, tracklets in ((30, 1), (later, 2)):
        clip = Clip()
        clip.chapter({1: walk(0, range(10), 50, 10)}, 20)
        clip.chapter({2: walk(0, range(begins, begins + 10), 200, 10)}, begins + 10)
        assert len(clip.shown) == tracklets


def test_a_restored_one_goes_on_to_the_bit() -> None:
    first = {1: walk(0, range(20), 50, 2), 2: walk(1, range(15), 300, 5)}
    second = {1: walk(0, range(20, 40), 90, 2), 3: walk(1, range(25, 40), 370, 5),
              4: walk(2, range(22, 40), 600, -3)}  # fmt: skip
    one, other = Clip(), Clip()
    for clip in (one, other):
        clip.chapter(first, 20, alive=(1,))
    other.untangler = Untangler()
    other.untangler.restore(unpacked(packed(one.untangler.state())))
    for mine, theirs in zip(one.chapter(second, 40), other.chapter(second, 40), strict=True):
        assert (mine.part.number, mine.is_new) == (theirs.part.number, theirs.is_new)
        assert mine.part.kept_frames == theirs.part.kept_frames
        np.testing.assert_array_equal(mine.vector, theirs.vector)
        np.testing.assert_array_equal(mine.part.trajectory.boxes, theirs.part.trajectory.boxes)
    assert one.people() == other.people() == {1: {0}, 2: {1}, 3: {2}}


def test_people_who_all_look_alike_need_more_to_be_linked() -> None:
    """Where everybody in view wears the same, likeness says less."""
    rng = np.random.default_rng(0)
    alike = LOOKS[0] + 0.5 * rng.normal(size=(8, 8)).astype(np.float32) / np.sqrt(8)
    alike /= np.linalg.norm(alike, axis=1, keepdims=True)
    crowd = Untangler()
    for chapter in range(6):
        frames = range(20 * chapter, 20 * chapter + 20)
        parts = [
            _part(10 * chapter + n, walk(n, frames, 100 + 300 * n, 1), False)[0] for n in range(8)
        ]
        crowd.chapter(parts, [np.tile(alike[n], (20, 1)) for n in range(8)], 20 * chapter + 20)
    assert crowd._alike() > Untangler()._alike() + 0.05
