"""Every command ends in two sentences where somebody can do something about it."""

import errno

import pytest
import typer

from trainer.command_errors import check_place, errors_told
from trainer.errors import TrainerError


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (TrainerError("No.", "Do this."), 1, ("No.", "Do this.")),
        (KeyboardInterrupt(), 130, ("Stopped.",)),
        (OSError(errno.ENOSPC, "No space left on device"), 1, ("A file cannot", "Make room")),
        (OSError(errno.EDQUOT, "Quota exceeded", "x/log.jsonl"), 1, ("x/log.jsonl cannot", "room")),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 1, ("x cannot", "permissions")),
        (OSError(errno.EIO, "Input/output error", "x"), 1, ("Input/output error.", "connected")),
    ],
)
def test_what_a_user_can_act_on_is_told(capsys, raised, status, words):
    with pytest.raises(typer.Exit) as caught, errors_told():
        raise raised
    assert caught.value.exit_code == status
    told = capsys.readouterr().err
    assert all(word in told for word in words)


@pytest.mark.parametrize("bug", [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "a bug")])
def test_bugs_stay_bugs(bug):
    with pytest.raises(type(bug), match="a bug"), errors_told():
        raise bug


def test_a_place_is_looked_at_before_the_work(tmp_path):
    check_place(tmp_path / "x.NPZ", ".npz")
    for path, words in (
        (tmp_path / "none" / "x.npz", "There is no folder"),
        (tmp_path / "x.pt", r"x.pt does not end in .npz. Name a \*.npz file"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(TrainerError, match=words):
            check_place(path, ".npz")
