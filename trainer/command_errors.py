"""How the commands end when something cannot be done: two sentences, and a status."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from reid_models.errors import ToldError
from trainer.errors import TrainerError
from trainer.told_command import as_typed

INTERRUPTED = 130

# What a disk says for which no program is to blame, and what helps.
_MAKE_ROOM = "Make room on that disk, then try again; a training goes on with --resume auto."
_ALLOW = "Check the permissions, or name another place."
_CHECK = "Check that the disk is connected and sound, then try again."
_DISK_FAULTS = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: _ALLOW,
    errno.EIO: _CHECK,
    errno.ESTALE: _CHECK,
}


@contextmanager
def errors_told() -> Iterator[None]:
    """What a user can act on ends the command with status 1, Ctrl-C with status 130."""
    try:
        yield
    except ToldError as error:
        raise _ended(error) from error
    except KeyboardInterrupt as error:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except OSError as error:
        # Whatever writes may fill the disk: logs, pictures, libraries that cannot tell it well.
        if error.errno not in _DISK_FAULTS:
            raise
        raise _ended(_disk_fault(error, _DISK_FAULTS[error.errno])) from error


def check_place(path: Path, suffix: str) -> None:
    """Whether a file of a kind can be made there; better now than after an hour of work.

    Raises:
        TrainerError: another ending, no such folder, or the path is one itself.
    """
    if path.is_dir():
        raise TrainerError(f"{path} is a folder.", "Name the file to write.")
    if path.suffix.lower() != suffix:
        raise TrainerError(f"{path.name} does not end in {suffix}.", f"Name a *{suffix} file.")
    if not path.parent.is_dir():
        raise TrainerError(f"There is no folder {path.parent}.", "Make it, or name another place.")


def _ended(error: ToldError) -> typer.Exit:
    typer.echo(as_typed(f"{error.message}\n{error.remedy}"), err=True)
    return typer.Exit(1)


def _disk_fault(error: OSError, remedy: str) -> TrainerError:
    what = "A file" if error.filename is None else str(error.filename)
    return TrainerError(f"{what} cannot be read or written: {error.strerror}.", remedy)
