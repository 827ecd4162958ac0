from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from storage_builders import EMBEDDER, START, files_below, make_info, make_track, unit_vectors

from app.core.chapters import ResumePoint
from app.core.entities import StartSource, VideoInfo, VideoStatus
from app.core.errors import NotFoundError
from app.storage.library import Library
from tests.stored_vectors import all_vectors


def test_a_video_comes_back_as_it_was_added(library: Library, footage: Path) -> None:
    info = make_info(footage / "cam1" / "Türkei 東京.mp4")
    video = library.add_video(footage, info, "ab" * 32, 2**40, 1_700_000_000_123_456_789)
    assert video.info == info
    assert video.path == info.path
    assert video.camera.name == "cam1"
    assert video.content_hash == "ab" * 32
    assert video.status is VideoStatus.PENDING
    assert (video.problem, video.analysed_fps, video.detector_id) == ("", None, None)
    assert (video.committed_s, video.tracklet_count) == (0.0, 0)
    assert library.video(video.id) == video
    assert library.videos() == [video]
    assert library.known_hash(info.path, 2**40, 1_700_000_000_123_456_789) == "ab" * 32


def test_only_paths_below_the_root_are_stored_relative(library: Library, footage: Path) -> None:
    with pytest.raises(ValueError, match="subpath"):
        library.add_video(footage / "x", make_info(footage / "y" / "a.mp4"), "h", 1, 1)
    assert library.videos() == []
    assert library.source_roots() == []


def test_start_times_are_moments_in_utc(library: Library, footage: Path) -> None:
    local = START.astimezone(timezone(timedelta(hours=9)))
    video = library.add_video(footage, make_info(footage / "a", start_utc=local), "h", 1, 1)
    assert video.info.start_utc == START
    assert video.info.start_utc is not None
    assert video.info.start_utc.utcoffset() == timedelta(0)
    naive = make_info(footage / "b", start_utc=datetime(2024, 1, 1))  # noqa: DTZ001 - refused
    with pytest.raises(Exception, match="needs a time zone"):
        library.add_video(footage, naive, "h", 1, 1)


def test_an_unknown_start_stays_unknown(add_video) -> None:
    info = add_video(start_utc=None).info
    assert (info.start_utc, info.start_source) == (None, StartSource.UNKNOWN)


def test_a_file_that_is_no_video_is_kept_with_its_problem(library: Library, footage: Path) -> None:
    empty = VideoInfo(footage / "bad.mp4", "cam1", 0, 0, 0.0, None, None)
    video = library.add_video(footage, empty, "", 0, 1)
    assert video.status is VideoStatus.PENDING
    library.finish_video(video.id, VideoStatus.FAILED, problem="bad.mp4 is empty.")
    stored = library.video(video.id)
    assert (stored.status, stored.problem) == (VideoStatus.FAILED, "bad.mp4 is empty.")
    assert stored.info == empty


def test_cameras_and_videos_are_in_natural_order(library: Library, add_video) -> None:
    names = ["cam10/a2.mp4", "cam2/a10.mp4", "cam2/a9.mp4", "Cam1/b.mp4", "cam10/a10.mp4"]
    for name in names:
        add_video(name, camera=name.split("/")[0])
    assert [camera.name for camera in library.cameras()] == ["Cam1", "cam2", "cam10"]
    found = [f"{video.path.parent.name}/{video.path.name}" for video in library.videos()]
    assert found == ["Cam1/b.mp4", "cam2/a9.mp4", "cam2/a10.mp4", "cam10/a2.mp4", "cam10/a10.mp4"]


def test_an_unchanged_file_needs_no_second_hash(library: Library, add_video, footage: Path) -> None:
    add_video("a.mp4", content="hash")
    assert library.known_hash(footage / "x" / ".." / "a.mp4", 100, 200) == "hash"
    assert library.known_hash(footage / "a.mp4", 101, 200) is None
    assert library.known_hash(footage / "a.mp4", 100, 201) is None
    assert library.known_hash(footage / "b.mp4", 100, 200) is None


def test_videos_are_found_by_content(library: Library, add_video) -> None:
    second, first = add_video("b.mp4", content="same"), add_video("a.mp4", content="same")
    add_video("c.mp4", content="other")
    assert library.videos_with_content("same") == [first, second]
    assert library.videos_with_content("none") == []


def test_adding_the_same_content_again_keeps_what_was_found(
    library: Library, add_video, store, footage: Path
) -> None:
    video = add_video(content="same")
    store(video, (1, 0.0))
    library.begin_video(video.id, 5.0, "yolo")
    library.finish_video(video.id, VideoStatus.DONE, frame_count=990, duration_s=39.6)
    info = replace(make_info(footage / "a.mp4", "gate"), width_px=320)
    again = library.add_video(footage, info, "same", 100, 999)
    assert again.id == video.id
    assert (again.status, again.tracklet_count) == (VideoStatus.DONE, 1)
    assert (again.analysed_fps, again.detector_id) == (5.0, "yolo")
    assert (again.camera.name, again.info.width_px) == ("gate", 320)
    assert (again.info.frame_count, again.info.duration_s) == (990, 39.6)  # not the header's
    assert library.known_hash(again.path, 100, 999) == "same"
    assert [camera.name for camera in library.cameras()] == ["gate"]


def test_a_replaced_file_starts_anew(library: Library, add_video, store) -> None:
    video = add_video(content="old")
    store(video, (1, 0.0), (2, 1.0))
    library.begin_video(video.id, 5.0, "yolo")
    library.commit_video(video.id, ResumePoint(3.0, 75))
    library.finish_video(video.id, VideoStatus.PARTIAL, problem="It was cut.", duration_s=4.0)
    again = add_video(content="new")
    assert again.id == video.id
    assert (again.status, again.problem) == (VideoStatus.PENDING, "")
    assert (again.committed_s, again.tracklet_count) == (0.0, 0)
    assert (again.analysed_fps, again.detector_id) == (None, None)
    assert again.info.duration_s == 40.0
    assert len(all_vectors(library, EMBEDDER)) == 0
    assert files_below(library.folder / "crops") == set()
    assert library.videos_with_content("old") == []
    store(again, (1, 0.0))  # the tracker's numbers are free again


def test_a_path_is_one_video_whatever_folder_is_ingested(library: Library, footage: Path) -> None:
    path = footage / "campus" / "cam1.webm"
    first = library.add_video(footage / "campus", make_info(path), "h", 1, 1)
    second = library.add_video(footage, make_info(path), "h", 1, 1)
    assert second == first
    assert library.source_roots() == [footage / "campus"]


def test_a_root_that_is_itself_the_video(library: Library, footage: Path) -> None:
    video = library.add_video(footage, make_info(footage), "h", 1, 1)  # a folder of frames
    assert video.path == footage
    assert library.known_hash(footage, 1, 1) == "h"


def test_the_life_of_a_video(library: Library, add_video) -> None:
    video_id = add_video().id
    library.begin_video(video_id, 5.0, "yolo-abc")
    video = library.video(video_id)
    assert (video.status, video.analysed_fps, video.detector_id) == (
        VideoStatus.INGESTING,
        5.0,
        "yolo-abc",
    )
    library.commit_video(video_id, ResumePoint(12.34, 308))
    assert library.video(video_id).committed_s == 12.34
    library.finish_video(video_id, VideoStatus.PARTIAL, problem="It ends early.", frame_count=500)
    video = library.video(video_id)
    assert (video.status, video.problem) == (VideoStatus.PARTIAL, "It ends early.")
    assert (video.info.frame_count, video.info.duration_s) == (500, 40.0)
    library.begin_video(video_id, 2.0, "yolo-abc")
    assert library.video(video_id).problem == ""


def test_a_video_cannot_finish_as_pending(library: Library, add_video) -> None:
    with pytest.raises(ValueError, match="pending"):
        library.finish_video(add_video().id, VideoStatus.PENDING)


def test_unknown_videos_are_told(library: Library) -> None:
    for call in (
        lambda: library.video(9),
        lambda: library.begin_video(9, 5.0, "yolo"),
        lambda: library.commit_video(9, ResumePoint(1.0, 25)),
        lambda: library.rewind_video(9),
        lambda: library.finish_video(9, VideoStatus.DONE),
        lambda: library.store_tracklets(9, [make_track(1)], unit_vectors(1), EMBEDDER),
    ):
        with pytest.raises(NotFoundError, match="no video 9"):
            call()
    assert not (library.folder / "crops").exists()


def test_rewind_keeps_what_is_committed(library: Library, add_video, store) -> None:
    video, bystander = add_video(), add_video("b.mp4")
    kept, *_ = store(video, (1, 0.0), (2, 2.0), (3, 4.5))
    store(bystander, (1, 4.0))
    library.begin_video(video.id, 5.0, "yolo")
    library.commit_video(
        video.id, ResumePoint(2.0 + 1e-9, 50)
    )  # a rounding error later than its tracklet
    assert library.rewind_video(video.id) == ResumePoint(2.0 + 1e-9, 50)
    assert [tracklet.id for tracklet in library.tracklets_of(video.id)] == [kept.id]
    assert len(library.tracklets_of(bystander.id)) == 1
    assert len(all_vectors(library, EMBEDDER)) == 2
    assert files_below(library.folder / "crops") == {
        f"{video.id}/00001_0000000.jpg",
        f"{video.id}/00001_0000005.jpg",
        f"{bystander.id}/00001_0000100.jpg",
        f"{bystander.id}/00001_0000105.jpg",
    }
    assert library.video(video.id).status is VideoStatus.INGESTING


def test_numbers_after_the_committed_time_are_free_again(
    library: Library, add_video, store
) -> None:
    video = add_video()
    store(video, (1, 0.0), (2, 1.0))
    library.commit_video(video.id, ResumePoint(3.0, 75))
    store(video, (3, 3.0), (4, 3.2))
    library.rewind_video(video.id)
    store(video, (3, 3.0), (4, 3.2))  # found again, in files of the same names
    tracklets = library.tracklets_of(video.id)
    assert [tracklet.number for tracklet in tracklets] == [1, 2, 3, 4]
    crops = {crop.path for tracklet in tracklets for crop in library.crops(tracklet.id)}
    assert crops == set((library.folder / "crops").rglob("*.jpg"))


def test_rewind_to_the_start_forgets_everything(library: Library, add_video, store) -> None:
    video = add_video()
    old = store(video, (1, 0.0), (2, 1.0))
    library.commit_video(video.id, ResumePoint(3.0, 75))
    library.finish_video(video.id, VideoStatus.DONE)
    assert library.rewind_video(video.id, to_start=True) == ResumePoint(0.0, 0)
    stored = library.video(video.id)
    assert (stored.status, stored.tracklet_count) == (VideoStatus.PENDING, 0)
    assert files_below(library.folder / "crops") == set()
    new = store(video, (1, 0.0), (2, 1.0))
    assert [tracklet.number for tracklet in new] == [1, 2]
    assert {tracklet.id for tracklet in new}.isdisjoint(tracklet.id for tracklet in old)


def test_moved_footage_keeps_its_people(library: Library, add_video, store, footage: Path) -> None:
    video = add_video("a.mp4", content="h")
    store(video, (1, 0.0))
    library.finish_video(video.id, VideoStatus.DONE)
    target = footage.parent / "archive"
    moved = library.move_video(video.id, target, target / "2024" / "b.mp4", 100, 300)
    assert (moved.id, moved.status, moved.tracklet_count) == (video.id, VideoStatus.DONE, 1)
    assert moved.path == target / "2024" / "b.mp4"
    assert library.known_hash(moved.path, 100, 300) == "h"
    assert library.known_hash(footage / "a.mp4", 100, 200) is None
    assert library.source_roots() == [target]


def test_moving_onto_a_replaced_file_ends_that_video(
    library: Library, add_video, store, footage: Path
) -> None:
    moving, replaced = add_video("a.mp4"), add_video("b.mp4")
    store(moving, (1, 0.0))
    (lost,) = store(replaced, (1, 1.0))
    library.move_video(moving.id, footage, footage / "b.mp4", 100, 200)
    assert [video.id for video in library.videos()] == [moving.id]
    assert library.video(moving.id).tracklet_count == 1
    assert library.tracklets([lost.id]) == []
    assert not (library.folder / "crops" / str(replaced.id)).exists()
    again = library.move_video(moving.id, footage, footage / "b.mp4", 101, 201)  # onto itself
    assert again.tracklet_count == 1


def test_repointing_a_root(library: Library, add_video, footage: Path) -> None:
    add_video("cam1/a.mp4")
    add_video("cam2/b.mp4")
    new = footage.parent / "disk 2"
    assert library.repoint_source(footage, new) == 2
    assert [video.path for video in library.videos()] == [new / "cam1/a.mp4", new / "cam2/b.mp4"]
    assert library.source_roots() == [new]
    assert library.repoint_source(footage, new) == 0


def test_repointing_above_and_below_a_root(library: Library, add_video, footage: Path) -> None:
    add_video("cam1/a.mp4")
    add_video("cam2/b.mp4")
    base = footage.parent
    assert library.repoint_source(base, base / "elsewhere") == 2  # the folder above moved
    assert library.source_roots() == [base / "elsewhere" / "footage"]
    one_camera = base / "elsewhere" / "footage" / "cam2"
    assert library.repoint_source(one_camera, base / "usb") == 1
    paths = [video.path for video in library.videos()]
    assert paths == [base / "elsewhere/footage/cam1/a.mp4", base / "usb/b.mp4"]


def test_repointing_never_joins_two_videos(library: Library, footage: Path) -> None:
    new = footage.parent / "copy"
    for root in (footage, new):
        library.add_video(root, make_info(root / "a.mp4"), "h", 1, 1)
    assert library.repoint_source(footage, new) == 0
    assert library.source_roots() == [new, footage]


def test_what_the_stages_knew_is_kept_until_the_video_is_finished(
    library: Library, add_video
) -> None:
    video = add_video()
    library.begin_video(video.id, 5.0, "yolo")
    library.commit_video(video.id, ResumePoint(20.0, 500, b"state"))
    assert library.rewind_video(video.id) == ResumePoint(20.0, 500, b"state")
    library.commit_video(video.id, ResumePoint(40.0, 1000, b"newer"))
    assert library.rewind_video(video.id).state == b"newer"
    library.finish_video(video.id, VideoStatus.DONE)
    assert library.rewind_video(video.id).state == b""
    library.commit_video(video.id, ResumePoint(40.0, 1000, b"newer"))
    assert library.rewind_video(video.id, to_start=True) == ResumePoint(0.0, 0)
