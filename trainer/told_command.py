"""The command that was given, as it may stand in a card that is handed on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

INSTALLED = "retrace-train"


def as_typed(text: str) -> str:
    """A text with this program's commands as they are typed here."""
    installed = Path(sys.argv[0]).stem == INSTALLED
    return text.replace("python -m trainer", INSTALLED) if installed else text


def told_command() -> str:
    """The command line of this process; of whole paths the last name only, of --terms an ellipsis.

    Where a user's folders lie is nobody's business, and of no use on another machine. Terms stand
    in the card as such.
    """
    words = [_place_free(word) for word in sys.argv[1:]]
    for place, option in enumerate(words[:-1]):
        if option == "--terms":
            words[place + 1] = "…"
    return shlex.join(["python", "-m", "trainer", *words])


def note_command(folder: Path, *, keep: bool = True) -> str:
    """Notes in `commands.txt` that this command worked on a folder; returns all, joined by &&.

    With `keep` off the command is only in what is returned: it changed nothing in the folder.
    """
    file = folder / "commands.txt"
    known = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    if known[-1:] != [told_command()]:
        known.append(told_command())
    if keep:
        file.write_text("".join(f"{line}\n" for line in known), encoding="utf-8")
    return " && ".join(known)


def _place_free(word: str) -> str:
    key, is_setting, value = word.rpartition("=")
    return f"{key}{is_setting}{name_of_path(value)}"


def name_of_path(text: str) -> str:
    """The last name of a whole path; any other text as it is."""
    return Path(text).name if Path(text).is_absolute() else text
