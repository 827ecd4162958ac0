"""``calibration``: how probable hits are by their similarity, and how well that holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import JsonOption, LibraryOption, helped
from app.cli.output import AnswerTable, chatter_on_stderr, print_json
from app.cli.program import DONE, Program, opened
from app.core.errors import UsageError
from app.language import tr

if TYPE_CHECKING:
    from app.services.search.reliability import CalibrationReport, Reliability


@helped(
    tr(
        "Learn from the library how similarity relates to the probability of a match, "
        "and check this on pairs of sightings whose truth is known."
    )
)
def calibration(
    context: typer.Context,
    library: LibraryOption,
    json: JsonOption = False,
    plot: Annotated[
        Path | None, typer.Option(help=tr("Write a reliability diagram to this picture file."))
    ] = None,
) -> int:
    """The command ``calibration``."""
    program: Program = context.obj
    with opened(program, library) as workspace, chatter_on_stderr():
        steps = workspace.search.report_calibration()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                report: CalibrationReport = end.value
                break
    if plot is not None and report.reliability is not None:
        _write_plot(plot.expanduser(), report.reliability)
    if json:
        print_json(asdict(report))
    else:
        _print(report)
    return DONE


def _print(report: CalibrationReport) -> None:
    counted = tr(
        "{sightings} sightings, {pairs} pairs compared. Known: {same} pairs of one person, "
        "{different} of two.",
        sightings=report.sightings,
        pairs=report.pairs,
        same=report.same,
        different=report.different,
    )
    found = report.reliability
    title = tr("Probabilities and the truth, over pairs that were not learnt from")
    columns = (tr("probability"), tr("truly the same"), tr("pairs"))
    table = AnswerTable(title, columns, right=columns)
    if report.curve is None or found is None:
        table.print(counted, tr("Not enough data to tell likely from unlikely."))
        return
    for each in found.bins:
        table.add(f"{each.probability:.3f}", f"{each.same:.3f}", str(each.pairs))
    table.print(
        counted,
        tr("Expected calibration error: {error:.3f}", error=found.expected_error),
        tr("Of the pairs of one person, {share:.0%} are likely.", share=found.likely_of_same),
        tr(
            "Of the pairs of two people, {share:.0%} are unlikely.",
            share=found.unlikely_of_different,
        ),
    )


def _write_plot(path: Path, found: Reliability) -> None:
    """The reliability diagram.

    Raises:
        UsageError: the picture cannot be written there.
    """
    # Heavy, and needed here only.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
    axes.plot([each.probability for each in found.bins], [each.same for each in found.bins], "o-")
    for each in found.bins:
        axes.annotate(str(each.pairs), (each.probability, each.same), (4, -10),
                      textcoords="offset points", fontsize=8)  # fmt: skip
    # In English: the fonts at hand may know no other signs.
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share that shows one person",
        title=f"Held-out pairs, expected calibration error {found.expected_error:.3f}",
    )  # fmt: skip
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(
            tr("{path} cannot be written: {reason}", path=path, reason=error),
            tr("Name a .png or .pdf file in a folder that exists."),
        ) from error
