"""The queue is paused, resumed and changed while it is read, and what failed is left alone."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app import bootstrap
from app.core.events import (
    FootageOrdered,
    IngestSummary,
    Progress,
    QueuePaused,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoStarted,
)
from app.core.library_files import HOST
from app.services.ingest import ingest as ingest_module
from app.services.ingest.ingest_options import IngestOptions
from tests.crashing_source import CrashingSource
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.integration.queue_tools import finished, write

REAL_TRACKER = bootstrap._make_tracker

pytestmark = pytest.mark.usefixtures("nobody_followed")


def test_the_queue_is_changed_while_another_program_reads(
    retrace: Retrace, tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, [f"{name}.mp4" for name in "abcd"])
    done: list[str] = []
    totals: list[float | None] = []
    paused = 0
    with main_job.opened(library) as workspace:
        for event in workspace.ingest(videos, options):
            done += finished([event])
            totals += [event.total_s] if isinstance(event, Progress) else []
            if isinstance(event, VideoStarted) and not paused:
                said = retrace("queue", "--library", library, "--pause", "--exclude", "b.mp4")
                assert "Another Retrace has this library open" in said.out
            if isinstance(event, QueuePaused):
                before = len(done)
                assert workspace.library.is_queue_paused
            if isinstance(event, Progress) and event.step == "Paused":
                paused += 1
                assert len(done) == before
            if paused == 2:
                paused += 1
                said = retrace("queue", "--library", library, "--last", "c.mp4", "--go-on")
                assert said.status == 0
        assert workspace.library.queued_ids() == []
        whole_s = sum(
            video.info.duration_s or 0.0
            for video in workspace.library.videos()
            if video.path.name != "b.mp4"
        )
    assert done == ["a.mp4", "d.mp4", "c.mp4"]
    assert paused >= 2
    assert isinstance(event, IngestSummary) and event.excluded == (videos / "b.mp4",)
    assert totals[-1] == pytest.approx(whole_s)
    assert not (library / HOST).exists()


def test_a_video_that_is_paused_is_gone_on_with(
    tmp_path: Path, options: IngestOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.rendered import render_world

    monkeypatch.setattr(bootstrap, "_make_tracker", REAL_TRACKER)
    videos, paused, library = (tmp_path / name for name in ("videos", "paused", "library"))
    render_world(seed=5, people=2, crossing_s=2.0, spacing_s=2.0).write(videos)
    main_job.ingest(library, videos, options)
    rests = 0
    said: list[Progress] = []
    with main_job.opened(paused) as workspace:
        for event in workspace.ingest(videos, options):
            said += [event] if isinstance(event, Progress) else []
            if isinstance(event, TrackletStored | VideoStarted) and rests < 4:
                workspace.library.pause_queue(True)
            if isinstance(event, Progress) and event.step == "Paused":
                rests += 1
                workspace.library.pause_queue(False)
        whole_s = sum(video.info.duration_s or 0.0 for video in workspace.library.videos())
    assert rests
    assert said[-1].total_s == pytest.approx(whole_s)
    assert said[-1].done_s == pytest.approx(whole_s, abs=0.5)
    assert main_job.content(paused) == main_job.content(library)


def test_the_queue_says_what_becomes_of_what_waits(
    retrace: Retrace, tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4", "b.mp4"])
    with main_job.opened(library) as workspace:
        for event in workspace.ingest(videos, options):
            if isinstance(event, VideoStarted) and event.path.name == "b.mp4":
                break  # the user quits
    said = retrace("queue", "--library", library)
    assert "interrupted" in said.out
    assert "To read what waits, add --go-on." in said.out
    said = retrace("queue", "--library", library, "--exclude", "a.mp4")
    assert said.err.strip() == "a.mp4 has already been read; what was found in it is kept."


def test_a_library_that_another_computer_has_open_is_left_alone(
    tmp_path: Path, options: IngestOptions, retrace: Retrace
) -> None:
    library = tmp_path / "library"
    with main_job.opened(library):
        (library / HOST).write_text("another computer")
        said = retrace("queue", "--library", library)
        assert said.status == 1
        assert "is open in another Retrace window" in said.err


def test_a_watched_folder_is_not_read_while_the_queue_is_paused(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4"])
    seen: list[str] = []
    with main_job.opened(library) as workspace, closing(workspace.watch(videos, options)) as events:  # type: ignore[type-var]
        workspace.library.pause_queue(True)
        for event in events:
            seen += [type(event).__name__] if isinstance(event, QueuePaused | VideoFinished) else []
            if isinstance(event, Progress) and event.step == "Watching videos, paused":
                workspace.library.pause_queue(False)
            if isinstance(event, Progress) and event.step == "Watching videos":
                break
    assert seen == ["QueuePaused", "VideoFinished"]


def test_what_failed_and_has_not_changed_is_not_read_again(
    retrace: Retrace, tmp_path: Path, tiny_video: bytes, options: IngestOptions
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4"])
    (videos / "b.mp4").write_bytes(b"no video")
    summary, _ = main_job.ingest(library, videos, options)
    summary, events = main_job.ingest(library, videos, options)
    assert [event for event in events if isinstance(event, VideoFailed)] == []
    assert events[-1] is summary
    (failed,) = summary.failed  # counted still: the folder is not wholly read
    assert (failed.path.name, "b.mp4" in failed.error.message) == ("b.mp4", True)
    ordered = [event for event in events if isinstance(event, FootageOrdered)]
    assert ordered == [FootageOrdered(videos, 1, failed_before=(videos / "b.mp4",))]
    said = retrace("queue", "--library", library, "--retry-failed")
    assert [word for word in said.out.split() if word.endswith(".mp4")] == ["b.mp4"]
    write(videos, tiny_video, ["b.mp4"])  # copied again from the recorder
    _, events = main_job.ingest(library, videos, options)
    assert finished(events) == ["b.mp4"]


def test_what_could_not_be_reached_is_tried_again(
    tmp_path: Path, tiny_video: bytes, options: IngestOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos, library = tmp_path / "videos", tmp_path / "library"
    write(videos, tiny_video, ["a.mp4"])
    opener = bootstrap._opener
    monkeypatch.setattr(ingest_module, "is_readable", lambda source: False)  # root reads anything
    monkeypatch.setattr(bootstrap, "_opener", lambda *_: partial(CrashingSource, Path("a"), -1))
    assert main_job.ingest(library, videos, options)[0].failed
    monkeypatch.setattr(bootstrap, "_opener", opener)
    assert finished(main_job.ingest(library, videos, options)[1]) == ["a.mp4"]
