"""Load a folder, search a person, see that person in the other camera."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.entities import VideoStatus
from app.core.errors import LibraryInUseError, ModelError, UsageError
from app.core.events import (
    Progress,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.core.queries import CropQuery, SearchFilter, TrackletQuery
from app.services.ingest import video_analysis
from app.services.ingest.untangling import RELINK_S
from app.storage.crop_files import read_crop
from tests.fakes import ColourBlobDetector
from tests.integration import main_job
from tests.rendered import RenderedWorld, cut, render_world


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    """Everyone comes back after so long that it is another sighting."""
    return render_world(seed=3, people=4, rounds=2, pause_s=RELINK_S + 0.5)


@pytest.fixture(scope="module")
def videos(world: RenderedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    world.write(folder)
    return folder


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture(scope="module")
def undisturbed(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that was made in one go."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for _ in main_job.use_stand_ins():
        main_job.ingest(folder / "library", videos, main_job.weights(folder))
    return folder / "library"


def test_everybody_is_found_again_in_the_other_camera(
    world: RenderedWorld, undisturbed: Path
) -> None:
    with main_job.opened(undisturbed) as workspace:
        library = workspace.library
        cameras = {camera.name: camera.id for camera in library.cameras()}
        assert set(cameras) == {"cam1", "cam2"}
        for video in library.videos():
            assert video.status is VideoStatus.DONE
            seen = [
                main_job.identity_of(world, library, tracklet)
                for tracklet in library.tracklets_of(video.id)
            ]
            assert sorted(seen) == [1, 1, 2, 2, 3, 3, 4, 4], "everyone walks past twice"
        (cam1,) = (v for v in library.videos() if v.camera.name == "cam1")
        elsewhere = SearchFilter(camera_ids=frozenset({cameras["cam2"]}))
        for tracklet in library.tracklets_of(cam1.id):
            (result,) = workspace.search.run(TrackletQuery(tracklet.id), elsewhere)
            wanted = main_job.identity_of(world, library, tracklet)
            ranking = [
                main_job.identity_of(world, library, library.tracklet(hit.tracklet_id))
                for hit in result.hits
            ]
            assert ranking[:2] == [wanted, wanted]
            picture = CropQuery(read_crop(tracklet.thumbnail.path))
            (by_picture,) = workspace.search.run(picture, elsewhere)
            assert by_picture.hits[0].tracklet_id in {h.tracklet_id for h in result.hits[:2]}


def test_a_click_finds_the_person_under_it(world: RenderedWorld, undisturbed: Path) -> None:
    with main_job.opened(undisturbed) as workspace:
        library = workspace.library
        video = library.videos()[0]
        frame = next(i for i, seen in enumerate(world.truth["cam1"]) if len(seen) == 1 and i % 2)
        ((identity, box),) = world.truth["cam1"][frame].items()
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        # An odd frame at 10 frames a second is not analysed at 5: the box is interpolated.
        tracklet_id = workspace.playback.person_at(video.id, frame / world.fps, *middle)
        assert tracklet_id is not None
        assert main_job.identity_of(world, library, library.tracklet(tracklet_id)) == identity
        assert workspace.playback.person_at(video.id, frame / world.fps, 1.0, 1.0) is None
        found = workspace.detect_person_at(video.id, frame / world.fps, *middle)
        assert found.image.shape[0] > found.image.shape[1]


def test_a_second_run_does_nothing_again(videos: Path, tmp_path: Path) -> None:
    options = main_job.weights(tmp_path)
    main_job.ingest(tmp_path / "library", videos, options)
    before = main_job.content(tmp_path / "library")
    summary, events = main_job.ingest(tmp_path / "library", videos, options)
    assert (summary.done, summary.skipped, summary.people) == (0, 2, 0)
    assert not [event for event in events if isinstance(event, VideoStarted | TrackletStored)]
    assert main_job.content(tmp_path / "library") == before


def test_other_settings_are_said_and_need_again(
    world: RenderedWorld, videos: Path, tmp_path: Path
) -> None:
    options = main_job.weights(tmp_path)
    main_job.ingest(tmp_path / "library", videos, options)
    before = main_job.content(tmp_path / "library")
    faster = replace(options, fps=10.0)
    _, events = main_job.ingest(tmp_path / "library", videos, faster)
    skipped = [event for event in events if isinstance(event, VideoSkipped)]
    assert [event.differs for event in skipped] == [True, True]
    assert skipped[0].reason == "It was analysed at 5 frames per second, not at 10."
    assert main_job.content(tmp_path / "library") == before
    summary, _ = main_job.ingest(tmp_path / "library", videos, replace(faster, again=True))
    assert (summary.done, summary.people) == (2, 16)
    with main_job.opened(tmp_path / "library") as workspace:
        assert {video.analysed_fps for video in workspace.library.videos()} == {10.0}
    assert main_job.orphans(tmp_path / "library") == set()


def test_a_new_video_is_the_only_one_done(
    world: RenderedWorld, videos: Path, tmp_path: Path
) -> None:
    options = main_job.weights(tmp_path)
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "cam1.mp4").write_bytes((videos / "cam1.mp4").read_bytes())
    main_job.ingest(tmp_path / "library", folder, options)
    (folder / "cam2.mp4").write_bytes((videos / "cam2.mp4").read_bytes())
    summary, events = main_job.ingest(tmp_path / "library", folder, options)
    assert [e.path.name for e in events if isinstance(e, VideoStarted)] == ["cam2.mp4"]
    assert (summary.done, summary.skipped) == (1, 1)


def test_moved_footage_is_recognised(videos: Path, tmp_path: Path) -> None:
    options = main_job.weights(tmp_path)
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "cam1.mp4").write_bytes((videos / "cam1.mp4").read_bytes())
    main_job.ingest(tmp_path / "library", old, options)
    old.rename(new)
    summary, _ = main_job.ingest(tmp_path / "library", new, options)
    assert (summary.done, summary.skipped) == (0, 1)
    with main_job.opened(tmp_path / "library") as workspace:
        assert [video.path for video in workspace.library.videos()] == [new / "cam1.mp4"]


def test_broken_footage_is_told_and_the_rest_goes_on(videos: Path, tmp_path: Path) -> None:
    options = main_job.weights(tmp_path)
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a_broken.mp4").write_bytes(b"this is not a video, whatever its name says" * 10)
    (folder / "b_empty.mp4").write_bytes(b"")
    (folder / "good.mp4").write_bytes((videos / "cam1.mp4").read_bytes())
    world = render_world(seed=3, people=4, cameras=("cut",))
    world.write(folder, suffix=".webm")
    cut(folder / "cut.webm", 0.6, folder / "cut.webm")
    summary, events = main_job.ingest(tmp_path / "library", folder, options)
    failed = {e.path.name: e.error for e in events if isinstance(e, VideoFailed)}
    assert set(failed) == {"a_broken.mp4", "b_empty.mp4"}
    assert all(error.message.endswith(".") for error in failed.values())
    finished = {e.path.name: e for e in events if isinstance(e, VideoFinished)}
    assert finished["good.mp4"].status is VideoStatus.DONE
    assert finished["cut.webm"].status is VideoStatus.PARTIAL
    assert "cut.webm" in finished["cut.webm"].problem
    assert len(summary.failed) == 2 and len(summary.partial) == 1
    again, _ = main_job.ingest(tmp_path / "library", folder, options)
    assert (again.done, len(again.failed), len(again.partial)) == (0, 2, 1)


def test_image_sequences_are_videos(world: RenderedWorld, tmp_path: Path) -> None:
    options = replace(main_job.weights(tmp_path), rate_fps=world.fps)
    world.write_sequences(tmp_path / "videos")
    summary, _ = main_job.ingest(tmp_path / "library", tmp_path / "videos", options)
    assert (summary.done, summary.people) == (2, 16)
    with main_job.opened(tmp_path / "library") as workspace:
        video = workspace.library.videos()[0]
        assert video.camera.name == "cam1"
        with workspace.playback.reader(video.id) as reader:
            assert reader.frame_at(4.2).time_s == pytest.approx(4.2)


class _SlowDetector(ColourBlobDetector):
    batch_size = 1

    def detect(self, images):  # type: ignore[no-untyped-def]
        time.sleep(0.45)  # a big network on a small machine
        return super().detect(images)


class _SteadyDetector(ColourBlobDetector):
    batch_size = 1

    def detect(self, images):  # type: ignore[no-untyped-def]
        time.sleep(0.03)
        return super().detect(images)


def test_cancel_acts_within_a_second_and_events_never_pause(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in main_job.use_stand_ins(_SlowDetector):
        with main_job.opened(tmp_path / "library") as workspace:
            job = workspace.ingest(videos, main_job.weights(tmp_path))
            last, longest, began = time.monotonic(), 0.0, None
            for event in job:
                longest = max(longest, time.monotonic() - last)
                last = time.monotonic()
                began = began or (last if isinstance(event, VideoStarted) else None)
                if began is not None and last - began > 2.0:
                    break
            closing = time.monotonic()
            job.close()
            assert time.monotonic() - closing < 1.0
            assert longest < 0.4, "0.3 s, and a little for a busy machine"


def test_progress_says_how_far_how_fast_and_how_long(videos: Path, tmp_path: Path) -> None:
    _, events = main_job.ingest(tmp_path / "library", videos, main_job.weights(tmp_path))
    told = [event for event in events if isinstance(event, Progress)]
    analysing = [event for event in told if event.times_real_time is not None]
    assert analysing
    assert all(event.total_s and event.done_s <= event.total_s + 0.2 for event in analysing)
    assert [e.done_s for e in told] == sorted(e.done_s for e in told)
    assert analysing[-1].people == 16


@pytest.mark.parametrize("stop_after", [1, 5, 9, 13])
def test_a_cancelled_ingest_ends_as_an_undisturbed_one(
    videos: Path, undisturbed: Path, tmp_path: Path, stop_after: int
) -> None:
    options = main_job.weights(tmp_path)
    with main_job.opened(tmp_path / "library") as workspace:
        job = workspace.ingest(videos, options)
        stored = 0
        for event in job:
            stored += isinstance(event, TrackletStored)
            if stored == stop_after:
                break
        job.close()
    main_job.ingest(tmp_path / "library", videos, options)
    assert main_job.content(tmp_path / "library") == main_job.content(undisturbed)
    assert main_job.orphans(tmp_path / "library") == set()


def test_a_resumed_ingest_goes_on_where_nobody_was_followed(
    videos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    options = main_job.weights(tmp_path)
    first_round_s = 20.1
    for _ in main_job.use_stand_ins(_SteadyDetector):
        with main_job.opened(tmp_path / "library") as workspace:
            job = workspace.ingest(videos, options)
            for event in job:
                if isinstance(event, TrackletStored):
                    committed_s = workspace.library.video(event.video_id).committed_s
                    if committed_s > first_round_s:
                        break
            job.close()
    _, events = main_job.ingest(tmp_path / "library", videos, options)
    resumed = [event.resumed_s for event in events if isinstance(event, VideoStarted)]
    assert resumed[0] > first_round_s, "everyone of the first round had left: no need to redo them"
    assert main_job.content(tmp_path / "library") == main_job.content(undisturbed)
    assert main_job.orphans(tmp_path / "library") == set()


def test_what_is_seen_is_stored_while_somebody_is_always_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_analysis, "CHAPTER_S", 2.0)
    world = render_world(seed=6, people=6, cameras=("busy",), spacing_s=1.5)
    assert all(boxes for boxes in world.truth["busy"][15:105]), "the world is not busy"
    world.write(tmp_path / "videos")
    options = main_job.weights(tmp_path)
    main_job.ingest(tmp_path / "undisturbed", tmp_path / "videos", options)
    stored: list[float] = []
    for _ in main_job.use_stand_ins(_SteadyDetector):
        while not stored or stored[-1] < 8.0:
            with main_job.opened(tmp_path / "library") as workspace:
                job = workspace.ingest(tmp_path / "videos", options)
                for event in job:
                    if isinstance(event, Progress) and workspace.library.videos():
                        (video,) = workspace.library.videos()
                        if video.committed_s > (stored[-1] if stored else 0.0):
                            stored.append(video.committed_s)
                            break
                job.close()
    _, events = main_job.ingest(tmp_path / "library", tmp_path / "videos", options)
    resumed = [event.resumed_s for event in events if isinstance(event, VideoStarted)]
    assert resumed[0] >= stored[-1]
    assert main_job.content(tmp_path / "library") == main_job.content(tmp_path / "undisturbed")
    assert main_job.orphans(tmp_path / "library") == set()


def test_a_killed_ingest_ends_as_an_undisturbed_one(
    videos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    command = [sys.executable, main_job.__file__, tmp_path / "library", videos, tmp_path]
    moments = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(command)
        crops = tmp_path / "library" / "crops"
        deadline = time.monotonic() + 30
        while not crops.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
    subprocess.run(command, check=True, timeout=60)
    assert main_job.content(tmp_path / "library") == main_job.content(undisturbed)
    assert main_job.orphans(tmp_path / "library") == set()


def test_two_embedders_never_meet_in_one_library(videos: Path, tmp_path: Path) -> None:
    options = main_job.weights(tmp_path)
    main_job.ingest(tmp_path / "library", videos, options)
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another network")
    with pytest.raises(ModelError, match="other-.*cannot be compared"):
        main_job.ingest(tmp_path / "library", videos, replace(options, embedder=str(other)))


def test_the_library_remembers_its_models(videos: Path, tmp_path: Path) -> None:
    options = main_job.weights(tmp_path)
    main_job.ingest(tmp_path / "library", videos, options)
    unnamed = replace(options, detector=None, embedder=None)
    summary, _ = main_job.ingest(tmp_path / "library", videos, unnamed)
    assert summary.skipped == 2
    with pytest.raises(ModelError, match="No detector is installed"):
        main_job.ingest(tmp_path / "new library", videos, unnamed)


def test_an_empty_folder_and_a_second_user_are_told(tmp_path: Path, videos: Path) -> None:
    options = main_job.weights(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        main_job.ingest(tmp_path / "library", tmp_path / "empty", options)
    with main_job.opened(tmp_path / "library"), pytest.raises(LibraryInUseError):
        main_job.ingest(tmp_path / "library", videos, options)
