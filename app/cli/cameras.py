"""``clock`` and ``camera``: when recordings were made, and what their cameras are called."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.program import opened
from app.core.camera_clock import RAW_CLOCK, offset_text, parse_offset
from app.core.errors import UsageError
from app.language import tr

if TYPE_CHECKING:
    from app.core.entities import Camera
    from app.services.footage.cameras import MarkedEvent
    from app.services.workspace import Workspace

camera = typer.Typer(
    help=tr("Rename, merge or split cameras.\n\nNothing is analysed again."),
    rich_markup_mode=None,
)


@helped(tr("Show or correct the clocks of cameras.\n\nA clock has a zone, an offset and a drift."))
def clock(
    context: typer.Context,
    library: LibraryOption,
    name: Annotated[
        str | None,
        typer.Option(
            "--camera", help=tr("Camera whose clock to change; without it, all are shown.")
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help=tr('Zone of its clock: Europe/Berlin, UTC, +01:00; "" for the library\'s.')
        ),
    ] = None,
    offset: Annotated[
        str | None, typer.Option(help=tr("Added to its times: seconds, or [-]h:mm:ss."))
    ] = None,
    drift: Annotated[
        float | None, typer.Option(help=tr("Seconds added per day since its first video."))
    ] = None,
    mark: Annotated[
        list[str] | None,
        typer.Option(
            help=tr(
                "One event in two cameras, as VIDEO@TIME=VIDEO@TIME, this "
                "camera's first; with several that lie apart, the drift is "
                "found, too."
            )
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help=tr("Return to the recorder's times."))
    ] = False,
    json: JsonOption = False,
) -> int:
    """The command ``clock``."""
    from app.services.footage.cameras import changed

    typed = zone is not None or offset is not None or drift is not None
    if name is None and (typed or mark or reset):
        raise UsageError(tr("Name the camera whose clock is to be changed with --camera."))
    if sum((typed, bool(mark), reset)) > 1:
        raise UsageError(tr("Give one of --mark, --reset, or --zone, --offset and --drift."))
    with opened(context.obj, library) as workspace:
        if name is not None:
            cameras, one = workspace.cameras, workspace.catalog.find_camera(name)
            if reset:
                cameras.set_clock(one, RAW_CLOCK)
            elif mark:
                solved = cameras.solve(one, [_event(workspace, text) for text in mark])
                cameras.set_clock(one, solved.clock)
                typer.echo(solved.words(), err=True)
            elif typed:
                own = [each for each in workspace.library.videos() if each.camera.id == one.id]
                offset_s = parse_offset(offset) if offset is not None else None
                cameras.set_clock(one, changed(one.clock, zone, offset_s, drift, own))
        _show(workspace, name, as_json=json)
    return 0


@camera.command()
@helped(tr("Rename a camera.\n\nFootage loaded later under the old name is added to it."))
def rename(
    context: typer.Context,
    library: LibraryOption,
    old: Annotated[str, typer.Argument(metavar="OLD")],
    new: Annotated[str, typer.Argument(metavar="NEW")],
) -> int:
    """The command ``rename``."""
    with opened(context.obj, library) as workspace:
        workspace.cameras.rename(workspace.catalog.find_camera(old), new)
    return 0


@camera.command()
@helped(tr("Merge several cameras into one."))
def merge(
    context: typer.Context,
    library: LibraryOption,
    cameras: Annotated[list[str], typer.Argument(metavar="CAMERA…")],
    into: Annotated[str, typer.Option(help=tr("Camera to keep, with its clock."))],
) -> int:
    """The command ``merge``."""
    with opened(context.obj, library) as workspace:
        named = workspace.catalog.find_camera
        workspace.cameras.merge([named(each) for each in cameras], named(into))
    return 0


@camera.command()
@helped(tr("Move some of a camera's videos to a new camera.\n\nIt gets the same clock."))
def split(
    context: typer.Context,
    library: LibraryOption,
    name: Annotated[str, typer.Argument(metavar="CAMERA")],
    new: Annotated[str, typer.Argument(metavar="NEW")],
    videos: Annotated[
        list[str], typer.Option(help=tr("Videos to move: paths or patterns such as *_R.MP4."))
    ],
) -> int:
    """The command ``split``."""
    with opened(context.obj, library) as workspace:
        one = workspace.catalog.find_camera(name)
        own = [each for each in workspace.library.videos() if each.camera.id == one.id]
        gone = [
            each
            for each in own
            if any(
                fnmatch(each.path.name, pattern) or fnmatch(str(each.path), pattern)
                for pattern in videos
            )
        ]
        workspace.cameras.split(one, gone, new)
        typer.echo(
            tr(
                "{count} of the {total} videos of {camera} are {new} now.",
                count=len(gone),
                total=len(own),
                camera=one.name,
                new=new,
            ),
            err=True,
        )
    return 0


def _event(workspace: Workspace, text: str) -> MarkedEvent:
    from app.services.footage.cameras import MarkedEvent

    match = re.fullmatch(r"(.+)@([\d:.]+)=(.+)@([\d:.]+)", text)
    if match is None:
        raise UsageError(
            tr('"{text}" is not a mark.', text=text),
            tr("Write it like cam2.mp4@12.4=cam1.mp4@0:03:32.4."),
        )
    own, other = workspace.catalog.find_video(match[1]), workspace.catalog.find_video(match[3])
    return MarkedEvent(own.id, parse_offset(match[2]), other.id, parse_offset(match[4]))


def _show(workspace: Workspace, name: str | None, *, as_json: bool) -> None:
    from app.cli.output import AnswerTable, print_json

    cameras = workspace.library.cameras()
    if name is not None:
        cameras = [workspace.catalog.find_camera(name)]
    if as_json:
        print_json({"cameras": [_as_json(each) for each in cameras]})
        return
    columns = (tr("camera"), tr("clock"), tr("zone"), tr("offset"), tr("drift (s a day)"))
    table = AnswerTable(tr("Clocks"), columns, right=(tr("offset"),), folding=(tr("camera"),))
    for each in cameras:
        clock = each.clock
        table.add(
            each.name,
            tr("raw") if clock.is_raw else tr("corrected"),
            clock.zone or tr("{zone} (the library's)", zone=workspace.library.timezone),
            offset_text(clock.offset_s),
            f"{clock.drift_s_per_day:+.3f}" if clock.reference_utc else tr("none"),
        )
    table.print(*(() if cameras else [tr("The library has no cameras yet.")]))


def _as_json(one: Camera) -> dict[str, Any]:
    from app.core.clock import format_utc

    reference = one.clock.reference_utc
    return {
        "camera": one.name,
        "clock": "raw" if one.clock.is_raw else "corrected",
        "zone": one.clock.zone or None,
        "offset_s": one.clock.offset_s,
        "drift_s_per_day": one.clock.drift_s_per_day,
        "reference_utc": format_utc(reference) if reference else None,
    }
