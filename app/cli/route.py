"""``route``: where a person went, and what contradicts what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.output import AnswerTable, print_json, time_cell
from app.cli.people import PersonArgument
from app.cli.program import DONE, opened
from app.cli.ways import way_json
from app.core.clock import format_offset, format_utc
from app.core.queries import Transit
from app.language import tr

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.services.route.route import Leg, Route, Seen


@helped(
    tr(
        "Show the route of a person: confirmed sightings in order of time, over all cameras.\n\n"
        "Two places at once, and ways that nobody is known to go so fast, are marked."
    )
)
def route(
    context: typer.Context, person: PersonArgument, library: LibraryOption, json: JsonOption = False
) -> int:
    """The command ``route``."""
    with opened(context.obj, library) as workspace:
        found = workspace.routes.of(workspace.people.find(person).id)
        zone = workspace.library.timezone
    if json:
        print_json(_as_json(found))
    else:
        _print(found, zone)
    return DONE


def _as_json(found: Route) -> dict[str, Any]:
    return {
        "id": found.person.id,
        "name": found.person.name,
        "sightings": [_sighting_json(each) for each in found.sightings],
        "legs": [
            {
                "tracklet_ids": [each.one.tracklet.id, each.other.tracklet.id],
                "gap_s": round(each.gap_s, 3),
                "way": None if each.way is None else way_json(each.way),
            }
            for each in found.legs
        ],
        "contradictions": [
            {
                "kind": each.conflict.value,
                "tracklet_ids": [each.one.tracklet.id, each.other.tracklet.id],
                "gap_s": round(each.gap_s, 3),
                "clocks_known": each.is_sure,
                "text": each.words(),
            }
            for each in found.contradictions
        ],
        "remarks": found.remarks(),
    }


def _sighting_json(seen: Seen) -> dict[str, Any]:
    return {
        "tracklet_id": seen.tracklet.id,
        "camera": seen.video.camera.name,
        "video": str(seen.video.path),
        "first_time_s": round(seen.tracklet.first_time_s, 3),
        "last_time_s": round(seen.tracklet.last_time_s, 3),
        "start_utc": None if seen.first_utc is None else format_utc(seen.first_utc),
        "end_utc": None if seen.last_utc is None else format_utc(seen.last_utc),
        "clock_known": seen.clock_known,
        "time_source": seen.video.time_source,
    }


def _print(found: Route, zone: ZoneInfo) -> None:
    columns = (
        tr("tracklet"), tr("camera"), (tr("date and time"), " · ", tr("time from")),
        tr("seen"), (tr("since"), " · ", tr("usual")), "!",
    )  # fmt: skip
    right, folding = (tr("tracklet"),), (tr("camera"),)
    table = AnswerTable(found.person.name, columns, right, folding)
    legs = {each.other.tracklet.id: each for each in found.legs}
    at_odds = {each.other.tracklet.id for each in found.contradictions}
    for seen in found.sightings:
        tracklet = seen.tracklet
        moment = time_cell(seen.first_utc, zone)
        told = moment if isinstance(moment, str) else " ".join((moment[0], moment[2]))
        table.add(
            str(tracklet.id),
            seen.video.camera.name,
            (told, " · ", seen.video.time_source),
            (format_offset(tracklet.first_time_s), "–", format_offset(tracklet.last_time_s)),
            _leg_cell(legs.get(tracklet.id)),
            "!" if tracklet.id in at_odds else "",
        )
    contradictions = [
        tr(
            "! {one} and {other}: {said}",
            one=each.one.tracklet.id,
            other=each.other.tracklet.id,
            said=each.words(),
        )
        for each in found.contradictions
    ]
    table.print(*contradictions, *found.remarks())


def _leg_cell(leg: Leg | None) -> str | tuple[str, str, str]:
    if leg is None:
        return ""
    since = Transit(leg.gap_s, 0.0).signed() if leg.gap_s > 0 else tr("at once")
    usual = "" if leg.way is None else leg.way.words()
    return (since, " · ", usual) if usual else since
