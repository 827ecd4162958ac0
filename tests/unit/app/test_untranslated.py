"""No text for people bypasses `app.language.tr`."""

from __future__ import annotations

from pathlib import Path

import pytest
from untranslated import files, untranslated

APP = Path(__file__).resolve().parents[3] / "app"
# Of these modules no literal is translated.
_NAMES_AND_PATTERNS = {
    "core/layouts.py",  # how recorders name files; the layouts' names are those of their makers
    "core/name_reading.py",  # words in names of files; names made for cameras are kept as data
    "gui/widgets/icons.py",  # SVG
    "gui/widgets/theme.py",  # style sheets
}
_NOT_FOR_PEOPLE = {
    "Retrace",  # the program's name
    "Retrace {}",
    "English",  # each language by its own name
    "python main.py",  # what is typed
    "file name",  # values that are stored
    "file time",
    "Demo",  # a folder
    "{} view {}",  # a camera's name, kept as data
    "system volume information",  # a folder of Windows
    "video {}\n",  # read by the program only
    "by {}",  # drawn into a picture with OpenCV's letters, which are ASCII
    "no hits",
    "{} of {} {}",
    "Person {} of the demo, taken from {} - {} of {} {}",
    "share that shows one person",  # drawn into a picture, likewise
    "offset points",
    "Held-out pairs, expected calibration error {}",
    "Sequence",  # a section of seqinfo.ini
    "Left",  # names of keys
    "Right",
    "Down",
    "Home",
    "End",
    "Backspace",
}
_BEGINNINGS = (
    "[Desktop Entry]",  # has its own languages
    "\namcrest axis",  # makers, as they stand in names of folders
    "from app.vision.decoding_process import",  # a program
)


@pytest.mark.parametrize("path", files(APP), ids=lambda path: path.relative_to(APP).as_posix())
def test_every_text_is_looked_up(path: Path) -> None:
    if path.relative_to(APP).as_posix() in _NAMES_AND_PATTERNS:
        return
    found = [
        f"line {line}: {text!r}"
        for line, text in untranslated(path.read_text(encoding="utf-8"))
        if text not in _NOT_FOR_PEOPLE and not text.startswith(_BEGINNINGS)
    ]
    assert found == [], (
        "Put texts for people into tr() of app.language, run `python scripts/languages.py` and "
        "translate them; add what is not for people to _NOT_FOR_PEOPLE."
    )


def test_texts_that_bypass_it_are_found() -> None:
    source = '''
"""A docstring of several words is not shown."""
label.setText("Nothing is here yet.")
label.setObjectName("nothing here")
button = QPushButton("Cancel")
problem = f"{name} is empty."
both = f"{text} {tr('Gathered by nobody.')}"
spoken = tr("This one is looked up.")
raise ValueError(f"{name} is a bug, for programmers")
'''
    assert [text for _line, text in sorted(untranslated(source))] == [
        "Nothing is here yet.",
        "Cancel",
        "{} is empty.",
        "tr('Gathered by nobody.')",
    ]
