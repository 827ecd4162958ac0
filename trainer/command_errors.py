"""How the commands end when something cannot be done: two sentences, and a status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from reid_models.errors import ToldError

INTERRUPTED = 130


@contextmanager
def errors_told() -> Iterator[None]:
    """What a user can act on ends the command with status 1, Ctrl-C with status 130."""
    try:
        yield
    except ToldError as error:
        typer.echo(f"{error.message}\n{error.remedy}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from error
