"""``search``: what the command line asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AggregatorOption, JsonOption, LibraryOption, RerankerOption, helped
from app.cli.program import DONE, Program, opened
from app.core.errors import UsageError
from app.core.networks import NamedModels
from app.core.queries import Correction, Refinement, SearchStage
from app.language import tr


@helped(
    tr(
        "Search for one person.\n\nGive pictures, tracklets, or a point in a frame of "
        "a stored video. Several examples of the person find more sightings than one "
        "example. Use --not for tracklets that look similar but show somebody else."
    )
)
def search(
    context: typer.Context,
    library: LibraryOption,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            help=tr(
                "A crop, or a picture with the person in it; may be repeated. Where it shows "
                "several people, --box says who is meant."
            )
        ),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(help=tr("X1,Y1,X2,Y2 in pixels of the picture: the person in it.")),
    ] = None,
    tracklet: Annotated[
        list[int] | None, typer.Option(help=tr("A tracklet's ID, from list; may be repeated."))
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(help=tr("Name of a person whose sightings were confirmed; may be repeated.")),
    ] = None,
    not_: Annotated[
        list[int] | None,
        typer.Option(
            "--not", help=tr("ID of a tracklet that shows somebody else; may be repeated.")
        ),
    ] = None,
    video: Annotated[
        str | None, typer.Option(help=tr("A stored video: path or file name."))
    ] = None,
    time: Annotated[float | None, typer.Option(help=tr("Seconds after its first frame."))] = None,
    at: Annotated[str | None, typer.Option(help=tr("X,Y in pixels of its frame."))] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help=tr("Only this camera; may be repeated."))
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help=tr("Only people seen at or after this local ISO time.")),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help=tr("Only people seen at or before this local ISO time.")),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help=tr("How many hits."))] = 20,
    json: JsonOption = False,
    sheet: Annotated[Path | None, typer.Option(help=tr("Write a picture of the hits."))] = None,
    embedder: Annotated[
        str | None,
        typer.Option(help=tr("Search the vectors of this embedder; the library must have them.")),
    ] = None,
    aggregator: AggregatorOption = None,
    reranker: RerankerOption = None,
    no_aggregator: Annotated[
        bool, typer.Option("--no-aggregator", help=tr("Skip this stage."))
    ] = False,
    no_reranker: Annotated[
        bool, typer.Option("--no-reranker", help=tr("Skip this stage."))
    ] = False,
    no_camera_mean: Annotated[
        bool,
        typer.Option(
            "--no-camera-mean",
            help=tr("Do not subtract what all vectors of a camera have in common."),
        ),
    ] = False,
    no_transit: Annotated[
        bool,
        typer.Option(
            "--no-transit", help=tr("Ignore how long people take from one camera to another.")
        ),
    ] = False,
) -> int:
    """The command ``search``."""
    from app.cli.searching import Point, Wanted, Who, search_and_show

    if not (image or tracklet or person or video):
        raise UsageError(
            tr(
                "Say who to search for: --image, --tracklet, --person, or --video with --time "
                "and --at."
            )
        )
    point = None
    if video is not None:
        if time is None or at is None:
            raise UsageError(tr("--video also needs --time and --at."))
        point = Point(video, time, *_coordinates(at))
    elif time is not None or at is not None:
        raise UsageError(tr("--time and --at need --video."))
    if box is not None and len(image or ()) != 1:
        raise UsageError(tr("--box needs exactly one --image."))
    program: Program = context.obj
    off: dict[Refinement, bool] = {
        SearchStage.AGGREGATED: no_aggregator,
        SearchStage.RERANKED: no_reranker,
        Correction.CAMERA_MEAN: no_camera_mean,
        Correction.TRANSIT: no_transit,
    }
    refinements = program.settings().search.refinements
    stages = frozenset(each for each in refinements if not off[each])
    who = Who(
        tuple(image or ()),
        tuple(tracklet or ()),
        tuple(person or ()),
        point,
        frozenset(not_ or ()),
        None if box is None else _box(box),
    )
    wanted = Wanted(who, tuple(camera or ()), from_, to, top, stages)
    named = NamedModels(embedder=embedder, aggregator=aggregator, reranker=reranker)
    with opened(program, library, named) as workspace:
        search_and_show(workspace, wanted, as_json=json, sheet=sheet)
    return DONE


_NUMBER = r"-?\d+(?:\.\d+)?"


def _coordinates(text: str) -> tuple[float, float]:
    match = re.fullmatch(rf"\s*({_NUMBER})\s*[,x ]\s*({_NUMBER})\s*", text)
    if match is None:
        raise UsageError(
            tr("--at {text!r} is not a point.", text=text),
            tr("Write it as X,Y, for example 412,230."),
        )
    return float(match[1]), float(match[2])


def _box(text: str) -> tuple[float, float, float, float]:
    sides = [float(side) for side in re.findall(_NUMBER, text)]
    separated = re.fullmatch(rf"\s*{_NUMBER}(?:\s*[,\s]\s*{_NUMBER}){{3}}\s*", text)
    if separated is None or sides[0] >= sides[2] or sides[1] >= sides[3]:
        raise UsageError(
            tr("--box {text!r} is not a box.", text=text),
            tr("Write left, top, right and bottom as X1,Y1,X2,Y2, for example 120,80,190,310."),
        )
    return sides[0], sides[1], sides[2], sides[3]
