"""What stands in the folder of a run."""

import json

import numpy as np
import pytest
from PIL import Image

from reid_models.model_card import read_card
from reid_models.registry import create_model
from tests.tiny_recipe import tiny_config
from trainer.errors import TrainerError
from trainer.recipe import DataFacts
from trainer.run_log import RunFolder, RunLog, draw_curves, read_log


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    facts = DataFacts(4, cameras=2, camera_table={"a": 0, "b": 1}, labels=(0, 1))
    folder.create(tiny_config(tmp_path / "tiny.toml"), facts)
    return folder


def write(log, *steps):
    for step in steps:
        values = {"id": 1.0 / step, "loss": 2.0 / step, "lr": 0.1}
        log.write("step", 1, step, values, {"images_per_s": step})


def test_configuration_and_facts_come_back(tmp_path, folder):
    assert folder.exists()
    assert folder.read_config() == tiny_config(tmp_path / "tiny.toml")
    assert folder.read_facts()["camera_table"] == {"a": 0, "b": 1}
    assert DataFacts(**folder.read_facts()).identities == 4


def test_what_cannot_be_used_is_told(tmp_path, folder):
    with pytest.raises(TrainerError, match="There is no run"):
        RunFolder(tmp_path / "none").read_config()
    folder.facts.write_text("{")
    with pytest.raises(TrainerError, match="cannot be read"):
        folder.read_facts()
    (tmp_path / "file").touch()
    with pytest.raises(TrainerError, match="cannot be written"):
        RunFolder(tmp_path / "file").create(folder.read_config(), DataFacts(1))


def test_each_session_tells_versions_and_commit(folder):
    folder.add_session(device="cpu")
    folder.add_session(device="cuda:0")
    first, second = map(json.loads, folder.sessions.read_text().splitlines())
    assert (first["device"], second["device"]) == ("cpu", "cuda:0")
    assert {"torch", "numpy"} <= first["versions"].keys()
    assert "git" in first


def test_lines_later_than_the_checkpoint_are_cut(folder):
    log = RunLog(folder, 0, 0)
    write(log, 1, 2)
    length = log.length()
    write(log, 3)
    log.close()
    with folder.log.open("a") as file:
        file.write('{"kind": "st')
    log = RunLog(folder, length, 2)
    write(log, 3)
    log.close()
    assert [line["step"] for line in read_log(folder.log)] == [1, 2, 3]
    assert list((folder.path / "tensorboard").iterdir())


def test_a_new_run_begins_an_empty_log(folder):
    folder.log.write_text("of an attempt without a checkpoint\n")
    log = RunLog(folder, 0, 0)
    write(log, 1)
    log.close()
    assert [line["step"] for line in read_log(folder.log)] == [1]


def test_a_line_that_was_cut_off_is_left_out(folder):
    folder.log.write_text('{"step": 1}\n{"ste')
    assert read_log(folder.log) == [{"step": 1}]
    assert read_log(folder.path / "none.jsonl") == []


def test_curves(folder):
    log = RunLog(folder, 0, 0)
    write(log, 1, 2, 3)
    log.write("evaluation", 1, 3, {"mAP": 0.5, "x/mAP": 0.5}, {"seconds": 1.0})
    log.close()
    draw_curves(folder)
    picture = np.asarray(Image.open(folder.path / "curves.png").convert("RGB"))
    assert picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
    RunLog(folder, 0, 0).close()
    draw_curves(folder)  # before the first line


def test_a_model_file_with_its_card(folder):
    network = create_model("nformer", embedding_dim=16, layers=1)
    facts = {"trained_on": ("con-reid",), "metrics": {"con-reid mAP": 0.5}}
    assert folder.write_model("best", "", network, facts).name == "best.safetensors"
    path = folder.write_model("best", "second", network, facts)
    assert path.name == "best-second.safetensors"
    card = read_card(path)
    assert (card.trained_on, card.metrics) == (("con-reid",), {"con-reid mAP": 0.5})
