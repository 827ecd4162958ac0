"""`python -m trainer …`: the workshop's command line."""

import typer

from trainer.model_commands import convert, onnx, summary

app = typer.Typer(
    help="Prepares networks for Retrace: converts published checkpoints, measures, exports.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for command in (convert, summary, onnx):
    app.command()(command)

if __name__ == "__main__":
    app(prog_name="python -m trainer")
