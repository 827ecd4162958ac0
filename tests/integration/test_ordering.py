"""What an order stores before anything is read: zones, vehicles, sub streams, watched folders."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clock import parse_zone
from app.core.entities import StartSource, VideoInfo, VideoStatus
from app.core.events import FootageOrdered, IngestEvent
from app.services.footage import watching
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.survey import Survey
from app.services.workspace import Workspace
from tests.integration import main_job
from tests.integration.conftest import Retrace

LOCAL = datetime(2024, 5, 14, 10, 32, 7)  # noqa: DTZ001 - a recorder's clock


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def order(workspace: Workspace, folder: Path, **options: object) -> None:
    list(workspace.order(folder, IngestOptions(**options)))  # type: ignore[arg-type]


def zones(workspace: Workspace) -> dict[str, str]:
    return {camera.name: camera.clock.zone for camera in workspace.library.cameras()}


def cameras(workspace: Workspace) -> dict[str, str]:
    return {video.path.name: video.camera.name for video in workspace.library.videos()}


def test_the_zone_of_an_order_becomes_that_of_its_cameras_clocks(tmp_path: Path) -> None:
    first = make(tmp_path / "a", "cam1_20240514_103207.mp4", "cam2_20240514_103207.mp4")
    later = make(tmp_path / "b", "cam1_20240515_103207.mp4", "cam3_20240515_103207.mp4")
    with main_job.opened(tmp_path / "library") as workspace:
        order(workspace, first, zone=parse_zone("+01:00"))
        assert zones(workspace) == {"cam1": "+01:00", "cam2": "+01:00"}
        order(workspace, later)
        assert zones(workspace) == {"cam1": "+01:00", "cam2": "+01:00", "cam3": ""}
        for video in workspace.library.videos():
            info = VideoInfo(video.path, video.camera.name, 64, 64, 5.0, None, 9.0,
                LOCAL.replace(tzinfo=UTC), StartSource.FILE_NAME, LOCAL)  # fmt: skip
            workspace.library.set_info(video.id, info)
        order(workspace, later, zone=parse_zone("Asia/Tokyo"))  # the last word counts
        assert zones(workspace) == {"cam1": "Asia/Tokyo", "cam2": "+01:00", "cam3": "Asia/Tokyo"}
        starts = {video.camera.name: video.moment(0.0) for video in workspace.library.videos()}
        assert starts["cam1"] == datetime(2024, 5, 14, 1, 32, 7, tzinfo=UTC)
        assert starts["cam2"] == datetime(2024, 5, 14, 9, 32, 7, tzinfo=UTC)
        assert {video.time_source for video in workspace.library.videos()} == {"file name, raw"}


@pytest.mark.parametrize(
    "path",
    [
        "DCIM/Movie/2024_0514_103207_00000{}F.MP4",
        "BlackVue/Record/20240514_10320{}_NF.mp4",
        "TeslaCam/RecentClips/2024-05-14_10-32-0{}-front.mp4",
    ],
)
def test_the_front_of_another_vehicle_is_another_camera(tmp_path: Path, path: str) -> None:
    red = make(tmp_path / "red car", path.format(1))
    blue = make(tmp_path / "blue car", path.format(2))
    with main_job.opened(tmp_path / "library") as workspace:
        order(workspace, red)
        survey = list(workspace.survey([blue], IngestOptions()))[-1]
        assert isinstance(survey, Survey)
        (promised,) = survey.cameras()
        order(workspace, blue)
        make(red, path.format(3))
        order(workspace, red)
        make(blue, path.format(4))
        order(workspace, blue)
        found = cameras(workspace)
    names = [found[Path(path.format(number)).name] for number in (1, 2, 3, 4)]
    assert names[0] == names[2] and names[1] == names[3] == promised.name
    assert names[0] != names[1] and names[1].endswith("front")


def test_two_vehicles_are_shown_apart_before_either_is_stored(tmp_path: Path) -> None:
    cars = [
        make(tmp_path / car, "DCIM/Movie/2024_0514_103207_000001F.MP4")
        for car in ("red car", "blue car")
    ]
    with main_job.opened(tmp_path / "library") as workspace:
        survey = list(workspace.survey(cars, IngestOptions()))[-1]
        assert isinstance(survey, Survey)
        for car in cars:
            order(workspace, car)
        stored = {camera.name for camera in workspace.library.cameras()}
    assert {camera.name for camera in survey.cameras()} == stored == {"front", "blue car/front"}


def test_days_of_one_vehicle_are_one_camera(tmp_path: Path) -> None:
    days = ("2024-05-14", "2024-05-15")
    car = make(tmp_path / "car", *(f"{day}/DCIM/2024_0514_103207_000001F.MP4" for day in days))
    with main_job.opened(tmp_path / "library") as workspace:
        for day in days:
            order(workspace, car / day)
        assert {video.camera.name for video in workspace.library.videos()} == {"front"}
        assert len(workspace.library.videos()) == 2


def test_sub_streams_are_listed_with_the_reason_and_read_if_asked_for(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "nvr", "NVR_ch1_main_20240514103207.dav", "NVR_ch1_sub_20240514103207.dav"
    )
    with main_job.opened(tmp_path / "library") as workspace:
        library = workspace.library
        order(workspace, folder)
        order(workspace, folder)
        main, small = library.videos()
        assert (main.camera, main.status) == (small.camera, VideoStatus.PENDING)
        assert small.status is VideoStatus.EXCLUDED
        assert small.problem == "It is the sub stream of NVR_ch1_main_20240514103207.dav."
        assert library.queued_ids() == [main.id]
        library.queue_videos([small.id], {})  # "Read anyway"
        order(workspace, folder)
        assert sorted(library.queued_ids()) == [main.id, small.id]
    with main_job.opened(tmp_path / "other") as workspace:
        order(workspace, folder, sub_streams=True)
        assert len(workspace.library.queued_ids()) == 2


def test_what_arrives_in_watched_folders_is_ordered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RESCAN_S", 0.5)
    here, gone = make(tmp_path / "here", "cam1_a.mp4"), tmp_path / "share" / "not mounted"
    with main_job.opened(tmp_path / "library") as workspace:
        library = workspace.library
        assert list(workspace.order_arrivals()) == []
        for folder in (here, gone):
            library.watch_folder(folder, IngestOptions(fps=2.0, camera_by="file").packed())
        with closing(workspace.order_arrivals()) as events:  # type: ignore[type-var]
            assert arrived(events) == 1
            make(here, "cam1_b.mp4")
            assert arrived(events) == 1
            make(gone, "cam2_c.mp4")  # found again within RESCAN_S
            assert arrived(events) == 1
        assert cameras(workspace) == {
            "cam1_a.mp4": "cam1",
            "cam1_b.mp4": "cam1",
            "cam2_c.mp4": "cam2",
        }
        queued = library.queued(library.queued_ids()[0])
        assert queued is not None and queued.options["fps"] == 2.0
        library.watch_folder(gone, None)
        assert [each.folder for each in library.watched_folders()] == [here]


def test_the_queue_is_paused_on_the_command_line(retrace: Retrace, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with main_job.opened(library) as workspace:
        order(workspace, make(tmp_path / "footage", "cam1_a.mp4"))
        workspace.library.watch_folder(tmp_path / "footage", {})
    said = retrace("queue", "--library", library, "--pause")
    assert said.status == 0
    assert "It is paused; continue with --go-on." in said.out
    assert f"The window watches {tmp_path / 'footage'}." in said.out.replace("\n", "")
    with main_job.opened(library) as workspace:
        assert workspace.library.is_queue_paused


def arrived(events: Iterable[IngestEvent]) -> int:
    """How many videos the next order brings that brings any."""
    return next(e.videos for e in events if isinstance(e, FootageOrdered) and e.videos)
