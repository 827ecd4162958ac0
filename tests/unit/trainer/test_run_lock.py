"""One training at a time in the folder of a run."""

import subprocess
import sys

import pytest

from trainer.errors import TrainerError
from trainer.run_lock import LOCK_NAME, sole_training

HOLD = """
import sys
from pathlib import Path
from trainer.run_lock import sole_training
with sole_training(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that trains in `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_until_the_first_is_killed(tmp_path, holder):
    run = tmp_path / "run"
    refused = pytest.raises(TrainerError, match=r"Another training is running in .*run\.")
    with refused, sole_training(run):
        pass
    holder.kill()
    holder.wait()
    with sole_training(run):
        (run / "config.toml").touch()
    assert run.is_dir()


def test_a_folder_into_which_nothing_came_is_not_left_behind(tmp_path):
    for folder, stays in ((tmp_path / "new", False), (tmp_path, True)):
        with pytest.raises(TrainerError, match="no data"), sole_training(folder):
            assert (folder / LOCK_NAME).exists()
            raise TrainerError("There is no data.", "Get some.")
        assert folder.exists() == stays


def test_of_processes_that_train_together_the_first_holds_the_folder(tmp_path, monkeypatch):
    with sole_training(tmp_path):
        monkeypatch.setenv("RANK", "1")
        with sole_training(tmp_path):
            pass
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(TrainerError), sole_training(tmp_path):
            pass


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainerError, match="cannot be written"), sole_training(tmp_path / "file/x"):
        pass
