"""search --image with a photograph that shows several people: nobody is chosen silently."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from app import bootstrap
from app.core.entities import Image
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import RenderedWorld, render_world


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(seed=3, people=3, crossing_s=2.0)


@pytest.fixture(scope="module")
def library(world: RenderedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loaded by the command; no test changes it."""
    folder = tmp_path_factory.mktemp("loaded")
    world.write(folder / "footage")
    options = main_job.weights(folder)
    arguments = ["ingest", folder / "footage", "--library", folder / "library"]
    arguments += ["--detector", options.detector, "--embedder", options.embedder]
    for _ in main_job.use_stand_ins():
        assert bootstrap.main([str(argument) for argument in arguments]) == 0
    return folder / "library"


@pytest.fixture
def search(retrace: Retrace, library: Path) -> Retrace:
    def run(*arguments: object):
        for _ in main_job.use_stand_ins():
            said = retrace("search", "--library", library, *arguments)
        return said

    return run


def saved(path: Path, image: Image) -> Path:
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A wide grey picture with a small red and a large blue figure."""
    image = np.full((240, 480, 3), 120, np.uint8)
    image[60:140, 40:70] = (200, 20, 20)
    image[60:200, 300:350] = (20, 20, 200)
    return saved(tmp_path / "scene.png", image)


def test_several_people_are_listed_the_largest_first_and_nothing_is_searched(
    search: Retrace, scene: Path
) -> None:
    said = search("--image", scene)
    assert (said.status, said.out) == (2, "")
    assert "2 people may be in scene.png; it is not clear who is meant." in said.err
    assert "--box 300,60,350,200" in said.err
    assert [line.split()[:2] for line in said.err.splitlines()[2:4]] == [
        ["1", "300,60,350,200"],
        ["2", "40,60,70,140"],
    ]


def test_as_json_the_people_are_the_answer(search: Retrace, scene: Path) -> None:
    said = search("--image", scene, "--json")
    answer = json.loads(said.out)
    assert said.status == 2
    assert "--box" in answer["error"]
    assert [(each["number"], each["box"]) for each in answer["people"]] == [
        (1, [300, 60, 350, 200]),
        (2, [40, 60, 70, 140]),
    ]
    sizes = [(each["width_px"], each["height_px"]) for each in answer["people"]]
    assert sizes == [(50, 140), (30, 80)]


def test_a_box_says_who_is_meant(search: Retrace, scene: Path) -> None:
    said = search("--image", scene, "--box", "40,60,70,140", "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out)["query"]["box"] == [40, 60, 70, 140]


def test_a_box_beside_the_picture_is_refused_with_its_size(search: Retrace, scene: Path) -> None:
    said = search("--image", scene, "--box", "500,60,570,140")
    assert said.status == 1
    assert "480 pixels wide and 240 high" in said.err


def test_one_clear_person_is_taken_and_named(search: Retrace, tmp_path: Path) -> None:
    image = np.full((240, 480, 3), 120, np.uint8)
    image[60:200, 300:350] = (20, 20, 200)
    said = search("--image", saved(tmp_path / "one.png", image), "--json")
    assert said.status == 0, said.err
    assert "One person was found in one.png: 300,60,350,200" in said.err
    assert json.loads(said.out)["query"]["box"] == [300, 60, 350, 200]


def test_a_crop_is_taken_whole(search: Retrace, scene: Path, tmp_path: Path) -> None:
    crop = cv2.imread(str(scene))[55:205, 295:355, ::-1]
    said = search("--image", saved(tmp_path / "crop.png", crop), "--json")
    assert (said.status, said.err) == (0, "")
    assert "box" not in json.loads(said.out)["query"]


def test_a_photo_of_nobody_asks_for_a_box(search: Retrace, tmp_path: Path) -> None:
    nobody = saved(tmp_path / "nobody.png", np.full((240, 480, 3), 120, np.uint8))
    said = search("--image", nobody)
    assert said.status == 1
    assert "Nobody was found in nobody.png. Give the person's box with --box" in said.err
