"""What the commands need from the composition root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from app.core.networks import NamedModels
    from app.services.ingest.ingest_options import IngestOptions
    from app.services.ingest.survey import Survey, Surveying
    from app.services.networks.model_shelf import ModelShelf
    from app.services.workspace import Workspace
    from app.settings import Settings

DONE, FATAL, WRONG_USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses."""


class Program(Protocol):
    """What the commands need from the composition root."""

    @property
    def version(self) -> str:
        """The program's version."""

    def settings(self) -> Settings:
        """The user's settings, read when first asked for; raises SettingsError."""

    def open_workspace(
        self,
        folder: Path,
        create: bool,
        named: NamedModels | None = None,
        *,
        beside: bool = False,
    ) -> Workspace:
        """Opens a library; raises LibraryError."""

    def survey(self, folder: Path, options: IngestOptions) -> Iterator[Surveying | Survey]:
        """What is understood of a folder, its cameras, starts and length; zone None: the system's.

        Raises:
            UsageError: the folder is missing or holds no footage.
        """

    def model_shelf(self) -> ModelShelf:
        """The networks on this computer."""

    def run_window(self, library: Path | None, videos: Path | None, named: NamedModels) -> int:
        """Shows the window until it is closed; returns the exit status."""


@contextmanager
def opened(
    program: Program,
    library: Path,
    named: NamedModels | None = None,
    *,
    create: bool = False,
    beside: bool = False,
) -> Iterator[Workspace]:
    """An open library, closed at the end; `beside` another program, too. Raises LibraryError."""
    workspace = program.open_workspace(library.expanduser(), create, named, beside=beside)
    try:
        yield workspace
    finally:
        workspace.close()
