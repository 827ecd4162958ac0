"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.language import tr

Command = TypeVar("Command", bound=Callable[..., object])


def helped(text: str) -> Callable[[Command], Command]:
    """Gives a command its help, which Typer takes from the docstring, in the user's language."""

    def give(command: Command) -> Command:
        command.__doc__ = text
        return command

    return give


LibraryOption = Annotated[
    Path, typer.Option("--library", help=tr("Library folder."), show_default=False)
]
DetectorOption = Annotated[
    str | None, typer.Option(help=tr("YOLO weights (.pt, .onnx, .engine), or an installed name."))
]
EmbedderOption = Annotated[
    str | None,
    typer.Option(help=tr("Embedder (.safetensors, .onnx, .xml), or an installed name.")),
]
AggregatorOption = Annotated[
    str | None,
    typer.Option(
        help=tr("Refines rankings by their neighbours (.safetensors), or an installed name.")
    ),
]
RerankerOption = Annotated[
    str | None,
    typer.Option(help=tr("Compares the best hits in pairs (.safetensors), or an installed name.")),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help=tr("One JSON object on stdout, everything else on stderr."))
]
CameraByOption = Annotated[
    str | None,
    typer.Option(
        help=tr(
            "Where to read the camera's name: auto, folder, file, or a regular expression "
            "with one group, matched against the path."
        ),
        show_default="auto",
    ),
]
FpsOption = Annotated[
    float | None,
    typer.Option(min=0.01, max=1000, help=tr("Analysed frames per second."), show_default="5"),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate",
        "--sequence-fps",
        min=0.001,
        max=1000,
        help=tr(
            "Frame rate of footage without one: pictures, bare H.264, H.265 and MJPEG streams."
        ),
    ),
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        help=tr(
            "Time zone of these cameras' clocks, kept with them (see clock): "
            "Europe/Berlin, UTC, +01:00."
        ),
        show_default=tr("the library's"),
    ),
]
SubStreamsOption = Annotated[
    bool,
    typer.Option(
        "--sub-streams", help=tr("Also read the small copies that recorders write of a stream.")
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help=tr("Only show what would be read: cameras, starts, zone, length."),
    ),
]
DeviceOption = Annotated[
    str | None, typer.Option(help=tr("auto, cpu, cuda:0, …"), show_default="auto")
]


def _install_entry(context: typer.Context, wanted: bool) -> None:
    del context
    if wanted:
        from app.services.desktop_entry import install_desktop_entry

        paths = install_desktop_entry()
        typer.echo(tr("Retrace is now in the applications menu. To remove it, delete:"))
        for path in paths:
            typer.echo(f"  {path}")
        raise typer.Exit


EntryOption = Annotated[
    bool,
    typer.Option(
        "--install-desktop-entry",
        callback=_install_entry,
        is_eager=True,
        help=tr("Add Retrace to the applications menu (Linux)."),
    ),
]
