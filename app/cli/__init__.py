"""The command line: the headless twin of every job of the window."""

from app.cli.commands import Program, run_command_line

__all__ = ["Program", "run_command_line"]
