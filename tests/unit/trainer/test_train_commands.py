"""train, list and export, from arguments to files."""

import errno
import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from reid_models.model_card import read_card
from reid_models.model_file import ModelCard, load_model, save_model
from reid_models.registry import create_model
from tests.tiny_recipe import write_people
from trainer.__main__ import app
from trainer.config import load_config
from trainer.run_lock import sole_training
from trainer.run_log import read_log

CONFIG = """
recipe = "transreid"
title = "two blocks"
[published]
source = "nobody"
mAP = 0.889
rank1 = 0.952
[data]
train = ["folder:people#holdout=3"]
evaluate = ["folder:people#holdout=3"]
workers = 0
[model]
architecture = "transreid"
variant = "deit_tiny"
width = 16
depth = 2
heads = 2
image_size = [64, 32]
side_information = "camera"
jpm = false
[sampler]
identities = 2
images = 2
[training]
epochs = 2
evaluate_every = 1
log_steps = 2
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_people(root)
    return root


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def train(config, root, out, *more):
    given = ("--data", root, "--out", out, "--device", "cpu", "--threads", 1)
    return run("train", config, *more, *given)


def test_a_run_from_beginning_to_end(tmp_path, root, config, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["trainer", "train", str(config), f"data.root={root}"])
    command = f"python -m trainer train {config.name} data.root={root.name}"
    result = train(config, root, out, "optimizer.lr=0.02")
    assert result.exit_code == 0, result.output
    assert "15 training images of 3 identities, 2 cameras" in result.output
    assert "epoch 2/2" in result.output
    assert "people/mAP" in result.output
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "best.safetensors",
        "checkpoints",
        "config.toml",
        "curves.png",
        "hits-people.png",
        "log.jsonl",
        "model.safetensors",
        "samples.png",
        "sessions.jsonl",
        "tensorboard",
    }
    assert load_config(out / "config.toml").optimizer.lr == 0.02
    network, card = load_model(out / "model.safetensors", role="embedder")
    assert card.camera_table == {"people/c1": 0, "people/c2": 1}
    assert card.trained_on == ("people#holdout=3,seed=0",)
    measured = [line for line in read_log(out / "log.jsonl") if line["kind"] == "evaluation"]
    assert (card.command, card.seed) == (command, 1234)
    assert card.metrics["people mAP"] == measured[-1]["values"]["people/mAP"]
    session = json.loads((out / "sessions.jsonl").read_text())
    assert (session["device"], session["processes"], session["threads"]) == ("cpu", 1, 1)

    again = train(config, root, out, "optimizer.lr=0.02")
    assert (again.exit_code, "--resume auto" in again.stderr) == (1, True)
    other = train(config, root, out, "optimizer.lr=0.03", "--resume", "auto")
    assert (other.exit_code, "optimizer.lr was 0.02, and is now 0.03" in other.stderr) == (1, True)
    done = train(config, root, out, "optimizer.lr=0.02", "data.workers=1", "--resume", "auto")
    assert (done.exit_code, "done already" in done.output) == (0, True)

    exported = tmp_path / "half.safetensors"
    result = run("export", out, "--out", exported, "--half", "--terms", "ours")
    assert result.exit_code == 0, result.output
    half_card = read_card(exported)
    assert (half_card.metrics, half_card.terms) == (card.metrics, "ours")
    assert (half_card.command, half_card.seed) == (command, 1234)
    assert exported.stat().st_size < 0.8 * (out / "model.safetensors").stat().st_size
    bare = tmp_path / "bare.safetensors"
    assert run("export", out, "--out", bare, "--bare").exit_code == 0
    assert card.config["identities"] == 3 and read_card(bare).config["identities"] == 0
    crops = torch.rand(2, 3, 64, 32)
    vectors = [
        load_model(path)[0].eval().embed(crops, None) for path in (bare, out / "model.safetensors")
    ]
    torch.testing.assert_close(*vectors)
    half = load_model(exported)[0]
    torch.testing.assert_close(half.state_dict(), network.state_dict(), atol=1e-3, rtol=1e-3)
    result = run("export", out, "--out", tmp_path / "best.safetensors", "--best")
    assert result.exit_code == 0, result.output
    assert read_card(tmp_path / "best.safetensors").id == read_card(out / "best.safetensors").id
    result = run("export", out, "--out", tmp_path / "other.onnx", "--terms", "ours")
    assert (result.exit_code, "hold no card" in result.stderr) == (2, True)


def test_minutes_stop_with_status_3_and_resume_goes_on(tmp_path, root, config):
    result = train(config, root, tmp_path / "run", "--minutes", "0.000001")
    assert (result.exit_code, "--resume auto goes on" in result.output) == (3, True)
    result = run("export", tmp_path / "run", "--out", tmp_path / "early.safetensors")
    assert result.exit_code == 0, result.output
    result = train(config, root, tmp_path / "other", "--resume", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "goes on in epoch 1, after step 1" in result.output
    assert not (tmp_path / "other").exists()
    sessions = (tmp_path / "run" / "sessions.jsonl").read_text().splitlines()
    assert len(sessions) == 2


def test_other_data_is_noticed_when_a_run_goes_on(tmp_path, config):
    write_people(tmp_path / "data")
    train(config, tmp_path / "data", tmp_path / "run", "--minutes", "0.000001")
    for path in (tmp_path / "data").rglob("*_000004_00.jpg"):
        path.unlink()
    result = train(config, tmp_path / "data", tmp_path / "run", "--resume", "auto")
    assert (result.exit_code, "was begun with 15 images" in result.stderr) == (1, True)


def test_overfitting_learns_its_batches_by_heart(tmp_path, root, config):
    given = ("optimizer.kind=adam", "optimizer.lr=0.003", "--overfit", 1)
    result = train(config, root, tmp_path / "run", *given)
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if line.startswith("loss "))
    first, last = (float(word) for word in line.removeprefix("loss ").split(" → "))
    assert last < first / 3
    lines = read_log(tmp_path / "run" / "log.jsonl")
    assert (lines[-1]["step"], {line["kind"] for line in lines}) == (200, {"step", "epoch"})


def test_fine_tuning_takes_what_fits_and_says_what_does_not(tmp_path, root, config):
    train(config, root, tmp_path / "first", "training.epochs=1")
    model = tmp_path / "first" / "model.safetensors"
    network, card = load_model(model)
    save_model(model, network, replace(card, image_hashes=None))  # as of an earlier version
    # Weights that the model's replace are not looked for.
    start = (f"start.model={model}", "start.pretrained=nowhere.safetensors")
    second = ("model.stride=12", "model.side_information=none", *start)
    more = ("data.train=['folder:people']", "data.evaluate=[]", "training.epochs=1")
    result = train(config, root, tmp_path / "second", *second, *more)
    assert result.exit_code == 0, result.output
    assert "model.safetensors: " in result.output
    assert "resized (1): backbone.pos_embed" in result.output
    assert "classifiers.0.weight (3, 16) → (6, 16)" in result.output
    assert "not used (1): backbone.side_information" in result.output
    card = read_card(tmp_path / "second" / "model.safetensors")
    assert card.trained_on == ("people#holdout=3,seed=0", "people")
    assert (card.image_hashes.complete, len(card.image_hashes.hashes())) == (False, 30)
    assert not (tmp_path / "second" / "best.safetensors").exists()


def test_distilling_unlabelled_tracks(tmp_path):
    """From crops to a model file; the export needs neither data nor teacher any more."""
    write_people(tmp_path)
    for number, path in enumerate(sorted(tmp_path.rglob("*.jpg"))):
        crop = tmp_path / "crops" / f"place{number % 2}" / f"v_{number // 4:04d}_{number:06d}.jpg"
        crop.parent.mkdir(parents=True, exist_ok=True)
        path.rename(crop)
    teachers = []
    for name in ("one", "two"):
        torch.manual_seed(len(teachers))
        network = create_model(
            "transreid",
            variant="deit_tiny",
            width=16,
            depth=2,
            heads=2,
            image_size=[32, 16],
            jpm=False,
        )
        teachers.append(str(tmp_path / f"{name}.safetensors"))
        save_model(tmp_path / f"{name}.safetensors", network, ModelCard.of(network))
    config = tmp_path / "distill.toml"
    config.write_text(
        CONFIG.replace('recipe = "transreid"', 'recipe = "distill"')
        .replace("folder:people#holdout=3", "tracks:crops#without=place1,most=9", 1)
        .replace('["folder:people#holdout=3"]', "[]")
        .replace("images = 2", 'images = 2\nrule = "plain"')
    )
    out = tmp_path / "run"
    result = train(
        config, tmp_path, out, f"start.teacher={','.join(teachers)}", "loss.teacher_flip=true"
    )
    assert result.exit_code == 0, result.output
    assert "9 training images of 5 identities, 1 cameras" in result.output
    for path in teachers:
        (tmp_path / path).unlink()
    result = run("export", out, "--out", tmp_path / "student.safetensors")
    assert result.exit_code == 0, result.output
    card = read_card(tmp_path / "student.safetensors")
    assert card.trained_on == ("crops#without=place1,most=9,seed=0",)
    assert card.id == read_card(out / "model.safetensors").id


def test_a_run_and_its_files_tell_which_images_they_know(tmp_path, root, config):
    few = ("training.epochs=1", "training.evaluate_every=0")
    assert train(config, root, tmp_path / "run", *few).exit_code == 0
    listed = (tmp_path / "run" / "training-images.txt").read_text().splitlines()
    assert len(listed) == 15
    known = read_card(tmp_path / "run" / "model.safetensors").image_hashes
    assert known.hashes().tolist() == sorted(int(line.split()[0], 16) for line in listed)
    exported = tmp_path / "exported.safetensors"
    assert run("export", tmp_path / "run", "--out", exported).exit_code == 0
    assert read_card(exported).image_hashes == known

    # A training that goes on from a file knows the file's images too.
    other = ("data.train=['folder:people#holdout=3,seed=1']", f"start.model={exported}", *few)
    assert train(config, root, tmp_path / "next", *other).exit_code == 0
    exported.unlink()
    assert train(config, root, tmp_path / "next", *other, "--resume", "auto").exit_code == 0
    after = tmp_path / "next" / "model.safetensors"
    card = read_card(after)
    assert card.trained_on == ("people#holdout=3,seed=0", "people#holdout=3,seed=1")
    assert set(known.hashes().tolist()) < set(card.image_hashes.hashes().tolist())
    place = ("--data", root, "--device", "cpu", "--strict")
    first = tmp_path / "run" / "model.safetensors"
    for model, seed, status in ((after, 1, 1), (after, 0, 1), (first, 0, 0)):
        result = run(
            "evaluate", "--model", model, "--on", f"folder:people#holdout=3,seed={seed}", *place
        )
        assert result.exit_code == status, result.output


def test_a_run_of_an_earlier_version_learns_its_hashes_when_it_goes_on(tmp_path, root, config):
    few = ("training.epochs=1", "training.evaluate_every=0")
    train(config, root, tmp_path / "run", *few)
    facts = tmp_path / "run" / "data.json"
    values = json.loads(facts.read_text())
    kept = values.pop("image_hashes")
    facts.write_text(json.dumps(values))
    assert train(config, root, tmp_path / "run", *few, "--resume", "auto").exit_code == 0
    assert json.loads(facts.read_text())["image_hashes"] == kept


def test_a_training_says_where_its_figures_will_flatter(tmp_path, root, config):
    """Those of the network itself, and of the embedder that it stands on."""
    more = ("data.train=['folder:people']", "training.epochs=1")
    result = train(config, root, tmp_path / "run", *more)
    assert result.exit_code == 0, result.output
    measured = "15 of 15 images and 3 of 3 people of people#holdout=3,seed=0"
    assert f"This network was trained on {measured}" in result.output
    config.write_text(
        CONFIG.replace('recipe = "transreid"', 'recipe = "nformer"').partition("[model]")[0]
        + "[model]\nlayers = 1\nheads = 2\nneighbors = 3\nlandmarks = 3\n"
        "[sampler]\nidentities = 2\nimages = 2\n[training]\nepochs = 1\n"
    )
    embedder = f"start.embedder={tmp_path / 'run' / 'model.safetensors'}"
    result = train(config, root, tmp_path / "second", embedder)
    assert result.exit_code == 0, result.output
    assert "This network was" not in result.output
    assert f"model.safetensors was trained on {measured}" in result.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("training.epochz=1",), "Use epochs"),
        (("recipe=transformer",), "Choose one of transreid"),
        (("data.train=['folder:nobody']",), "nobody"),
        (("loss.margins=1",), "loss.margins"),
        (("loss.margin=-1",), "a number from 0"),
        (("loss.label_smoothing=2",), "a number from 0 to 1"),
        (("start.teacher=x.safetensors",), "has no use for start.teacher"),
        (("data.train=[]",), "data.train is empty"),
        (("start.model=none.safetensors",), "none.safetensors"),
        (("optimizer.rules=[{match='base.*'}]",), "base.*"),
        (("sampler.identities=50",), "50 identities"),
        (("data.evaluate=['folder:people']",), "no queries"),
        (("training.precision=16-mixed",), "needs an NVIDIA GPU"),
    ],
)
def test_what_cannot_be_used_ends_in_two_sentences_and_status_1(
    tmp_path, root, config, changes, words
):
    result = train(config, root, tmp_path / "run", *changes)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_what_is_not_there(tmp_path, config):
    for arguments in (
        ("train", "transreid/nothing"),
        ("train", config, "--resume", tmp_path / "none"),
        ("export", tmp_path / "none", "--out", tmp_path / "x.safetensors"),
    ):
        result = run(*arguments)
        assert (result.exit_code, "There is no" in result.stderr) == (1, True)
    for name in ("x.pt", "none/x.safetensors", "."):
        result = run("export", tmp_path, "--out", tmp_path / name)
        assert (result.exit_code, "Name" in result.stderr or "Make" in result.stderr) == (1, True)
    assert run("train", config, "--minutes", "-1").exit_code == 2
    assert run("export", tmp_path, "--out", "x", "--half", "--onnx").exit_code == 2
    # A file that is called so must be so.
    assert run("export", tmp_path, "--out", "x.onnx", "--half").exit_code == 2


def test_a_run_that_did_nothing_yet_takes_mended_settings(tmp_path, root, config):
    arguments = ["train", config, "--data", root, "--out", tmp_path / "run", "--resume", "auto"]
    arguments += ["training.evaluate_every=0", "training.epochs=1"]
    assert run(*arguments, "sampler.identities=1").exit_code == 1
    assert run(*arguments).exit_code == 0
    assert load_config(tmp_path / "run" / "config.toml").sampler.identities == 2


def test_a_second_training_in_one_folder_is_refused(tmp_path, root, config):
    with sole_training(tmp_path / "run"):
        result = train(config, root, tmp_path / "run", "--resume", "auto")
    assert (result.exit_code, "Another training is running" in result.stderr) == (1, True)
    assert len(result.stderr.strip().splitlines()) == 2


def test_a_run_that_was_never_saved_begins_anew_without_being_told_to(tmp_path, root, config):
    wrong = train(config, root, tmp_path / "run", "optimizer.rules=[{match='base.*'}]")
    assert (wrong.exit_code, (tmp_path / "run" / "config.toml").is_file()) == (1, True)
    given = ("training.evaluate_every=0", "training.epochs=1")
    assert train(config, root, tmp_path / "run", *given).exit_code == 0


def test_checkpoints_that_cannot_be_read_end_in_two_sentences(
    tmp_path, root, config, expected_logs
):
    train(config, root, tmp_path / "run", "--minutes", "0.000001")
    for path in (tmp_path / "run" / "checkpoints").glob("step-*.pt"):
        path.write_bytes(b"torn")
    expected_logs("The one before it is taken")
    for result in (
        train(config, root, tmp_path / "run", "--resume", "auto"),
        run("export", tmp_path / "run", "--out", tmp_path / "x.safetensors"),
    ):
        assert (result.exit_code, "can be read." in result.stderr) == (1, True)
        assert isinstance(result.exception, SystemExit)


def test_a_disk_that_is_full_ends_in_two_sentences(tmp_path, root, config, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trainer.run_log.RunLog.write", full)
    result = train(config, root, tmp_path / "run")
    assert (result.exit_code, "Make room on that disk" in result.stderr) == (1, True)


def test_an_impossible_reranking_is_told_before_anything_is_trained(tmp_path, root, config):
    out = tmp_path / "run"
    result = run("train", config, "--data", root, "--out", out, "evaluation.rerank=[0, 6, 0.3]")
    assert result.exit_code == 1
    assert "k1 and k2 from 1" in result.stderr
    assert not out.exists()


def test_a_list_tells_the_number_to_hit(monkeypatch, tmp_path):
    rows = tmp_path / "configs" / "transreid"
    rows.mkdir(parents=True)
    (rows / "row.toml").write_text(CONFIG)
    monkeypatch.setattr("trainer.config.CONFIGS", tmp_path / "configs")
    result = run("list")
    assert result.exit_code == 0
    assert result.output.split()[:3] == ["transreid/row", "88.90", "95.20"]
    assert "two blocks  (nobody)" in result.output
    nothing = run("list", "transried")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert 'No configuration has "transried" in its name.' in nothing.stderr
    assert "such as transreid/row" in nothing.stderr


def test_help_teaches():
    for command, words in (
        ("train", ("--resume", "--overfit", "log.jsonl", "torchrun", "training.epochs=60")),
        ("list", ("published",)),
        ("export", ("--half", "--best", "ONNX")),
    ):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert all(word in result.output for word in words)
