"""Checkpoints are whole or not there, run no code, and give the generators back."""

import os
import pickle
import random

import numpy as np
import pytest
import torch

from trainer.checkpoint import (
    checkpoint_path,
    checkpoints,
    mark_best,
    newest_checkpoint,
    prune_checkpoints,
    random_states,
    read_checkpoint,
    restore_random_states,
    save_checkpoint,
)
from trainer.errors import TrainerError

CPU = torch.device("cpu")


def save(folder, step):
    content = {"step": step, "weights": {"a": torch.arange(5000.0) + step}, "none": None}
    save_checkpoint(checkpoint_path(folder, step), content)
    return checkpoint_path(folder, step)


def test_what_is_saved_comes_back(tmp_path):
    content = read_checkpoint(save(tmp_path / "new", 3))
    assert (content["step"], content["none"]) == (3, None)
    assert torch.equal(content["weights"]["a"], torch.arange(5000.0) + 3)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["step-000000003.pt"]


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def change(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


def replace_by_program(path):
    torch.save({"format_version": 1, "run": Trap()}, path)


def replace_by_weights(path):
    torch.save({"layer.weight": torch.zeros(2)}, path)


class Trap:
    """A pickle that creates a file when it is opened."""

    def __reduce__(self):
        return os.mkdir, ("trap-was-sprung",)


@pytest.mark.parametrize("damage", [cut, change, empty, replace_by_program, replace_by_weights])
def test_torn_and_foreign_files_are_told_and_the_one_before_is_taken(
    tmp_path, monkeypatch, expected_logs, damage
):
    monkeypatch.chdir(tmp_path)
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    damage(newest)
    with pytest.raises(TrainerError, match="step-000000002"):
        read_checkpoint(newest)
    expected_logs("step-000000002.*The one before it is taken")
    path, content = newest_checkpoint(tmp_path)
    assert (path.name, content["step"]) == ("step-000000001.pt", 1)
    assert not (tmp_path / "trap-was-sprung").exists()


def test_no_checkpoint_and_none_that_can_be_read(tmp_path, expected_logs):
    assert newest_checkpoint(tmp_path) is None
    with pytest.raises(TrainerError, match="There is no checkpoint"):
        read_checkpoint(tmp_path / "step-000000001.pt")
    empty(save(tmp_path, 1))
    expected_logs("torn")
    with pytest.raises(TrainerError, match="No checkpoint in"):
        newest_checkpoint(tmp_path)


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_an_interruption_while_saving_leaves_the_older_one(tmp_path, monkeypatch, fails):
    save(tmp_path, 1)

    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if fails == "fsync" else ("pathlib.Path.replace",)), fail)
    with pytest.raises(TrainerError, match="No space left"):
        save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.pt"]


def test_the_newest_and_the_best_are_kept(tmp_path):
    for step in (1, 2, 3, 4):
        path = save(tmp_path, step)
        if step == 2:
            mark_best(path)
        (tmp_path / "step-000000009.part").write_bytes(b"of a killed process")
    prune_checkpoints(tmp_path, keep=2)
    assert not list(tmp_path.glob("*.part"))
    assert [path.name for path in checkpoints(tmp_path)] == [
        "step-000000004.pt",
        "step-000000003.pt",
    ]
    assert read_checkpoint(tmp_path / "best.pt")["step"] == 2


def test_a_best_without_hard_links_is_copied(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    mark_best(save(tmp_path, 1))
    assert read_checkpoint(tmp_path / "best.pt")["step"] == 1


def test_all_generators_continue_where_they_were(tmp_path):
    def draw():
        normal = np.random.standard_normal()  # noqa: NPY002
        return random.random(), random.gauss(0, 1), normal, torch.rand(3).tolist()

    before = random_states(CPU)
    draw()
    path = checkpoint_path(tmp_path, 1)
    save_checkpoint(path, {"random": random_states(CPU)})
    wanted = draw()
    torch.manual_seed(5)
    draw()
    restore_random_states(read_checkpoint(path)["random"], CPU)
    assert draw() == wanted
    restore_random_states(before, CPU)


def test_a_pickle_is_no_checkpoint(tmp_path):
    path = tmp_path / "step-000000001.pt"
    path.write_bytes(pickle.dumps({"format_version": 1}))
    with pytest.raises(TrainerError, match="torn, or no checkpoint"):
        read_checkpoint(path)
