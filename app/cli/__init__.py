"""The command line: the headless twin of every job of the window."""

from app.cli.commands import run_command_line
from app.cli.program import INTERRUPTED, Program

__all__ = ["INTERRUPTED", "Program", "run_command_line"]
