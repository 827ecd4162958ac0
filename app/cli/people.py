"""``people``: who was confirmed, and their names."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.output import AnswerTable, print_json, time_cell
from app.cli.program import DONE, opened
from app.core.clock import format_offset, format_utc
from app.language import tr

people = typer.Typer(
    name="people", help=tr("Show the people that were confirmed, and give them "
"names."),
    no_args_is_help=True,
)  # fmt: skip
PersonArgument = Annotated[str, typer.Argument(help=tr("The person's name, see people list."))]


@people.command("list")
@helped(tr("Show everybody who was confirmed, with the number of sightings."))
def list_people(context: typer.Context, library: LibraryOption, json: JsonOption = False) -> int:
    """The command ``list_people``."""
    with opened(context.obj, library) as workspace:
        known = [
            (identity, workspace.people.sightings(identity.id))
            for identity in workspace.library.identities()
        ]
    known = [(identity, sightings) for identity, sightings in known if sightings]
    if json:
        print_json(
            {
                "people": [
                    {
                        "id": identity.id,
                        "name": identity.name,
                        "tracklet_ids": [each.id for each in sightings],
                    }
                    for identity, sightings in known
                ]
            }
        )
        return DONE
    table = AnswerTable(
        tr("People"), (tr("name"), tr("sightings"), tr("tracklets")), right=(tr("sightings"),)
    )
    for identity, sightings in known:
        table.add(identity.name, str(len(sightings)), ", ".join(str(each.id) for each in sightings))
    table.print(*(() if known else (tr("Nobody was confirmed in this library yet."),)))
    return DONE


@people.command()
@helped(tr("Show the confirmed sightings of a person, in order of time."))
def show(
    context: typer.Context, person: PersonArgument, library: LibraryOption, json: JsonOption = False
) -> int:
    """The command ``show``."""
    with opened(context.obj, library) as workspace:
        identity = workspace.people.find(person)
        seen = workspace.catalog.sightings(identity.id)
        zone = workspace.library.timezone
    if json:
        print_json(
            {
                "id": identity.id,
                "name": identity.name,
                "sightings": [
                    {
                        "tracklet_id": each.tracklet_id,
                        "camera": each.camera,
                        "video": str(each.video),
                        "first_time_s": round(each.first_time_s, 3),
                        "last_time_s": round(each.last_time_s, 3),
                        "start_utc": format_utc(each.start_utc) if each.start_utc else None,
                        "time_source": each.time_source,
                    }
                    for each in seen
                ],
            }
        )
        return DONE
    columns = (tr("tracklet"), (tr("camera"), " · ", tr("video")), tr("seen"), tr("date and time"))
    table = AnswerTable(identity.name, columns, right=(tr("tracklet"),), folding=(tr("camera"),))
    for each in seen:
        table.add(
            str(each.tracklet_id),
            (each.camera, " · ", each.video.name),
            (format_offset(each.first_time_s), "–", format_offset(each.last_time_s)),
            time_cell(each.start_utc, zone),
        )
    table.print()
    return DONE


@people.command("name")
@helped(tr("Give a person another name."))
def name_person(
    context: typer.Context,
    person: PersonArgument,
    name: Annotated[str, typer.Argument(help=tr("The new name."))],
    library: LibraryOption,
) -> int:
    """The command ``name_person``."""
    with opened(context.obj, library) as workspace:
        identity = workspace.people.find(person)
        renamed = workspace.people.name(identity.id, name)
    typer.echo(
        tr("{old} is now named {new}.", old=identity.name, new=renamed.name),
        err=True,
    )
    return DONE
