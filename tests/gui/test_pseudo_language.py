"""No text of the window bypasses the languages: seen in a language whose texts have brackets."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from babel import Locale
from babel.messages.pofile import write_po
from library_fixture import make_library

ROOT = Path(__file__).resolve().parents[2]


def write_pseudo_language(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("languages", ROOT / "scripts" / "languages.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    catalog = script.texts()
    catalog.locale = Locale.parse("eo")
    for message in catalog:
        if isinstance(message.id, str):
            message.string = f"⟦{message.id}⟧" if message.id else message.string
        else:
            message.string = tuple(f"⟦{text}⟧" for text in message.id)
    with (folder / "eo.po").open("wb") as file:
        write_po(file, catalog)


def test_every_text_of_the_window_is_in_the_language(tmp_path: Path) -> None:
    write_pseudo_language(tmp_path)
    make_library(tmp_path / "plib")
    script = Path(__file__).with_name("pseudo_window.py")
    folders = [str(path) for path in (ROOT, ROOT / "tests", ROOT / "tests" / "gui")]
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(tmp_path / "plib")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "", "These bypass tr() of app.language, or are data that is not known yet."
