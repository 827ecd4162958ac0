"""``reembed`` and ``untangle``: what is stored is worked through again, without the footage."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import DeviceOption, LibraryOption, helped
from app.cli.program import DONE, opened
from app.language import tr


@helped(
    tr(
        "Change a library's embedder.\n\n"
        "New vectors are made from the stored crops; the footage is not needed. Running it "
        "again goes on where it was interrupted; until its end, searches use "
        "the old vectors."
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
        "Cut mixed sightings and join divided ones.\n\n"
        "A mixed one shows several people; divided ones show one person in parts. New "
        "footage is untangled while it is ingested; this does it for what older "
        "versions stored. It works on the stored crops, the footage is not needed. What "
        "you have judged stays as it is."
    )
)
def untangle(context: typer.Context, library: LibraryOption, device: DeviceOption = None) -> int:
    """The command ``untangle``."""
    from app.cli.progress import follow_untangling

    with opened(context.obj, library) as workspace:
        follow_untangling(workspace.untangle(device))
    return DONE
