"""`synthesize reid`, `scenes`, `composed`: people that nobody filmed, with the truth about them.

Exit statuses: 0 done, 1 a folder or device cannot be used, 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.command_errors import errors_told

if TYPE_CHECKING:
    from trainer.synthetic.jobs import Done

synthesize = typer.Typer(
    help="Renders people for virtual cameras, free of licence terms, or composes them of crops.",
    no_args_is_help=True,
)

Out = Annotated[Path, typer.Option(help="The folder to fill; finished files in it are kept.")]
Seed = Annotated[int, typer.Option(min=0, help="Equal seeds give equal bytes.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes at the same time.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
Force = Annotated[bool, typer.Option("--force", help="Render again what is there.")]


@synthesize.command()
def reid(
    out: Out,
    identities: Annotated[int, typer.Option(min=1, help="How many people.")] = 100,
    cameras: Annotated[int, typer.Option(min=1, help="How many cameras.")] = 6,
    images: Annotated[int, typer.Option(min=1, help="Of each person in each camera.")] = 4,
    seed: Seed = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height.")] = "64x128",
    train_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the people that are for training.")
    ] = 0.5,
    seen: Annotated[
        str, typer.Option(metavar="LOW-HIGH", help="How many cameras see a person.")
    ] = "2-6",
    workers: Workers = 1,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Renders crops in Market-1501 layout.

    The first people are in bounding_box_train; of each of the others, the first image of each
    camera is in query, the rest in bounding_box_test. An interrupted run continues.

    Example: `python -m trainer synthesize reid --out rendered --identities 1000 --cameras 12`
    """
    from trainer.synthetic.crop_job import CropSettings, write_crops

    with errors_told():
        settings = CropSettings(
            identities, cameras, images, seed, _pair(size, "x", "--size"), train_share,
            _pair(seen, "-", "--seen"),
        )  # fmt: skip
        _watch(write_crops(settings, out, workers, device, force), "crops", out)


@synthesize.command()
def scenes(
    out: Out,
    cameras: Annotated[int, typer.Option(min=1, help="How many cameras.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each clip.")] = 15.0,
    fps: Annotated[float, typer.Option(min=0.2, max=60, help="Frames a second.")] = 10.0,
    people: Annotated[int, typer.Option(min=0, help="How many people walk about.")] = 10,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height.")] = "640x360",
    seed: Seed = 0,
    worlds: Annotated[
        int, typer.Option(min=1, help="Sets of clips, each of another place and other people.")
    ] = 1,
    codec: Annotated[str, typer.Option(help="h264 or vp9.")] = "h264",
    quality: Annotated[int, typer.Option(min=0, max=63, help="Lower is better, larger.")] = 27,
    labels: Annotated[str, typer.Option(help="none or yolo.")] = "none",
    label_every: Annotated[int, typer.Option(min=1, help="Every how many frames.")] = 10,
    label_visible: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of a person that shows.")
    ] = 0.3,
    workers: Workers = 1,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Renders synchronised clips of several cameras, with the truth in MOT format.

    People keep their identity over all cameras of a world, and leave one to appear in another
    later. With `--labels yolo`, frames and labels for training a detector are written too.

    Example: `python -m trainer synthesize scenes --out demo --cameras 3 --seconds 15`
    """
    from trainer.synthetic.scene_job import SceneSettings, write_scenes

    if labels not in ("none", "yolo"):
        raise typer.BadParameter(f"{labels!r} is neither none nor yolo", param_hint="'--labels'")
    with errors_told():
        settings = SceneSettings(
            cameras, seconds, fps, people, _pair(size, "x", "--size"), seed, worlds, codec, quality,
            label_every if labels == "yolo" else 0, label_visible,
        )  # fmt: skip
        _watch(write_scenes(settings, out, workers, device, force), "frames", out)


@synthesize.command()
def composed(
    sources: Annotated[
        list[str], typer.Argument(help="Data sets, such as folder:NAME#holdout=100.")
    ],
    out: Out,
    data: Annotated[
        Path, typer.Option(envvar="RETRACE_DATA", help="The folder below which data sets lie.")
    ] = Path(),
    identities: Annotated[int, typer.Option(min=1, help="How many people.")] = 1000,
    images: Annotated[int, typer.Option(min=1, help="Of each person.")] = 8,
    seed: Seed = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height.")] = "64x128",
    workers: Workers = 1,
    force: Force = False,
) -> None:
    """Composes new people from the training crops of data sets, in Market-1501 layout.

    The upper part of one person and the lower part of another, each in colours of its own; the
    terms of the data sets hold for what is made of them.

    Example: `python -m trainer synthesize composed market1501 --out composed`
    """
    from trainer.synthetic.composed import ComposeSettings, write_composed

    with errors_told():
        settings = ComposeSettings(
            tuple(sources), identities, images, seed, _pair(size, "x", "--size")
        )
        _watch(write_composed(settings, out, data, workers, force), "crops", out)


def _pair(text: str, between: str, option: str) -> tuple[int, int]:
    parts = text.lower().split(between)
    if len(parts) != 2 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise typer.BadParameter(
            f"{text!r} is not two whole numbers with {between!r} between them",
            param_hint=f"'{option}'",
        )
    return int(parts[0]), int(parts[1])


def _watch(job: Iterator[Done], noun: str, out: Path) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    total = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(noun, total=None)
        for done in job:
            total = done.total
            bar.update(task, completed=done.pictures, total=done.total)
    typer.echo(f"{out}: {total} {noun}")
