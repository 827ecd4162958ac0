"""`python -m trainer …`: the workshop's command line."""

import typer

from trainer.data_commands import datasets
from trainer.detection_commands import detector
from trainer.evaluation_commands import evaluate, extract, rank
from trainer.model_commands import convert, onnx, summary
from trainer.synthesis_commands import synthesize
from trainer.train_commands import export, list_configs, train

app = typer.Typer(
    help="Trains, measures, converts and exports the networks of Retrace.",
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

if __name__ == "__main__":
    app(prog_name="python -m trainer")
