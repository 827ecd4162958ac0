"""``reembed`` and ``untangle``: what is stored is worked through again, without the footage."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DeviceOption, LibraryOption, helped
from app.cli.program import DONE, opened
from app.language import tr


@helped(
    tr(
        "Change a library's embedder.\n\nNew vectors are made from the stored crops; "
        "the footage is not needed. If interrupted, run it again to continue. Until it "
        "is finished, searches use the old vectors."
    )
)
def reembed(
    context: typer.Context,
    library: LibraryOption,
    embedder: Annotated[
        str,
        typer.Option(help=tr("Embedder to change to (.safetensors, .onnx, .xml), or its name.")),
    ],
    device: DeviceOption = None,
) -> int:
    """The command ``reembed``."""
    from app.cli.progress import follow_reembed

    with opened(context.obj, library) as workspace:
        follow_reembed(workspace.reembed(embedder, device))
    return DONE


@helped(
    tr(
        "Cut mixed sightings and join divided ones.\n\nA mixed sighting shows several "
        "people; divided sightings show parts of one person's stay. New footage is "
        "untangled during the ingest; this command does it for footage stored by older "
        "versions. It works on the stored crops; the footage is not needed. Sightings "
        "you have judged stay as they are."
    )
)
def untangle(context: typer.Context, library: LibraryOption, device: DeviceOption = None) -> int:
    """The command ``untangle``."""
    from app.cli.progress import follow_untangling

    with opened(context.obj, library) as workspace:
        follow_untangling(workspace.untangle(device))
    return DONE
