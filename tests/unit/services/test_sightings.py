"""What users say about sightings by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_people import EMBEDDER, add_people, add_video, unit

from app.core.entities import Tracklet
from app.core.queries import SearchFilter, SearchResult, TrackletQuery
from app.services.people.people import People
from app.services.people.sightings import Sightings
from app.services.search.search import Search
from app.storage.library import Library


class Desk:
    """A library with four people in one video, its search, and what is said about them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.video = add_video(library, library.folder.parent / "cam1.mp4")
        vectors = [unit(1, place / 10) for place in range(4)]
        self.tracklets: list[Tracklet] = add_people(library, self.video, vectors)
        self.search = Search(library, lambda: EMBEDDER, self._never)
        self.people = People(library, self.search.stored)
        self.sightings = Sightings(library, self.search.stored)
        self.ids = [each.id for each in self.tracklets]

    def _never(self) -> None:
        raise AssertionError("no network is needed for this")

    def found(self, tracklet_id: int, *, things: bool = False) -> list[int]:
        events = self.search.run(TrackletQuery(tracklet_id), SearchFilter(things=things))
        result = [each for each in events if isinstance(each, SearchResult)][-1]
        return [hit.tracklet_id for hit in result.hits]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Library.open(tmp_path / "library", create=True) as library:
        yield Desk(library)


def test_a_thing_leaves_lists_counts_and_searches_and_comes_back_by_undo(desk: Desk) -> None:
    one, two, three, four = desk.ids
    assert desk.found(one) == [two, three, four]
    person = desk.people.confirm(one, two, anyway=True)
    assert desk.sightings.say_thing([two, three, three]) == (two, three)
    assert desk.sightings.say_thing([two]) == ()  # known, and no step of its own
    assert desk.found(one) == [four]
    assert desk.found(one, things=True) == [two, three]
    assert not desk.search.index_differs()
    assert [each.id for each in desk.people.sightings(person.id)] == [one]
    assert desk.library.video(desk.video.id).tracklet_count == 2
    seen = desk.library.trajectories_between(desk.video.id, 0.0, 10.0)
    assert [each.id for each, _ in seen] == [one, four]
    begins, _ = desk.library.sighting_counts([desk.video.id], 60.0)
    assert begins[:, 2].sum() == 2
    desk.people.undo()
    assert desk.found(one) == [two, three, four]
    assert [each.id for each in desk.people.sightings(person.id)] == [one, two]
    desk.people.redo()
    assert desk.found(one) == [four]
    assert desk.sightings.say_thing([three], is_thing=False) == (three,)
    assert desk.found(one) == [three, four]
    assert [each.id for each in desk.sightings.things()] == [two]
