"""The staged search over a real library, with networks that are a few lines of NumPy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, plain_crop, unit

from app.core.entities import FloatArray, Image, Tracklet
from app.core.errors import ModelError, NotFoundError, UserFacingError
from app.core.ports import Embedder, NeighborAggregator, Reranker
from app.core.queries import (
    CropQuery,
    SearchEvent,
    SearchFilter,
    SearchResult,
    SearchStage,
    StageLeftOut,
    StageRunning,
    TrackletQuery,
)
from app.services.search.refining import NEIGHBOURS, PAIRS
from app.services.search.search import Search
from app.storage.library import Library

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


class RedEmbedder:
    """Reads an angle off the red channel: 0 is (1, 0), 255 is (0, 1)."""

    def __init__(self, name: str = EMBEDDER) -> None:
        self.id = name
        self.dimension = 2

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        assert cameras is None, "a picture's camera is unknown"
        assert urgent, "somebody waits for it"
        angles = np.array([image[..., 0].mean() for image in images]) / 255 * np.pi / 2
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class MirrorAggregator:
    """Turns every neighbour upside down, so that the closest becomes the farthest."""

    def __init__(self) -> None:
        self.asked: list[FloatArray] = []

    def aggregate(self, vectors: FloatArray) -> FloatArray:
        self.asked.append(vectors)
        return np.concatenate([vectors[:1], -vectors[1:]])


@dataclass
class RednessReranker:
    """Prefers crops that are red, whoever the query is."""

    pairs: list[tuple[list[Image], list[Image]]] = field(default_factory=list)
    cameras: list[tuple[str | None, list[str]]] = field(default_factory=list)

    def score(
        self,
        query: Sequence[Image],
        gallery: Sequence[Image],
        query_camera: str | None = None,
        gallery_cameras: Sequence[str] | None = None,
    ) -> FloatArray:
        self.pairs.append((list(query), list(gallery)))
        self.cameras.append((query_camera, list(gallery_cameras or ())))
        return np.array([image[..., 0].mean() for image in gallery], np.float32)


def never_load() -> Embedder:
    raise AssertionError("no network is needed for this")


def search_in(
    library: Library,
    load_embedder: Callable[[], Embedder] = never_load,
    aggregator: NeighborAggregator | None = None,
    reranker: Reranker | None = None,
    embedder_id: str | None = EMBEDDER,
) -> Search:
    return Search(
        library, lambda: embedder_id, load_embedder, lambda *_: aggregator, lambda _: reranker
    )


def rankings(events: Iterator[SearchEvent]) -> list[SearchResult]:
    """Without what a slow machine tells in between; nothing may be left out."""
    told = list(events)
    assert not [each for each in told if isinstance(each, StageLeftOut)]
    # The last comes twice where the library was calibrated in between.
    return list({each.stage: each for each in told if isinstance(each, SearchResult)}.values())


def ids(result: SearchResult) -> list[int]:
    return [hit.tracklet_id for hit in result.hits]


def at_degrees(*degrees: float) -> list[FloatArray]:
    radians = [np.radians(each) for each in degrees]
    return [unit(np.cos(each), np.sin(each)) for each in radians]


def people(library: Library, *degrees: float, camera: str = "cam1") -> list[Tracklet]:
    video = add_video(library, library.folder.parent / "footage" / f"{camera}.mp4", camera)
    return add_people(library, video, at_degrees(*degrees))


def assert_sorted(result: SearchResult) -> None:
    order = [(-hit.score, hit.tracklet_id) for hit in result.hits]
    assert order == sorted(order)


def test_tracklet_finds_the_others_by_cosine_without_any_network(library: Library) -> None:
    query, far, near = people(library, 0, 50, 10)
    (result,) = rankings(search_in(library).run(TrackletQuery(query.id)))
    assert result.stage is SearchStage.RETRIEVED
    assert ids(result) == [near.id, far.id]
    assert [hit.score for hit in result.hits] == [hit.cosine for hit in result.hits]
    assert result.hits[0].cosine == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert result.hits[0].aggregated is None
    assert result.hits[0].pair is None
    assert result.searched == 3
    assert result.elapsed_s > 0


def test_limit_counts_hits_without_the_query(library: Library) -> None:
    query, *others = people(library, 0, 5, 10, 15)
    (result,) = rankings(search_in(library).run(TrackletQuery(query.id), limit=2))
    assert ids(result) == [others[0].id, others[1].id]
    with pytest.raises(ValueError, match="limit"):
        next(search_in(library).run(TrackletQuery(query.id), limit=0))


def test_picture_is_embedded_by_an_embedder_that_is_loaded_once(library: Library) -> None:
    near, far, _ = people(library, 80, 10, 170)
    loads: list[str] = []

    def load() -> Embedder:
        loads.append("loaded")
        return RedEmbedder()

    search = search_in(library, load)
    (result,) = rankings(search.run(CropQuery(plain_crop(red=220))))
    assert ids(result)[:2] == [near.id, far.id]
    rankings(search.run(CropQuery(plain_crop(red=10))))
    assert loads == ["loaded"]


def test_vectors_of_two_networks_never_meet(library: Library) -> None:
    query, *_ = people(library, 0, 10)
    video = library.videos()[0]
    (foreign,) = add_people(library, video, [unit(1, 0)], embedder_id="other")
    (result,) = rankings(search_in(library).run(TrackletQuery(query.id)))
    assert foreign.id not in ids(result)
    with pytest.raises(UserFacingError, match=f"{foreign.id} has no vector") as caught:
        list(search_in(library).run(TrackletQuery(foreign.id)))
    assert caught.value.remedy
    with pytest.raises(ModelError, match="other"):
        list(search_in(library, lambda: RedEmbedder("other")).run(CropQuery(plain_crop())))


def test_index_follows_a_change_of_the_embedder(library: Library) -> None:
    people(library, 0, 10)
    add_people(library, library.videos()[0], [unit(1, 0, 0), unit(0, 1, 0)], embedder_id="three-d")
    current = [EMBEDDER]
    search = Search(library, lambda: current[0], never_load)
    assert search.index.count() == 2
    current[0] = "three-d"
    tracklet = library.tracklets_of(library.videos()[0].id)[2]
    (result,) = rankings(search.run(TrackletQuery(tracklet.id)))
    assert result.searched == 2
    assert result.hits[0].cosine == pytest.approx(0.0)


def test_empty_library_answers_without_hits(library: Library) -> None:
    for embedder_id in (None, EMBEDDER):
        search = search_in(library, embedder_id=embedder_id)
        (result,) = rankings(search.run(CropQuery(plain_crop())))
        assert (result.stage, list(result.hits), result.searched) == ("retrieved", [], 0)
        with pytest.raises(NotFoundError, match="17"):
            rankings(search.run(TrackletQuery(17)))


def test_filter_by_camera_and_time(library: Library) -> None:
    footage = library.folder.parent
    early = add_video(library, footage / "early.mp4", "cam1", NOON)
    late = add_video(library, footage / "late.mp4", "cam2", NOON.replace(hour=14))
    timeless = add_video(library, footage / "timeless.mp4", "cam3")
    (query,) = add_people(library, early, at_degrees(0))
    (hit,) = add_people(library, late, at_degrees(40), times=[(60.0, 70.0)])
    (undated,) = add_people(library, timeless, at_degrees(10))
    search = search_in(library)

    def found(where: SearchFilter) -> tuple[list[int], int]:
        (result,) = rankings(search.run(TrackletQuery(query.id), where))
        return ids(result), result.searched

    cameras = {video.camera.name: video.camera.id for video in library.videos()}
    assert found(SearchFilter()) == ([undated.id, hit.id], 3)
    assert found(SearchFilter(camera_ids=frozenset({cameras["cam2"]}))) == ([hit.id], 1)
    at_the_time = NOON.replace(hour=14, minute=1, second=5)
    assert found(SearchFilter(from_utc=at_the_time)) == ([hit.id], 1)
    assert found(SearchFilter(to_utc=NOON)) == ([], 1)  # the query itself, which is no hit


def test_aggregation_reorders_the_neighbours_and_keeps_the_cosine(library: Library) -> None:
    query, near, far = people(library, 0, 10, 50)
    aggregator = MirrorAggregator()
    retrieved, aggregated = rankings(
        search_in(library, aggregator=aggregator).run(TrackletQuery(query.id))
    )
    assert ids(retrieved) == [near.id, far.id]
    assert aggregated.stage is SearchStage.AGGREGATED
    assert ids(aggregated) == [far.id, near.id]
    assert_sorted(aggregated)
    first = aggregated.hits[0]
    assert first.cosine == pytest.approx(np.cos(np.radians(50)), abs=1e-6)
    assert first.score == first.aggregated == pytest.approx(-first.cosine, abs=1e-6)
    np.testing.assert_allclose(aggregator.asked[0], np.stack(at_degrees(0, 10, 50)), atol=1e-6)


def test_aggregation_sees_200_neighbours_and_the_rest_follows(library: Library) -> None:
    query, *others = people(library, *np.linspace(0, 80, NEIGHBOURS + 31))
    aggregator = MirrorAggregator()
    search = search_in(library, aggregator=aggregator)
    _, aggregated = rankings(search.run(TrackletQuery(query.id), limit=1000))
    in_order = [other.id for other in others]
    assert ids(aggregated) == in_order[:NEIGHBOURS][::-1] + in_order[NEIGHBOURS:]
    assert [hit.aggregated is None for hit in aggregated.hits] == [False] * 200 + [True] * 30
    assert_sorted(aggregated)
    assert aggregator.asked[0].shape == (NEIGHBOURS + 1, 2)
    # A short list is refined by as large a neighbourhood.
    retrieved, aggregated = rankings(search.run(TrackletQuery(query.id), limit=3))
    assert ids(retrieved) == in_order[:3]
    assert ids(aggregated) == in_order[:NEIGHBOURS][:-4:-1]


def red_people(library: Library, degrees: Sequence[float], reds: Sequence[int]) -> list[Tracklet]:
    video = add_video(library, library.folder.parent / "cam1.mp4")
    crops = [plain_crop(red) for red in reds]
    return add_people(library, video, at_degrees(*degrees), crops)


def test_reranking_fuses_the_last_score_with_that_of_the_pair(library: Library) -> None:
    query, near, middle, far = red_people(library, [0, 10, 20, 40], [90, 0, 200, 100])
    reranker = RednessReranker()
    retrieved, reranked = rankings(
        search_in(library, reranker=reranker).run(TrackletQuery(query.id))
    )
    assert ids(retrieved) == [near.id, middle.id, far.id]
    assert reranked.stage is SearchStage.RERANKED
    # Scaled cosines: 1, 0.79, 0; scaled redness: 0, 1, 0.5.
    assert ids(reranked) == [middle.id, near.id, far.id]
    scores = [hit.score for hit in reranked.hits]
    assert scores == pytest.approx([0.8947, 0.5, 0.25], abs=0.01)
    assert [hit.pair for hit in reranked.hits] == pytest.approx([200, 0, 100], abs=3)
    assert reranker.cameras == [("cam1", ["cam1"] * 3)]
    ((query_crops, gallery_crops),) = reranker.pairs
    assert [round(float(crop[..., 0].mean()), -1) for crop in query_crops] == [90]
    assert len(gallery_crops) == 3


def test_reranking_compares_the_best_50_pairs_and_the_rest_follows(library: Library) -> None:
    reds = [0, *range(2, 112, 2)]
    query, *others = red_people(library, np.linspace(0, 56, 56).tolist(), reds)
    reranker = RednessReranker()
    search = search_in(library, reranker=reranker)
    _, reranked = rankings(search.run(TrackletQuery(query.id)))
    assert sum(len(gallery) for _, gallery in reranker.pairs) == PAIRS
    assert set(ids(reranked)[:PAIRS]) == {other.id for other in others[:PAIRS]}
    assert ids(reranked)[:PAIRS] != [other.id for other in others[:PAIRS]]
    assert ids(reranked)[PAIRS:] == [other.id for other in others[PAIRS:]]
    assert_sorted(reranked)


def test_pairs_that_do_not_differ_leave_the_ranking_as_it_was(library: Library) -> None:
    query, *others = red_people(library, [0, 10, 20, 40], [50] * 4)
    _, reranked = rankings(
        search_in(library, reranker=RednessReranker()).run(TrackletQuery(query.id))
    )
    assert ids(reranked) == [other.id for other in others]


def test_three_stages_each_stand_on_the_last(library: Library) -> None:
    near, far = red_people(library, [80, 20], [100, 100])
    search = search_in(library, RedEmbedder, MirrorAggregator(), RednessReranker())
    stages = rankings(search.run(CropQuery(plain_crop(red=255))))
    assert [each.stage for each in stages] == list(SearchStage)
    assert ids(stages[0]) == [near.id, far.id]
    assert ids(stages[1]) == ids(stages[2]) == [far.id, near.id]
    assert stages[2].hits[0].aggregated is not None
    assert stages[0].elapsed_s < stages[1].elapsed_s < stages[2].elapsed_s


def test_nothing_is_refined_that_the_user_no_longer_waits_for(library: Library) -> None:
    query, *_ = people(library, 0, 10)
    aggregator = MirrorAggregator()
    running = search_in(library, aggregator=aggregator).run(TrackletQuery(query.id))
    while not isinstance(next(running), SearchResult):
        pass
    running.close()
    assert aggregator.asked == []


def test_ties_are_ranked_by_tracklet_id_in_every_stage(library: Library) -> None:
    query, *others = people(library, 0, 10, 10, 10)
    search = search_in(library, aggregator=MirrorAggregator(), reranker=RednessReranker())
    for result in rankings(search.run(TrackletQuery(query.id))):
        assert ids(result) == [other.id for other in others]


def test_index_learns_what_ingest_stores(library: Library) -> None:
    query, first = people(library, 0, 10)
    search = search_in(library)
    search.stored([first.id])  # before the index exists
    assert ids(rankings(search.run(TrackletQuery(query.id)))[0]) == [first.id]
    (second,) = add_people(library, library.videos()[0], at_degrees(5))
    assert ids(rankings(search.run(TrackletQuery(query.id)))[0]) == [first.id]
    search.stored([second.id])
    search.stored([second.id, first.id])
    assert ids(rankings(search.run(TrackletQuery(query.id)))[0]) == [second.id, first.id]


def test_tracklets_deleted_since_they_were_indexed_do_no_harm(library: Library) -> None:
    (query,) = people(library, 0)
    people(library, 10, 20, camera="cam2")
    search = search_in(library, aggregator=MirrorAggregator(), reranker=RednessReranker())
    assert search.index.count() == 3
    gone = next(video for video in library.videos() if video.camera.name == "cam2")
    library.rewind_video(gone.id, to_start=True)
    stages = rankings(search.run(TrackletQuery(query.id)))
    assert [len(result.hits) for result in stages][1:] == [0] * (len(stages) - 1)


def test_ingest_adds_while_a_search_builds_the_index(library: Library) -> None:
    query, *_ = people(library, *range(40))
    video = library.videos()[0]
    search = search_in(library)
    stored: list[Tracklet] = []

    def ingest() -> None:
        for place in range(10):
            added = add_people(library, video, at_degrees(50 + place))
            search.stored([each.id for each in added])
            stored.extend(added)

    thread = threading.Thread(target=ingest)
    thread.start()
    while thread.is_alive():
        (result,) = rankings(search.run(TrackletQuery(query.id)))
        assert len(ids(result)) == len(set(ids(result))) >= 39
        search.reset()
    thread.join()
    (result,) = rankings(search.run(TrackletQuery(query.id)))
    assert set(ids(result)) >= {each.id for each in stored}


def test_a_stage_that_is_switched_off_is_left_out_in_silence(library: Library) -> None:
    query, *_ = people(library, 0, 10, 50)
    reranker = RednessReranker()
    search = search_in(library, aggregator=MirrorAggregator(), reranker=reranker)
    found = rankings(search.run(TrackletQuery(query.id), stages={SearchStage.AGGREGATED}))
    assert [each.stage for each in found] == [SearchStage.RETRIEVED, SearchStage.AGGREGATED]
    assert reranker.pairs == []
    (only,) = rankings(search.run(TrackletQuery(query.id), stages=()))
    assert only.stage is SearchStage.RETRIEVED


def test_a_refinement_that_cannot_be_had_is_told_and_the_search_goes_on(library: Library) -> None:
    query, near, far = people(library, 0, 10, 50)
    asked: list[tuple[str, int]] = []

    def refuse(embedder_id: str, dimension: int) -> NeighborAggregator:
        asked.append((embedder_id, dimension))
        raise ModelError("It was trained with another embedder.", "Choose another one.")

    search = Search(library, lambda: EMBEDDER, never_load, refuse, lambda _: RednessReranker())
    told = list(search.run(TrackletQuery(query.id)))
    assert asked == [(EMBEDDER, 2)]
    kinds = [getattr(each, "stage", None) for each in told]
    assert kinds == [SearchStage.RETRIEVED, SearchStage.AGGREGATED, SearchStage.RERANKED]
    assert isinstance(told[1], StageLeftOut)
    assert "another embedder" in told[1].error.message
    last = told[2]
    assert isinstance(last, SearchResult)
    assert {hit.tracklet_id for hit in last.hits} == {near.id, far.id}
    assert [hit.aggregated for hit in last.hits] == [None, None]


def test_a_slow_stage_is_told_and_can_be_left(library: Library) -> None:
    query, *_ = people(library, 0, 10)
    go_on = threading.Event()

    class Slow:
        def aggregate(self, vectors: FloatArray) -> FloatArray:
            go_on.wait(10)
            return vectors

    running = search_in(library, aggregator=Slow()).run(TrackletQuery(query.id))
    heard = next(running)
    while not (isinstance(heard, StageRunning) and heard.stage is SearchStage.AGGREGATED):
        heard = next(running)
    running.close()
    go_on.set()


def test_the_index_is_built_ahead_and_the_work_can_be_broken_off(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.vector_rows._BATCH", 2)
    query, *_ = people(library, 0, 10, 20, 30, 40)
    search = search_in(library)
    broken_off = search.prepare()
    next(broken_off)
    broken_off.close()
    assert len(list(search.prepare())) == 3, "two, two, and one vector"
    assert list(search.prepare()) == [], "it is there"
    assert search.index.count() == 5
    assert len(ids(rankings(search.run(TrackletQuery(query.id)))[0])) == 4
