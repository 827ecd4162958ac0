"""Whether a network is measured on what it was trained on: by its run, its card, or its words."""

import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from reid_models.image_hashes import HashSample
from reid_models.model_file import load_model, save_model
from tests.onnx_files import write_embedder
from tests.tiny_model_files import save_transreid
from tests.tiny_recipe import write_people
from trainer.__main__ import app
from trainer.data.image_hashes import hash_images, read_hashes, write_hashes
from trainer.data.registry import load_data_set
from trainer.errors import TrainerError
from trainer.evaluation.overlap import Measured, Overlap, judge, refuse_or_list


@pytest.fixture
def root(tmp_path):
    write_people(tmp_path, identities=8, images=4)
    return tmp_path


def trained_on(path, data_set, **facts):
    """A model file that says it was trained on the training part of a data set."""
    save_transreid(path, cameras=False)
    network, card = load_model(path)
    sample = HashSample.of(hash_images(data_set.train))
    facts = {"trained_on": (data_set.entry,), "image_hashes": sample, **facts}
    save_model(path, network, replace(card, **facts))
    return path


def verdict(path, data_set):
    (found,) = judge(path, [Measured(data_set)])
    return found


def test_people_who_were_held_out_are_not_known(root):
    data_set = load_data_set("folder:people#holdout=3", root)
    found = verdict(trained_on(root / "net.safetensors", data_set), data_set)
    assert found.overlap == Overlap(12, 0, 3, 0)
    assert (found.warning, found.note) == ("", "")


def test_other_people_held_out_are_known(root):
    """Under any name of folder and file."""
    model = trained_on(root / "net.safetensors", load_data_set("folder:people#holdout=3", root))
    shutil.copytree(root / "people", root / "copied")
    for path in sorted((root / "copied" / "bounding_box_train").iterdir()):
        path.rename(path.with_name(f"1{path.name}"))
    mine = {s.identity for s in load_data_set("folder:people#holdout=3", root).train}
    other = load_data_set("folder:copied#holdout=3,seed=1", root)
    sought = {sample.identity - 10_000 for sample in other.trials[0].query}
    found = verdict(model, other)
    assert found.overlap == Overlap(12, 4 * len(mine & sought), 3, len(mine & sought))
    assert found.overlap.seen_people > 0
    assert "people of copied#holdout=3,seed=1 that can be looked up" in found.warning
    with pytest.raises(TrainerError, match="its figures there flatter"):
        refuse_or_list([found], strict=True)
    assert refuse_or_list([found, found], strict=False) == [found.warning]


def test_people_are_known_by_other_images_too(root):
    """A folder whose training and test number people together, with one person in both."""
    folder = root / "people"
    for name, number in (("query", 0), ("bounding_box_test", 1)):
        (folder / name).mkdir()
        for person in (1, 9):
            source = folder / "bounding_box_train" / f"0001_c{number + 1}s1_{number:06d}_00.jpg"
            target = folder / name / source.name.replace("0001", f"{person:04d}")
            target.write_bytes(source.read_bytes() + bytes([person]))
    data_set = load_data_set("folder:people", root)
    found = verdict(trained_on(root / "net.safetensors", data_set), data_set)
    assert found.overlap == Overlap(4, 0, 2, 1)
    apart = replace(data_set, shared_numbers=False)
    assert verdict(root / "net.safetensors", apart).overlap == Overlap(4, 0, 2, 0)


def test_networks_that_tell_less(root):
    """By the names on the card where there are no hashes; a note where there is nothing."""
    held_out = load_data_set("folder:people#holdout=3", root)
    model = root / "net.safetensors"
    for names, words in (
        (("people",), "does not say on which of its people"),
        (("people#holdout=3,seed=1",), "does not say on which of its people"),
        (("people#holdout=3,seed=0",), ""),
        (("others",), ""),
    ):
        found = verdict(trained_on(model, held_out, trained_on=names, image_hashes=None), held_out)
        assert found.overlap is None and words in found.warning
        assert bool(words) == bool(found.warning) and not found.note
    partly = replace(HashSample.of(hash_images(held_out.train)), complete=False)
    for names, words, noted in (
        (("people", "people#holdout=3,seed=0"), "does not say on which of its people", ""),
        (("others", "people#holdout=3,seed=0"), "", "does not say which images it knows"),
    ):
        path = trained_on(model, held_out, trained_on=names, image_hashes=partly)
        found = verdict(path, held_out)
        assert found.overlap == Overlap(12, 0, 3, 0)
        assert words in found.warning and noted in found.note
        assert (bool(found.warning), bool(found.note)) == (bool(words), bool(noted))
    onnx = write_embedder(root / "net.onnx")
    for path in (onnx, trained_on(model, held_out, trained_on=(), image_hashes=None)):
        found = verdict(path, held_out)
        assert (found.warning, "does not say what it was trained on" in found.note) == ("", True)
    assert refuse_or_list([found], strict=True) == [found.note]


def test_hashes_of_a_run(root):
    data_set = load_data_set("folder:people", root)
    hashes = hash_images(data_set.train)
    write_hashes(root / "list.txt", data_set.train, hashes)
    assert read_hashes(root / "list.txt").tolist() == hashes.tolist()
    assert len(set(hashes.tolist())) == 32
    (root / "list.txt").write_text("no hash\n")
    with pytest.raises(TrainerError, match="cannot be read as hashes"):
        read_hashes(root / "list.txt")
    data_set.train[0].path.unlink()
    with pytest.raises(TrainerError, match="cannot be read"):
        hash_images(data_set.train)


def test_evaluate_warns_and_refuses(root):
    def evaluate(*arguments):
        place = ["--data", str(root), "--device", "cpu", "--draws", "20"]
        return CliRunner().invoke(app, ["evaluate", *map(str, arguments), *place])

    model = trained_on(root / "net.safetensors", load_data_set("folder:people#holdout=3", root))
    fair = ("--model", model, "--on", "folder:people#holdout=3")
    result = evaluate(*fair, "--strict", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)[0]["trained_on"] == {
        "images": 12,
        "seen_images": 0,
        "people": 3,
        "seen_people": 0,
    }
    unfair = ("--model", model, "--on", "folder:people#holdout=5,seed=3")
    result = evaluate(*unfair, "--json")
    assert (result.exit_code, "its figures there flatter" in result.stderr) == (0, True)
    assert json.loads(result.stdout)[0]["trained_on"]["seen_people"] > 0
    result = evaluate(*unfair, "--strict")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "NAME#holdout=100" in result.stderr
