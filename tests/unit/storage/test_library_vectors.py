from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from storage_builders import EMBEDDER, START, make_track, unit_vectors

from app.core.chapters import ResumePoint
from app.storage import vector_rows
from app.storage.library import Library
from tests.stored_vectors import all_vectors


@pytest.mark.parametrize("batch", [3, 2048])
def test_vectors_are_exact_with_cameras_and_times(
    library: Library, add_video, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(vector_rows, "_BATCH", batch)
    known = add_video("a.mp4", camera="cam1")
    unknown = add_video("b.mp4", camera="cam2", start_utc=None)
    vectors = unit_vectors(7, dimension=33)
    tracks = [make_track(number, number * 1.5) for number in range(1, 8)]
    first = library.store_tracklets(unknown.id, tracks[:3], vectors[:3], EMBEDDER)
    second = library.store_tracklets(known.id, tracks[3:], vectors[3:], EMBEDDER)
    gallery = all_vectors(library, EMBEDDER)
    assert gallery.tracklet_ids.tolist() == [tracklet.id for tracklet in [*first, *second]]
    assert gallery.camera_ids.tolist() == [unknown.camera.id] * 3 + [known.camera.id] * 4
    assert gallery.vectors.tobytes() == vectors.tobytes()
    assert (gallery.vectors.dtype, gallery.vectors.shape) == (np.float32, (7, 33))
    assert np.isnan(gallery.first_utc_s[:3]).all()
    assert np.isnan(gallery.last_utc_s[:3]).all()
    starts = [(START + timedelta(seconds=t.first_time_s)).timestamp() for t in second]
    ends = [(START + timedelta(seconds=t.last_time_s)).timestamp() for t in second]
    assert gallery.first_utc_s[3:] == pytest.approx(starts, abs=1e-5)
    assert gallery.last_utc_s[3:] == pytest.approx(ends, abs=1e-5)
    assert (gallery.tracklet_ids.dtype, gallery.camera_ids.dtype) == (np.int64, np.int64)
    assert gallery.first_utc_s.dtype == np.float64
    assert gallery.clock_known.tolist() == [False] * 3 + [True] * 4


def test_embedders_never_meet(library: Library, add_video) -> None:
    video = add_video()
    one = library.store_tracklets(video.id, [make_track(1)], unit_vectors(1, 8), "one")
    library.store_tracklets(video.id, [make_track(2)], unit_vectors(1, 16), "two")
    assert all_vectors(library, "one").tracklet_ids.tolist() == [one[0].id]
    assert all_vectors(library, "two").vectors.shape == (1, 16)
    assert library.vector(one[0].id, "two") is None


def test_no_vectors(library: Library) -> None:
    for gallery in (all_vectors(library, EMBEDDER), library.vectors_of([1, 2], EMBEDDER)):
        assert len(gallery) == 0
        assert gallery.vectors.shape == (0, 0)
        assert gallery.first_utc_s.shape == gallery.clock_known.shape == (0,)


def test_one_vector(library: Library, add_video) -> None:
    vectors = unit_vectors(2)
    ids = [
        tracklet.id
        for tracklet in library.store_tracklets(
            add_video().id, [make_track(1), make_track(2)], vectors, EMBEDDER
        )
    ]
    vector = library.vector(np.int64(ids[1]), EMBEDDER)
    assert vector is not None
    assert vector.tobytes() == vectors[1].tobytes()
    assert library.vector(999, EMBEDDER) is None


def test_some_vectors_in_the_order_asked(library: Library, add_video, store) -> None:
    ids = [tracklet.id for tracklet in store(add_video(), *((n, n * 1.0) for n in range(1, 6)))]
    everything = all_vectors(library, EMBEDDER)
    some = library.vectors_of([ids[4], 999, ids[1]], EMBEDDER)
    assert some.tracklet_ids.tolist() == [ids[4], ids[1]]
    assert some.vectors.tobytes() == everything.vectors[[4, 1]].tobytes()
    assert some.first_utc_s.tolist() == everything.first_utc_s[[4, 1]].tolist()


def test_threads_write_and_read_at_once(library: Library, add_video) -> None:
    videos = [add_video(f"{number}.mp4") for number in range(3)]
    rounds, each = 8, 4

    def ingest(video) -> None:
        for turn in range(rounds):
            tracks = [make_track(turn * each + n + 1, turn * 1.0) for n in range(each)]
            library.store_tracklets(video.id, tracks, unit_vectors(each), EMBEDDER)
            library.commit_video(video.id, ResumePoint(float(turn), turn))

    def decide() -> None:
        for turn in range(rounds * 2):
            library.create_identity(f"person {turn}")

    def read() -> None:
        for _ in range(rounds * 2):
            gallery = all_vectors(library, EMBEDDER)
            assert len(gallery) % each == 0  # a batch is seen whole or not at all
            assert len(library.tracklets(gallery.tracklet_ids.tolist())) == len(gallery)

    jobs = [(ingest, video) for video in videos] + [(decide,), (read,)]
    with ThreadPoolExecutor(len(jobs)) as threads:
        for future in [threads.submit(*job) for job in jobs]:
            future.result()
    assert len(all_vectors(library, EMBEDDER)) == len(videos) * rounds * each
    assert len(library.identities()) == rounds * 2
    assert [video.tracklet_count for video in library.videos()] == [rounds * each] * 3
