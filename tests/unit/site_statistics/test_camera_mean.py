"""Camera means: exact sums, the guard of few people, and what an unknown camera gets."""

import numpy as np
import pytest

from site_statistics.camera_mean import CameraSums


def unit(vectors):
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def people_in_cameras(people, cameras=2, width=16, cast=2.0, noise=0.5, seed=0):
    """Everybody once in each camera, which pulls its vectors in its own direction."""
    random = np.random.default_rng(seed)
    looks, casts = random.standard_normal((people, width)), random.standard_normal((cameras, width))
    vectors = [looks + cast * each + noise * random.standard_normal(looks.shape) for each in casts]
    return unit(np.concatenate(vectors)), np.repeat(np.arange(cameras), people)


def rank1(vectors, cameras):
    """Share of the people of the first camera whose nearest of the second is right."""
    first, second = vectors[cameras == 0], vectors[cameras == 1]
    return float(((first @ second.T).argmax(axis=1) == np.arange(len(first))).mean())


def corrected(vectors, cameras):
    sums = CameraSums()
    sums.add(vectors, cameras)
    return sums.means().corrected(vectors, cameras)


def test_many_people_are_found_again_in_spite_of_the_cameras():
    vectors, cameras = people_in_cameras(200)
    assert rank1(corrected(vectors, cameras), cameras) > rank1(vectors, cameras) + 0.1


@pytest.mark.parametrize("people", [1, 2, 3, 10, 30])
def test_few_people_lose_nothing(people):
    """Where cameras do not differ, the mean of few is those people; the guard keeps it small."""
    found = []
    for seed in range(40):
        vectors, cameras = people_in_cameras(people, cast=0.0, noise=0.9, seed=seed)
        found.append((rank1(vectors, cameras), rank1(corrected(vectors, cameras), cameras)))
    plain, with_guard = np.mean(found, axis=0)
    assert with_guard >= plain - 0.02


def test_the_share_grows_with_the_people():
    sums = CameraSums()
    vectors, _ = people_in_cameras(41)
    sums.add(vectors[:41], np.full(41, 7))
    sums.add(vectors[41:42], np.full(1, 3))
    means = sums.means()
    assert means.cameras.tolist() == [3, 7]
    assert means.people.tolist() == [1, 41]
    np.testing.assert_allclose(means.shares, [1 / 31, 41 / 71])
    assert means.rows_of(np.array([7, 5, 3, 9, -1])).tolist() == [1, -1, 0, -1, -1]


def test_sums_are_exact_whatever_came_and_went():
    vectors, cameras = people_in_cameras(300, cameras=3)
    at_once = CameraSums()
    at_once.add(vectors[:500], cameras[:500])
    random = np.random.default_rng(1)
    piecemeal = CameraSums()
    for rows in np.array_split(random.permutation(len(vectors)), 90):
        piecemeal.add(vectors[rows], cameras[rows])
    for rows in np.array_split(500 + random.permutation(len(vectors) - 500), 30):
        piecemeal.remove(vectors[rows], cameras[rows])
    one, other = at_once.means(), piecemeal.means()
    assert one.people.tolist() == other.people.tolist()
    assert one.offsets.tobytes() == other.offsets.tobytes()
    piecemeal.remove(vectors[:500], cameras[:500])
    assert len(piecemeal.means().cameras) == 0


def test_an_unknown_camera_keeps_its_vectors_and_lengths_fit():
    vectors, cameras = people_in_cameras(50)
    sums = CameraSums()
    sums.add(vectors, cameras)
    means = sums.means()
    np.testing.assert_allclose(means.corrected(vectors[:5], np.full(5, 99)), vectors[:5], atol=1e-6)
    by_hand = 1 / np.linalg.norm(vectors - means.offsets[cameras], axis=1)
    np.testing.assert_allclose(means.scales_of(vectors, cameras), by_hand, rtol=1e-5)
    nobody = CameraSums().means()
    np.testing.assert_array_equal(nobody.corrected(vectors, cameras), vectors)
