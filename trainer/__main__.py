"""`python -m trainer …`: the workshop's command line."""

import typer

from trainer.data_commands import datasets
from trainer.detection_commands import detector
from trainer.evaluation_commands import evaluate, extract, rank
from trainer.model_commands import convert, onnx, summary
from trainer.synthesis_commands import synthesize
from trainer.told_command import INSTALLED, as_typed
from trainer.train_commands import export, list_configs, train

_HELP = """
Trains, measures, converts and exports the networks of Retrace.

The usual way, with data sets below ~/data; see --help of each command:

`export RETRACE_DATA=~/data`

`python -m trainer datasets check market1501`

`python -m trainer list market1501`

`python -m trainer train transreid/market1501_s12_sie_jpm --resume auto`

`python -m trainer evaluate --model runs/transreid-market1501_s12_sie_jpm/model.safetensors
--on market1501`

`python -m trainer export runs/transreid-market1501_s12_sie_jpm --out transreid.safetensors`
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("list")(list_configs)
for command in (train, export, extract, rank, evaluate, convert, summary, onnx):
    app.command()(command)
app.add_typer(datasets, name="datasets")
app.add_typer(synthesize, name="synthesize")
app.add_typer(detector, name="detector")


def run() -> None:
    """Runs a command as the installed script does, which help and errors name."""
    _name_as_typed(app)
    app(prog_name=INSTALLED)


def _name_as_typed(group: typer.Typer) -> None:
    if group.info.help:
        group.info.help = as_typed(group.info.help)
    for command in group.registered_commands:
        if command.callback is not None:
            command.callback.__doc__ = as_typed(command.callback.__doc__ or "")
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _name_as_typed(inner.typer_instance)


if __name__ == "__main__":
    app(prog_name="python -m trainer")
