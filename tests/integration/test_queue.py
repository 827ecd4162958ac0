"""An ordered folder is a promise: every file is listed at once, and its turn comes, whatever ends.

Through `Workspace`, with the real library, decoder and tracker, and stand-ins for the networks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import bootstrap
from app.core.entities import Detections, Image, VideoStatus
from app.core.errors import UsageError
from app.core.events import (
    FootageOrdered,
    IngestEvent,
    Progress,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.core.ports import FrameSource
from app.services.footage import growth
from app.services.footage.sources import SourceFile
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.turns import MOST_CRASHES, turn_of
from app.vision import decoding_process
from app.vision.hang_watch import Patience
from tests.crashing_source import CrashingSource, HangingSource
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.integration.queue_tools import finished, statuses, write

FILES = 200

pytestmark = pytest.mark.usefixtures("nobody_followed")


@pytest.mark.timeout(600)
def test_200_files_killed_and_quit_in_the_middle_are_all_done_once(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    names = [f"cam1_{number:03d}.mp4" for number in range(FILES)]
    write(videos, tiny_video, names)
    # Every line is a file that is done.
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from app.core.events import VideoFinished
from app.core.ports import EmbedBoxes
from app.services.footage import growth
from app import bootstrap
from tests.integration import main_job, queue_tools
bootstrap._make_tracker = lambda analysed_fps: queue_tools.NobodyTracker()
growth.SETTLED_S = 0.0
for _ in main_job.use_stand_ins():
    options = main_job.weights(Path({str(tmp_path / "weights")!r}))
    with main_job.opened(Path({str(library)!r})) as workspace:
        for event in workspace.ingest(Path({str(videos)!r}), options):
            if isinstance(event, VideoFinished):
                print(event.path.name, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split()
    with main_job.opened(library) as workspace:
        listed = workspace.library.videos()
        assert [video.path.name for video in listed] == names
        done = [video.path.name for video in listed if video.status is VideoStatus.DONE]
        assert done[: len(told)] == told
        # The turn of one may have come; nobody had been told yet.
        assert len(told) <= len(done) <= len(told) + 1
        assert len(workspace.library.queued_ids()) == FILES - len(done)
        with closing(workspace.go_on()) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, VideoFinished):
                    done.append(event.path.name)
                if len(done) == 60:
                    break  # the user quits
    with main_job.opened(library) as workspace:
        done += finished(workspace.go_on())
        assert workspace.library.queued_ids() == []
    assert done == names
    assert statuses(library) == {VideoStatus.DONE: FILES}


def test_what_is_excluded_is_not_read_until_it_is_asked_for(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    with main_job.opened(library) as workspace:
        stored = workspace.library
        (ordered,) = (e for e in workspace.order(videos, options) if isinstance(e, FootageOrdered))
        assert ordered == FootageOrdered(videos, 4)
        a, b, c, d = stored.queued_ids()
        assert [video.status for video in stored.videos()] == [VideoStatus.PENDING] * 4
        stored.exclude_videos([b])
        stored.move_in_queue([d, c], to_front=True)
        assert stored.queued_ids() == [d, c, a]
        stored.move_in_queue([d], to_front=False)
        assert finished(workspace.go_on()) == ["c.mp4", "a.mp4", "d.mp4"]
        assert stored.video(b).status is VideoStatus.EXCLUDED
        assert finished(workspace.ingest(videos, options)) == []  # the folder once more
        assert stored.video(b).status is VideoStatus.EXCLUDED
        stored.queue_videos([b], options.packed())
        assert stored.video(b).status is VideoStatus.PENDING
        assert finished(workspace.go_on()) == ["b.mp4"]


def test_a_video_is_excluded_while_it_is_read(tmp_path: Path, options: IngestOptions) -> None:
    from tests.rendered import render_world

    videos, library = tmp_path / "videos", tmp_path / "library"
    render_world(seed=5, people=2, crossing_s=2.0, spacing_s=2.0).write(videos)
    with main_job.opened(library) as workspace:
        done = []
        for event in workspace.ingest(videos, options):
            if type(event).__name__ == "VideoStarted" and event.path.name == "cam1.mp4":
                workspace.library.exclude_videos([event.video_id])
            done += finished([event])
        assert "cam1.mp4" not in done
        by_name = {video.path.name: video.status for video in workspace.library.videos()}
        assert by_name.pop("cam1.mp4") is VideoStatus.EXCLUDED
        assert set(by_name.values()) == {VideoStatus.DONE}


def test_a_copy_is_listed_with_the_reason_and_a_failed_one_can_be_retried(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4"])
    (videos / "b.mp4").write_bytes((videos / "a.mp4").read_bytes())
    (videos / "c.mp4").write_bytes(b"no video")
    with main_job.opened(library) as workspace:
        events = list(workspace.ingest(videos, options))
        assert [type(e).__name__ for e in events if isinstance(e, VideoSkipped | VideoFailed)] == [
            "VideoFailed",
            "VideoSkipped",
        ]
        a, b, c = workspace.library.videos()
        assert (b.status, c.status) == (VideoStatus.EXCLUDED, VideoStatus.FAILED)
        assert "same content" in b.problem
        assert workspace.library.queued_ids() == []
        write(videos, tiny_video, ["c.mp4"])
        workspace.library.queue_videos([c.id], options.packed())
        assert finished(workspace.go_on()) == ["c.mp4"]
        # The original is gone, its copy takes its place with all that was found.
        a.path.unlink()
        assert finished(workspace.ingest(videos, options)) == []
        assert [(v.id, v.path.name, v.status) for v in workspace.library.videos()] == [
            (a.id, "b.mp4", VideoStatus.DONE),
            (c.id, "c.mp4", VideoStatus.DONE),
        ]


@pytest.mark.parametrize(
    ("source", "does", "did"),
    [(CrashingSource, "crash", "crashes"), (HangingSource, "hang", "hangs")],
    ids=["crash", "hang"],
)
def test_a_file_at_which_the_decoder_fails_is_named_and_the_others_are_read(
    source: type[FrameSource],
    does: str,
    did: str,
    tmp_path: Path,
    tiny_video: bytes,
    options: IngestOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    opener = bootstrap._opener

    def failing(file: SourceFile, *about: Any) -> Callable[[], FrameSource]:
        frames = {"b.mp4": -1, "c.mp4": 7}.get(file.path.name)
        return opener(file, *about) if frames is None else partial(source, file.path, frames)

    monkeypatch.setattr(bootstrap, "_opener", failing)
    if does == "hang":
        monkeypatch.setattr(
            decoding_process, "Patience", partial(Patience, quiet_s=0.5, look_s=0.1)
        )
    summary, events = main_job.ingest(library, videos, options)
    assert finished(events) == ["a.mp4", "c.mp4", "d.mp4"]
    (failed,) = summary.failed
    assert failed.error.message == f"b.mp4 makes the decoder {does}."
    (cut,) = summary.partial
    assert cut.problem == f"c.mp4 cannot be read beyond 1.2 s: the decoder {did} there."
    assert statuses(library) == {
        VideoStatus.DONE: 2, VideoStatus.PARTIAL: 1, VideoStatus.FAILED: 1,
    }  # fmt: skip


def test_a_file_that_the_program_crashes_at_three_times_is_set_aside(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4"])

    class Fatal(main_job.ColourBlobDetector):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            raise ArithmeticError("a fault in the program")

    stand_ins = main_job.use_stand_ins(Fatal)
    next(stand_ins)
    with main_job.opened(library) as workspace:
        for _ in range(5):  # quit: that is no failure
            with closing(workspace.ingest(videos, options)) as events:  # type: ignore[type-var]
                assert any(isinstance(event, VideoStarted) for event in events)
        for _ in range(MOST_CRASHES):
            with pytest.raises(ArithmeticError):
                list(workspace.go_on())
    next(stand_ins, None)  # what is wrong is wrong with this file only
    with main_job.opened(library) as workspace:
        *events, summary = workspace.go_on()
        (failed,) = summary.failed
        assert failed.error.message == (
            "Retrace crashed 3 times while it was reading a.mp4, so this file is set aside."
        )
        assert finished(events) == ["b.mp4"]
        a, _ = workspace.library.videos()
        assert (a.status, a.problem) == (VideoStatus.FAILED, failed.error.message)
        workspace.library.queue_videos([a.id], options.packed())  # once more, from its menu
        assert finished(workspace.go_on()) == ["a.mp4"]


def test_a_file_that_is_still_written_is_waited_for(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "SETTLED_S", 5.0)
    clock = SimpleNamespace(now_s=100.0, time=time.time)
    clock.monotonic = lambda: clock.now_s
    monkeypatch.setattr(growth, "time", clock)
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4"])
    growing = videos / "a.mp4"
    whole = growing.read_bytes()

    def grow(size_bytes: int) -> None:
        growing.write_bytes(whole[:size_bytes])
        os.utime(growing, (time.time() + 3600,) * 2)  # the recorder's clock is ahead

    grow(50)
    os.utime(videos / "b.mp4", (time.time() - 60,) * 2)
    parts = [200, 400, len(whole)]
    events: list[IngestEvent] = []
    with main_job.opened(library) as workspace:
        for event in workspace.ingest(videos, options):
            events.append(event)
            if isinstance(event, Progress) and "still being written" in event.step:
                clock.now_s += 3.0 if parts else 6.0
                if parts:
                    grow(parts.pop(0))
    assert parts == []
    assert finished(events) == ["b.mp4", "a.mp4"]
    assert not [event for event in events if isinstance(event, VideoFailed)]


def test_a_video_is_read_again_as_it_was_ordered(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions, retrace: Retrace
) -> None:
    from app.core.clock import parse_zone

    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4"])
    (videos / "b.mp4").write_bytes(b"no video")
    ordered = replace(options, fps=2.5, rate_fps=12.0, zone=parse_zone("+01:00"), camera_by="file")
    with main_job.opened(library) as workspace:
        list(workspace.ingest(videos, ordered))
        stored = workspace.library
        a, b = stored.videos()
        assert (a.status, b.status) == (VideoStatus.DONE, VideoStatus.FAILED)
        list(workspace.ingest(videos, options))  # skipped: it stays as it was analysed
        stored.rename_camera(b.camera.id, "gate")
        stored.queue_videos([a.id], {}, {"again": True})
        again = stored.queued(a.id)
        assert again is not None
        assert IngestOptions.unpacked(again.options) == replace(ordered, again=True)
        stored.leave_queue(a.id)
    assert retrace("queue", "--library", library, "--retry", "b.mp4").status == 0
    with main_job.opened(library) as workspace:
        again = workspace.library.queued(b.id)
        assert again is not None
        assert IngestOptions.unpacked(again.options) == ordered
        assert turn_of(again).source.camera == "gate"
        write(videos, tiny_video, ["c.mp4"])
        list(workspace.order(videos / "c.mp4", ordered))
        (c,) = (v for v in workspace.library.videos() if v.path.name == "c.mp4")
        workspace.library.leave_queue(c.id)  # as a damaged database may have lost it
    assert retrace("check", "--library", library, "--repair").status == 0
    with main_job.opened(library) as workspace:
        again = workspace.library.queued(c.id)
        assert again is not None
        assert IngestOptions.unpacked(again.options) == ordered


def test_options_survive_the_queue(tmp_path: Path) -> None:
    from app.core.clock import parse_zone

    options = IngestOptions(fps=2.5, zone=parse_zone("+01:00"), detector="x.onnx", again=True)
    assert IngestOptions.unpacked({**options.packed(), "camera": "cam1", "later": 1}) == options
    assert IngestOptions().packed() == {}


def test_a_watched_folder_is_read_as_recordings_arrive(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    videos.mkdir()
    arriving = [["a.mp4"], ["b.mp4", "c.mp4"], []]
    done: list[str] = []
    with main_job.opened(library) as workspace, closing(workspace.watch(videos, options)) as events:  # type: ignore[type-var]
        for event in events:
            done += finished([event])
            if isinstance(event, Progress) and event.step == "Watching videos":
                if len(done) == 3:
                    break
                if len(done) in (0, 1) and len(arriving) == 3 - len(done):
                    write(videos, tiny_video, arriving.pop(0))
    assert done == ["a.mp4", "b.mp4", "c.mp4"]
    write(videos, tiny_video, ["d.mp4"])  # while nobody watches
    with main_job.opened(library) as workspace, closing(workspace.watch(videos, options)) as events:  # type: ignore[type-var]
        for event in events:
            done += finished([event])
            if isinstance(event, Progress) and event.step == "Watching videos":
                break
    assert done == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


def test_a_folder_that_is_not_there_cannot_be_watched(
    tmp_path: Path, options: IngestOptions
) -> None:
    with (
        main_job.opened(tmp_path / "library") as workspace,
        pytest.raises(UsageError, match="cannot be watched|does not exist"),
    ):
        list(workspace.watch(tmp_path / "nowhere", options))


def test_the_queue_and_the_checker_on_the_command_line(
    retrace: Retrace, tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4", "c.mp4"])
    with main_job.opened(library) as workspace:
        list(workspace.order(videos, options))
    said = retrace("queue", "--library", library, "--first", "c.mp4", "--exclude", "b.mp4")
    assert said.status == 0
    assert [word for word in said.out.split() if word.endswith(".mp4")] == ["c.mp4", "a.mp4"]
    assert retrace("queue", "--library", library, "--go-on").status == 0
    assert "The queue is empty." in retrace("queue", "--library", library).out
    said = retrace("check", "--library", library)
    assert (said.status, said.out) == (0, "No damage was found.\n")
    stray = library / "crops" / "1" / "00001_0000001.jpg"
    stray.parent.mkdir(parents=True)
    stray.touch()
    said = retrace("check", "--library", library)
    assert (said.status, said.out) == (
        3,
        "1 picture file without a row. (add --repair to repair it)\n",
    )
    said = retrace("check", "--library", library, "--repair")
    assert (said.status, said.out) == (0, "1 picture file without a row. (repaired)\n")
