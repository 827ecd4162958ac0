"""Clocks and names of cameras, on a real library without networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stored_people import EMBEDDER, add_people, unit

from app.core.camera_clock import CameraClock
from app.core.entities import StartSource, Video, VideoInfo
from app.core.errors import UsageError
from app.core.ports import Embedder
from app.core.queries import Hit, SearchFilter, TrackletQuery
from app.services.footage.cameras import Cameras, MarkedEvent, changed
from app.services.people.catalog import Catalog
from app.services.search.search import Search
from app.storage.library import Library

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)
SHOWN = datetime(2024, 5, 14, 14)  # noqa: DTZ001 - a recorder's clock


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def search(library: Library) -> Search:
    def no_embedder() -> Embedder:
        raise AssertionError("no network is needed")

    return Search(library, lambda: EMBEDDER, no_embedder, lambda *_: None, lambda _: None)


@pytest.fixture
def cameras(library: Library, search: Search) -> Cameras:
    return Cameras(library, search)


def add(library: Library, name: str, camera: str, start: datetime | None = NOON) -> Video:
    local = None if start is None else start.replace(tzinfo=None) + timedelta(hours=2)
    path = library.folder.parent / name
    info = VideoInfo(path, camera, 640, 360, 10.0, None, 60.0, start, StartSource.FILE_NAME, local)
    video = library.add_video(path.parent, info, f"hash of {name}", 1, 1)
    library.begin_video(video.id, 5.0, "detector")
    return library.video(video.id)


def test_an_offset_holds_for_hits_filters_and_lists(
    library: Library, search: Search, cameras: Cameras
) -> None:
    one, two = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2")
    (query,) = add_people(library, one, [unit(1, 0)], times=[[200.0, 201.0]])
    (other,) = add_people(library, two, [unit(1, 0.1)], times=[[0.0, 1.0]])
    moment = NOON + timedelta(seconds=200)
    where = SearchFilter(from_utc=moment, to_utc=moment + timedelta(seconds=1))

    def found() -> list[int]:
        *_, last = search.run(TrackletQuery(query.id), where)
        return [hit.tracklet_id for hit in last.hits]

    assert found() == []
    cameras.set_clock(two.camera, CameraClock(offset_s=200.0))
    assert found() == [other.id]
    (row,) = Catalog(library).tracklet_rows(two.id)
    assert row.start_utc == moment
    changed_video = library.video(two.id)
    assert changed_video.time_source == "file name, corrected"
    assert (changed_video.raw_moment(0.0), changed_video.moment(0.0)) == (NOON, moment)
    assert library.video(one.id).time_source == "file name, raw"
    hits = [Hit(each, score=1.0, cosine=1.0) for each in (query.id, other.id)]
    assert [each.corrected for each in Catalog(library).details(hits)] == [False, True]


def test_a_zone_reads_the_recorders_clock_anew(library: Library, cameras: Cameras) -> None:
    video = add(library, "a.mp4", "cam1")
    assert video.info.start_local == SHOWN
    cameras.set_clock(video.camera, CameraClock("America/New_York"))
    assert library.video(video.id).moment(1.5) == datetime(2024, 5, 14, 18, 0, 1, 500_000, UTC)
    with pytest.raises(UsageError, match="is not a time zone"):
        cameras.set_clock(video.camera, CameraClock("Mars/Olympus"))


def test_marks_are_solved_against_the_other_cameras_corrected_time(
    library: Library, cameras: Cameras
) -> None:
    one, two = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2")
    cameras.set_clock(one.camera, CameraClock(offset_s=60.0))
    solved = cameras.solve(two.camera, [MarkedEvent(two.id, 10.0, one.id, 50.0)])
    assert solved.clock.offset_s == pytest.approx(100.0)
    assert solved.uncertainty_s == pytest.approx(0.1)  # half a frame of each
    later = add(library, "c.mp4", "cam2", NOON + timedelta(days=1))
    other = add(library, "d.mp4", "cam1", NOON + timedelta(days=1))
    events = [
        MarkedEvent(two.id, 10.0, one.id, 50.0),
        MarkedEvent(later.id, 10.0, other.id, 52.0),
    ]
    assert cameras.solve(two.camera, events).clock.drift_s_per_day == pytest.approx(2.0, rel=1e-3)


def test_marks_at_moments_that_a_video_does_not_have_are_refused(
    library: Library, cameras: Cameras
) -> None:
    one, two = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2")
    for times in ((10.0, 32_400.0), (32_400.0, 10.0)):
        with pytest.raises(UsageError, match=r"has no frame at 32400 s\. It lasts"):
            cameras.solve(two.camera, [MarkedEvent(two.id, times[0], one.id, times[1])])


def test_marks_in_the_wrong_videos_are_refused(library: Library, cameras: Cameras) -> None:
    one, two = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2", None)
    with pytest.raises(UsageError, match="needs a video of cam1"):
        cameras.solve(one.camera, [MarkedEvent(two.id, 0.0, one.id, 0.0)])
    with pytest.raises(UsageError, match=r"time of day of b\.mp4 is not known"):
        cameras.solve(one.camera, [MarkedEvent(one.id, 0.0, two.id, 0.0)])


def test_a_typed_drift_counts_from_the_first_video(library: Library) -> None:
    video = add(library, "a.mp4", "cam1")
    clock = changed(CameraClock("UTC"), offset_s=3.0, drift_s_per_day=2.0, videos=[video])
    assert clock == CameraClock("UTC", 3.0, 2.0, NOON + timedelta(hours=2))
    assert changed(clock, drift_s_per_day=0.0) == replace(
        clock, drift_s_per_day=0.0, reference_utc=None
    )
    with pytest.raises(UsageError, match="known"):
        changed(clock, drift_s_per_day=1.0)


@pytest.mark.parametrize("offset_s", [1e99, -4e9, float("nan"), float("inf")])
def test_an_absurd_offset_or_drift_is_refused(offset_s: float) -> None:
    with pytest.raises(UsageError, match="An offset cannot be more than 100 years"):
        changed(CameraClock(), offset_s=offset_s)
    with pytest.raises(UsageError, match="A drift cannot be more than 12 hours per day"):
        changed(CameraClock(), drift_s_per_day=offset_s)


# Names ------------------------------------------------------------------------------------------


def test_a_renamed_camera_takes_footage_of_its_former_name(
    library: Library, cameras: Cameras
) -> None:
    video = add(library, "a.mp4", "cam1")
    cameras.set_clock(video.camera, CameraClock(offset_s=5.0))
    cameras.rename(Catalog(library).find_camera("CAM1"), " North gate ")
    assert [each.name for each in library.cameras()] == ["North gate"]
    later = add(library, "b.mp4", "cam1")
    assert later.camera == library.video(video.id).camera
    assert later.camera.clock.offset_s == 5.0
    cameras.rename(later.camera, "cam1")
    assert [each.name for each in library.cameras()] == ["cam1"]


def test_names_must_be_free(library: Library, cameras: Cameras) -> None:
    one, _ = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2")
    with pytest.raises(UsageError, match='already a camera "cam2"'):
        cameras.rename(one.camera, "CAM2")
    with pytest.raises(UsageError, match="needs a name"):
        cameras.rename(one.camera, "  ")


def test_name_and_clock_change_together_or_not_at_all(library: Library, cameras: Cameras) -> None:
    one, _ = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "cam2")
    with pytest.raises(UsageError, match="already"):
        cameras.change(one.camera, "cam2", CameraClock(offset_s=5.0))
    assert library.video(one.id).camera == one.camera
    cameras.change(one.camera, "Gate", CameraClock(offset_s=5.0))
    changed_camera = library.video(one.id).camera
    assert (changed_camera.name, changed_camera.clock.offset_s) == ("Gate", 5.0)


def test_merged_cameras_are_one_with_the_clock_of_the_one_that_stays(
    library: Library, cameras: Cameras
) -> None:
    one, two = add(library, "a.mp4", "cam1"), add(library, "b.mp4", "CH2")
    three = add(library, "c.mp4", "CH3")
    cameras.set_clock(one.camera, CameraClock(offset_s=7.0))
    cameras.merge([two.camera, three.camera, one.camera], one.camera)
    (merged,) = library.cameras()
    assert (merged.name, merged.clock.offset_s) == ("cam1", 7.0)
    assert add(library, "d.mp4", "CH2").camera.id == merged.id


def test_split_videos_are_a_camera_with_the_same_clock(library: Library, cameras: Cameras) -> None:
    front, rear = add(library, "1F.mp4", "dashcam"), add(library, "1R.mp4", "dashcam")
    cameras.set_clock(front.camera, CameraClock("+01:00", 7.0))
    cameras.split(front.camera, [rear], "rear")
    names = {video.path.name: video.camera for video in library.videos()}
    assert {name: camera.name for name, camera in names.items()} == {
        "1F.mp4": "dashcam",
        "1R.mp4": "rear",
    }
    assert names["1R.mp4"].clock == CameraClock("+01:00", 7.0)
    for videos in ([], [front]):
        with pytest.raises(UsageError, match="cannot be split off"):
            cameras.split(names["1F.mp4"], videos, "third")
