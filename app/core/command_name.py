"""What users type to start the program."""

from __future__ import annotations

import sys
from pathlib import Path

INSTALLED = "retrace"


def command_name() -> str:
    """`retrace` if it was started by the installed script, else `python main.py`."""
    return INSTALLED if Path(sys.argv[0]).stem == INSTALLED else "python main.py"
