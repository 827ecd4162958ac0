"""``demo``: the people of the rendered clips, sought from camera to camera."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from app.cli.output import AnswerTable, chatter_on_stderr, print_json
from app.core.queries import Refinement, StageLeftOut, TrackletQuery
from app.language import listed, tr
from app.services.demo.demo import Finding, demo_clips, search_demo
from app.services.export.export import write_sheet
from app.services.ingest.ingest_options import IngestOptions
from app.settings import demo_dir

if TYPE_CHECKING:
    from app.core.networks import NamedModels
    from app.services.workspace import Workspace
    from app.settings import Settings

_SHEET_HITS = 20


def demo_options(settings: Settings, named: NamedModels) -> IngestOptions:
    """How the demo's clips are loaded.

    Raises:
        NotFoundError: they are not there.
    """
    demo_clips(demo_dir())
    return IngestOptions(
        camera_by="file", fps=settings.ingest.fps, detector=named.detector, embedder=named.embedder
    )


def show_demo(
    workspace: Workspace,
    folder: Path,
    stages: Collection[Refinement],
    sheet: Path | None,
    *,
    as_json: bool,
) -> None:
    """Searches everybody, prints who was found on stdout, and writes the sheet of one search.

    Args:
        workspace: a library that holds the clips.
        folder: where the clips lie.
        stages: the refinements that are switched on.
        sheet: the picture's file; None: beside the library.
        as_json: one JSON object instead of a table.

    Raises:
        UserFacingError: the clips are not there, or the picture cannot be written.
    """
    findings: list[Finding] = []
    library = workspace.library.folder
    with chatter_on_stderr():  # networks are loaded in here
        for event in search_demo(workspace, folder, stages):
            if isinstance(event, StageLeftOut):
                typer.echo(
                    tr("Not {stage}: {error}", stage=event.stage.words, error=event.error), err=True
                )
            else:
                findings.append(event)
        path = (sheet or library.with_name(f"{library.name}.png")).expanduser().absolute()
        chosen = _for_the_sheet(findings)
        if chosen is not None:
            _write_sheet(workspace, path, chosen)
    if as_json:
        print_json(_as_json(findings, library, None if chosen is None else path))
    else:
        _print_table(findings)
    if chosen is not None:
        typer.echo(
            tr(
                "The search for person {person} as a picture: {path}",
                person=chosen.person,
                path=path,
            ),
            err=True,
        )


def _for_the_sheet(findings: list[Finding]) -> Finding | None:
    """The first one that was found, else the first that was sought, if any."""
    sought = [each for each in findings if each.query_id is not None]
    return next((each for each in sought if each.is_right), sought[0] if sought else None)


def _write_sheet(workspace: Workspace, path: Path, found: Finding) -> None:
    assert found.query_id is not None
    hits = found.hits[:_SHEET_HITS]
    caption = (
        f"Person {found.person} of the demo, taken from {found.camera} - "
        f"{len(hits)} of {len(found.hits)} {found.stage.value}"
    )
    picture = workspace.picture_of(TrackletQuery(found.query_id))
    write_sheet(path, picture, hits, caption, workspace.library.crop, workspace.library.timezone)


def _score(findings: list[Finding]) -> tuple[int, int]:
    return sum(each.is_right for each in findings), len(findings)


def _as_json(findings: list[Finding], library: Path, sheet: Path | None) -> dict[str, Any]:
    right, people = _score(findings)
    return {
        "library": str(library),
        "sheet": None if sheet is None else str(sheet),
        "found_first": right,
        "people": people,
        "findings": [_finding_as_json(each) for each in findings],
    }


def _finding_as_json(found: Finding) -> dict[str, Any]:
    first = found.first
    return {
        "person": found.person,
        "camera": found.camera or None,
        "tracklet_id": found.query_id,
        "stage": found.stage.value,
        "first_hit": None
        if first is None
        else {
            "tracklet_id": first.tracklet_id,
            "camera": first.camera,
            "score": round(first.score, 6),
            "right": found.is_right,
        },
        "first_right_rank": found.rank,
    }


def _print_table(findings: list[Finding]) -> None:
    columns = (
        tr("person"),
        tr("taken from"),
        tr("first hit"),
        tr("score"),
        tr("shows"),
        tr("rank of first correct hit"),
    )
    stages = {each.stage for each in findings if each.query_id is not None}
    words = listed(each.words for each in sorted(stages))
    table = AnswerTable(
        tr("Everybody in the demo, searched for in the other cameras ({stages})", stages=words)
        if stages
        else tr("Everybody in the demo, searched for in the other cameras"),
        columns,
        right=(tr("person"), tr("score"), tr("rank of first correct hit")),
    )
    for found in findings:
        first = found.first
        table.add(
            str(found.person),
            found.camera or tr("never detected"),
            "–" if first is None else first.camera,
            "–" if first is None else f"{first.score:.3f}",
            "–" if first is None else tr("✓ right") if found.is_right else tr("✕ wrong"),
            "–" if found.rank is None else str(found.rank),
        )
    right, people = _score(findings)
    table.print(
        tr(
            "{right} of {people} people: the top hit from another camera is correct",
            right=right,
            people=people,
        )
    )
