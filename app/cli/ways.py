"""``ways``: how long people take between cameras, as learnt and as set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.output import AnswerTable, print_json
from app.cli.program import DONE, opened
from app.core.errors import UsageError
from app.core.way_limits import WayLimits, parse_limit
from app.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.services.route.ways import Way


@helped(
    tr(
        "Show how long people take between cameras, or set it.\n\n"
        "What is set counts more than what was learnt, for routes and for the ranking of hits."
    )
)
def ways(
    context: typer.Context,
    library: LibraryOption,
    limits: Annotated[
        tuple[str, str, str, str] | None,
        typer.Option(
            "--set",
            metavar="CAMERA CAMERA MIN MAX",
            help=tr(
                "Shortest and longest time between two cameras: seconds or [h:]mm:ss, - for none; "
                "a shortest time of 0 says that their views overlap."
            ),
        ),
    ] = None,
    remove: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="CAMERA CAMERA", help=tr("Take away what was set for two cameras.")),
    ] = None,
    json: JsonOption = False,
) -> int:
    """The command ``ways``."""
    if limits and remove:
        raise UsageError(tr("Give one of --set and --remove."))
    with opened(context.obj, library) as workspace:
        if limits or remove:
            names = (limits or remove or ())[:2]
            one, other = map(workspace.catalog.find_camera, names)
            said = WayLimits(*map(parse_limit, limits[2:])) if limits else WayLimits()
            workspace.routes.set_limits(one, other, said)
        found = list(workspace.routes.ways().values())
    if json:
        print_json({"ways": [way_json(each) for each in found]})
    else:
        _print(found)
    return DONE


def way_json(way: Way) -> dict[str, Any]:
    """What is known of a way."""
    learnt = way.learnt
    times = {} if learnt is None else {
        "shortest_s": round(learnt.shortest_s, 1),
        "median_s": round(learnt.median_s, 1),
        "longest_s": round(learnt.longest_s, 1),
    }  # fmt: skip
    return {
        "cameras": [way.one.name, way.other.name],
        "pairs": 0 if learnt is None else learnt.pairs,
        **(times or dict.fromkeys(("shortest_s", "median_s", "longest_s"))),
        "min_s": way.limits.min_s,
        "max_s": way.limits.max_s,
        "views_overlap": way.overlaps,
    }


def _print(found: Sequence[Way]) -> None:
    numbers = (
        tr("pairs"), tr("shortest"), tr("median"), tr("longest"), tr("set min"), tr("set max"),
    )  # fmt: skip
    table = AnswerTable(
        tr("Ways between cameras, in seconds"),
        ((tr("from"), " – ", tr("to")), *numbers, ""),
        right=numbers,
        folding=(tr("from"),),
    )
    for way in found:
        learnt = way.learnt
        times = (None,) * 3 if learnt is None else (
            learnt.shortest_s, learnt.median_s, learnt.longest_s,
        )  # fmt: skip
        table.add(
            (way.one.name, " – ", way.other.name),
            str(learnt.pairs if learnt else 0),
            *map(_seconds, (*times, way.limits.min_s, way.limits.max_s)),
            tr("views overlap") if way.overlaps else "",
        )
    nothing = tr("Nothing is known yet: the cameras' clocks are needed, and people seen by two.")
    table.print(*(() if found else (nothing,)))


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}".removesuffix(".0")
