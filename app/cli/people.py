"""``people``: who was confirmed; naming, judging, merging and splitting people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.output import AnswerTable, print_json, time_cell
from app.cli.program import DONE, opened
from app.core.clock import format_offset, format_utc
from app.core.errors import UsageError
from app.language import listed, tr, trn

if TYPE_CHECKING:
    from app.core.entities import Identity
    from app.services.workspace import Workspace

people = typer.Typer(
    name="people", help=tr("Show and change the people of a library."), no_args_is_help=True
)
PersonArgument = Annotated[
    str, typer.Argument(help=tr("Name of the person; `people list` shows the names."))
]
OtherArgument = Annotated[str, typer.Argument(help=tr("Another person's name."))]
SightingOption = Annotated[
    list[int], typer.Option("--tracklet", help=tr("A tracklet's ID; may be repeated."))
]
AnywayOption = Annotated[
    bool, typer.Option("--anyway", help=tr("Do it even if one frame shows both."))
]


@people.command("list")
@helped(tr("List the people, with the number of confirmed sightings."))
def list_people(context: typer.Context, library: LibraryOption, json: JsonOption = False) -> int:
    """The command ``list_people``."""
    with opened(context.obj, library) as workspace:
        known = [
            (identity, workspace.people.sightings(identity.id))
            for identity, _ in workspace.people.all()
        ]
    if json:
        print_json(
            {
                "people": [
                    {
                        "id": identity.id,
                        "name": identity.name,
                        "colour": identity.colour or None,
                        "notes": identity.notes,
                        "tracklet_ids": [each.id for each in sightings],
                    }
                    for identity, sightings in known
                ]
            }
        )
        return DONE
    columns = (tr("name"), tr("sightings"), tr("tracklets"), tr("notes"))
    table = AnswerTable(
        tr("People"), columns, right=(tr("sightings"),), folding=(tr("tracklets"), tr("notes"))
    )
    for identity, sightings in known:
        ids = listed(str(each.id) for each in sightings)
        table.add(identity.name, str(len(sightings)), ids, identity.notes)
    table.print(*(() if known else (tr("Nobody has been confirmed in this library yet."),)))
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
@helped(tr("Rename a person."))
def name_person(
    context: typer.Context,
    person: PersonArgument,
    name: Annotated[str, typer.Argument(help=tr("The new name."))],
    library: LibraryOption,
    json: JsonOption = False,
) -> int:
    """The command ``name_person``."""
    with opened(context.obj, library) as workspace:
        identity = workspace.people.find(person)
        renamed = workspace.people.name(identity.id, name)
        said = tr("{old} is now named {new}.", old=identity.name, new=renamed.name)
        return _tell(workspace, renamed, said, as_json=json)


@people.command()
@helped(tr("Give a person a colour or notes."))
def mark(
    context: typer.Context,
    person: PersonArgument,
    library: LibraryOption,
    colour: Annotated[
        str | None, typer.Option(help=tr('For example #c03060; "" removes it.'))
    ] = None,
    notes: Annotated[str | None, typer.Option(help=tr('"" removes them.'))] = None,
    json: JsonOption = False,
) -> int:
    """The command ``mark``."""
    if colour is None and notes is None:
        raise UsageError(tr("Give --colour, --notes, or both."))
    with opened(context.obj, library) as workspace, workspace.library.transaction():
        identity = workspace.people.find(person)
        if colour is not None:
            identity = workspace.people.mark(identity.id, colour)
        if notes is not None:
            identity = workspace.people.note(identity.id, notes)
        return _tell(
            workspace, identity, tr("{name} was changed.", name=identity.name), as_json=json
        )


@people.command()
@helped(
    tr(
        "Confirm or reject tracklets as sightings of a person.\n\nPERSON may be a new "
        "name: a new person is then made of the confirmed tracklets. Rejected "
        "tracklets are left out of searches for the person, and similar hits lose "
        "score."
    )
)
def judge(
    context: typer.Context,
    person: PersonArgument,
    library: LibraryOption,
    yes: Annotated[list[int] | None, typer.Option("--yes", help=tr("Shows the person."))] = None,
    no: Annotated[list[int] | None, typer.Option("--no", help=tr("Shows somebody else."))] = None,
    maybe: Annotated[list[int] | None, typer.Option(help=tr("Left for later."))] = None,
    undecided: Annotated[list[int] | None, typer.Option(help=tr("Clear the decision."))] = None,
    anyway: AnywayOption = False,
    json: JsonOption = False,
) -> int:
    """The command ``judge``."""
    with opened(context.obj, library) as workspace, workspace.library.transaction():
        service, sightings = workspace.people, list(yes or ())
        if service.is_known(person):
            first = service.sightings(service.find(person).id)[0].id
        elif len(sightings) > 1:
            first = sightings.pop(0)
            _check_nobodys(workspace, [first, *sightings])
        else:
            raise UsageError(
                tr('Nobody in this library is named "{name}".', name=person),
                tr("To begin a person, give at least two tracklets with --yes."),
            )
        for tracklet_id in sightings:
            if tracklet_id != first:
                service.confirm(first, tracklet_id, anyway=anyway)
        for said, ids in (
            (service.reject, no),
            (service.doubt, maybe),
            (service.reopen, undecided),
        ):
            for tracklet_id in ids or ():
                said(first, tracklet_id)
        identity_id = workspace.library.tracklet(first).identity_id
        assert identity_id is not None, "somebody with two sightings is a person"
        identity = workspace.library.identity(identity_id)
        if not service.is_known(person):
            identity = service.name(identity.id, person)
        return _tell(
            workspace, identity, tr("{name} was changed.", name=identity.name), as_json=json
        )


@people.command()
@helped(tr("Merge two people.\n\nThe first one's name is kept."))
def merge(
    context: typer.Context,
    person: PersonArgument,
    other: OtherArgument,
    library: LibraryOption,
    anyway: AnywayOption = False,
    json: JsonOption = False,
) -> int:
    """The command ``merge``."""
    with opened(context.obj, library) as workspace:
        find = workspace.people.find
        merged = workspace.people.merge(find(person).id, find(other).id, anyway=anyway)
        said = tr("{other} is now {name}.", other=other, name=merged.name)
        return _tell(workspace, merged, said, as_json=json)


@people.command()
@helped(tr("Move some of a person's sightings to a new person."))
def split(
    context: typer.Context,
    person: PersonArgument,
    tracklet: SightingOption,
    library: LibraryOption,
    into: Annotated[str, typer.Option(help=tr("Name of the new person."))] = "",
    json: JsonOption = False,
) -> int:
    """The command ``split``."""
    with opened(context.obj, library) as workspace:
        made = workspace.people.split(workspace.people.find(person).id, tracklet, into)
        said = tr("{name} is now a person.", name=made.name)
        return _tell(workspace, made, said, as_json=json)


@people.command()
@helped(tr("Remove sightings from a person.\n\nThey then belong to nobody."))
def remove(
    context: typer.Context,
    person: PersonArgument,
    tracklet: SightingOption,
    library: LibraryOption,
    json: JsonOption = False,
) -> int:
    """The command ``remove``."""
    with opened(context.obj, library) as workspace, workspace.library.transaction():
        identity = workspace.people.find(person)
        for each in tracklet:
            workspace.people.remove(identity.id, each)
        return _tell(
            workspace, identity, tr("{name} was changed.", name=identity.name), as_json=json
        )


@people.command()
@helped(tr("Delete a person; the sightings are kept."))
def delete(
    context: typer.Context, person: PersonArgument, library: LibraryOption, json: JsonOption = False
) -> int:
    """The command ``delete``."""
    with opened(context.obj, library) as workspace:
        identity = workspace.people.find(person)
        workspace.people.delete(identity.id)
        said = tr("{name} was deleted; to undo this: people undo", name=identity.name)
        return _tell(workspace, identity, said, as_json=json)


@people.command("not-a-person")
@helped(
    tr(
        "Say that tracklets show no person.\n\n"
        "They leave lists, counts and searches. Without TRACKLET, all of them are listed."
    )
)
def not_a_person(
    context: typer.Context,
    library: LibraryOption,
    tracklet: Annotated[
        list[int] | None, typer.Argument(help=tr("A tracklet's ID; may be repeated."))
    ] = None,
    back: Annotated[bool, typer.Option("--back", help=tr("They do show people."))] = False,
    json: JsonOption = False,
) -> int:
    """The command ``not_a_person``."""
    with opened(context.obj, library) as workspace:
        changed = workspace.sightings.say_thing(tracklet or (), is_thing=not back)
        things = [each.id for each in workspace.sightings.things()]
    if json:
        print_json({"changed": list(changed), "not_people": things})
    elif tracklet:
        said = trn("{count} sighting is changed.", "{count} sightings are changed.", len(changed))
        typer.echo(said, err=True)
    else:
        typer.echo(listed(map(str, things)) if things else tr("All sightings show people."))
    return DONE


@people.command("split-sighting")
@helped(
    tr(
        "Cut a tracklet that shows two people in two.\n\n"
        "The part with the thumbnail keeps the tracklet's number, person and decisions."
    )
)
def split_sighting(
    context: typer.Context,
    tracklet: Annotated[int, typer.Argument(help=tr("The tracklet's id."))],
    time: Annotated[
        float, typer.Option("--time", help=tr("Seconds into the video: the later part begins."))
    ],
    library: LibraryOption,
    json: JsonOption = False,
) -> int:
    """The command ``split_sighting``."""
    with opened(context.obj, library) as workspace:
        ids = next(each for each in workspace.splitting.run(tracklet, time) if each is not None)
    if json:
        print_json({"tracklet_id": ids[0], "new_tracklet_id": ids[1]})
    else:
        typer.echo(tr("The other part is tracklet {id}.", id=ids[1]), err=True)
    return DONE


@people.command()
@helped(tr("Undo the last change of people."))
def undo(context: typer.Context, library: LibraryOption, json: JsonOption = False) -> int:
    """The command ``undo``."""
    return _step(context, library, as_json=json, redo=False)


@people.command()
@helped(tr("Redo the last undone change of people."))
def redo(context: typer.Context, library: LibraryOption, json: JsonOption = False) -> int:
    """The command ``redo``."""
    return _step(context, library, as_json=json, redo=True)


def _check_nobodys(workspace: Workspace, tracklet_ids: list[int]) -> None:
    """A new person is made of sightings that are nobody's; raises UsageError otherwise."""
    for tracklet_id in tracklet_ids:
        owner = workspace.library.tracklet(tracklet_id).identity_id
        if owner is not None:
            raise UsageError(
                tr(
                    "Tracklet {id} already belongs to {name}.",
                    id=tracklet_id,
                    name=workspace.library.identity(owner).name,
                ),
                tr("Use people name, split or merge."),
            )


def _step(context: typer.Context, library: Path, *, as_json: bool, redo: bool) -> int:
    with opened(context.obj, library) as workspace:
        step = workspace.people.redo() if redo else workspace.people.undo()
    if as_json:
        print_json({"done": step is not None})
    elif step is None:
        typer.echo(tr("There is nothing to redo.") if redo else tr("There is nothing to undo."))
    else:
        typer.echo(tr("Redone.") if redo else tr("Undone."))
    return DONE


def _tell(workspace: Workspace, person: Identity, said: str, *, as_json: bool) -> int:
    """Says what was done, or shows the person as it is now."""
    if not as_json:
        typer.echo(said, err=True)
        return DONE
    sightings = [each.id for each in workspace.people.sightings(person.id)]
    about = {"id": person.id, "name": person.name, "colour": person.colour or None}
    print_json({**about, "notes": person.notes, "tracklet_ids": sightings})
    return DONE
