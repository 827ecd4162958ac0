"""The demo's truth: how it is read, whom a tracklet shows, and whom the demo looks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from stored_people import add_people, add_video, unit

from app.core.entities import Trajectory, VideoStatus
from app.core.errors import NotFoundError, UsageError
from app.services.demo.demo import (
    Clip,
    Recognised,
    Sight,
    best_tracklet,
    demo_clips,
    first_sight,
    people_to_find,
)
from app.services.demo.demo_truth import Truth, people_at_boxes, read_truth, whom_it_shows
from app.storage.library import Library

Box = tuple[float, float, float, float]
LEFT, RIGHT, BELOW = (0.0, 0.0, 30.0, 90.0), (60.0, 0.0, 90.0, 90.0), (0.0, 200.0, 30.0, 290.0)


def truth_of(rows: Sequence[tuple[int, int, Box, float]]) -> Truth:
    """From (frame, person, box, visible)."""
    return Truth(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float32),
    )


def trajectory(boxes: Sequence[Box], first: int = 0) -> Trajectory:
    frames = np.arange(first, first + len(boxes), dtype=np.int32)
    return Trajectory(
        frames, frames / 10.0, np.array(boxes, np.float32), np.ones(len(boxes), np.float32)
    )


# Truth --------------------------------------------------------------------------------------------


def test_truth_is_read_by_frame_whatever_the_order_of_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "cam1.txt"
    file.write_text("2,7,10.0,20.0,30.0,40.0,1,1,0.250\n1,3,0.0,0.0,5.0,9.0,1,1,1.000\n")
    truth = read_truth(file)
    assert truth.frame_index.tolist() == [0, 1] and truth.people.tolist() == [3, 7]
    np.testing.assert_array_equal(truth.boxes[1], [10, 20, 40, 60])
    assert truth.rows_at(1) == slice(1, 2) and truth.rows_at(5) == slice(2, 2)
    assert truth.share_visible(7, 1) == 0.25 and truth.share_visible(7, 0) == 0
    file.write_text("")
    assert len(read_truth(file).people) == 0


@pytest.mark.parametrize("content", [b"1,2,3\n", b"1,2\n1,2,3\n", b"no numbers\n", b"\xff\xfe"])
def test_what_is_no_truth_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cam1.txt").write_bytes(content)
    with pytest.raises(UsageError, match=r"cam1\.txt is not ground truth in MOT format"):
        read_truth(tmp_path / "cam1.txt")


def test_missing_truth_and_missing_clips_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="The clips of the demo are not in"):
        demo_clips(tmp_path)
    (tmp_path / "cam1.mp4").touch()
    with pytest.raises(NotFoundError, match=r"The truth .*cam1\.txt cannot be read"):
        demo_clips(tmp_path)


def test_a_tracklet_shows_whom_most_of_its_boxes_show() -> None:
    truth = truth_of([(frame, person, box, 1.0) for frame in range(4)
                      for person, box in ((1, LEFT), (2, RIGHT))])  # fmt: skip
    mixed = trajectory([LEFT, RIGHT, RIGHT, RIGHT])
    assert people_at_boxes(mixed, truth).tolist() == [1, 2, 2, 2]
    assert whom_it_shows(mixed, truth) == 2
    assert whom_it_shows(trajectory([LEFT, LEFT, BELOW, BELOW]), truth) == 1
    assert whom_it_shows(trajectory([LEFT, BELOW, BELOW, BELOW]), truth) is None
    assert whom_it_shows(trajectory([LEFT, LEFT], first=90), truth) is None
    # The box must lie around the person, and around no other one more.
    close = (10.0, 0.0, 40.0, 90.0)
    assert people_at_boxes(trajectory([close]), truth).tolist() == [1]
    assert people_at_boxes(trajectory([(16.0, 0.0, 46.0, 90.0)]), truth).tolist() == [-1]


# Whom the demo looks for --------------------------------------------------------------------------


def test_who_is_well_visible_in_two_cameras_is_to_be_found() -> None:
    small = (0.0, 0.0, 10.0, 30.0)

    def clip(*people: tuple[int, int, Box, float]) -> Clip:
        """Of (person, frames, box, visible)."""
        rows = [(frame, who, box, seen) for who, frames, box, seen in people
                for frame in range(frames)]  # fmt: skip
        return Clip(Path("clip.mp4"), truth_of(rows))

    first = clip((1, 20, LEFT, 0.5), (2, 20, LEFT, 1.0), (3, 20, LEFT, 1.0), (4, 20, LEFT, 1.0))
    second = clip((1, 30, RIGHT, 1.0), (2, 19, LEFT, 1.0), (3, 90, LEFT, 0.4), (4, 90, small, 1.0))
    assert people_to_find([first, second]) == [1]
    assert people_to_find([first, second, second]) == [1]
    assert people_to_find([first, first]) == [1, 2, 3, 4]
    assert people_to_find([first]) == people_to_find([]) == []


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


def test_the_query_is_the_best_crop_that_hides_least(library: Library, tmp_path: Path) -> None:
    video = add_video(library, tmp_path / "cam1.mp4")
    hidden, shown, later = add_people(library, video, [unit(1, 0)] * 3)  # of equal quality
    known = [Recognised(hidden, 1, 0.6), Recognised(later, 1, 0.9), Recognised(shown, 1, 0.9)]
    assert best_tracklet(known) is shown
    assert best_tracklet([]) is None


# First sight --------------------------------------------------------------------------------------


def test_at_the_first_sight_most_people_stand_apart_once_all_clips_are_stored(
    library: Library, tmp_path: Path
) -> None:
    demo = tmp_path / "demo"
    demo.mkdir()
    with pytest.raises(NotFoundError):
        first_sight(library, demo)
    for name in ("cam1", "cam2"):
        (demo / f"{name}.mp4").write_bytes(name.encode())
        info = add_video(library, tmp_path / f"{name}.mp4", name).info  # from elsewhere
        assert first_sight(library, demo) is None
        digest = hashlib.sha256(name.encode()).hexdigest()
        video = library.add_video(tmp_path, info, digest, 1, 1)
        library.begin_video(video.id, 5.0, "detector")
        if name == "cam1":
            # The third walks in front of the first, the second far behind.
            times = [[0.0, 0.2, 0.4, 0.6, 0.8], [0.8, 1.0], [0.2, 0.4]]
            add_people(library, video, [unit(1, 0)] * 3, times=times)
            first = video.id
        assert first_sight(library, demo) is None
        library.finish_video(video.id, VideoStatus.DONE)
    assert first_sight(library, demo) is None  # their footage is gone
    for name in ("cam1", "cam2"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    assert first_sight(library, demo) == Sight(first, 0.8)
