"""``models``: which networks are on this computer, and putting others there."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import JsonOption, helped
from app.core.command_name import command_name
from app.core.networks import ModelRole, NetworkCard, role_words
from app.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.services.networks.model_shelf import ShelfEntry
    from app.services.networks.public_models import PublicModel

_LARGER = "yolo11m"  # a detector that still suits a processor

models = typer.Typer(
    help=tr("Show, install or remove networks."),
    rich_markup_mode=None,
    invoke_without_command=True,
)
_RoleOption = Annotated[ModelRole | None, typer.Option(help=tr("Its role; detected if omitted."))]


@models.callback()
def _show(
    context: typer.Context,
    json: JsonOption = False,
    measure: Annotated[
        bool, typer.Option("--measure", help=tr("Measure the speed of each on this computer."))
    ] = False,
    library: Annotated[
        Path | None, typer.Option(help=tr("Show what this library uses, rather than a new one."))
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help=tr("Also show origin, results and full terms."))
    ] = False,
) -> int:
    if context.invoked_subcommand is not None:
        return 0
    from app.cli.output import chatter_on_stderr, print_json

    opened = (
        nullcontext()
        if library is None
        else context.obj.open_workspace(library.expanduser(), create=False)
    )
    shelf = context.obj.model_shelf()
    with opened as workspace, chatter_on_stderr():  # networks are loaded in here
        networks = None if workspace is None else workspace.networks
        entries = shelf.entries(networks)
        problems = [str(error) for error in shelf.problems(networks)]
        if measure:
            entries = [shelf.measured(entry) for entry in entries]
    if json:
        answer = {
            "models": [_as_json(entry) for entry in entries],
            "public": [_offer_as_json(model) for model in shelf.public()],
            "problems": problems,
        }
        print_json(answer)
    else:
        _print(entries, problems, details=details)
        _print_offers(shelf.public(), details=details)
    return 0


@models.command()
@helped(
    tr(
        "Install a network.\n\nIt is loaded and tested first, then copied to the "
        "models folder, where Retrace finds it. Only a URL or NAME is downloaded; run "
        "the same command again to continue an interrupted download. Ultralytics' "
        "other YOLO weights, such as yolo11n.pt, are also known by name."
    )
)
def install(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL|NAME",
            help=tr("A weights file, an https address, or a name that `models` lists."),
        ),
    ],
    role: _RoleOption = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help=tr("Expected SHA-256 checksum of the file."))
    ] = None,
) -> int:
    """The command ``install``."""
    from app.cli.output import chatter_on_stderr
    from app.cli.progress import follow_install
    from app.services.networks.public_models import offer_text

    with chatter_on_stderr():
        installed = follow_install(context.obj.model_shelf().install(source, role, sha256))
    typer.echo(
        tr(
            "{name} was installed as {role}: {path}",
            name=installed.path.name,
            role=role_words(installed.role),
            path=installed.path,
        )
    )
    known = installed.published_as
    if known is not None:
        typer.echo(
            tr("This is the published {name}: {offer}", name=known.name, offer=offer_text(known))
        )
    typer.echo(f"SHA-256: {installed.sha256}")
    return 0


@models.command()
@helped(tr("Delete an installed network.\n\nLibraries made with it will need it again."))
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=tr("Name of an installed network."))],
    role: _RoleOption = None,
) -> int:
    """The command ``remove``."""
    typer.echo(tr("Removed: {file}", file=context.obj.model_shelf().remove(name, role)))
    return 0


def _origin(card: NetworkCard) -> list[str]:
    from app.services.networks.model_shelf import origin_words

    parts = [card.architecture] if card.architecture else []
    if card.requires_embedder:
        parts.append(tr("for the embedder {embedder}", embedder=card.requires_embedder))
    parts += origin_words(card)
    if card.command:
        parts.append(tr("made by `{command}`, seed {seed}", command=card.command, seed=card.seed))
    return parts


def _as_json(entry: ShelfEntry) -> dict[str, Any]:
    card, figures = entry.card, entry.figures
    return {
        "role": entry.role,
        "name": entry.path.stem,
        "file": str(entry.path),
        "place": entry.place.value,
        "size_bytes": entry.size_bytes,
        "used": bool(entry.used_because),
        "used_because": entry.used_because or None,
        "architecture": card.architecture or None,
        "requires_embedder": card.requires_embedder,
        "trained_on": list(card.trained_on),
        "terms": card.terms or None,
        "metrics": dict(card.metrics),
        "command": card.command or None,
        "seed": card.seed,
        "ms": None if figures is None or figures.ms is None else round(figures.ms, 3),
        "unit": figures.unit if figures else None,
        "device": figures.device if figures else None,
        "problem": str(entry.problem) if entry.problem else None,
    }


def _offer_as_json(model: PublicModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "role": model.role,
        "publisher": model.publisher,
        "page": model.page,
        "purpose": model.purpose,
        "terms": model.card["terms"],
        "metrics": dict(model.card["metrics"]),
        "size_bytes": model.size_bytes,
        "files": [
            {"name": each.name, "address": each.address, "sha256": each.sha256}
            for each in model.files
        ],
    }


def _print_offers(offers: Sequence[PublicModel], *, details: bool) -> None:
    """What could be installed by name."""
    from app.cli.output import AnswerTable
    from app.services.networks.download import megabytes
    from app.services.networks.public_models import reach_text

    columns = (
        tr("role"),
        tr("name"),
        tr("size"),
        tr("terms"),
        tr("publisher, what it reaches"),
    )
    table = AnswerTable(
        "\n" + tr("Networks of other publishers, installable by name"),
        columns,
        right=(tr("size"),),
        folding=columns[-1:],
    )
    for model in offers:
        said = f"{model.publisher}. {reach_text(model) if details else model.purpose}"
        size = megabytes(model.size_bytes)
        table.add(role_words(model.role), model.name, size, model.card["terms"], said)
    if offers:
        table.print(
            "",
            tr(
                "To install one: {program} models install {name}",
                program=command_name(),
                name=offers[0].name,
            ),
        )


def _print(entries: list[ShelfEntry], problems: list[str], *, details: bool) -> None:
    from app.cli.output import AnswerTable
    from app.services.networks.download import megabytes
    from app.services.networks.installation import YOLO_EXAMPLE
    from app.services.networks.model_choice import LARGER_FINDS_MORE
    from app.services.networks.model_shelf import Place, terms_in_short

    columns = (tr("role"), tr("network"), tr("place"), tr("size"), tr("used"), tr("terms"))
    folding = (tr("network"), tr("used"), tr("terms"))
    table = AnswerTable(tr("Networks"), columns, right=(tr("size"),), folding=folding)
    for entry in entries:
        why = tr("yes: {reason}", reason=entry.used_because) if entry.used_because else tr("no")
        size = megabytes(entry.size_bytes)
        role, place = role_words(entry.role), entry.place.words
        table.add(role, entry.path.name, place, size, why, terms_in_short(entry.card))
    told = [line for entry in entries for line in _details(entry, whole=details)]
    used = [entry for entry in entries if entry.used_because]
    hints = list(problems)
    if any(each.role == "detector" and each.place is Place.BUNDLED for each in used):
        hints.append(
            tr(
                "The bundled detector is used. {advice} To get one:\n  {program} models "
                "install {network}\nTo use it in an existing library: ingest … --detector "
                "{network}",
                advice=LARGER_FINDS_MORE,
                program=command_name(),
                network=_LARGER,
            )
        )
    if not any(each.role == "detector" for each in entries):
        hints.append(
            tr(
                "To download one: {program} models install {example}",
                program=command_name(),
                example=YOLO_EXAMPLE,
            )
        )
    if entries and not details:
        hints.append(tr("For origin, results and full terms, add --details."))
    table.print(*(["", *told] if told else []), *(["", *hints] if hints else []))


def _details(entry: ShelfEntry, *, whole: bool) -> list[str]:
    """What one network costs and what is wrong with it; with `whole`, also what it is good for."""
    parts = _origin(entry.card) if whole else []
    figures = entry.figures
    if figures is not None and figures.ms is not None:
        parts.append(
            tr(
                "{ms:.3g} ms a {unit} ({device})",
                ms=figures.ms,
                unit=figures.unit,
                device=figures.device,
            )
        )
    if entry.problem is not None:
        parts.append(f"! {entry.problem}")
    return [f"{entry.path.name}: {' · '.join(parts)}"] if parts else []
