"""``queue``, ``watch`` and ``check``: what is still to be read, what arrives, what is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import (
    CameraByOption,
    DetectorOption,
    DeviceOption,
    EmbedderOption,
    FpsOption,
    LibraryOption,
    RateOption,
    SubStreamsOption,
    ZoneOption,
    helped,
)
from app.cli.output import AnswerTable
from app.cli.program import DONE, SOME_FAILED, opened
from app.core.clock import parse_zone
from app.core.entities import VideoStatus
from app.language import tr
from app.settings import default_library

if TYPE_CHECKING:
    from app.cli.program import Program
    from app.services.workspace import Workspace


@helped(
    tr(
        "Show, change or resume the queue of videos to be read.\n\nVideos are named by "
        "path or file name; each option may be repeated. This also works while another "
        "Retrace on this computer is reading: it reacts within a second."
    )
)
def queue(
    context: typer.Context,
    library: LibraryOption,
    first: Annotated[list[str] | None, typer.Option(help=tr("Read this video next."))] = None,
    last: Annotated[list[str] | None, typer.Option(help=tr("Read this video last."))] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help=tr("Exclude this video from reading."))
    ] = None,
    retry: Annotated[
        list[str] | None,
        typer.Option(help=tr("Read a failed or excluded video after all.")),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help=tr("Try all failed videos again."))
    ] = False,
    pause: Annotated[
        bool,
        typer.Option(
            "--pause",
            help=tr("Pause the queue until --go-on; this holds for every running Retrace."),
        ),
    ] = False,
    go_on: Annotated[bool, typer.Option("--go-on", help=tr("Read the waiting videos."))] = False,
) -> int:
    """The command ``queue``."""
    from app.cli.progress import follow_ingest
    from app.services.ingest.ingest_options import IngestOptions

    program: Program = context.obj
    with opened(program, library, beside=True) as workspace:
        stored = workspace.library
        usual = IngestOptions(fps=program.settings().ingest.fps)
        with stored.transaction():
            unwanted = _ids(workspace, exclude)
            stored.exclude_videos(unwanted)
            again = _ids(workspace, retry)
            if retry_failed:
                failed = (each for each in stored.videos() if each.status is VideoStatus.FAILED)
                again += [video.id for video in failed]
            stored.queue_videos(again, usual.packed())
            stored.move_in_queue(_ids(workspace, first), to_front=True)
            stored.move_in_queue(_ids(workspace, last), to_front=False)
            if pause or go_on:
                stored.pause_queue(not go_on)
        if go_on and not stored.is_beside:
            summary = follow_ingest(workspace.go_on())
            return SOME_FAILED if summary.failed or summary.partial else DONE
        for video in (stored.video(each) for each in unwanted):
            if video.status is not VideoStatus.EXCLUDED:
                typer.echo(
                    tr(
                        "{name} has already been read; what was found in it is kept.",
                        name=video.path.name,
                    ),
                    err=True,
                )
        _show_queue(workspace)
    return DONE


def _ids(workspace: Workspace, names: list[str] | None) -> list[int]:
    return [workspace.catalog.find_video(name).id for name in names or ()]


def _show_queue(workspace: Workspace) -> None:
    videos = {video.id: video for video in workspace.library.videos()}
    waiting = [videos[each] for each in workspace.library.queued_ids() if each in videos]
    table = AnswerTable(
        tr("Waiting"),
        (tr("place"), tr("camera"), tr("video"), tr("status")),
        right=(tr("place"),),
        folding=(tr("video"),),
    )
    nobody_reads = not workspace.library.is_beside
    for place, video in enumerate(waiting, 1):
        is_cut = nobody_reads and video.status is VideoStatus.INGESTING
        status = tr("interrupted") if is_cut else video.status.words
        table.add(str(place), video.camera.name, video.path.name, status)
    notes = [] if waiting else [tr("The queue is empty.")]
    if workspace.library.is_queue_paused:
        notes.append(tr("It is paused; continue with --go-on."))
    elif waiting and nobody_reads:
        notes.append(tr("Nothing is being read. To read what waits, add --go-on."))
    watched = workspace.library.watched_folders()
    if workspace.library.is_beside:
        notes.append(
            tr(
                "Another Retrace has this library open and will act on this within a second. "
                "If its window is not reading anything, press Continue there."
            )
        )
    notes += [tr("The window watches {folder}.", folder=each.folder) for each in watched]
    table.print(*notes)


@helped(
    tr(
        "Load a folder and what is added to it later.\n\nRuns until Ctrl-C. Files that "
        "are still being written are waited for. When started again, it also loads "
        "what has arrived in the meantime."
    )
)
def watch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=tr("Folder to watch."))],
    library: Annotated[
        Path | None,
        typer.Option(help=tr("Library folder; by default one in the user's data folder.")),
    ] = None,
    camera_by: CameraByOption = None,
    fps: FpsOption = None,
    rate: RateOption = None,
    zone: ZoneOption = None,
    sub_streams: SubStreamsOption = False,
    detector: DetectorOption = None,
    embedder: EmbedderOption = None,
    device: DeviceOption = None,
) -> int:
    """The command ``watch``."""
    from app.cli.progress import follow_ingest
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
    )
    folder = folder.expanduser()
    target = library or default_library(folder)
    typer.echo(tr("Library: {library}", library=target), err=True)
    with opened(program, target, create=True) as workspace:
        follow_ingest(workspace.watch(folder, options))
    return DONE


@helped(
    tr(
        "Look for damage in a library and repair it.\n\nDamage is, for example, a "
        "missing file or a vector with invalid numbers. With --repair, derived data is "
        "rebuilt; decisions and recordings are never changed. Exit status 3 if damage "
        "remains."
    )
)
def check(
    context: typer.Context,
    library: LibraryOption,
    repair: Annotated[
        bool, typer.Option("--repair", help=tr("Rebuild or remove derived data."))
    ] = False,
) -> int:
    """The command ``check``."""
    from app.cli.progress import follow_check

    with opened(context.obj, library) as workspace:
        return SOME_FAILED if follow_check(workspace.check(repairs=repair)) else DONE
