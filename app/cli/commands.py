"""Commands, their options, and exit statuses. Heavy libraries are imported by what needs them."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.calibration import calibration
from app.cli.cameras import camera, clock
from app.cli.models import models
from app.cli.options import (
    AggregatorOption,
    CameraByOption,
    DetectorOption,
    DeviceOption,
    DryRunOption,
    EmbedderOption,
    EntryOption,
    FpsOption,
    JsonOption,
    LibraryOption,
    RateOption,
    RerankerOption,
    SubStreamsOption,
    ZoneOption,
    helped,
)
from app.cli.people import people
from app.cli.program import (
    DONE,
    FATAL,
    INTERRUPTED,
    SOME_FAILED,
    WRONG_USAGE,
    Program,
    opened,
)
from app.cli.route import route
from app.cli.search import search
from app.cli.stored_people import reembed, untangle
from app.cli.upkeep import check, queue, watch
from app.cli.ways import ways
from app.core.clock import parse_zone
from app.core.command_name import command_name
from app.core.errors import ModelError, UsageError, UserFacingError
from app.core.networks import NamedModels
from app.language import listed, tr
from app.settings import default_library, demo_dir, demo_library

if TYPE_CHECKING:
    from app.services.ingest.ingest_options import IngestOptions

logger = logging.getLogger(__name__)


# As a newcomer needs them; any other follows.
_ORDER = (
    "run", "demo", "ingest", "watch", "queue", "list", "search", "people", "route", "ways",
    "calibration", "camera", "clock", "export", "relocate", "check", "reembed",
    "untangle", "models",
)  # fmt: skip


class _Commands(TyperGroup):
    """Gives every end of a command its exit status; wrong options end in Typer itself, with 2."""

    def list_commands(self, context: Any) -> list[str]:
        """The names of the commands, in the order in which help shows them."""
        names = super().list_commands(context)
        return sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))

    def invoke(self, context: Any) -> Any:
        """Runs the command; raises typer.Exit with its status."""
        try:
            status = super().invoke(context)
        except UsageError as error:
            _say(str(error))
            status = WRONG_USAGE
        except UserFacingError as error:
            _say(str(error))
            status = FATAL
        except KeyboardInterrupt:
            _say(tr("Interrupted."))
            status = INTERRUPTED
        except BrokenPipeError:
            # Our reader went away (`… | head`): keep the interpreter from saying so at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = FATAL
        raise typer.Exit(status or DONE)


commands = typer.Typer(
    cls=_Commands,
    help=tr("Find one person in the recordings of many cameras."),
    epilog=tr(
        "Exit status: 0 done, 1 stopped by an error, 2 wrong usage or an empty folder, "
        "3 some videos failed or were cut short, 130 interrupted."
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.add_typer(models, name="models")
commands.add_typer(camera, name="camera")
commands.add_typer(people, name="people")
commands.command()(clock)
for command in (search, route, ways, calibration, queue, watch, check, reembed, untangle):
    commands.command()(command)


def run_command_line(arguments: list[str], program: Program) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name; none at all means ``run``.
        program: the composition root.

    Returns:
        The exit status, as in the design's "Conventions of data".
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        commands(arguments or ["run"], obj=program, prog_name=command_name())
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    return DONE


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(f"Retrace {context.obj.version}")
        raise typer.Exit


@commands.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help=tr("Show the version and exit."),
        ),
    ] = False,
    entry: EntryOption = False,
) -> None:
    del context, version, entry


def _ingest(program: Program, folder: Path, library: Path, options: IngestOptions) -> int:
    """Runs an ingest to its end and shows how it goes on stderr."""
    from app.cli.progress import follow_ingest
    from app.services.footage.sources import find_sources

    find_sources(folder, options.camera_by)  # an empty folder leaves no library behind
    with opened(program, library, create=True) as workspace:
        try:
            summary = follow_ingest(workspace.ingest(folder, options))
        except KeyboardInterrupt:
            _say(tr("What is stored is kept. Run the same command again to continue."))
            raise
        except ModelError:
            workspace.abandon()  # a library that was made for this and holds nothing yet
            raise
    _say(tr("Library: {library}", library=library))
    return SOME_FAILED if summary.failed or summary.partial else DONE


@commands.command()
@helped(tr("Open the window.\n\nWithout a display: load --videos, or else show the demo."))
def run(
    context: typer.Context,
    videos: Annotated[
        str, typer.Option("--videos", help=tr("Folder of footage to load at the start."))
    ] = "",
    library: Annotated[
        Path | None,
        typer.Option("--library", help=tr("Library folder to open."), show_default=False),
    ] = None,
    detector: DetectorOption = None,
    embedder: EmbedderOption = None,
    aggregator: AggregatorOption = None,
    reranker: RerankerOption = None,
) -> int:
    """The command ``run``."""
    program: Program = context.obj
    folder = Path(videos).expanduser() if videos else None
    named = NamedModels(detector, embedder, aggregator, reranker)
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return program.run_window(library, folder, named)
    _say(
        tr("There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window opens.")
    )
    if folder is None:
        try:
            # A library that was named is the user's: the demo has no business in it.
            return DONE if library else _demo(program, demo_library(), named, None, as_json=False)
        finally:
            _say(
                tr(
                    "To load a folder of your own footage, type:\n  {program} ingest FOLDER",
                    program=command_name(),
                )
            )
    from app.services.ingest.ingest_options import IngestOptions

    defaults = program.settings().ingest
    target = library or default_library(folder)
    options = IngestOptions(
        camera_by=defaults.camera_by, fps=defaults.fps, detector=detector, embedder=embedder
    )
    try:
        status = _ingest(program, folder, target, options)
    except ModelError:
        _say(
            tr(
                "To choose weights files, type:\n"
                "  {program} ingest {folder} --detector FILE --embedder FILE",
                program=command_name(),
                folder=quote(videos),
            )
        )
        raise
    there = quote(str(target))
    _say(
        tr(
            "To search the library, type:\n  {program} search --library {library} --image PICTURE",
            program=command_name(),
            library=there,
        )
    )
    return status


def _demo(
    program: Program, library: Path, named: NamedModels, sheet: Path | None, *, as_json: bool
) -> int:
    """Ingests the demo's clips where that is still to be done, and searches their people."""
    from app.cli.demo import demo_options, show_demo

    options = demo_options(program.settings(), named)
    status = _ingest(program, demo_dir(), library, options)
    if status == DONE:
        with opened(program, library, named) as workspace:
            stages = program.settings().search.refinements
            show_demo(workspace, demo_dir(), stages, sheet, as_json=as_json)
    return status


@commands.command()
@helped(
    tr(
        "Try Retrace on three rendered cameras.\n\nSearches for everybody in the other "
        "cameras. The clips are included, and nobody in them is real. Because the "
        "truth is known, the table shows who was found."
    )
)
def demo(
    context: typer.Context,
    library: Annotated[
        Path | None,
        typer.Option(help=tr("Library folder; by default Demo in the user's data folder.")),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help=tr("Where to write a picture of one search; by default next to the library.")
        ),
    ] = None,
    json: JsonOption = False,
    detector: DetectorOption = None,
    embedder: EmbedderOption = None,
    aggregator: AggregatorOption = None,
    reranker: RerankerOption = None,
) -> int:
    """The command ``demo``."""
    named = NamedModels(detector, embedder, aggregator, reranker)
    return _demo(context.obj, library or demo_library(), named, sheet, as_json=json)


@commands.command()
@helped(
    tr(
        "Load a folder of footage.\n\nDetects, tracks and stores the people in every "
        "video. If interrupted, run it again to continue; videos already read are "
        "skipped."
    )
)
def ingest(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help=tr("Folder of videos or frames, or one file."))
    ],
    library: Annotated[
        Path | None,
        typer.Option(help=tr("Library folder; by default one in the user's data folder.")),
    ] = None,
    camera_by: CameraByOption = None,
    fps: FpsOption = None,
    rate: RateOption = None,
    zone: ZoneOption = None,
    sub_streams: SubStreamsOption = False,
    dry_run: DryRunOption = False,
    detector: DetectorOption = None,
    embedder: EmbedderOption = None,
    device: DeviceOption = None,
    again: Annotated[
        bool, typer.Option("--again", help=tr("Analyse finished videos again."))
    ] = False,
    json: JsonOption = False,
) -> int:
    """The command ``ingest``."""
    from app.cli.surveying import show_survey
    from app.core.library_files import is_library
    from app.services.ingest.ingest_options import IngestOptions

    program: Program = context.obj
    defaults = program.settings().ingest
    options = IngestOptions(
        camera_by=camera_by or defaults.camera_by,
        fps=fps or defaults.fps,
        rate_fps=rate,
        zone=parse_zone(zone) if zone else None,
        sub_streams=sub_streams,
        detector=detector,
        embedder=embedder,
        device=device,
        again=again,
    )
    if dry_run:
        into = (library or default_library(folder)).expanduser()
        if options.zone is None and is_library(into):
            with opened(program, into) as workspace:
                options = replace(options, zone=workspace.library.timezone)
        job = program.survey(folder, options)
        return SOME_FAILED if show_survey(job, as_json=json) else DONE
    return _ingest(program, folder.expanduser(), library or default_library(folder), options)


@commands.command(name="list")
@helped(tr("Show a library's videos and tracklets."))
def list_(
    context: typer.Context,
    library: LibraryOption,
    days: Annotated[
        bool, typer.Option("--days", help=tr("Only the days with footage, and how much."))
    ] = False,
    json: JsonOption = False,
) -> int:
    """The command ``list``."""
    from app.cli.listing import show_days, show_library

    with opened(context.obj, library) as workspace:
        (show_days if days else show_library)(workspace, as_json=json)
    return DONE


@commands.command()
@helped(
    tr(
        "Write the tracks as MOT text files.\n\n"
        "A line for each box: frame (from 1), track, left, top, width, height, score, -1, -1, -1."
    )
)
def export(
    context: typer.Context,
    library: LibraryOption,
    mot: Annotated[
        Path, typer.Option("--mot", help=tr("Folder for one MOT-challenge text file per video."))
    ],
) -> int:
    """The command ``export``."""
    from app.services.export.export import write_mot

    with opened(context.obj, library) as workspace:
        for path in write_mot(workspace.library, mot.expanduser()):
            typer.echo(path)
    return DONE


@commands.command()
@helped(
    tr(
        "Tell a library where its footage is now.\n\nWithout OLD and NEW, shows where "
        "it is expected."
    )
)
def relocate(
    context: typer.Context,
    library: LibraryOption,
    old: Annotated[Path | None, typer.Argument(help=tr("Where the footage was."))] = None,
    new: Annotated[Path | None, typer.Argument(help=tr("Where it is now."))] = None,
) -> int:
    """The command ``relocate``."""
    if old is not None and new is None:
        raise UsageError(tr("The new folder is missing."), tr("Give both folders, OLD and NEW."))
    with opened(context.obj, library) as workspace:
        roots = workspace.library.source_roots()
        if old is None or new is None:
            for root in roots:
                typer.echo(root)
            return DONE
        new = new.expanduser().resolve()
        moved = workspace.library.repoint_source(old.expanduser(), new)
        if not moved:
            expected = listed(map(str, roots)) or tr("nowhere yet")
            raise UsageError(
                tr("No footage is registered in {old}.", old=old),
                tr("It is below {expected}.", expected=expected),
            )
        below = [v.path for v in workspace.library.videos() if v.path.is_relative_to(new)]
        missing = sum(not path.exists() for path in below)
    _say(tr("Videos now expected in {new}: {moved}.", new=new, moved=moved))
    if missing:
        _say(tr("Not found there: {missing}.", missing=missing))
    return DONE
