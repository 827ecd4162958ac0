"""The index against brute force, its filters, its ties, and its behaviour under threads."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from app.core.entities import FloatArray, GalleryVectors, IntArray
from app.core.queries import SearchFilter
from app.services.search.gallery_index import MARGIN, Found, GalleryIndex, Sought

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
        np.isfinite(spans[:, 0]),
        vectors,
    )


def built(gallery: GalleryVectors) -> GalleryIndex:
    index = GalleryIndex()
    index.add(gallery)
    return index


def search(
    index: GalleryIndex, vector: FloatArray, k: int, where: SearchFilter | None = None
) -> tuple[IntArray, FloatArray]:
    found = index.search([Sought(vector)], k, where)
    return found.tracklet_ids, found.cosines


def test_what_is_new_since_a_search_is_counted_behind_the_filter() -> None:
    index = built(gallery_of(unit_vectors(3), ids=[4, 9, 7], cameras=[1, 1, 2]))
    newest = index.newest_id
    assert newest == 9
    index.remove([9])
    index.add(gallery_of(unit_vectors(3, seed=1), ids=[9, 12, 15], cameras=[1, 2, 1]))
    assert index.count(after_id=newest) == 2  # 9 goes on, and was there
    assert index.count(SearchFilter(camera_ids=frozenset({2})), after_id=newest) == 1
    assert GalleryIndex().newest_id == 0


def test_ranking_is_that_of_brute_force() -> None:
    vectors = unit_vectors(500)
    query = unit_vectors(1, seed=1)[0]
    ids, cosines = search(built(gallery_of(vectors)), query, 20)
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
    ids, _ = search(index, query, 200, where)
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
    ids, _ = search(index, unit_vectors(1)[0], 10, where)
    assert set(ids.tolist()) == expected
    assert index.count(where) == len(expected)


def test_ties_are_ordered_by_tracklet_id_even_where_the_list_is_cut() -> None:
    vectors = np.repeat(unit_vectors(1), 40, axis=0)
    ids = list(range(40, 0, -1))  # the later the row, the smaller the id
    cameras = [row % 2 for row in range(40)]
    index = built(gallery_of(vectors, ids=ids, cameras=cameras))
    assert search(index, vectors[0], 3)[0].tolist() == [1, 2, 3]
    where = SearchFilter(camera_ids=frozenset({0}))
    assert search(index, vectors[0], 3, where)[0].tolist() == [2, 4, 6]


def test_a_tie_behind_better_ones_is_ordered_too() -> None:
    best, tied = unit_vectors(2)
    index = built(gallery_of(np.stack([tied, tied, best, tied]), ids=[9, 7, 8, 1]))
    assert search(index, best, 2)[0].tolist() == [8, 1]


def test_asking_for_more_than_there_is_returns_what_there_is() -> None:
    index = built(gallery_of(unit_vectors(5), cameras=[1, 1, 2, 2, 2]))
    ids, cosines = search(index, unit_vectors(1)[0], 200, SearchFilter(camera_ids=frozenset({1})))
    assert sorted(ids.tolist()) == [1, 2]
    assert len(cosines) == 2


def test_empty_index_answers_with_empty_arrays() -> None:
    index = GalleryIndex()
    for gallery in (None, gallery_of(np.zeros((0, 0), np.float32))):
        if gallery is not None:
            index.add(gallery)
        ids, cosines = search(index, unit_vectors(1)[0], 10)
        assert ids.shape == cosines.shape == (0,)
        assert ids.dtype == np.int64
        assert cosines.dtype == np.float32
        assert len(index) == index.count() == 0


def test_add_skips_what_is_known_and_doubles_in_one_call() -> None:
    vectors = unit_vectors(4)
    index = built(gallery_of(vectors[:2], ids=[1, 2]))
    index.add(gallery_of(vectors[[3, 2, 3]], ids=[2, 3, 3]))
    assert len(index) == 3
    ids, cosines = search(index, vectors[1], 1)
    assert ids.tolist() == [2], "tracklet 2 keeps the vector that it had"
    assert cosines[0] == pytest.approx(1.0, abs=1e-6)
    assert search(index, vectors[2], 1)[0].tolist() == [3]


def test_removed_tracklets_are_gone_and_the_others_keep_vector_camera_and_time() -> None:
    vectors = unit_vectors(50)
    times = [(float(row), float(row)) for row in range(50)]
    index = built(gallery_of(vectors, cameras=list(range(50)), times=times))
    index.remove([1, 7, 30, 999])
    assert len(index) == 47
    for row in (1, 5, 7, 28, 30, 49):
        where = SearchFilter(frozenset({row}), utc(row), utc(row))
        ids, cosines = search(index, vectors[row], 5, where)
        assert ids.tolist() == [row + 1]
        assert cosines[0] == pytest.approx(1.0, abs=1e-6)
    assert 7 not in search(index, vectors[6], 50)[0]
    index.add(gallery_of(vectors[6:7], ids=[7]))
    assert search(index, vectors[6], 1)[0].tolist() == [7]


def test_vectors_of_another_dimension_are_refused() -> None:
    index = built(gallery_of(unit_vectors(3, dimension=8)))
    with pytest.raises(ValueError, match="8"):
        index.add(gallery_of(unit_vectors(1, dimension=4), ids=[9]))
    with pytest.raises(ValueError, match="8"):
        search(index, unit_vectors(1, dimension=4)[0], 1)


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
        ids, cosines = search(index, vectors[row], 3, where)
        assert ids[0] == row + 1
        assert cosines[0] == pytest.approx(1.0, abs=1e-5)
        searches += 1
    thread.join()
    assert len(index) == 100 + 190 * 9


# Camera means ---------------------------------------------------------------------------------


def with_casts(count: int, cameras: int, seed: int = 3) -> GalleryVectors:
    """Vectors that each camera pulls in its own direction, all at known times."""
    casts = 2 * unit_vectors(cameras, 16, seed)
    camera = np.arange(count) % cameras
    vectors = unit_vectors(count, 16, seed + 1) + casts[camera]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    times = [(10.0 * row, 10.0 * row + 4) for row in range(count)]
    return gallery_of(vectors.astype(np.float32), cameras=(camera + 5).tolist(), times=times)


def asked(index: GalleryIndex, sought: Sought, k: int) -> tuple[list[int], list[float]]:
    found = index.search([sought], k, camera_mean=True)
    return found.tracklet_ids.tolist(), found.scores.tolist()


def test_the_camera_mean_is_the_formula() -> None:
    gallery = with_casts(60, 3)
    cameras, vectors = gallery.camera_ids, gallery.vectors.astype(np.float64)
    means = np.array([vectors[cameras == camera].mean(axis=0) for camera in (5, 6, 7)])
    share = 20 / (20 + 30)
    corrected = vectors - share * (means - means.mean(axis=0))[cameras - 5]
    corrected /= np.linalg.norm(corrected, axis=1, keepdims=True)
    cosines = corrected @ corrected[7]
    found = built(gallery).search([Sought(gallery.vectors[7], 6)], 60, camera_mean=True)
    order = np.argsort(-cosines, kind="stable")
    assert found.tracklet_ids.tolist() == (order + 1).tolist()
    np.testing.assert_allclose(found.cosines, cosines[order], atol=2e-6)
    assert built(gallery).camera_means().shares.tolist() == [share] * 3


def test_whatever_was_added_and_removed_before_the_answer_is_that_of_a_rebuilt_index() -> None:
    gallery = with_casts(400, 4)
    grown = GalleryIndex()
    random = np.random.default_rng(5)
    for rows in np.array_split(random.permutation(400), 60):
        grown.add(part_of(gallery, rows))
        asked(grown, Sought(gallery.vectors[0], 5), 3)  # what it keeps must not go stale
    grown.remove(list(range(1, 200, 2)))
    kept = np.setdiff1d(np.arange(400), np.arange(0, 199, 2))
    rebuilt = built(part_of(gallery, kept))
    for one, other in (
        (grown.camera_means().people, rebuilt.camera_means().people),
        (grown.camera_means().offsets, rebuilt.camera_means().offsets),
    ):
        np.testing.assert_array_equal(one, other)  # bit for bit
    for row in (1, 8, 333):
        sought = Sought(gallery.vectors[row], int(gallery.camera_ids[row]))
        assert asked(grown, sought, 50) == asked(rebuilt, sought, 50)


def part_of(gallery: GalleryVectors, rows: IntArray) -> GalleryVectors:
    return GalleryVectors(
        gallery.tracklet_ids[rows],
        gallery.camera_ids[rows],
        gallery.first_utc_s[rows],
        gallery.last_utc_s[rows],
        gallery.clock_known[rows],
        gallery.vectors[rows],
    )


def test_a_single_camera_and_an_unknown_one_change_nothing() -> None:
    vectors = unit_vectors(50)
    alone = built(gallery_of(vectors))
    query = unit_vectors(1, seed=9)[0]
    plain = alone.search([Sought(query, 1)], 50)
    corrected = alone.search([Sought(query, 1)], 50, camera_mean=True)
    assert corrected.tracklet_ids.tolist() == plain.tracklet_ids.tolist()
    np.testing.assert_allclose(corrected.cosines, plain.cosines, atol=2e-6)
    several = built(with_casts(60, 3))
    unknown = unit_vectors(1, 16, seed=8)[0]
    answers = [asked(several, Sought(unknown, camera), 60) for camera in (None, 99)]
    assert answers[0] == answers[1], "nothing is subtracted from who was seen by no known camera"


def test_learning_and_forgetting_take_no_memory_for_what_is_there_already() -> None:
    index = built(gallery_of(unit_vectors(200_001, 2)))
    new = unit_vectors(9, 2, seed=4)
    index.add(gallery_of(new[:1], ids=[900_000]))  # grows, with room for more
    tracemalloc.start()
    for number, vector in enumerate(new[1:]):
        index.add(gallery_of(vector[None], ids=[900_001 + number]))
    index.remove([5, 900_000, 900_003])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 50_000  # not even a byte for each tracklet
    assert len(index) == 200_007


# Transit times --------------------------------------------------------------------------------


def a_way(people: int = 80) -> tuple[GalleryVectors, GalleryIndex]:
    """Everybody is seen by camera 1 and 40 s later by camera 2, looking somewhat different."""
    random = np.random.default_rng(2)
    looks = random.standard_normal((people, 16))
    begins = random.uniform(0, 7000, people)
    vectors = np.concatenate([looks + 0.9 * random.standard_normal(looks.shape) for _ in range(2)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    times = [
        (begin + after, begin + after + 2)
        for after in (0.0, 42.0)
        for begin in begins + random.normal(0, 2, people)
    ]
    cameras = [1] * people + [2] * people
    gallery = gallery_of(vectors.astype(np.float32), cameras=cameras, times=times)
    return gallery, built(gallery)


def ranks_of_the_right_one(
    gallery: GalleryVectors, index: GalleryIndex, transit: object
) -> IntArray:
    people = len(gallery) // 2
    ranks = []
    for row in range(people):
        sought = Sought(
            gallery.vectors[row],
            1,
            float(gallery.first_utc_s[row]),
            float(gallery.last_utc_s[row]),
            row + 1,
        )
        where = SearchFilter(camera_ids=frozenset({2}))
        found = index.search([sought], people, where, transit=transit)
        assert sorted(found.tracklet_ids.tolist()) == list(range(people + 1, 2 * people + 1))
        ranks.append(found.tracklet_ids.tolist().index(row + 1 + people))
    return np.array(ranks)


def test_transit_times_bring_the_right_ones_forward_and_hide_nobody() -> None:
    gallery, index = a_way()
    transit = index.learn_transit((), ())
    assert transit.pairs > 30
    assert transit.camera_pairs == 1
    plain = ranks_of_the_right_one(gallery, index, None)
    better = ranks_of_the_right_one(gallery, index, transit)
    assert (better == 0).mean() > (plain == 0).mean() + 0.1


def test_a_hit_says_the_time_between_and_what_it_means() -> None:
    gallery, index = a_way()
    transit = index.learn_transit((), ())
    sought = Sought(
        gallery.vectors[0], 1, float(gallery.first_utc_s[0]), float(gallery.last_utc_s[0]), 1
    )
    found = index.search([sought], len(gallery), transit=transit)
    place = {each: row for row, each in enumerate(found.tracklet_ids.tolist())}
    own = place[81]
    assert 30 < found.gaps_s[own] < 50
    assert found.log_odds[own] > 1
    assert found.scores[own] == pytest.approx(
        found.cosines[own] + 0.04 * found.log_odds[own], abs=2e-6
    )
    same_camera = [place[each] for each in range(1, 81)]
    assert (found.log_odds[same_camera] == 0).all(), "within one camera nothing was learnt"
    untimed = index.search([Sought(gallery.vectors[0], 1)], 5, transit=transit)
    assert np.isnan(untimed.gaps_s).all()
    assert (untimed.scores == np.round(untimed.cosines, 6)).all()
    guessed = replace(gallery, clock_known=np.zeros(len(gallery), np.bool_))
    assert built(guessed).learn_transit((), ()).pairs == 0
    assert np.isnan(built(guessed).search([sought], 5, transit=transit).gaps_s).all()
    unplaced = Sought(gallery.vectors[0], None, NOON_S, NOON_S)
    assert (index.search([unplaced], 5, transit=transit).log_odds == 0).all()


def test_several_examples_are_compared_by_their_mean_and_the_nearest() -> None:
    gallery = with_casts(60, 3)
    index = built(gallery)
    some = [Sought(gallery.vectors[row], int(gallery.camera_ids[row])) for row in (3, 8, 20)]
    mean = gallery.vectors[[3, 8, 20]].mean(axis=0)
    nearest = (gallery.vectors @ gallery.vectors[[3, 8, 20]].T).max(axis=1)
    cosines = (gallery.vectors @ (mean / np.linalg.norm(mean)) + nearest) / 2
    found = index.search(some, 60)
    np.testing.assert_allclose(found.scores, cosines[found.tracklet_ids - 1], atol=2e-6)
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert (found.nearer_rejected == 0).all()
    # With corrected vectors, too: the mean lies along the sum of the cosines to each.
    each = [by_id(index.search([one], 60, camera_mean=True)) for one in some]
    both = by_id(index.search(some, 60, camera_mean=True))
    of_mean = 2 * both - np.max(each, axis=0)
    ratio = of_mean / np.sum(each, axis=0)
    np.testing.assert_allclose(ratio, ratio[0], rtol=2e-3)


def by_id(found: Found) -> FloatArray:
    """The cosines by rising id."""
    return found.cosines[np.argsort(found.tracklet_ids)]


def test_who_is_near_to_somebody_rejected_loses_score() -> None:
    gallery = gallery_of(unit_vectors(40))
    index = built(gallery)
    sought, rejected = gallery.vectors[0], gallery.vectors[[5, 9]]
    found = index.search([Sought(sought)], 40, rejected=[Sought(each) for each in rejected])
    vectors = gallery.vectors[found.tracklet_ids - 1]
    cosines = vectors @ sought
    nearer = np.maximum((vectors @ rejected.T).max(axis=1) - cosines + MARGIN, 0)
    np.testing.assert_allclose(found.nearer_rejected, nearer, atol=3e-6)
    np.testing.assert_allclose(found.scores, cosines - nearer, atol=3e-6)
    assert found.tracklet_ids[0] == 1, "the person is not nearer to anybody else"


def test_times_count_from_the_example_that_is_nearest_in_time() -> None:
    gallery, index = a_way()
    transit = index.learn_transit((), ())
    near = Sought(
        gallery.vectors[0], 1, float(gallery.first_utc_s[0]), float(gallery.last_utc_s[0]), 1
    )
    far = replace(near, first_utc_s=near.first_utc_s - 9e5, last_utc_s=near.last_utc_s - 9e5)
    alone = index.search([near], len(gallery), transit=transit)
    both = index.search([far, near], len(gallery), transit=transit)
    assert both.tracklet_ids.tolist() == alone.tracklet_ids.tolist()
    assert both.gaps_s.tolist() == alone.gaps_s.tolist()
    assert both.log_odds.tolist() == alone.log_odds.tolist()
