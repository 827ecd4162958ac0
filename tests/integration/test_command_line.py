"""search, list, export and relocate, as they are typed, on a library of rendered clips."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app import bootstrap
from app.core.boxes import iou
from app.services.people.people import People
from app.settings import settings_path
from app.storage.library import Library
from app.vision.network_files import KnownNetworkFiles
from tests.integration import main_job
from tests.integration.conftest import Retrace, Said
from tests.rendered import RenderedWorld, render_world

CAM1, CAM2 = "cam1_20240514_103207.mp4", "cam2_20240514_103300.mp4"
HIT_KEYS = ["rank", "tracklet_id", "camera", "video", "first_time_s", "last_time_s", "start_utc"]
HIT_KEYS += ["time_source", "box", "box_time_s", "score", "probability", "thumbnail", "transit"]


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(seed=3, people=4, crossing_s=2.0)


@pytest.fixture(scope="module")
def videos(world: RenderedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    written = world.write(folder)
    for camera, name in (("cam1", CAM1), ("cam2", CAM2)):
        written[camera].rename(folder / name)
    return folder


@pytest.fixture(scope="module")
def library(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loaded by the command; no test changes it."""
    folder = tmp_path_factory.mktemp("loaded")
    options = main_job.weights(folder)
    arguments = ["ingest", videos, "--library", folder / "library"]
    arguments += ["--detector", options.detector, "--embedder", options.embedder]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        for _ in main_job.use_stand_ins():
            assert bootstrap.main([str(argument) for argument in arguments]) == 0
    return folder / "library"


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def search(retrace: Retrace, library: Path) -> Retrace:
    return lambda *arguments: retrace("search", "--library", library, *arguments)


def hits_of(said: Said) -> list[dict[str, Any]]:
    assert said.status == 0, said.err
    return json.loads(said.out)["hits"]


def whom(world: RenderedWorld, library: Path, tracklet_id: int) -> int:
    with Library.open(library) as stored:
        return main_job.identity_of(world, stored, stored.tracklet(tracklet_id))


def alone(world: RenderedWorld, camera: str = "cam1") -> tuple[int, int, tuple[float, ...]]:
    """An analysed frame with a single, whole person in it: frame, identity, box."""
    for frame, seen in enumerate(world.truth[camera]):
        boxes = list(seen.items())
        if frame % 2 == 0 and len(boxes) == 1 and 40 < boxes[0][1][0] < world.width_px - 80:
            return frame, *boxes[0]
    raise AssertionError("nobody is ever alone")


def written(world: RenderedWorld, path: Path, crop: bool) -> tuple[Path, int]:
    """A picture of somebody in cam1, as a crop or as the whole frame, and who it is."""
    frame, identity, box = alone(world)
    image = world.frame("cam1", frame)
    if crop:
        left, top, right, bottom = (round(side) for side in box)
        image = image[top:bottom, left:right]
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path, identity


# search -----------------------------------------------------------------------------------------


def test_json_is_one_object_with_the_promised_keys(search: Retrace, library: Path) -> None:
    said = search("--tracklet", 1, "--json")
    answer = json.loads(said.out)
    assert (said.status, said.err) == (0, "")
    assert list(answer) == ["query", "stage", "hits", "camera_mean", "transit"]
    assert answer["stage"] == "retrieved"
    assert answer["query"]["tracklet_id"] == 1
    hits = answer["hits"]
    assert len(hits) == 7, "everyone but the query"
    assert all(list(hit) == HIT_KEYS for hit in hits)
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5, 6, 7]
    assert {hit["probability"] for hit in hits} == {None}, "too few to say"
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    starts = {"cam1": "2024-05-14T08:32:07", "cam2": "2024-05-14T08:33:00"}
    with Library.open(library) as stored:
        for hit in hits:
            tracklet = stored.tracklet(hit["tracklet_id"])
            assert hit["box"] == pytest.approx(tracklet.thumbnail.box.tolist(), abs=0.06)
            assert hit["box_time_s"] == pytest.approx(tracklet.thumbnail.time_s)
            assert hit["first_time_s"] <= hit["box_time_s"] <= hit["last_time_s"]
            assert Path(hit["thumbnail"]).is_file() and Path(hit["video"]).is_file()
            start = np.datetime64(starts[hit["camera"]], "ms")
            seen = start + np.timedelta64(round(hit["first_time_s"] * 1000), "ms")
            assert hit["start_utc"] == f"{seen}Z"


def test_what_a_small_library_cannot_tell_is_said(retrace: Retrace, library: Path) -> None:
    told = retrace("calibration", "--library", library).out
    assert "8 sightings" in told
    assert "Not enough data to tell likely from unlikely." in told
    answer = json.loads(retrace("calibration", "--library", library, "--json").out)
    assert (answer["sightings"], answer["curve"], answer["reliability"]) == (8, None, None)


def test_corrections_are_told_and_can_be_switched_off(search: Retrace, home: Path) -> None:
    answer = json.loads(search("--tracklet", 1, "--json").out)
    cameras = answer["camera_mean"]
    assert [each["camera"] for each in cameras] == ["cam1", "cam2"]
    assert sum(each["sightings"] for each in cameras) == 8
    for each in cameras:
        share = each["sightings"] / (each["sightings"] + 30)
        assert each["share"] == pytest.approx(share, abs=1e-4)
    assert answer["transit"]["clock_known"]
    assert answer["transit"]["camera_pairs"] == 1
    for hit in answer["hits"]:
        assert hit["transit"]["words"].startswith("seen "), "both clocks are in the files' names"
    table = search("--tracklet", 1).out
    assert "Camera mean: cam1: 4 sightings, applied at 12 %; cam2: " in table
    assert "Transit times: learnt from " in table
    assert re.search(r" [+−]\d+ s", table)
    assert "↑ / ↓: the time between" in table
    plain = search("--tracklet", 1, "--no-camera-mean", "--no-transit", "--json")
    off = json.loads(plain.out)
    assert (off["camera_mean"], off["transit"]) == ([], None)
    ids = [{hit["tracklet_id"] for hit in each["hits"]} for each in (answer, off)]
    assert ids[0] == ids[1], "a correction moves hits and hides none"
    assert all(hit["transit"] is None for hit in off["hits"])
    assert "Camera mean" not in search("--tracklet", 1, "--no-camera-mean").out
    settings = settings_path()
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[search]\ncamera_mean = false\ntransit = false\n")
    assert json.loads(search("--tracklet", 1, "--json").out) == off


@pytest.mark.parametrize("kind", ["crop", "wide picture", "tall picture"])
def test_a_picture_finds_the_person(
    world: RenderedWorld, search: Retrace, library: Path, tmp_path: Path, kind: str
) -> None:
    picture, identity = written(world, tmp_path / "picture.png", kind == "crop")
    if kind == "tall picture":  # as an upright phone shows the scene
        wide = cv2.resize(cv2.imread(str(picture)), (480, 360))
        grey = (120, 120, 120)
        tall = cv2.copyMakeBorder(wide, 200, 200, 0, 0, cv2.BORDER_CONSTANT, value=grey)
        assert cv2.imwrite(str(picture), tall)
    (best, *_) = hits_of(search("--image", picture, "--camera", "cam2", "--json"))
    assert best["camera"] == "cam2"
    assert whom(world, library, best["tracklet_id"]) == identity


def test_several_examples_and_who_is_not_meant(
    world: RenderedWorld, search: Retrace, tmp_path: Path
) -> None:
    picture, _ = written(world, tmp_path / "picture.png", crop=True)
    said = search("--tracklet", 1, "--tracklet", 2, "--image", picture, "--not", 4, "--json")
    query = json.loads(said.out)["query"]
    assert query["text"] == "tracklet 1, tracklet 2, picture.png; not tracklet 4"
    assert [each["kind"] for each in query["examples"]] == ["tracklet", "tracklet", "image"]
    assert query["rejected"] == [4]
    assert {hit["tracklet_id"] for hit in hits_of(said)}.isdisjoint({1, 2, 4})
    assert len(hits_of(said)) == 5


def test_a_person_is_named_and_searched_by_name(
    retrace: Retrace, library: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "library"
    shutil.copytree(library, mine)
    with Library.open(mine) as stored:
        People(stored).confirm(1, 2, anyway=True)  # a frame shows both
        People(stored).confirm(1, 5)
    at = ("--library", mine)
    listed = json.loads(retrace("people", "list", *at, "--json").out)["people"]
    assert [(each["name"], each["tracklet_ids"]) for each in listed] == [("Person 1", [1, 2, 5])]
    assert "is now named Anna" in retrace("people", "name", "person 1", "Anna", *at).err
    shown = json.loads(retrace("people", "show", "anna", *at, "--json").out)
    assert [each["tracklet_id"] for each in shown["sightings"]] == [1, 2, 5]
    starts = [each["start_utc"] for each in shown["sightings"]]
    assert starts == sorted(starts)
    assert "cam2" in retrace("people", "show", "Anna", *at).out
    assert "Anna" in retrace("people", "list", *at).out
    said = retrace("search", "--person", "Anna", *at, "--json")
    assert json.loads(said.out)["query"]["text"] == "Anna"
    assert {hit["tracklet_id"] for hit in hits_of(said)} == {3, 4, 6, 7, 8}
    assert retrace("people", "show", "Bert", *at).status == 1


@pytest.mark.parametrize("named", ["path", "file name", "end of path"])
def test_a_point_finds_the_person_under_it(
    world: RenderedWorld, search: Retrace, library: Path, videos: Path, named: str
) -> None:
    frame, identity, box = alone(world)
    at = f"{(box[0] + box[2]) / 2:.0f},{(box[1] + box[3]) / 2:.0f}"
    path = videos / CAM1
    name = {"path": path, "file name": CAM1, "end of path": Path(videos.name, CAM1)}[named]
    said = search("--video", name, "--time", frame / world.fps, "--at", at, "--json")
    query = json.loads(said.out)["query"]
    assert query["video"] == str(path)
    assert whom(world, library, query["tracklet_id"]) == identity
    other = next(hit for hit in hits_of(said) if hit["camera"] == "cam2")
    assert whom(world, library, other["tracklet_id"]) == identity


@pytest.mark.parametrize(
    ("point", "status", "sentence"),
    [
        (("--time", 0, "--at", "5,5"), 1, f"Nobody was found at 5,5 in {CAM1} at 0:00:00.0."),
        (("--time", 99, "--at", "5,5"), 2, f"{CAM1} has no frame at 99 s. It lasts 6.9 s."),
        (("--time", "nan", "--at", "5,5"), 2, "has no frame at nan s"),
        (("--time", 1, "--at", "321,5"), 2, "Its frames are 320 pixels wide and 240 high."),
        (("--time", 1, "--at", "north"), 2, "Write it as X,Y"),
        (("--time", 1), 2, "--video also needs --time and --at"),
    ],
)
def test_a_point_with_nobody_is_told(
    search: Retrace, point: tuple[object, ...], status: int, sentence: str
) -> None:
    said = search("--video", CAM1, *point, "--json")
    assert (said.status, said.out) == (status, "")
    assert sentence in said.err


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--tracklet", "999"], 1, "There is no tracklet 999"),
        (["--tracklet", "1", "--camera", "cam9"], 1, "no camera cam9. Its cameras are cam1, cam2."),
        (["--tracklet", "1", "--from", "soon"], 2, '"soon" is not a time.'),
        (["--tracklet", "1", "--top", "0"], 2, "--top"),
        (["--tracklet", "1", "--time", "1"], 2, "--time and --at need --video."),
        (["--tracklet", "1", "--not", "1"], 2, "Tracklet 1 cannot show the person and be"),
        (["--tracklet", "1", "--not", "99"], 1, "There is no tracklet 99 in this library."),
        (["--person", "Anna"], 1, 'Nobody in this library is named "Anna".'),
        ([], 2, "Say who to search for: --image"),
        (["--image", "nowhere.jpg"], 1, "There is no file nowhere.jpg"),
        (["--image", __file__], 2, "is not a picture"),
        (["--tracklet", "1", "--box", "1,1,9,9"], 2, "--box needs exactly one --image."),
        (["--image", "a.jpg", "--box", "9,1,1,9"], 2, "is not a box."),
        (["--video", "cam7.mp4", "--time", "1", "--at", "1,1"], 1, "no video cam7.mp4. It has "),
        (["--tracklet", "1", "--sheet", "sheet.gif"], 2, "Use a name that ends in .jpg or .png."),
        (["--tracklet", "one"], 2, "--tracklet"),
        (["--nonsense"], 2, "--nonsense"),
    ],
)
def test_what_is_wrong_is_said(
    search: Retrace, arguments: list[str], status: int, sentence: str
) -> None:
    said = search(*arguments)
    assert (said.status, said.out) == (status, "")
    assert sentence in said.err


def test_cameras_and_times_narrow_a_search(search: Retrace) -> None:
    everyone = hits_of(search("--tracklet", 1, "--json"))

    def ids(*arguments: str) -> list[int]:
        return [
            hit["tracklet_id"] for hit in hits_of(search("--tracklet", 1, "--json", *arguments))
        ]

    in_cam2 = [hit["tracklet_id"] for hit in everyone if hit["camera"] == "cam2"]
    assert ids("--camera", "CAM2") == in_cam2
    assert sorted(ids("--camera", "cam2", "--camera", "cam1")) == sorted(ids())
    # The library was made in Berlin, where it is 10:33 when it is 08:33 UTC.
    assert ids("--from", "2024-05-14T10:33") == in_cam2
    assert ids("--from", "2024-05-14T08:33Z") == in_cam2
    assert set(ids("--to", "2024-05-14 10:32:59")) == set(ids()) - set(in_cam2)
    assert ids("--from", "2024-05-15") == []
    middle = next(hit for hit in everyone if hit["camera"] == "cam2")["start_utc"]
    assert set(ids("--from", "2024-05-14T08:33Z", "--to", middle)) < set(in_cam2)
    assert ids("--top", "2") == [hit["tracklet_id"] for hit in everyone[:2]]


def test_the_sheet_shows_the_hits(search: Retrace, tmp_path: Path) -> None:
    sizes = []
    for top in (1, 6):
        sheet = tmp_path / "sheets" / f"{top}.jpg"
        assert search("--tracklet", 1, "--top", top, "--sheet", sheet).status == 0
        sizes.append(cv2.imread(str(sheet)).size)
    assert sizes[1] > 2 * sizes[0]


def test_stdout_stays_pure_while_networks_load_and_print(
    world: RenderedWorld, search: Retrace, tmp_path: Path
) -> None:
    picture, _ = written(world, tmp_path / "frame.png", crop=False)
    loaders = KnownNetworkFiles.detector, KnownNetworkFiles.embedder

    def noisy(load: Callable[..., Any]) -> Callable[..., Any]:
        def loading(*about: Any) -> Any:
            print("loading with print")  # noqa: T201
            os.write(1, b"loading in native code\n")
            return load(*about)

        return loading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KnownNetworkFiles, "detector", noisy(loaders[0]))
        patch.setattr(KnownNetworkFiles, "embedder", noisy(loaders[1]))
        said = search("--image", picture, "--json")
    assert len(hits_of(said)) == 8
    assert said.err.count("loading with print") == 2
    assert said.err.count("loading in native code") == 2


@pytest.mark.parametrize("command", [("search", "--tracklet", "1"), ("list",)])
def test_tables_are_readable_at_80_columns(
    retrace: Retrace, library: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    piped = retrace(*command, "--library", library).out
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    monkeypatch.setenv("COLUMNS", "80")
    coloured = retrace(*command, "--library", library).out
    shown = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    # The title of a list, a folder, is as long as it is; a long file name goes on below.
    piped, shown = (text[text.index("camera") :] for text in (piped, shown))
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    cells = set(re.findall(r"[\w.:+]+", piped)) - {CAM1, CAM2}
    assert {cell for cell in cells if cell not in shown} == set()
    assert CAM1[:16] in shown and CAM2[:16] in shown


# list, export, relocate -------------------------------------------------------------------------


def test_list_shows_videos_and_tracklets(retrace: Retrace, library: Path, videos: Path) -> None:
    table = retrace("list", "--library", library).out
    assert "2024-05-14 10:32:07 +02:00" in table and "file name" in table
    answer = json.loads(retrace("list", "--library", library, "--json").out)
    assert answer["library"] == str(library) and answer["timezone"] == "Europe/Berlin"
    assert [(v["camera"], v["status"], v["people"]) for v in answer["videos"]] == [
        ("cam1", "done", 4),
        ("cam2", "done", 4),
    ]
    first = answer["videos"][0]
    assert first["video"] == str(videos / CAM1)
    assert (first["start_utc"], first["start_source"]) == ("2024-05-14T08:32:07.000Z", "file name")
    assert [row["number"] for row in first["tracklets"]] == [1, 2, 3, 4]
    assert all(Path(row["thumbnail"]).is_file() for row in first["tracklets"])


def test_exported_tracks_lie_on_the_people(
    world: RenderedWorld, retrace: Retrace, library: Path, tmp_path: Path
) -> None:
    said = retrace("export", "--library", library, "--mot", tmp_path / "mot")
    files = [Path(line) for line in said.out.splitlines()]
    assert said.status == 0 and [file.parent for file in files] == [tmp_path / "mot"] * 2
    for camera, file in zip(("cam1", "cam2"), files, strict=True):
        truth, overlaps, tracks = world.truth[camera], [], set()
        for line in file.read_text().splitlines():
            frame, track, left, top, width, height, score, *rest = map(float, line.split(","))
            box = np.array([[left, top, left + width, top + height]], np.float32)
            people = np.array(list(truth[int(frame) - 1].values()), np.float32)
            overlaps.append(iou(box, people).max())
            tracks.add(int(track))
            assert 0 < score <= 1 and rest == [-1, -1, -1]
        assert tracks == {1, 2, 3, 4}
        # Counted from 0, or a frame too late, the boxes would lie on nobody: 18 px a frame.
        assert np.mean(overlaps) > 0.8 and min(overlaps) > 0.5


def test_footage_that_moved_is_told(
    world: RenderedWorld, retrace: Retrace, library: Path, videos: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "library"
    shutil.copytree(library, mine)
    assert retrace("relocate", "--library", mine).out == f"{videos}\n"
    said = retrace("relocate", "--library", mine, videos, tmp_path / "gone")
    assert said.status == 0 and "2" in said.err and "Not found there: 2." in said.err
    said = retrace("search", "--library", mine, "--video", CAM1, "--time", 0, "--at", "5,5")
    assert said.status == 1 and f"The footage of {CAM1} is not at" in said.err
    assert "relocate" in said.err
    # Who is stored is found without the footage.
    frame, _, box = alone(world)
    at = ("--time", frame / world.fps, "--at", f"{box[0] + 5:.0f},{box[1] + 25:.0f}")
    assert retrace("search", "--library", mine, "--video", CAM1, *at).status == 0
    said = retrace("relocate", "--library", mine, tmp_path / "gone", videos)
    assert said.err == f"Videos now expected in {videos}: 2.\n"
    said = retrace("relocate", "--library", mine, "/a", "/b")
    assert said.status == 2 and f"It is below {videos}." in said.err
    assert retrace("relocate", "--library", mine, "/a").status == 2


@pytest.mark.parametrize("command", [("list",), ("search", "--tracklet", "1"), ("relocate",)])
def test_a_missing_or_used_library_is_told(
    retrace: Retrace, library: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = retrace(*command, "--library", tmp_path / "nothing")
    assert said.status == 1 and f"There is no library in {tmp_path / 'nothing'}." in said.err
    assert not (tmp_path / "nothing").exists()
    with Library.open(library):
        said = retrace(*command, "--library", library)
    assert said.status == 1 and f"{library} is open in another Retrace" in said.err
    assert said.out == ""
