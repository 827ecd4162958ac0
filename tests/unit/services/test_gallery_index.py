"""The index against brute force, its filters, its ties, and its behaviour under threads."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from app.core.entities import FloatArray, GalleryVectors
from app.core.queries import SearchFilter
from app.services.gallery_index import GalleryIndex

NOON_S = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()


def utc(offset_s: float) -> datetime:
    return datetime.fromtimestamp(NOON_S + offset_s, UTC)


def unit_vectors(count: int, dimension: int = 8, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def gallery_of(
    vectors: FloatArray,
    ids: list[int] | None = None,
    cameras: list[int] | None = None,
    times: list[tuple[float, float]] | None = None,
) -> GalleryVectors:
    count = len(vectors)
    spans = np.array(times or [(np.nan, np.nan)] * count, np.float64).reshape(count, 2)
    return GalleryVectors(
        np.array(ids if ids is not None else range(1, count + 1), np.int64),
        np.array(cameras if cameras is not None else [1] * count, np.int64),
        NOON_S + spans[:, 0],
        NOON_S + spans[:, 1],
        vectors,
    )


def built(gallery: GalleryVectors) -> GalleryIndex:
    index = GalleryIndex()
    index.add(gallery)
    return index


def test_ranking_is_that_of_brute_force() -> None:
    vectors = unit_vectors(500)
    query = unit_vectors(1, seed=1)[0]
    ids, cosines = built(gallery_of(vectors)).search(query, 20)
    expected = np.argsort(-(vectors @ query))[:20]
    assert ids.tolist() == (expected + 1).tolist()
    np.testing.assert_allclose(cosines, (vectors @ query)[expected], atol=1e-6)
    assert ids.dtype == np.int64
    assert cosines.dtype == np.float32


def test_camera_filter_acts_inside_the_search() -> None:
    vectors = unit_vectors(300)
    cameras = [1 + row % 3 for row in range(300)]
    index = built(gallery_of(vectors, cameras=cameras))
    query = vectors[0]  # of camera 1: its closest neighbours would crowd out the others
    where = SearchFilter(camera_ids=frozenset({2, 3}))
    ids, _ = index.search(query, 200, where)
    allowed = np.array(cameras) != 1
    expected = [row + 1 for row in np.argsort(-(vectors @ query)) if allowed[row]]
    assert ids.tolist() == expected
    assert index.count(where) == 200
    assert index.count(SearchFilter(camera_ids=frozenset())) == 0


@pytest.mark.parametrize(
    ("from_s", "to_s", "expected"),
    [
        (None, None, {1, 2, 3, 4}),
        (20.0, None, {2, 3}),
        (None, 10.0, {1, 2}),
        (20.0, 25.0, {2}),
        (10.0, 10.0, {1, 2}),
        (31.0, 39.0, set()),
    ],
)
def test_time_filter_takes_every_tracklet_that_overlaps(
    from_s: float | None, to_s: float | None, expected: set[int]
) -> None:
    times = [(0.0, 10.0), (5.0, 30.0), (40.0, 50.0), (np.nan, np.nan)]
    index = built(gallery_of(unit_vectors(4), times=times))
    where = SearchFilter(
        from_utc=None if from_s is None else utc(from_s),
        to_utc=None if to_s is None else utc(to_s),
    )
    ids, _ = index.search(unit_vectors(1)[0], 10, where)
    assert set(ids.tolist()) == expected
    assert index.count(where) == len(expected)


def test_ties_are_ordered_by_tracklet_id_even_where_the_list_is_cut() -> None:
    vectors = np.repeat(unit_vectors(1), 40, axis=0)
    ids = list(range(40, 0, -1))  # the later the row, the smaller the id
    cameras = [row % 2 for row in range(40)]
    index = built(gallery_of(vectors, ids=ids, cameras=cameras))
    assert index.search(vectors[0], 3)[0].tolist() == [1, 2, 3]
    where = SearchFilter(camera_ids=frozenset({0}))
    assert index.search(vectors[0], 3, where)[0].tolist() == [2, 4, 6]


def test_a_tie_behind_better_ones_is_ordered_too() -> None:
    best, tied = unit_vectors(2)
    index = built(gallery_of(np.stack([tied, tied, best, tied]), ids=[9, 7, 8, 1]))
    assert index.search(best, 2)[0].tolist() == [8, 1]


def test_asking_for_more_than_there_is_returns_what_there_is() -> None:
    index = built(gallery_of(unit_vectors(5), cameras=[1, 1, 2, 2, 2]))
    ids, cosines = index.search(unit_vectors(1)[0], 200, SearchFilter(camera_ids=frozenset({1})))
    assert sorted(ids.tolist()) == [1, 2]
    assert len(cosines) == 2


def test_empty_index_answers_with_empty_arrays() -> None:
    index = GalleryIndex()
    for gallery in (None, gallery_of(np.zeros((0, 0), np.float32))):
        if gallery is not None:
            index.add(gallery)
        ids, cosines = index.search(unit_vectors(1)[0], 10)
        assert ids.shape == cosines.shape == (0,)
        assert ids.dtype == np.int64
        assert cosines.dtype == np.float32
        assert len(index) == index.count() == 0


def test_add_skips_what_is_known_and_doubles_in_one_call() -> None:
    vectors = unit_vectors(4)
    index = built(gallery_of(vectors[:2], ids=[1, 2]))
    index.add(gallery_of(vectors[[3, 2, 3]], ids=[2, 3, 3]))
    assert len(index) == 3
    ids, cosines = index.search(vectors[1], 1)
    assert ids.tolist() == [2], "tracklet 2 keeps the vector that it had"
    assert cosines[0] == pytest.approx(1.0, abs=1e-6)
    assert index.search(vectors[2], 1)[0].tolist() == [3]


def test_removed_tracklets_are_gone_and_the_others_keep_vector_camera_and_time() -> None:
    vectors = unit_vectors(50)
    times = [(float(row), float(row)) for row in range(50)]
    index = built(gallery_of(vectors, cameras=list(range(50)), times=times))
    index.remove([1, 7, 30, 999])
    assert len(index) == 47
    for row in (1, 5, 7, 28, 30, 49):
        where = SearchFilter(frozenset({row}), utc(row), utc(row))
        ids, cosines = index.search(vectors[row], 5, where)
        assert ids.tolist() == [row + 1]
        assert cosines[0] == pytest.approx(1.0, abs=1e-6)
    assert 7 not in index.search(vectors[6], 50)[0]
    index.add(gallery_of(vectors[6:7], ids=[7]))
    assert index.search(vectors[6], 1)[0].tolist() == [7]


def test_vectors_of_another_dimension_are_refused() -> None:
    index = built(gallery_of(unit_vectors(3, dimension=8)))
    with pytest.raises(ValueError, match="8"):
        index.add(gallery_of(unit_vectors(1, dimension=4), ids=[9]))
    with pytest.raises(ValueError, match="8"):
        index.search(unit_vectors(1, dimension=4)[0], 1)


def test_adding_and_removing_while_searching_never_mixes_rows_up() -> None:
    vectors = unit_vectors(2000, dimension=16)
    index = built(gallery_of(vectors[:100], cameras=list(range(1, 101))))
    done = threading.Event()

    def ingest() -> None:
        try:
            for row in range(100, 2000, 10):
                rows = list(range(row, row + 10))
                ids = [each + 1 for each in rows]
                index.add(gallery_of(vectors[rows], ids=ids, cameras=ids))
                index.remove([ids[0]])
        finally:
            done.set()

    thread = threading.Thread(target=ingest)
    thread.start()
    searches = 0
    while not done.is_set() or searches < 10:
        row = searches % 100
        where = SearchFilter(camera_ids=frozenset({row + 1, 1999}))
        ids, cosines = index.search(vectors[row], 3, where)
        assert ids[0] == row + 1
        assert cosines[0] == pytest.approx(1.0, abs=1e-5)
        searches += 1
    thread.join()
    assert len(index) == 100 + 190 * 9
