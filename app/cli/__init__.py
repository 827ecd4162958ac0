"""The command line: the headless twin of every job of the window."""

from app.cli.commands import INTERRUPTED, Program, run_command_line

__all__ = ["INTERRUPTED", "Program", "run_command_line"]
