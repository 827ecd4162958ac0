"""Commands about trainings: train, list the published rows, take model files out of a run.

Exit statuses: 0 done, 1 something cannot be used, 2 wrong usage, 3 stopped by --minutes before the
end, 130 Ctrl-C, 143 SIGTERM; after the last three, `--resume auto` goes on. torchrun makes 1 of
every status but 0.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reid_models.errors import NetworkError
from trainer.command_errors import INTERRUPTED, check_place, errors_told
from trainer.errors import TrainerError
from trainer.run_lock import sole_training

if TYPE_CHECKING:
    from trainer.config import TrainConfig
    from trainer.run_setup import PreparedRun


Config = Annotated[
    str, typer.Argument(help="A name as in `list`, or a TOML file.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Other values, such as training.epochs=60."),
]
Resume = Annotated[
    str,
    typer.Option(
        metavar="auto|RUN",
        help="auto: go on with the run in --out, or begin it; RUN: go on with that folder.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="RETRACE_DATA",
        help="The folder below which data sets lie.",
        exists=True,
        file_okay=False,
    ),
]
Out = Annotated[
    Path | None, typer.Option(help="The run's folder; runs/NAME otherwise.", file_okay=False)
]
Overfit = Annotated[
    int,
    typer.Option(min=0, help="Sanity check: 200 steps on the first N batches; the loss must fall."),
]
Minutes = Annotated[
    float,
    typer.Option(
        min=0, help="Save and stop after this many minutes, with exit status 3; 0: never."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Threads = Annotated[
    int, typer.Option(min=0, help="Threads of PyTorch on the processor; 0: PyTorch's default.")
]


def train(
    config: Config,
    settings: Settings = None,
    resume: Resume = "",
    data: Data = None,
    out: Out = None,
    overfit: Overfit = 0,
    minutes: Minutes = 0.0,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Trains a network, and leaves a folder with everything about the run.

    The folder: `config.toml` (every setting), `sessions.jsonl` (versions, commit, device),
    `log.jsonl` and `tensorboard/`, `samples.png` (augmented images), `curves.png`, `hits-*.png`
    (rankings, right and wrong), `checkpoints/`, `best.safetensors` (highest mAP) and
    `model.safetensors` (the last epoch), which the application opens.

    A killed run continues exactly from its last checkpoint: repeat the command with
    `--resume auto`. Ctrl-C and SIGTERM save first. Several GPUs or machines:
    `torchrun --nproc-per-node 4 -m trainer train …`.

    A published row, a configuration of your own, and fine-tuning:

    `python -m trainer train transreid/market1501_s12_sie_jpm --data ~/data`

    `python -m trainer train mine.toml training.epochs=60 --resume auto --minutes 50`

    `python -m trainer train mine.toml start.model=published.pth optimizer.lr=0.001`
    """
    with errors_told():
        chosen, name = _configuration(config, settings or [], data)
        folder = out or Path("runs") / (f"{name}-overfit" if overfit else name)
        if resume and resume != "auto":
            folder = Path(resume)
            if not (folder / "config.toml").is_file():
                raise TrainerError(f"There is no run in {folder}.", "Check --resume.")
        with sole_training(folder):
            from trainer.run_setup import RunRequest, prepare_run

            request = RunRequest(folder, bool(resume), overfit, minutes, device, threads)
            status = _follow(prepare_run(chosen, request), folder)
    raise typer.Exit(status)


def list_configs(
    search: Annotated[str, typer.Argument(help="Only names that contain this.")] = "",
) -> None:
    """Lists the bundled configurations, with the published results.

    mAP and rank-1 in per cent, as the source prints them. A name is what `train` takes.

    Example: `python -m trainer list msmt17`
    """
    from trainer.config import configs_with, find_config, load_config

    with errors_told():
        for name in configs_with(search):
            found = load_config(find_config(name))
            published = found.published
            numbers = [
                "     –" if value is None else f"{100 * value:6.2f}"
                for value in (published.mAP, published.rank1)
            ]
            source = f"  ({published.source})" if published.source else ""
            typer.echo(f"{name:<44} {' '.join(numbers)}  {found.title}{source}")


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", file_okay=False)],
    out: Annotated[Path, typer.Option(help="The model file to write, *.safetensors or *.onnx.")],
    best: Annotated[
        bool, typer.Option("--best", help="Of the best evaluation, not of the last checkpoint.")
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Store weights as float16: half the size.")
    ] = False,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write ONNX, for other programs; embedders only.")
    ] = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="Leave out classifiers, which only training needs.")
    ] = False,
    terms: Annotated[
        str, typer.Option(help="Terms of use, for the card; otherwise those of the data.")
    ] = "",
) -> None:
    """Writes the network of a run to a model file, also while it is still being trained.

    Of a recipe that trains several networks, the others become FILE-NAME beside it.

    Example: `python -m trainer export runs/transreid-market1501_s12_sie_jpm
    --out transreid.safetensors`
    """
    onnx = onnx or out.suffix == ".onnx"
    if onnx and half:
        raise typer.BadParameter("ONNX files are written as float32", param_hint="'--half'")
    if onnx and terms:
        raise typer.BadParameter("ONNX files hold no card", param_hint="'--terms'")
    if onnx and bare:
        raise typer.BadParameter("ONNX files hold no classifiers", param_hint="'--bare'")
    from reid_models.interfaces import EmbeddingModel
    from reid_models.model_file import save_model, without_classifiers
    from reid_models.onnx_export import export_onnx
    from trainer.run_setup import run_networks

    with errors_told():
        check_place(out, ".onnx" if onnx else ".safetensors")
        for name, network, card in run_networks(run, best=best):
            path = out.with_name(f"{out.stem}-{name}{out.suffix}") if name else out
            if onnx:
                if not isinstance(network, EmbeddingModel):
                    raise NetworkError(
                        f"A {card.role} cannot be exported to ONNX.",
                        "Name a *.safetensors file, without --onnx.",
                    )
                report = export_onnx(network, path)
                typer.echo(f"{path}: vectors differ by {report.largest_difference:.1e} at most")
                continue
            if bare:
                network, card = without_classifiers(network, card)
            card = replace(card, terms=terms or card.terms)
            card = save_model(path, network, card, half=half)
            typer.echo(f"{path}: {card.role} {card.id}, {path.stat().st_size / 1e6:.1f} MB")


def _configuration(name: str, settings: list[str], data: Path | None) -> tuple[TrainConfig, str]:
    """The configuration, and what its run is called."""
    from trainer.config import CONFIGS, find_config, load_config

    path = find_config(name)
    if data is not None:
        settings = [f"data.root={data.resolve()}", *settings]
    if path.is_relative_to(CONFIGS):
        called = "-".join(path.relative_to(CONFIGS).with_suffix("").parts)
    else:
        called = path.resolve().parent.name if path.stem == "config" else path.stem
    return load_config(path, settings), called


def _follow(prepared: PreparedRun, folder: Path) -> int:
    """Runs to the end and shows how far it is; returns the exit status."""
    from trainer.engine import Stopped
    from trainer.training_display import TrainingDisplay

    engine, status = prepared.engine, 0
    display = TrainingDisplay(prepared.config, shown=prepared.leads)
    display.begin(folder, engine, prepared.notes)
    try:
        with display:
            for event in engine.run():
                display.show(event)
                if isinstance(event, Stopped):
                    status = event.status
    except KeyboardInterrupt:
        status = INTERRUPTED  # a second Ctrl-C; the checkpoint before it counts
    display.end(folder, status)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch.distributed

        torch.distributed.destroy_process_group()
    return status
