"""The whole way on a tiny set: prepare, train, continue, export, evaluate."""

import json
import tomllib

import cv2
import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.detection.evaluation import labelled_sequence

NARROW = {
    "nc": 1, "depth_multiple": 1.0, "width_multiple": 1.0,
    "backbone": [
        [-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]],
        [-1, 1, "Conv", [32, 3, 2]], [-1, 1, "Conv", [32, 3, 2]],
    ],
    "head": [[[2, 3, 4], 1, "Detect", ["nc"]]],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))


def run(*arguments, status=0):
    words = ["detector", *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["trainer", *words])
        result = CliRunner().invoke(app, words)
    assert result.exit_code == status, result.output
    return result


def test_prepare_train_continue_evaluate(scenes, tmp_path):
    data, out, network = tmp_path / "data", tmp_path / "run", tmp_path / "tiny.yaml"
    network.write_text(yaml.safe_dump(NARROW))
    run("prepare", "--scenes", scenes, "--hold-out", "world002", "--out", data)
    train = ("train", "--data", data, "--out", out, "--model", network, "--epochs", 3,
             "--device", "cpu", "--batch", 2)  # fmt: skip
    small, large = ("--image-size", 64), ("--image-size", 96)
    # A limit that has passed after the first epoch.
    assert "epoch 1/3" in run(*train, *small, "--minutes", 0.0001, "--terms", "ours").output
    file = out / "person_detector.onnx"
    assert tomllib.loads((out / "person_detector.onnx.card.toml").read_text())["epochs_done"] == 1
    continued = run(*train, *small, "--resume", "--stop-after", 2).output
    assert "epoch 2/3" in continued
    assert "epoch 1/3" not in continued and "epoch 3/3" not in continued
    assert "epoch 3/3" in run(*train, *large, "--resume").output
    card = tomllib.loads((out / "person_detector.onnx.card.toml").read_text())
    assert (card["epochs_done"], card["image_size_px"]) == (3, 96)
    first, second, third = card["command"].split(" && ")
    assert "--image-size 64" in first and "--terms …" in first.replace("'", "")
    assert "--stop-after 2" in second and "--image-size 96" in third
    assert card["architecture"] == "tiny"
    assert card["device"] == "cpu"
    assert card["trained_on"] == ["scenes"]
    assert card["size_bytes"] == file.stat().st_size
    assert card["data"]["hold_out"] == ["world002"]
    assert card["data"]["scenes"] == ["scenes"]
    assert str(tmp_path) not in json.dumps(card)
    model = onnx.load(file)
    assert str(tmp_path) not in str(model.metadata_props)
    assert {TensorProto.FLOAT16} == {
        one.data_type for one in model.graph.initializer if np.prod(one.dims) > 1000
    }
    text = run("evaluate", "--model", file, "--scenes", scenes, "--hog", "--json", "--note").stdout
    rows = json.loads(text)
    noted = tomllib.loads((out / "person_detector.onnx.card.toml").read_text())["metrics"]
    assert noted["AP, rendered, by the truth"] == rows[0]["average_precision"]
    assert noted.keys() > card["metrics"].keys()
    assert [row["detector"] for row in rows] == ["person_detector", "HOG"]
    assert all(row["frames"] == 8 and row["people"] == 8 for row in rows)
    again = tmp_path / "again.onnx"
    assert "again.onnx.card.toml" in run("export", out, "--out", again, "--image-size", 128).output
    exported = tomllib.loads((tmp_path / "again.onnx.card.toml").read_text())
    assert (exported["image_size_px"], exported["epochs_done"]) == (128, 3)
    assert exported["parameters"] == card["parameters"]
    assert exported["metrics"] == card["metrics"]
    run("export", out, "--out", again, "--blend-with", out / "weights" / "last.pt", "--share", 0.5)
    assert "metrics" not in tomllib.loads((tmp_path / "again.onnx.card.toml").read_text())
    assert "trained to its end" in run(*train, *large, "--resume", status=1).output
    assert "holds a run already" in run(*train, *small, status=1).output


def test_a_run_that_has_not_trained_cannot_be_exported(tmp_path):
    told = run("export", tmp_path, "--out", tmp_path / "net.onnx", status=1).output
    assert "holds no detector that has been trained" in " ".join(told.split())


def test_sequences_of_the_mot_challenge_are_judged_by_their_truth(tmp_path):
    sequence = tmp_path / "MOT17-99"
    (sequence / "img1").mkdir(parents=True)
    (sequence / "gt").mkdir()
    cv2.imwrite(str(sequence / "img1" / "000001.jpg"), np.full((60, 80, 3), 120, np.uint8))
    rows = [
        "1,1,10,10,10,30,1,1,1.0",  # a pedestrian
        "1,2,30,10,10,30,1,1,0.1",  # one who is hardly visible
        "1,3,50,10,10,30,0,7,1.0",  # somebody who sits still
        "1,4,60,10,10,30,0,3,1.0",  # a car
    ]
    (sequence / "gt" / "gt.txt").write_text("\n".join(rows))
    (picture, truth), *others = labelled_sequence(sequence)
    assert not others
    assert picture.shape == (60, 80, 3)
    assert truth.people.tolist() == [[10, 10, 20, 40]]
    assert truth.ignored.tolist() == [[30, 10, 40, 40], [50, 10, 60, 40]]
    table = run("evaluate", "--hog", "--mot", sequence, "--json").stdout
    assert json.loads(table)[0]["pictures"] == "MOT17-99, by the truth"
    (sequence / "gt" / "gt.txt").write_text("1,1,10,10,10,30,1")
    assert "need 9" in run("evaluate", "--hog", "--mot", sequence, status=1).output


def test_what_is_missing_is_told(tmp_path):
    missing = run("train", "--data", tmp_path, "--out", tmp_path / "run", status=1)
    assert "detector prepare" in missing.output
    run("evaluate", "--hog", status=2)
