"""What users type to start the program, and its trainer."""

from __future__ import annotations

import sys
from pathlib import Path

INSTALLED = "retrace"


def as_typed(text: str) -> str:
    """A text with the commands of the trainer as they are typed here."""
    installed = command_name() == INSTALLED
    return text.replace("python -m trainer", "retrace-train") if installed else text


def command_name() -> str:
    """`retrace` if it was started by the installed script, else `python main.py`."""
    return INSTALLED if Path(sys.argv[0]).stem == INSTALLED else "python main.py"
