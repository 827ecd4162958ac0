"""What a timeline shows: footage and what is not read of it, how many people, whose marks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.core.camera_clock import CameraClock
from app.core.chapters import ResumePoint
from app.core.entities import Video, VideoStatus
from app.core.queries import Hit, TrackletQuery
from app.services.people.catalog import Catalog
from app.services.people.people import People
from app.services.route.route import Routes
from app.services.route.timeline import Density, Lane, Mark, Reading, densities, lanes_of, marks
from app.storage.library import Library
from tests.unit.services.stored_people import add_people, add_video, make_search, unit

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


def film(
    library: Library, name: str, status: VideoStatus, camera: str = "door", length_s: float = 100.0
) -> Video:
    """A video from noon on, of which 40 s were read."""
    video = add_video(library, library.folder / name, camera, NOON)
    library.finish_video(video.id, VideoStatus.DONE, duration_s=length_s)
    library.commit_video(video.id, ResumePoint(40.0, 1000))
    if status is VideoStatus.FAILED:
        library.finish_video(video.id, status, problem="It is damaged.")
    elif status is VideoStatus.INGESTING:
        library.begin_video(video.id, 5.0, "detector")
    return library.video(video.id)


def lanes(library: Library) -> dict[str, Lane]:
    return {lane.camera.name: lane for lane in lanes_of(Catalog(library).cameras())}


def spans(lane: Lane) -> dict[Reading, list[list[float]]]:
    return {kind: (some - NOON_S).tolist() for kind, some in lane.stretches.items() if len(some)}


def counted(library: Library, bin_s: float) -> dict[str, Density]:
    found = lanes(library)
    ids = {video.id for lane in found.values() for video in lane.videos}
    *waited, last = densities(library, list(found.values()), ids, bin_s)
    assert last is not None and not any(waited)
    return {name: last[lane.camera.id] for name, lane in found.items()}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (VideoStatus.DONE, {Reading.READ: [[0, 100]]}),
        (VideoStatus.INGESTING, {Reading.READ: [[0, 40]], Reading.WAITING: [[40, 100]]}),
        (VideoStatus.FAILED, {Reading.READ: [[0, 40]], Reading.FAILED: [[40, 100]]}),
    ],
)
def test_what_is_not_read_is_told_from_what_is(
    library: Library, status: VideoStatus, expected: dict[Reading, list[list[float]]]
) -> None:
    film(library, "a.mp4", status)
    assert spans(lanes(library)["door"]) == expected


def test_a_moment_is_found_by_the_corrected_clock_or_not_at_all(library: Library) -> None:
    video = film(library, "a.mp4", VideoStatus.DONE)
    add_video(library, library.folder / "b.mp4", "door", None)
    library.set_clock(video.camera.id, CameraClock(offset_s=3600))
    lane = lanes(library)["door"]
    assert lane.undated == 1
    assert lane.at(NOON_S + 10) is None
    found = lane.at(NOON_S + 3610)
    assert found is not None
    assert (found[0].id, found[1]) == (video.id, pytest.approx(10))
    assert [each.id for each in lane.between(NOON_S, NOON_S + 3601)] == [video.id]
    assert lane.between(NOON_S, NOON_S + 3599) == []


@pytest.mark.parametrize("bin_s", [1.0, 4.0])
def test_people_are_counted_as_long_as_they_are_there(library: Library, bin_s: float) -> None:
    video = film(library, "a.mp4", VideoStatus.DONE)
    film(library, "c.mp4", VideoStatus.DONE, "hall")
    stays = [(0.0, 9.0), (4.2, 6.0), (20.0, 20.2)]
    times = [np.arange(first, last + 1e-6, 0.2).tolist() for first, last in stays]
    add_people(library, video, [unit(1, 0)] * 3, times=times)
    density = counted(library, bin_s)["door"]
    for first_s, last_s, people in zip(
        density.first_s, density.last_s, density.people, strict=True
    ):
        begin, end = first_s - NOON_S, last_s - NOON_S
        assert end - begin == pytest.approx(bin_s)
        assert people == sum(first < end and last >= begin for first, last in stays)
    assert density.first_s.tolist()[-1] == NOON_S + 20
    assert not len(counted(library, bin_s)["hall"].people)


def test_marks_are_the_person_and_who_is_to_be_decided_on(library: Library) -> None:
    door, hall = (film(library, f"{name}.mp4", VideoStatus.DONE, name) for name in ("door", "hall"))
    one, other, far, rejected = add_people(
        library, door, [unit(1, 0)] * 4, times=[[n, n + 0.2, n + 0.4] for n in (0, 5, 9, 20)]
    )
    (twice,) = add_people(library, hall, [unit(1, 0)], times=[[0.0, 0.2, 3.0]])
    people = People(library)
    people.confirm(one.id, twice.id)
    people.reject(one.id, rejected.id)
    routes = Routes(library, make_search(library))

    def found(probability: float | None, *ids: int) -> tuple[Mark, ...]:
        hits = [Hit(each, 0.5, 0.5, probability=probability) for each in ids]
        *_, last = marks(library, routes, TrackletQuery(one.id), hits)
        return last

    ids = (twice.id, other.id, rejected.id)
    shown = found(0.5, *ids)
    assert {mark.tracklet_id: mark.is_confirmed for mark in shown} == {
        one.id: True, twice.id: True, other.id: False,
    }  # fmt: skip
    assert {mark.tracklet_id for mark in found(0.01, *ids)} == {one.id, twice.id}
    assert far.id not in {mark.tracklet_id for mark in found(None, *ids)}
    (first, second, _) = shown
    assert (
        not first.contradictions and first.first_s == NOON_S
    )  # for .4 s: within what clocks are off
    assert [mark.camera_id for mark in shown] == [door.camera.id, hall.camera.id, door.camera.id]
    people.confirm(one.id, other.id)
    (late,) = add_people(library, hall, [unit(1, 0)], times=[[3.4, 5.0, 8.0]])
    people.confirm(one.id, late.id)
    told = {mark.tracklet_id: mark.contradictions for mark in found(None)}
    assert told[late.id] == told[other.id] == ("hall and door at once, for 1 s",)
    assert told[one.id] == () == told[second.tracklet_id]
