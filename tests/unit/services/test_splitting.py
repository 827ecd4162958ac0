"""A sighting that shows two people is cut in two, and made one again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, unit

from app.core.entities import FloatArray, Image, VideoStatus
from app.core.errors import UsageError, VideoError
from app.core.queries import SearchFilter, SearchResult, TrackletQuery
from app.services.people.people import People
from app.services.people.splitting import Splitting
from app.services.search.search import Search
from app.storage.library import Library


class Redness:
    """Reads an angle off the red channel: 0 is (1, 0), 255 is (0, 1)."""

    id = EMBEDDER
    dimension = 2

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        assert cameras == ["cam1"] * len(images)
        angles = np.array([image[..., 0].mean() for image in images]) / 255 * np.pi / 2
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Desk:
    """Two people, each with boxes at 0, .2 and .4 s and one picture, of the second box."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.video = add_video(library, library.folder.parent / "cam1.mp4")
        times = [(0.0, 0.2, 0.4)] * 2
        made = add_people(library, self.video, [unit(1, 0), unit(1, 1)], times=times)
        self.ids = [each.id for each in made]
        library.finish_video(self.video.id, VideoStatus.DONE, frame_count=20, duration_s=1.0)
        self.search = Search(library, lambda: EMBEDDER, Redness)
        self.people = People(library, self.search.stored)
        self.asked: list[float] = []
        self.problem: VideoError | None = None
        self.splitting = Splitting(library, Redness, self._frame, self.search.stored)

    def _frame(self, video_id: int, time_s: float) -> Image:
        if self.problem is not None:
            raise self.problem
        self.asked.append(time_s)
        return np.zeros((360, 640, 3), np.uint8)

    def split(self, tracklet_id: int, time_s: float) -> tuple[int, int]:
        *_, ids = self.splitting.run(tracklet_id, time_s)
        assert ids is not None
        return ids

    def times(self, tracklet_id: int) -> list[float]:
        tracklet = self.library.tracklet(tracklet_id)
        times = self.library.trajectory(tracklet_id).time_s.round(3).tolist()
        assert (tracklet.first_time_s, tracklet.last_time_s) == (times[0], times[-1])
        crops = self.library.crops(tracklet_id)
        assert tracklet.thumbnail.path in [each.path for each in crops]
        assert all(times[0] <= each.time_s <= times[-1] for each in crops)
        return [float(each) for each in times]

    def found(self, tracklet_id: int) -> dict[int, float]:
        events = self.search.run(TrackletQuery(tracklet_id), SearchFilter())
        result = [each for each in events if isinstance(each, SearchResult)][-1]
        return {hit.tracklet_id: round(hit.cosine, 3) for hit in result.hits}

    def state(self) -> object:
        tracklets = self.library.tracklets_of(self.video.id)
        vectors = [self.library.vector(each.id, EMBEDDER) for each in tracklets]
        rounded = [None if vector is None else vector.round(4).tolist() for vector in vectors]
        return [(each.id, each.identity_id, self.times(each.id)) for each in tracklets], rounded


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Library.open(tmp_path / "library", create=True) as library:
        yield Desk(library)


def test_the_part_with_the_picture_keeps_person_and_decisions(desk: Desk) -> None:
    one, two = desk.ids
    person = desk.people.confirm(one, two, anyway=True)
    kept, new = desk.split(one, 0.4)
    assert kept == one and new not in desk.ids
    assert (desk.times(kept), desk.times(new)) == ([0.0, 0.2], [0.4])
    assert desk.asked == [pytest.approx(0.4)]  # no picture was stored of it
    assert {each.id for each in desk.people.sightings(person.id)} == {one, two}
    assert desk.library.tracklet(new).identity_id is None
    assert desk.library.video(desk.video.id).tracklet_count == 3
    assert desk.found(new)[one] == pytest.approx(np.cos(200 / 255 * np.pi / 2), abs=0.02)
    assert not desk.search.index_differs()
    kept, new = desk.split(two, 0.2)  # now it is the later part that has the picture
    assert (desk.times(kept), desk.times(new)) == ([0.2, 0.4], [0.0])
    assert {each.id for each in desk.people.sightings(person.id)} == {one, two}


def test_undo_joins_and_redo_cuts_again_with_what_was_decided_since(desk: Desk) -> None:
    one, two = desk.ids
    before = desk.state()
    _, new = desk.split(one, 0.2)
    cut = desk.state()
    person = desk.people.confirm(two, new, anyway=True)
    decided = desk.state()
    for _ in range(2):
        desk.people.undo()
        assert desk.state() == cut
        desk.people.undo()
        assert desk.state() == before
        assert new not in desk.found(two)
        assert desk.people.undo() is None
        desk.people.redo()
        assert desk.state() == cut
        desk.people.redo()
        assert desk.state() == decided
        assert {each.id for each in desk.people.sightings(person.id)} == {two, new}
        assert [(d.tracklet_id, d.other_id) for d in desk.library.decisions()] == [(two, new)]
    assert not desk.search.index_differs()


def test_what_cannot_be_split_is_said_and_changes_nothing(desk: Desk) -> None:
    one, _ = desk.ids
    before = desk.state()
    for time_s in (0.0, 0.5):
        with pytest.raises(UsageError, match="cannot be split") as wrong:
            desk.split(one, time_s)
        assert "0:00:00.4" in wrong.value.remedy
    desk.problem = VideoError("cam1.mp4 is gone.", "Bring it back.")
    with pytest.raises(UsageError, match="no picture yet.*cam1.mp4 is gone") as gone:
        desk.split(one, 0.4)
    assert gone.value.remedy == "Bring it back."
    desk.library.begin_video(desk.video.id, 5.0, "detector")
    with pytest.raises(UsageError, match="still being read"):
        desk.split(one, 0.2)
    assert desk.state() == before
