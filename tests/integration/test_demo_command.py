"""demo, and run without a display: drawn clips with their truth, stand-ins for the networks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import pytest

from app.core.entities import Detections, Image
from app.services.demo.demo import demo_clips, people_to_find
from app.settings import demo_library, models_dir
from app.vision.video import open_video
from tests.demo_folder import write_demo
from tests.fakes import ColourBlobDetector
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world
from tests.tiny_model_files import save_nformer

PEOPLE = [1, 2, 3]
ALL_FOUND = "3 of 3 people: the top hit from another camera is correct"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people who pass both cameras, and a fourth who passes one."""
    world = render_world(seed=5, people=4, crossing_s=3.0, spacing_s=3.0, absent={"cam2": [4]})
    return write_demo(world, tmp_path_factory.mktemp("clips"))


@pytest.fixture
def demo(clips: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clips, where the program looks for its demo."""
    monkeypatch.setattr("app.settings.DEMO", clips)
    return clips


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


def test_everybody_is_found_and_the_second_time_nothing_is_done_again(
    retrace: Retrace, demo: Path, networks: list[str], home: Path
) -> None:
    said = retrace("demo", *networks)
    assert said.status == 0 and "2 videos done · 7 sightings" in said.err
    lines = said.out.splitlines()
    assert lines[-1] == ALL_FOUND
    rows = [line.split() for line in lines if line.split()[0] in ("1", "2", "3")][:3]
    for number, row in zip(PEOPLE, rows, strict=True):
        taken_from, first_hit = row[1:3]
        assert row[0] == str(number) and {taken_from, first_hit} == {"cam1", "cam2"}
        assert row[4:] == ["✓", "right", "1"]
    sheet = demo_library().with_name("Demo.png")
    assert f"The search for person 1 as a picture: {sheet}\n" in said.err
    assert sheet.is_relative_to(home) and cv2.imread(str(sheet)) is not None
    again = retrace("demo")  # the library remembers the networks
    assert (again.status, again.out) == (0, said.out)
    assert "0 videos done · 0 sightings · 2 not read again" in again.err


def test_as_json_into_a_library_and_a_picture_of_ones_choice(
    retrace: Retrace, demo: Path, networks: list[str], tmp_path: Path
) -> None:
    library, sheet = tmp_path / "mine", tmp_path / "pictures" / "one.jpg"
    said = retrace("demo", "--library", library, "--sheet", sheet, "--json", *networks)
    told = json.loads(said.out)
    assert said.status == 0 and sheet.is_file() and not demo_library().exists()
    assert (told["library"], told["sheet"]) == (str(library), str(sheet))
    assert (told["found_first"], told["people"]) == (3, 3)
    assert [found["person"] for found in told["findings"]] == PEOPLE
    for found in told["findings"]:
        first = found["first_hit"]
        assert first["right"] is True and first["camera"] != found["camera"]
        assert 0.5 < first["score"] <= 1.0001
        assert (found["stage"], found["first_right_rank"]) == ("retrieved", 1)


def test_a_refinement_that_does_not_fit_is_left_out_and_told_once(
    retrace: Retrace, demo: Path, networks: list[str], tmp_path: Path
) -> None:
    save_nformer(tmp_path / "nformer.safetensors", requires="another-embedder")
    said = retrace("demo", "--aggregator", tmp_path / "nformer.safetensors", *networks)
    assert said.status == 0 and ALL_FOUND in said.out
    assert (
        said.err.count(
            "Not refined by similar people: nformer.safetensors was trained with the embedder"
        )
        == 1
    )


class Blind(ColourBlobDetector):
    """Sees nobody."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [Detections.none() for _ in images]


def test_whoever_is_never_detected_counts_as_not_found(
    retrace: Retrace, demo: Path, networks: list[str]
) -> None:
    blind = main_job.use_stand_ins(Blind)
    next(blind)
    said = retrace("demo", *networks)
    blind.close()
    assert said.status == 0 and "picture" not in said.err
    assert said.out.count("never detected") == 3
    assert "0 of 3 people: the top hit from another camera is correct" in said.out
    told = json.loads(retrace("demo", "--json").out)
    assert told["sheet"] is None and told["findings"][0]["first_hit"] is None


def test_run_without_a_display_shows_the_demo_and_says_how_to_load_ones_own(
    retrace: Retrace, demo: Path
) -> None:
    said = retrace("run")
    assert (said.status, said.out) == (1, "")
    assert "No detector is installed. No embedder is installed." in said.err
    assert "python main.py ingest FOLDER" in said.err and not demo_library().exists()
    for role in ("detector", "embedder"):
        models_dir(role).mkdir(parents=True)
        (models_dir(role) / "net.onnx").write_text(role)
    said = retrace("run")
    assert said.status == 0 and "There is no display" in said.err
    assert ALL_FOUND in said.out
    assert "your own footage, type:\n  python main.py ingest FOLDER" in said.err


def test_clips_that_lie_elsewhere_now_are_known_by_their_content(
    retrace: Retrace,
    demo: Path,
    networks: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after an update into another folder, while the old one is still there."""
    first = retrace("demo", *networks)
    moved = tmp_path / "moved"
    shutil.copytree(demo, moved)
    monkeypatch.setattr("app.settings.DEMO", moved)
    said = retrace("demo")
    assert (said.status, said.out) == (0, first.out)
    assert "2 not read again" in said.err


def test_what_is_wrong_is_told_in_a_sentence(
    retrace: Retrace, clips: Path, networks: list[str], tmp_path: Path, monkeypatch
) -> None:
    said = retrace("demo", *networks)
    assert (said.status, said.out) == (1, "")
    assert "The clips of the demo are not in" in said.err and "Reinstall Retrace" in said.err
    spoilt = tmp_path / "spoilt"
    shutil.copytree(clips, spoilt)
    (spoilt / "truth" / "cam2.txt").write_text("nothing of the kind")
    monkeypatch.setattr("app.settings.DEMO", spoilt)
    said = retrace("demo", *networks)
    assert said.status == 2 and "cam2.txt is not ground truth in MOT format." in said.err
    assert not demo_library().exists()


# What is shipped ----------------------------------------------------------------------------------


def test_the_shipped_clips_are_small_readable_and_have_ten_people_to_find() -> None:
    folder = Path(__file__).resolve().parents[2] / "resources" / "demo"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4_000_000
    clips = demo_clips(folder)
    assert [clip.path.name for clip in clips] == ["cam1.mp4", "cam2.mp4", "cam3.mp4"]
    assert len(people_to_find(clips)) >= 10
    for clip in clips:
        video = open_video(clip.path, clip.path.stem, ZoneInfo("UTC"))
        info = video.info
        assert (info.width_px, info.height_px, info.fps, info.frame_count) == (640, 360, 10.0, 180)
        assert sum(1 for _ in video.frames()) == 180
        video.close()
        assert clip.truth.frame_index.min() >= 0 and clip.truth.frame_index.max() < 180
        assert (clip.truth.boxes[:, 2:] <= [640, 360]).all() and (clip.truth.boxes >= 0).all()
