"""A workspace without a library: what the results need of the services, in plain lists."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np

from app.core.entities import Camera, Detections, FloatArray, Image
from app.core.errors import NotFoundError, UserFacingError
from app.core.journal import Decision, UndoState
from app.core.queries import (
    REFINEMENTS,
    CropQuery,
    Hit,
    PersonQuery,
    Query,
    SearchEvent,
    SearchFilter,
    SearchResult,
    SearchStage,
    TrackletQuery,
)
from app.services.people.catalog import CameraEntry, HitDetails
from app.services.search.photo import Photo

START = datetime(2024, 5, 14, 8, 30, tzinfo=UTC)
CAMERAS = ("cam1", "cam2", "cam3")


def a_hit(tracklet_id: int, score: float = 0.5) -> Hit:
    return Hit(tracklet_id, score=score, cosine=score)


def hits_of(*tracklet_ids: int) -> list[Hit]:
    return [a_hit(each, 0.92 - place / 100) for place, each in enumerate(tracklet_ids)]


def details_of(tracklet_id: int, **changes: object) -> HitDetails:
    """Tracklet n: camera n mod 3, first seen n minutes after 08:30 UTC."""
    made = HitDetails(
        rank=1,
        tracklet_id=tracklet_id,
        camera=CAMERAS[tracklet_id % 3],
        video_id=tracklet_id % 3 + 1,
        video=Path("/footage/10-30.mp4"),
        first_time_s=60.0 * tracklet_id,
        last_time_s=60.0 * tracklet_id + 4.5,
        start_utc=START + timedelta(minutes=tracklet_id),
        time_source="file name, raw",
        box=np.array([1, 2, 30, 80], np.float32),
        box_time_s=60.0 * tracklet_id + 1,
        score=0.0,
        thumbnail=Path(f"/crops/{tracklet_id}.jpg"),
        identity=None,
        verdict=None,
    )
    return replace(made, **changes)


def a_result(
    *tracklet_ids: int, stage: SearchStage = SearchStage.RETRIEVED, searched: int = 1204
) -> SearchResult:
    return SearchResult(stage, hits_of(*tracklet_ids), searched, 0.123)


class FakeCatalog:
    def __init__(self) -> None:
        self.asked: list[int] = []
        self.verdicts: dict[int, str] = {}
        self.changes: dict[int, dict[str, object]] = {}
        self.gone: set[int] = set()

    def details(
        self, hits: Sequence[Hit], query_tracklet_id: int | None = None, first_rank: int = 1
    ) -> list[HitDetails]:
        self.asked += [hit.tracklet_id for hit in hits]
        judged = self.verdicts if query_tracklet_id is not None else {}
        return [
            replace(
                details_of(hit.tracklet_id, **self.changes.get(hit.tracklet_id, {})),
                rank=rank,
                score=hit.score,
                verdict=judged.get(hit.tracklet_id),
            )
            for rank, hit in enumerate(hits, first_rank)
            if hit.tracklet_id not in self.gone
        ]

    def in_time_order(self, hits: Iterable[Hit]) -> list[HitDetails]:
        return sorted(self.details(list(hits)), key=lambda each: each.first_time_s)

    def in_time_order_of(self, *tracklet_ids: int) -> list[HitDetails]:
        return self.in_time_order(hits_of(*tracklet_ids))

    def cameras(self) -> list[CameraEntry]:
        info = SimpleNamespace(start_utc=START, duration_s=3600.0)
        video = SimpleNamespace(info=info, moment=lambda time_s: START + timedelta(seconds=time_s))
        return [CameraEntry(Camera(at, name), (video,)) for at, name in enumerate(CAMERAS, 1)]


class FakeSearch:
    """Yields `results`, the last one only after `go_on` is set."""

    def __init__(self) -> None:
        self.results: list[SearchEvent] = [a_result(1, 2, 3)]
        self.stages: list[Collection[SearchStage]] = []
        self.prepared = 0
        self.asked: list[tuple[Query, SearchFilter]] = []
        self.error: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.closed = threading.Event()
        self.new = 0
        self.counted: list[tuple[SearchFilter, int]] = []

    def count_new(self, where: SearchFilter, newest_id: int) -> int:
        self.counted.append((where, newest_id))
        return self.new

    def prepare(self) -> Iterator[None]:
        self.prepared += 1
        yield None

    def calibrate(self) -> Iterator[None]:
        yield None

    def run(
        self,
        query: Query,
        where: SearchFilter | None = None,
        limit: int = 200,
        stages: Collection[SearchStage] = REFINEMENTS,
        *,
        with_judged: bool,
    ) -> Iterator[SearchEvent]:
        assert where is not None and with_judged
        self.stages.append(stages)
        self.asked.append((query, where))
        results = list(self.results)
        try:
            if self.error is not None:
                raise self.error
            yield from results[:-1]
            self.go_on.wait(10)
            yield results[-1]
        finally:
            self.closed.set()


class FakePeople:
    def __init__(self, catalog: FakeCatalog) -> None:
        self.catalog = catalog
        self.calls: list[tuple[object, ...]] = []
        self.error: UserFacingError | None = None
        self.may_store = threading.Event()
        self.may_store.set()
        self._made: list[Decision] = []
        self._undone: list[Decision] = []

    def _store(self, *call: object) -> None:
        self.may_store.wait(10)
        if self.error is not None:
            raise self.error
        self.calls.append(call)

    def _holds(self) -> None:
        self.catalog.verdicts = {each.other_id: each.verdict for each in self._made}
        self.catalog.changes = {
            each.other_id: {"identity": "Person 1"} for each in self._made if each.verdict == "same"
        }

    def query_of(self, tracklet_id: int) -> TrackletQuery | PersonQuery:
        said = {each.other_id: each.verdict for each in self._made}
        same = [each for each, verdict in said.items() if verdict == "same"]
        rejected = tuple(each for each, verdict in said.items() if verdict == "different")
        if not same and not rejected:
            return TrackletQuery(tracklet_id)
        shown = dict.fromkeys([tracklet_id, *same])
        return PersonQuery(tuple(TrackletQuery(each) for each in shown), rejected)

    def begin(self, tracklet_id: int) -> None:
        self._store("begin", tracklet_id)
        self._made.append(Decision(tracklet_id, tracklet_id, "same", START))
        self._holds()

    def doubt(self, query_id: int, hit_id: int) -> None:
        self._store("doubt", query_id, hit_id)
        self._made.append(Decision(query_id, hit_id, "maybe", START))
        self._holds()

    def reopen(self, query_id: int, hit_id: int) -> None:
        self._store("reopen", query_id, hit_id)
        self._made = [each for each in self._made if each.other_id != hit_id]
        self._holds()

    def confirm(self, query_id: int, hit_id: int, *, anyway: bool = False) -> None:
        self._store("confirm", query_id, hit_id, *(["anyway"] if anyway else []))
        self._made.append(Decision(query_id, hit_id, "same", START))
        self._holds()

    def reject(self, query_id: int, hit_id: int) -> None:
        self._store("reject", query_id, hit_id)
        self._made.append(Decision(query_id, hit_id, "different", START))
        self._holds()

    def undo(self) -> None:
        self._store("undo")
        self._undone.append(self._made.pop())
        self._holds()

    def redo(self) -> None:
        self._store("redo")
        self._made.append(self._undone.pop())
        self._holds()

    def undo_state(self) -> UndoState:
        return UndoState(*((each[-1] if each else None) for each in (self._made, self._undone)))


class FakePlayback:
    def __init__(self) -> None:
        self.people: dict[tuple[int, float], int] = {}

    def person_at(self, video_id: int, time_s: float, x_px: float, y_px: float) -> int | None:
        return self.people.get((video_id, time_s))


class FakeWorkspace:
    def __init__(self) -> None:
        self.library = SimpleNamespace(
            timezone=ZoneInfo("Europe/Berlin"),
            tracklet=lambda _id: SimpleNamespace(identity_id=1),
        )
        self.catalog = FakeCatalog()
        self.search = FakeSearch()
        self.people = FakePeople(self.catalog)
        self.sightings = SimpleNamespace(say_thing=self._say_thing)
        self.playback = FakePlayback()
        self.picture = CropQuery(np.full((60, 30, 3), 90, np.uint8))
        self.scene: Detections | None = None  # in photos; None: photos are crops

    def _say_thing(self, tracklet_ids: Iterable[int], *, is_thing: bool) -> None:
        self.people.calls.append(("thing" if is_thing else "person", *tracklet_ids))
        for each in tracklet_ids:
            self.catalog.changes[each] = {"is_person": not is_thing}

    def detect_person_at(self, video_id: int, time_s: float, x_px: float, y_px: float) -> CropQuery:
        if x_px < 0:
            raise NotFoundError("Nobody was found at that point.", "Click on a person.")
        return self.picture

    def query_in_box(self, video_id: int, time_s: float, box: FloatArray) -> CropQuery:
        return replace(self.picture, camera_id=video_id)

    def read_picture(self, path: Path) -> Image:
        return (
            np.full((240, 480, 3), 90, np.uint8) if self.scene is not None else self.picture.image
        )

    def photo_of(self, image: Image) -> Photo:
        if self.scene is None:
            return Photo(image, Detections.none(), is_crop=True)
        return Photo(image, self.scene)
