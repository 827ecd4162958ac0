"""Builds everything: the one place that names concrete classes. Imports only what a call needs."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import SettingsError
from app.language import SYSTEM, use_language
from app.settings import Settings, load_settings, program_version, user_config_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from app.core.networks import NamedModels
    from app.core.ports import FrameSource, NetworkFiles, Tracker
    from app.services.footage.sources import SourceFile
    from app.services.ingest.ingest_options import IngestOptions
    from app.services.ingest.survey import Survey, Surveying
    from app.services.networks.model_shelf import ModelShelf
    from app.services.workspace import Workspace


def run() -> int:
    """Runs the program as the installed script does; returns its exit status."""
    return main(sys.argv[1:])


def main(arguments: list[str]) -> int:
    """Runs the program; returns its exit status, but for Ctrl-C, which ends the process at once.

    Args:
        arguments: the command line without the program's name.
    """
    # Read when these libraries are first imported, wherever that happens: where ultralytics keeps
    # its settings, and that onnxruntime and openvino, which are imported by others too, report
    # nothing home.
    os.environ.setdefault("YOLO_CONFIG_DIR", str(user_config_dir() / "ultralytics"))
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    use_language(_wanted_language())
    # Texts of modules are looked up when they are imported.
    from app.cli import INTERRUPTED, run_command_line

    status = run_command_line(arguments, Retrace())
    if status == INTERRUPTED:
        # All is stored and closed. A thread may still be inside a network, though, and to take
        # torch down takes the interpreter another second.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)
    return status


def leave_at_once(status: int) -> None:
    """Ends the process here if a network is still in the middle of a call that nobody waits for.

    All is stored and closed by then; but if Python takes itself down under a call of torch, the
    process is aborted.
    """
    from app.services.pipeline import is_any_running

    if is_any_running():
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def _wanted_language() -> str:
    """As the settings say; the command line reports what is wrong with them."""
    try:
        return load_settings().language
    except SettingsError:
        return SYSTEM


class Retrace:
    """The program with its concrete classes, as `app.cli.Program` wants it."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._network_files: NetworkFiles | None = None

    @property
    def version(self) -> str:
        """The version in pyproject.toml."""
        return program_version()

    def settings(self) -> Settings:
        """The user's settings, read once; raises SettingsError."""
        if self._settings is None:
            self._settings = load_settings()
        return self._settings

    def open_workspace(
        self,
        folder: Path,
        create: bool = False,
        named: NamedModels | None = None,
        *,
        beside: bool = False,
    ) -> Workspace:
        """Opens a library with all services; raises LibraryError.

        Args:
            folder: the library's.
            create: whether a missing one is made.
            named: networks named with the command.
            beside: whether another program may have it open; see `Library.open_beside`.
        """
        from app.services.footage.playback import Playback
        from app.services.footage.stored_footage import open_stored
        from app.services.ingest.ingest_options import IngestParts
        from app.services.workspace import Workspace, WorkspaceParts
        from app.storage.library import Library
        from app.vision.decoding_process import DecodingProcesses
        from app.vision.pictures import read_picture

        settings = self.settings()
        library = Library.open_beside(folder) if beside else Library.open(folder, create=create)
        processes = DecodingProcesses()
        parts = WorkspaceParts(
            ingest=IngestParts(
                open_source=lambda source, rate_fps, zone: processes.open(
                    _opener(source, rate_fps, zone or library.timezone), source.path.name
                ),
                make_tracker=_make_tracker,
                close=processes.close,
            ),
            networks=self.network_files(),
            shelf=self.model_shelf(),
            read_picture=read_picture,
        )
        playback = Playback(
            library, lambda video: open_stored(video, library.timezone, open_source)
        )
        return Workspace(library, parts, playback, settings.models, named)

    def survey(self, folder: Path, options: IngestOptions) -> Iterator[Surveying | Survey]:
        """What is understood of a folder; zone None: the system's."""
        from app.core.time_zone import system_zone
        from app.services.ingest.survey import survey
        from app.vision.decoding_process import DecodingProcesses

        processes = DecodingProcesses()
        try:
            yield from survey(
                [folder],
                options,
                options.zone or system_zone(),
                lambda source, rate_fps, zone: processes.open(
                    _opener(source, rate_fps, zone), source.path.name
                ),
            )
        finally:
            processes.close()

    def model_shelf(self) -> ModelShelf:
        """The networks on this computer; raises SettingsError."""
        from app.services.networks.model_shelf import ModelShelf

        return ModelShelf(self.network_files(), self.settings().models)

    def network_files(self) -> NetworkFiles:
        """What opens network files; it keeps what it has read of them."""
        from app.vision.network_files import KnownNetworkFiles

        if self._network_files is None:
            self._network_files = KnownNetworkFiles()
        return self._network_files

    def run_window(self, library: Path | None, videos: Path | None, named: NamedModels) -> int:
        """Shows the window until it is closed."""
        from app.gui.application import run

        def open_workspace(folder: Path, create: bool) -> Workspace:
            return self.open_workspace(folder, create, named)

        status = run(open_workspace, self.model_shelf, self.settings(), library, videos)
        atexit.register(leave_at_once, status)
        return status


def _opener(
    source: SourceFile,
    rate_fps: float | None,
    zone: tzinfo,
    size_px: tuple[int, int] | None = None,
) -> Callable[[], FrameSource]:
    """What opens a source; can be pickled. Raises VideoError when called."""
    from app.vision.image_sequence import open_image_sequence
    from app.vision.video import open_video

    if source.kind == "sequence":
        about = source.path, source.prefix, source.camera, rate_fps, zone
        return partial(open_image_sequence, *about)
    about_file = source.path, source.camera, zone, rate_fps, size_px, source.view
    return partial(open_video, *about_file)


def open_source(
    source: SourceFile,
    rate_fps: float | None,
    zone: tzinfo,
    size_px: tuple[int, int] | None = None,
) -> FrameSource:
    """Opens footage in this process; raises VideoError."""
    return _opener(source, rate_fps, zone, size_px)()


def _make_tracker(analysed_fps: float) -> Tracker:
    from app.vision.byte_tracker import ByteTracker

    return ByteTracker(analysed_fps)
