"""Routes: confirmed sightings in order of time, and which of them contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.core.camera_clock import CameraClock
from app.core.entities import StartSource, Tracklet, Video
from app.core.errors import UsageError
from app.core.way_limits import WayLimits
from app.services.people.people import People
from app.services.route.route import Conflict, Route, Routes
from app.services.route.ways import LearntTimes, set_limits
from app.storage.library import Library
from tests.unit.services.stored_people import add_people, add_video, make_search, unit

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
STEP_S = 0.2


class Place:
    """A library that is filled sighting by sighting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = Library.open(folder / "library", create=True)
        self.videos: dict[str, Video] = {}

    def camera(self, name: str, start: datetime | None = NOON) -> None:
        self.videos[name] = add_video(self.library, self.folder / f"{name}.mp4", name, start)

    def seen(self, camera: str, first_s: float, last_s: float, looks: int = 0) -> Tracklet:
        """Somebody of given looks, in every analysed frame between two times."""
        vector = unit(*np.random.default_rng(looks).normal(size=32))
        times = np.arange(first_s, last_s + 1e-6, STEP_S).tolist()
        return add_people(self.library, self.videos[camera], [vector], times=[times])[0]

    def passers_by(self, here: str, there: str, ways_s: list[float]) -> None:
        """Others, each seen for a second in both cameras, so many seconds apart."""
        for place, way_s in enumerate(ways_s):
            at_s = 1000.0 + 300 * place
            self.seen(here, at_s, at_s + 1, looks=100 + place)
            self.seen(there, at_s + 1 + way_s, at_s + 2 + way_s, looks=100 + place)

    def route(self, *sightings: Tracklet) -> Route:
        people = People(self.library)
        for each in sightings[1:]:
            person = people.confirm(sightings[0].id, each.id, anyway=True)
        return Routes(self.library, make_search(self.library)).of(person.id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.library.close()


def conflicts(route: Route) -> list[tuple[Conflict, int, int]]:
    return [
        (each.conflict, each.one.tracklet.id, each.other.tracklet.id)
        for each in route.contradictions
    ]


def test_sightings_are_in_order_of_corrected_times_and_those_of_unknown_time_last(
    place: Place,
) -> None:
    place.camera("door")
    place.camera("hall", NOON + timedelta(minutes=5))
    place.camera("yard", None)
    late, early = place.seen("door", 60, 64), place.seen("hall", 0, 2)
    lost = place.seen("yard", 3, 4)
    hall = place.library.camera_called("hall")
    assert hall is not None
    assert [each.tracklet.id for each in place.route(late, early, lost).sightings] == [
        late.id, early.id, lost.id,
    ]  # fmt: skip
    place.library.set_clock(hall.id, CameraClock(offset_s=-290))  # it was five minutes fast
    route = place.route(late, early, lost)
    assert [each.tracklet.id for each in route.sightings] == [early.id, late.id, lost.id]
    (leg,) = route.legs
    assert (leg.one.tracklet.id, leg.other.tracklet.id) == (early.id, late.id)
    assert leg.gap_s == pytest.approx(48)
    assert not route.contradictions
    assert route.remarks() == ["The time of 1 sighting is not known: it stands at the end."]


def test_two_boxes_in_one_frame_contradict_each_other_but_not_two_that_take_turns(
    place: Place,
) -> None:
    place.camera("yard", None)  # for which no clock is needed
    one, other, after = (place.seen("yard", *span) for span in ((0, 4), (3, 6), (7, 8)))
    route = place.route(one, other, after)
    assert conflicts(route) == [(Conflict.TWO_BOXES, one.id, other.id)]
    assert route.contradictions[0].words() == "two boxes in one frame of yard"
    assert route.contradictions[0].is_sure


def test_nobody_is_in_two_places_at_once_unless_the_views_overlap(place: Place) -> None:
    place.camera("door")
    place.camera("hall")
    one, other = place.seen("door", 0, 8), place.seen("hall", 5, 20)
    touching = place.seen("door", 19.4, 30)  # within what clocks are off
    route = place.route(one, other, touching)
    assert conflicts(route) == [(Conflict.TWO_PLACES, one.id, other.id)]
    assert route.contradictions[0].words() == "door and hall at once, for 3 s"
    assert "not corrected" in route.remarks()[0]
    place.passers_by("door", "hall", [-1.5, -1.5, -1.5])  # whom both cameras see for half a second
    assert not place.route(one, other, touching).contradictions


def test_whoever_is_faster_than_all_others_were_contradicts(place: Place) -> None:
    for camera in ("door", "hall"):
        place.camera(camera)
    start, fast = place.seen("door", 0, 2), place.seen("hall", 12, 14)
    back = place.seen("door", 70, 72)
    assert not place.route(start, fast, back).contradictions  # nobody knows how long it takes
    place.passers_by("door", "hall", [50, 55, 60, 61, 64, 70])
    route = place.route(start, fast, back)
    assert conflicts(route) == [(Conflict.TOO_FAST, start.id, fast.id)]
    said = route.contradictions[0].words()
    assert said == "door to hall in 10.0 s, where nobody took less than 50.0 s"
    way = route.legs[0].way
    assert way is not None
    assert way.learnt == LearntTimes(6, 50, 60, 70, overlap=False)
    assert way.words() == "50 s–70 s"


def test_what_is_set_for_a_way_counts_more_than_what_is_learnt(place: Place) -> None:
    for camera in ("door", "hall"):
        place.camera(camera)
    start, soon, late = (
        place.seen("door", 0, 2),
        place.seen("hall", 12, 14),
        place.seen("door", 200, 202),
    )
    door, hall = place.library.cameras()
    place.passers_by("door", "hall", [50, 55, 60, 61, 64, 70])

    def set_to(least_s: float | None, most_s: float | None) -> list[str]:
        set_limits(place.library, hall, door, WayLimits(least_s, most_s))
        return [each.words() for each in place.route(start, soon, late).contradictions]

    assert set_to(5, None) == []
    assert set_to(20, 100) == [
        "door to hall in 10.0 s, where at least 20 s are set",
        "hall to door in 186.0 s, where at most 100 s are set",
    ]
    assert set_to(0, 100) == ["hall to door in 186.0 s, where at most 100 s are set"]
    assert set_to(None, None) == ["door to hall in 10.0 s, where nobody took less than 50.0 s"]
    assert place.library.way_limits() == {}
    at_once = place.seen("hall", 0, 3, looks=9)
    place.route(start, at_once)
    set_limits(place.library, door, hall, WayLimits(0))
    assert not [each for each in place.route(start, at_once).contradictions if each.gap_s < 0]


def test_limits_that_cannot_be_are_refused(place: Place) -> None:
    for camera in ("door", "hall"):
        place.camera(camera)
    door, hall = place.library.cameras()
    for one, other, limits in (
        (door, door, WayLimits(1)),
        (door, hall, WayLimits(9, 8)),
        (door, hall, WayLimits(-1)),
        (door, hall, WayLimits(None, -1)),
    ):
        with pytest.raises(UsageError):
            set_limits(place.library, one, other, limits)
    assert place.library.way_limits() == {}


def test_limits_go_with_a_camera_that_is_merged(place: Place) -> None:
    for camera in ("door", "hall", "yard"):
        place.camera(camera)
    door, hall, yard = place.library.cameras()
    set_limits(place.library, door, hall, WayLimits(5))
    set_limits(place.library, yard, hall, WayLimits(7))
    place.library.merge_cameras(door.id, yard.id)
    assert place.library.way_limits() == {frozenset((yard.id, hall.id)): WayLimits(7)}


def test_a_file_s_date_proves_nothing(place: Place) -> None:
    for camera in ("door", "hall"):
        info = replace(
            add_video(place.library, place.folder / f"{camera}.mp4", camera, NOON).info,
            path=place.folder / f"{camera}2.mp4",
            start_source=StartSource.FILE_TIME,
        )
        place.videos[camera] = place.library.add_video(
            place.folder, info, f"hash of {camera}", 1, 1
        )
        place.library.begin_video(place.videos[camera].id, 5.0, "detector")
    route = place.route(place.seen("door", 0, 8), place.seen("hall", 2, 6))
    (contradiction,) = route.contradictions
    assert not contradiction.is_sure
    assert contradiction.words() == "door and hall at once, for 4 s, or a file's date is wrong"
    assert route.remarks() == [
        "Only the files' dates tell the time of door, hall: the order may be wrong."
    ]
