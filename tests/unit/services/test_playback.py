"""The player's reader is exact to the frame, and its boxes are where the people are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.entities import (
    Camera,
    Frame,
    StoredCrop,
    Tracklet,
    Trajectory,
    Video,
    VideoInfo,
    VideoStatus,
)
from app.core.errors import TruncatedVideoError, VideoError
from app.core.ports import FrameSource
from app.services.footage.playback import Playback
from app.services.footage.video_reader import TOLERANCE_S, VideoReader
from app.vision.video import open_video
from tests.rendered import render_world, write_clip

# A variable frame rate: 25 fps, then a long still, then 10 fps, then a burst.
TIMES = [
    *(number * 0.04 for number in range(40)),
    *(6.0 + number * 0.1 for number in range(30)),
    *(9.5 + number * 0.005 for number in range(60)),
]
WIDTH_PX, HEIGHT_PX = 16, 8
FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3


def picture(number: int) -> np.ndarray:
    return np.full((HEIGHT_PX, WIDTH_PX, 3), number, np.uint8)


@dataclass
class FakeFrame:
    source: FakeSource
    index: int
    time_s: float
    number: int

    def image(self) -> np.ndarray:
        self.source.converted += 1
        return picture(self.number)


class FakeSource:
    """A video of numbered grey frames; like a real decoder it has one place where it reads."""

    def __init__(self, times: Sequence[float] = TIMES, cut_after: int | None = None) -> None:
        self.times = list(times)
        self.cut_after = cut_after
        self.info = VideoInfo(
            Path("gate.mp4"), "gate", WIDTH_PX, HEIGHT_PX, 25.0, len(times), times[-1] + 0.04
        )
        self.seeks = self.decoded = self.converted = self.turn = 0
        self.closed = False

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[FakeFrame]:
        self.seeks += 1
        self.turn += 1
        turn = self.turn
        end = len(self.times) if self.cut_after is None else self.cut_after
        first = max(0, int(np.searchsorted(self.times, start_s + TOLERANCE_S, side="right")) - 1)
        for number in range(first, end):
            assert turn == self.turn, "an older iterator was read after a seek"
            self.decoded += 1
            yield FakeFrame(self, start_index + number - first, self.times[number], number)
        if self.cut_after is not None:
            raise TruncatedVideoError("gate.mp4 ends early.")

    def close(self) -> None:
        self.closed = True


class Opened:
    """Opens fakes and remembers them."""

    def __init__(self, cut_after: int | None = None, times: Sequence[float] = TIMES) -> None:
        self.sources: list[FakeSource] = []
        self.cut_after = cut_after
        self.times = times

    def __call__(self, video: Video | None = None) -> FakeSource:
        self.sources.append(FakeSource(self.times, self.cut_after))
        return self.sources[-1]


@pytest.fixture
def opened() -> Opened:
    return Opened()


def number_of(frame: object) -> int:
    assert frame is not None
    number = int(frame.image[0, 0, 0])  # type: ignore[attr-defined]
    assert frame.time_s == TIMES[number]  # type: ignore[attr-defined]
    return number


@pytest.mark.parametrize("cached_frames", [8, 20, 1000])
def test_steps_forward_and_back_visit_every_frame(opened: Opened, cached_frames: int) -> None:
    with VideoReader(opened, cached_frames * FRAME_BYTES) as reader:
        seen = [number_of(reader.frame_at(0.0))]
        while (frame := reader.next_frame()) is not None:
            seen.append(number_of(frame))
        assert seen == list(range(len(TIMES)))
        assert reader.end_s == TIMES[-1]

        back = [seen[-1]]
        while (frame := reader.previous_frame()) is not None:
            back.append(number_of(frame))
        assert back == seen[::-1]


@pytest.mark.parametrize("cached_frames", [8, 30, 1000])
def test_any_walk_is_exact(opened: Opened, cached_frames: int) -> None:
    chance = random.Random(7)
    with VideoReader(opened, cached_frames * FRAME_BYTES) as reader:
        at = number_of(reader.frame_at(0.0))
        for _ in range(600):
            what = chance.random()
            if what < 0.2:
                time_s = chance.uniform(-0.5, TIMES[-1] + 1)
                at = max(0, int(np.searchsorted(TIMES, time_s + TOLERANCE_S, side="right")) - 1)
                assert number_of(reader.frame_at(time_s)) == at
            elif what < 0.6:
                frame = reader.next_frame()
                assert (frame is None) == (at == len(TIMES) - 1)
                at = at if frame is None else number_of(frame)
            elif what < 0.9:
                frame = reader.previous_frame()
                assert (frame is None) == (at == 0)
                at = at if frame is None else number_of(frame)
            elif what < 0.95:
                reader.read_behind()
            else:
                following = reader.next_time_s()
                assert following == (TIMES[at + 1] if at + 1 < len(TIMES) else None)
            assert reader.time_s == TIMES[at]


def test_the_frame_of_a_time_is_the_one_shown_then(opened: Opened) -> None:
    with VideoReader(opened) as reader:
        assert number_of(reader.frame_at(TIMES[39] + 3.0)) == 39  # within the long still
        assert number_of(reader.frame_at(TIMES[40])) == 40
        assert number_of(reader.frame_at(TIMES[40] - 0.002)) == 39
        assert number_of(reader.frame_at(TIMES[40] - 0.0004)) == 40  # a rounding error
        assert number_of(reader.frame_at(1e6)) == len(TIMES) - 1


def test_stepping_needs_no_seek(opened: Opened) -> None:
    with VideoReader(opened) as reader:
        reader.frame_at(TIMES[50])
        while reader.read_behind():
            pass
        assert [source.seeks for source in opened.sources] == [1, 1]
        for _ in range(10):
            reader.previous_frame()
        for _ in range(20):
            reader.next_frame()
        assert reader.time_s == TIMES[60]
        assert [source.seeks for source in opened.sources] == [1, 1]


def test_memory_is_bounded_and_frames_that_are_passed_are_not_converted(opened: Opened) -> None:
    with VideoReader(opened, 10 * FRAME_BYTES) as reader:
        reader.frame_at(0.0)
        reader.frame_at(TIMES[30])
        assert opened.sources[0].converted == 2
        for _ in range(60):
            reader.next_frame()
        assert len(reader._run) <= 10
        for _ in range(60):
            reader.previous_frame()
        assert len(reader._run) <= 10


def test_a_cut_video_ends_at_its_last_frame() -> None:
    opened = Opened(cut_after=50)
    with VideoReader(opened) as reader:
        assert number_of(reader.frame_at(TIMES[48])) == 48
        assert number_of(reader.next_frame()) == 49
        assert reader.next_frame() is None
        assert reader.end_s == TIMES[49]
        assert number_of(reader.previous_frame()) == 48


def test_a_time_in_the_missing_part_shows_the_last_frame() -> None:
    class ReadsNothingThere(FakeSource):
        def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[FakeFrame]:
            if start_s > 5.0:
                raise TruncatedVideoError("gate.mp4 ends early.")
            yield from super().frames(start_s, start_index)

    with VideoReader(lambda: ReadsNothingThere(cut_after=40)) as reader:
        assert number_of(reader.frame_at(9.8)) == 39


def test_a_video_without_frames_is_told_of() -> None:
    with (
        VideoReader(Opened(cut_after=0)) as reader,
        pytest.raises(VideoError, match=r"gate\.mp4 contains no frame"),
    ):
        reader.frame_at(3.0)


def test_closing_releases_both_sources(opened: Opened) -> None:
    reader = VideoReader(opened)
    reader.frame_at(TIMES[60])
    reader.previous_frame()
    reader.close()
    assert [source.closed for source in opened.sources] == [True, True]


# Real decoding ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 frames with B-frames, key frames far apart, and a rate that varies by 20 to 1."""
    chance = random.Random(3)
    steps = [chance.choice([0.02, 0.04, 0.1, 0.4]) for _ in range(90)]
    times = [round(sum(steps[:number]) * 90_000) / 90_000 for number in range(90)]
    world = render_world(people=3, width_px=160, height_px=120)
    frames = [world.frame("cam1", number % world.frame_count) for number in range(90)]
    return write_clip(
        tmp_path_factory.mktemp("clip") / "cam1.mp4",
        frames,
        25.0,
        options={"preset": "fast", "bf": "3", "b-adapt": "0", "sc_threshold": "0"},
        times_s=times,
        gop=40,
    )


@pytest.mark.parametrize("cached_frames", [8, 1000])
def test_steps_show_the_very_pixels_of_a_linear_pass(clip: Path, cached_frames: int) -> None:
    def opened() -> FrameSource:
        return open_video(clip, "cam1", ZoneInfo("UTC"))

    linear = [(frame.time_s, frame.image()) for frame in opened().frames()]
    assert len(linear) == 90
    distances = np.diff([time_s for time_s, _ in linear])
    assert distances.max() > 10 * distances.min()

    def same(frame: Frame | None, number: int) -> None:
        assert frame is not None
        assert frame.time_s == linear[number][0]
        np.testing.assert_array_equal(frame.image, linear[number][1])

    with VideoReader(opened, cached_frames * 160 * 120 * 3) as reader:
        same(reader.frame_at(1e9), 89)
        for number in reversed(range(89)):
            same(reader.previous_frame(), number)
        assert reader.previous_frame() is None
        for number in range(1, 90):
            same(reader.next_frame(), number)
        assert reader.next_frame() is None
        for number in random.Random(5).sample(range(1, 90), 25):
            same(reader.frame_at(linear[number][0]), number)
            same(reader.previous_frame(), number - 1)
            same(reader.next_frame(), number)


# Who is where -----------------------------------------------------------------------------------


def trajectory(times: Sequence[float], left: Sequence[float]) -> Trajectory:
    lefts = np.asarray(left, np.float32)
    boxes = np.stack([lefts, lefts * 0 + 10, lefts + 40, lefts * 0 + 110], axis=1)
    count = len(times)
    return Trajectory(
        np.arange(count, dtype=np.int32),
        np.asarray(times, np.float64),
        boxes.astype(np.float32),
        np.ones(count, np.float32),
    )


def tracklet(number: int, path: Trajectory, identity_id: int | None = None) -> Tracklet:
    crop = StoredCrop(Path("crop.jpg"), 0, float(path.time_s[0]), path.boxes[0], 1.0)
    return Tracklet(
        number, 1, 1, number, float(path.time_s[0]), float(path.time_s[-1]), crop, identity_id
    )


class FakeLibrary:
    def __init__(self, video: Video, people: list[tuple[Tracklet, Trajectory]]) -> None:
        self.stored = video
        self.people = people
        self.reads = 0
        self.timezone = ZoneInfo("Europe/Vienna")

    def video(self, video_id: int) -> Video:
        return self.stored

    def trajectories_between(
        self, video_id: int, from_s: float, to_s: float
    ) -> list[tuple[Tracklet, Trajectory]]:
        self.reads += 1
        return [
            (person, path)
            for person, path in self.people
            if person.first_time_s <= to_s and person.last_time_s >= from_s
        ]

    def identities(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=5, name="Red jacket")]


def stored_video(path: Path, analysed_fps: float = 5.0) -> Video:
    info = VideoInfo(path, "gate", WIDTH_PX, HEIGHT_PX, 25.0, 250, 10.0)
    return Video(
        1, Camera(1, "gate"), path, "0" * 64, VideoStatus.DONE, "", info, analysed_fps, "d", 10.0, 2
    )


def playback_of(
    people: list[tuple[Tracklet, Trajectory]], video: Video | None = None
) -> tuple[Playback, FakeLibrary]:
    library = FakeLibrary(video or stored_video(Path("gate.mp4")), people)
    return Playback(library, Opened()), library  # type: ignore[arg-type]


def test_boxes_lie_between_those_of_the_analysed_frames() -> None:
    path = trajectory([1.0, 1.2, 1.4], [0, 20, 60])
    playback, _ = playback_of([(tracklet(7, path, identity_id=5), path)])

    (exact,) = playback.people_at(1, 1.2)
    assert exact.tracklet_id == 7
    assert exact.identity_name == "Red jacket"
    assert not exact.interpolated
    np.testing.assert_allclose(exact.box, [20, 10, 60, 110])

    (between,) = playback.people_at(1, 1.3)
    assert between.interpolated
    np.testing.assert_allclose(between.box, [40, 10, 80, 110], atol=1e-4)

    assert playback.people_at(1, 0.5) == []
    assert playback.people_at(1, 2.5) == []


def test_how_far_a_box_reaches_depends_on_the_analysed_rate() -> None:
    path = trajectory([1.0, 3.0], [0, 20])
    slow, _ = playback_of([(tracklet(7, path), path)], stored_video(Path("gate.mp4"), 1.0))
    fast, _ = playback_of([(tracklet(7, path), path)], stored_video(Path("gate.mp4"), 10.0))
    assert len(slow.people_at(1, 2.0)) == 1  # one analysed frame was missed
    assert fast.people_at(1, 2.0) == []  # ten were missed: nobody knows


def test_frames_far_apart_show_only_their_own_boxes() -> None:
    path = trajectory([0.0, 2.0], [0, 20])
    sparse = stored_video(Path("c1s1_000051.jpg"), analysed_fps=1.0)
    sparse = replace(sparse, info=replace(sparse.info, frame_count=3, duration_s=2.04))
    playback, _ = playback_of([(tracklet(7, path), path)], sparse)
    assert [len(playback.people_at(1, time_s)) for time_s in (0.0, 1.0, 2.0)] == [1, 0, 1]


def test_whoever_stands_in_front_of_a_point_is_meant() -> None:
    large, small = trajectory([1.0], [0]), trajectory([1.0], [10])
    small = replace(small, boxes=np.array([[10, 50, 30, 110]], np.float32))
    playback, _ = playback_of([(tracklet(1, large), large), (tracklet(2, small), small)])
    assert playback.person_at(1, 1.0, 20, 60) == 2
    assert playback.person_at(1, 1.0, 20, 20) == 1
    assert playback.person_at(1, 1.0, 200, 20) is None
    assert playback.person_at(1, 9.0, 20, 20) is None


def test_people_are_read_once_for_a_stretch_until_they_are_forgotten() -> None:
    path = trajectory([1.0, 1.2, 1.4], [0, 20, 60])
    playback, library = playback_of([(tracklet(7, path), path)])
    for time_s in (1.0, 1.04, 1.08):
        playback.people_at(1, time_s)
    assert library.reads == 1
    library.people.append((tracklet(8, path), path))
    playback.forget_people()
    assert len(playback.people_at(1, 1.0)) == 2


def test_footage_that_was_moved_is_told_of_with_a_remedy(tmp_path: Path) -> None:
    def fails(video: Video) -> FakeSource:
        raise VideoError(f"{video.path.name} cannot be opened.")

    library = FakeLibrary(stored_video(tmp_path / "gate.mp4"), [])
    playback = Playback(library, fails)  # type: ignore[arg-type]
    with pytest.raises(VideoError, match=r"gate\.mp4 is not at") as told:
        playback.reader(1)
    assert "Locate" in told.value.remedy

    (tmp_path / "gate.mp4").touch()
    with pytest.raises(VideoError, match="cannot be opened"):
        playback.reader(1)
