from __future__ import annotations

import errno
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from storage_builders import EMBEDDER, files_below, make_track, unit_vectors

from app.core.chapters import ResumePoint, TrackletPart
from app.core.entities import VideoStatus
from app.core.errors import LibraryError, NotFoundError
from app.storage import tracklet_rows
from app.storage.crop_files import read_crop
from app.storage.library import Library
from tests.stored_vectors import all_vectors


def test_tracklets_come_back_as_they_were_stored(library: Library, add_video) -> None:
    video = add_video()
    tracks = [make_track(3, 2.0), make_track(1, 0.5, count=9, qualities=(0.9, 0.2, 0.9))]
    stored = library.store_tracklets(video.id, tracks, unit_vectors(2), EMBEDDER)
    assert [tracklet.number for tracklet in stored] == [3, 1]
    for track, tracklet in zip(tracks, stored, strict=True):
        assert (tracklet.video_id, tracklet.camera_id) == (video.id, video.camera.id)
        assert tracklet.first_time_s == track.trajectory.time_s[0]
        assert tracklet.last_time_s == track.trajectory.time_s[-1]
        assert tracklet.identity_id is None
        trajectory = library.trajectory(tracklet.id)
        for name in ("frame_index", "time_s", "boxes", "scores"):
            before, after = getattr(track.trajectory, name), getattr(trajectory, name)
            assert after.dtype == before.dtype
            assert after.tobytes() == before.tobytes()
        crops = library.crops(tracklet.id)
        for before, after in zip(track.crops, crops, strict=True):
            assert (after.frame_index, after.time_s) == (before.frame_index, before.time_s)
            assert after.quality == before.quality
            assert after.box.tobytes() == before.box.tobytes()
            assert np.abs(read_crop(after.path).astype(int) - before.image).mean() < 4
    assert library.video(video.id).tracklet_count == 2


def test_the_thumbnail_is_the_earliest_of_the_best(library: Library, add_video) -> None:
    tracks = [make_track(1, qualities=(0.3, 0.8, 0.8)), make_track(2, qualities=(0.5,))]
    first, second = library.store_tracklets(add_video().id, tracks, unit_vectors(2), EMBEDDER)
    assert first.thumbnail.path == library.crops(first.id)[1].path
    assert second.thumbnail.quality == 0.5


def test_tracklets_are_in_the_order_asked(library: Library, add_video, store) -> None:
    ids = [tracklet.id for tracklet in store(add_video(), *((n, n * 0.1) for n in range(1, 9)))]
    wanted = np.array([ids[5], 10_000, ids[0], ids[7], ids[0]])
    assert [t.id for t in library.tracklets(wanted)] == [ids[5], ids[0], ids[7], ids[0]]
    assert library.tracklets([]) == []
    assert [t.id for t in library.tracklets([*range(20_000, 23_000), ids[2]])] == [ids[2]]


def test_tracklets_of_a_video_by_first_time(library: Library, add_video, store) -> None:
    video = add_video()
    store(video, (2, 5.0), (1, 6.0))
    store(video, (3, 1.0))
    store(add_video("b.mp4"), (1, 0.0))
    assert [tracklet.number for tracklet in library.tracklets_of(video.id)] == [3, 2, 1]
    assert library.tracklets_of(999) == []
    assert library.last_tracklet(video.id) == (3, pytest.approx(6.8))
    assert library.last_tracklet(999) == (0, -1.0)


def test_trajectories_between_two_times(library: Library, add_video, store) -> None:
    video = add_video()
    store(video, (1, 0.0), (2, 0.7), (3, 2.0))  # each lasts 0.8 s
    store(add_video("b.mp4"), (1, 0.0))

    def numbers(from_s: float, to_s: float) -> list[int]:
        return [t.number for t, _ in library.trajectories_between(video.id, from_s, to_s)]

    assert numbers(0.75, 0.75) == [1, 2]
    assert numbers(0.8, 2.0) == [1, 2, 3]
    assert numbers(1.6, 1.9) == []
    assert numbers(-1.0, 0.0) == [1]
    ((tracklet, trajectory),) = library.trajectories_between(video.id, 2.1, 9.0)
    assert trajectory.time_s[0] == tracklet.first_time_s
    assert trajectory.boxes.tobytes() == make_track(3, 2.0).trajectory.boxes.tobytes()


def test_unknown_tracklets_are_told(library: Library) -> None:
    for call in (library.tracklet, library.trajectory, library.crops):
        with pytest.raises(NotFoundError, match="no tracklet 7"):
            call(7)


def test_nothing_to_store_is_no_error(library: Library, add_video) -> None:
    assert library.store_tracklets(add_video().id, [], unit_vectors(0), EMBEDDER) == []


def test_vectors_must_fit_the_tracks(library: Library, add_video) -> None:
    video_id = add_video().id
    for vectors in (unit_vectors(2), unit_vectors(1).astype(np.float64), unit_vectors(1)[0]):
        with pytest.raises(ValueError, match="float32 vectors"):
            library.store_tracklets(video_id, [make_track(1)], vectors, EMBEDDER)
    without_crop = TrackletPart(1, make_track(1).trajectory, ())
    with pytest.raises(ValueError, match="at least one crop"):
        library.store_tracklets(video_id, [without_crop], unit_vectors(1), EMBEDDER)


def assert_nothing_stored(library: Library, video_id: int) -> None:
    assert library.tracklets_of(video_id) == []
    assert len(all_vectors(library, EMBEDDER)) == 0
    assert files_below(library.folder / "crops") == set()


def test_a_disk_that_fills_up_with_crops(
    library: Library, add_video, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = add_video()
    write_bytes, calls = Path.write_bytes, itertools.count()

    def fill_up(path: Path, data: bytes) -> int:
        if next(calls) == 3:
            write_bytes(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    tracks = [make_track(1), make_track(2)]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_up)
        with pytest.raises(LibraryError, match="the disk is full") as caught:
            library.store_tracklets(video.id, tracks, unit_vectors(2), EMBEDDER)
    assert str(library.folder) in caught.value.message
    assert caught.value.remedy
    assert_nothing_stored(library, video.id)
    assert len(library.store_tracklets(video.id, tracks, unit_vectors(2), EMBEDDER)) == 2


def limit_pages(library: Library, count: int) -> None:
    """SQLite then says what it says on a full disk."""
    with library._database.reading() as session:
        connection = session.connection()
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {used + count}")


def test_a_disk_that_fills_up_with_rows(library: Library, add_video) -> None:
    video = add_video()
    tracks = [make_track(number, count=400) for number in range(1, 9)]
    limit_pages(library, 2)
    with pytest.raises(LibraryError, match="the disk is full"):
        library.store_tracklets(video.id, tracks, unit_vectors(8), EMBEDDER)
    assert_nothing_stored(library, video.id)
    limit_pages(library, 10_000)
    assert len(library.store_tracklets(video.id, tracks, unit_vectors(8), EMBEDDER)) == 8


def test_a_number_used_twice_is_a_bug_that_spoils_nothing(
    library: Library, add_video, store
) -> None:
    video = add_video()
    (first,) = store(video, (1, 0.0))
    again = replace(make_track(1, 0.2), crops=make_track(1, 6.0).crops)
    with pytest.raises(ValueError, match="stored already"):
        library.store_tracklets(video.id, [make_track(2), again], unit_vectors(2), EMBEDDER)
    assert [tracklet.id for tracklet in library.tracklets_of(video.id)] == [first.id]
    assert read_crop(first.thumbnail.path).shape == (48, 24, 3)
    assert len(files_below(library.folder / "crops")) == 2


def test_a_tracklet_goes_on(library: Library, add_video) -> None:
    video = add_video()
    first, second = make_track(1), make_track(1, 10.0, qualities=(0.95, 0.1))
    (stored,) = library.store_tracklets(video.id, [first], unit_vectors(1), EMBEDDER)
    library.store_vectors([stored.id], unit_vectors(1, seed=7), "another")
    stay = first.crops[0].frame_index
    part = replace(second, kept_frames=(stay,))
    vectors = unit_vectors(1, seed=1)
    (grown,) = library.store_tracklets(video.id, [part], vectors, EMBEDDER)
    assert (grown.id, grown.number) == (stored.id, 1)
    assert (grown.first_time_s, grown.last_time_s) == (0.0, pytest.approx(10.8))
    whole = library.trajectory(grown.id)
    np.testing.assert_array_equal(
        whole.boxes, np.concatenate([first.trajectory.boxes, second.trajectory.boxes])
    )
    crops = library.crops(grown.id)
    assert [crop.frame_index for crop in crops] == [stay, 250, 255]
    assert grown.thumbnail.frame_index == 250, "the best of all"
    assert files_below(library.folder) >= {
        crop.path.relative_to(library.folder).as_posix() for crop in crops
    }
    assert len(files_below(library.folder / "crops")) == 3, "the other one is deleted"
    vector = library.vector(grown.id, EMBEDDER)
    np.testing.assert_array_equal(vector, vectors[0])
    assert library.tracklets_without_vector("another") == [grown.id]


def test_a_part_that_is_not_stored_leaves_the_tracklet_as_it_was(
    library: Library, add_video
) -> None:
    video = add_video()
    (stored,) = library.store_tracklets(video.id, [make_track(1)], unit_vectors(1), EMBEDDER)
    with pytest.raises(RuntimeError, match="killed"), library.transaction():
        library.store_tracklets(video.id, [make_track(1, 10.0)], unit_vectors(1), EMBEDDER)
        raise RuntimeError("killed")
    assert len(library.trajectory(stored.id)) == 5
    assert all(crop.path.exists() for crop in library.crops(stored.id))
    library.commit_video(video.id, ResumePoint(5.0, 125))
    library.rewind_video(video.id)
    assert len(files_below(library.folder / "crops")) == 2


def test_boxes_between_two_times_are_those_of_parts_there(library: Library, add_video) -> None:
    video = add_video()
    for begin in (0.0, 10.0, 20.0):
        part = replace(make_track(1, begin), kept_frames=())
        library.store_tracklets(video.id, [part], unit_vectors(1), EMBEDDER)
    ((_, some),) = library.trajectories_between(video.id, 10.5, 11.0)
    assert some.time_s.tolist() == pytest.approx([10.0, 10.2, 10.4, 10.6, 10.8])
    ((_, everything),) = library.trajectories_between(video.id, 0.0, float("inf"))
    assert len(everything) == 15
    assert library.trajectories_between(video.id, 12.0, 19.0) == []


@pytest.fixture
def crops_without_rows(library: Library, add_video, monkeypatch: pytest.MonkeyPatch):
    """A video whose ingest was killed after its crops were written."""

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    video = add_video()
    library.begin_video(video.id, 5.0, "yolo")
    with monkeypatch.context() as patch:
        patch.setattr(tracklet_rows, "_add_vectors", killed)
        with pytest.raises(KeyboardInterrupt):
            library.store_tracklets(video.id, [make_track(1)], unit_vectors(1), EMBEDDER)
    assert library.tracklets_of(video.id) == []
    assert len(files_below(library.folder / "crops")) == 2
    return video


def test_opening_sweeps_crops_without_rows(library: Library, crops_without_rows, store) -> None:
    store(crops_without_rows, (2, 1.0))
    library.close()
    with Library.open(library.folder) as opened:
        (tracklet,) = opened.tracklets_of(crops_without_rows.id)
        assert tracklet.number == 2
        kept = {crop.path for crop in opened.crops(tracklet.id)}
        assert {p for p in (library.folder / "crops").rglob("*.jpg")} == kept  # noqa: C416


def test_rewinding_sweeps_crops_without_rows(library: Library, crops_without_rows, store) -> None:
    library.rewind_video(crops_without_rows.id)
    assert files_below(library.folder / "crops") == set()
    store(crops_without_rows, (1, 0.0))  # the same names can be written again


def test_finished_videos_are_not_looked_through(library: Library, add_video, store) -> None:
    video = add_video()
    store(video, (1, 0.0))
    library.finish_video(video.id, VideoStatus.DONE)
    library.close()
    extra = library.folder / "crops" / str(video.id) / "00009_0000009.jpg"
    extra.write_bytes(b"orphan")
    Library.open(library.folder).close()
    assert extra.exists()


def test_crops_of_a_video_without_row_are_swept(library: Library) -> None:
    orphan = library.folder / "crops" / "77" / "00009_0000009.jpg"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"orphan")
    library.close()
    Library.open(library.folder).close()
    assert not orphan.parent.exists()


def test_unreadable_boxes_are_told(library: Library, add_video, store) -> None:
    (tracklet,) = store(add_video(), (1, 0.0))
    with library._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE trajectories SET data = x'0102'")
    with pytest.raises(LibraryError, match="tracklet 1 has no readable boxes"):
        library.trajectory(tracklet.id)


@pytest.mark.parametrize("path", ["../private.png", "/etc/passwd", "crops/../../x.jpg"])
def test_a_crop_outside_the_library_is_refused(
    library: Library, add_video, store, path: str
) -> None:
    """A library may come from somebody else."""
    (tracklet,) = store(add_video(), (1, 0.0))
    with library._database.writing() as session:
        session.connection().exec_driver_sql(
            "UPDATE crops SET relative_path = ? WHERE is_best", (path,)
        )
    with pytest.raises(LibraryError, match="not in it"):
        library.tracklet(tracklet.id)
