"""Commands about data sets: which are known, is one complete, what is this folder.

Exit statuses: 0 sound, 1 a data set is missing or cannot be understood, 2 wrong usage or an empty
folder, 3 problems were found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.command_errors import errors_told
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from trainer.data.inspection import Progress, Report
    from trainer.data.registry import DataSetEntry

datasets = typer.Typer(
    help="Data sets: which are known, whether one is complete, what a folder is.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Quick = Annotated[bool, typer.Option("--quick", help="Do not read the images, only count them.")]
_PROBLEMS = 3


@datasets.command("list")
def list_data_sets(as_json: AsJson = False) -> None:
    """Lists the data sets that can be named, their sizes, and where to ask for them.

    Example: `python -m trainer datasets list --json`
    """
    from trainer.data.registry import DATA_SETS

    if as_json:
        rows = [
            {
                "name": known.name,
                "title": known.title,
                "counts": asdict(known.counts),
                "folders": known.folders,
                "options": list(known.options),
                "home": known.home,
                "terms": known.terms,
            }
            for known in DATA_SETS.values()
        ]
        typer.echo(json.dumps(rows))
        return
    for known in DATA_SETS.values():
        numbers = {key: value for key, value in asdict(known.counts).items() if value is not None}
        typer.echo(f"{known.name:<18} {known.title}")
        for line in (
            ", ".join(f"{value} {key}" for key, value in numbers.items()),
            f"looked for as {' or '.join(known.folders)}" if known.folders else "",
            f"options: {', '.join(known.options)}" if known.options else "",
            f"from {known.home}" + (f"; {known.terms}" if known.terms else ""),
        ):
            if line:
                typer.echo(f"{'':<18}   {line}")
    typer.echo(
        "\nFolders may be named in any letter case, and lie in another one of the data set's names."
        "\nIn a configuration or after --on: NAME, NAME:FOLDER, folder:PATH or tracks:PATH; "
        "with #holdout=100,seed=0 identities of its training become query and gallery."
    )


@datasets.command()
def check(
    name: Annotated[str, typer.Argument(help="A data set, as in `datasets list`; all: each.")],
    data: Annotated[
        Path,
        typer.Option(
            envvar="RETRACE_DATA",
            help="The folder below which data sets lie.",
            exists=True,
            file_okay=False,
        ),
    ] = Path(),
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Tells what a data set lacks: counts, images that cannot be read, duplicates, leaks.

    Looked for: whether all parts are there and as large as published, MSMT17's version, images
    that are missing, unreadable, or there twice by their content, identities that are both in
    training and test, queries that have no match. The images of CUHK03 are written out of its
    MATLAB file beside it, if that has not been done.

    Example: `python -m trainer datasets check market1501 --data ~/data`
    """
    from trainer.data.check import check_data_set
    from trainer.data.registry import DATA_SETS, find_entry, find_folder

    if name == "all":
        _check_all(data, quick, as_json)
        return
    with errors_told():
        known = find_entry(name)
        folder = find_folder(name, data)
        if not known.marks:
            raise TrainerError(
                f"Nothing is known that {name} could be compared with.",
                f"Ask `datasets doctor` about it, or check one of {', '.join(DATA_SETS)}.",
            )
        report = _followed(check_data_set(known, folder, not quick))
    _tell([report], as_json)
    if not report.sound:
        raise typer.Exit(_PROBLEMS)


@datasets.command()
def doctor(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Any folder.")],
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Tells what a folder is, what is wrong with it, and what to do about it.

    Example: `python -m trainer datasets doctor ~/data/own-people`
    """
    from trainer.data.doctor import examine

    if not any(folder.iterdir()):
        typer.echo(f"{folder} is empty.\nName a folder that holds images.", err=True)
        raise typer.Exit(2)
    with errors_told():
        report = _followed(examine(folder, not quick))
    _tell([report], as_json)
    if not report.sound:
        raise typer.Exit(_PROBLEMS)


def _check_all(data: Path, quick: bool, as_json: bool) -> None:
    """Checks what is there; a broken data set does not keep the others from being checked."""
    from trainer.data.check import check_data_set
    from trainer.data.inspection import Report, finding
    from trainer.data.registry import DATA_SETS, find_folder

    reports = []
    for known in DATA_SETS.values():
        if not known.marks:
            continue
        if not _begun(known, data):
            if not as_json:
                typer.echo(f"{known.name}: not there; ask for it: {known.home}")
            continue
        try:
            report = _followed(check_data_set(known, find_folder(known.name, data), not quick))
        except TrainerError as error:
            problem = finding("problem", "unusable", error.message, error.remedy)
            report = Report(known.name, str(data), findings=(problem,))
        reports.append(report)
    if not reports:
        typer.echo(
            f"No known data set is below {data.resolve()}.\n"
            "Name another folder with --data; `datasets list` tells what is looked for.",
            err=True,
        )
        raise typer.Exit(2)
    _tell(reports, as_json)
    if not all(report.sound for report in reports):
        raise typer.Exit(_PROBLEMS)


def _begun(known: DataSetEntry, data: Path) -> bool:
    """Whether something of it is there, and not only of a data set that shares its folder."""
    from trainer.data.places import complete_folders, usual_folders

    places = usual_folders(data, known.folders)
    return any(complete_folders(place, known.marks[:1]) for place in places)


def _followed(events: Iterator[Progress | Report]) -> Report:
    """Runs an inspection to its end under a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from trainer.data.inspection import Report

    columns = ("Reading images", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        for event in events:
            if isinstance(event, Report):
                return event
            bar.update(task, completed=event.done, total=event.total)
    raise RuntimeError("the inspection ended without a report")


def _tell(reports: list[Report], as_json: bool) -> None:
    if as_json:
        rows = [asdict(report) | {"sound": report.sound} for report in reports]
        typer.echo(json.dumps(rows))
        return
    for report in reports:
        typer.echo(f"{report.name}: {report.folder}")
        for key, number in report.counts.items():
            should = report.expected.get(key)
            verdict = {None: "", number: "as published"}.get(should, f"should be {should}")
            typer.echo(f"  {key:<20}{number:>9}  {verdict}".rstrip())
        for each in report.findings:
            typer.echo(f"  {each.severity}: {each.message} {each.remedy}".rstrip())
            for path in each.files[:3]:
                typer.echo(f"    {path}")
            if len(each.files) > 3:
                typer.echo("    … (--json names more)")
        typer.echo("  sound" if report.sound else "  NOT sound: see the problems above")
