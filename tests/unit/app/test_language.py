"""Texts in the user's language."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import language
from app.language import languages, tr, trn, use_language

POLISH = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n<5 ? 1 : 2);\n"

msgid "{name} is empty."
msgstr "{name} jest pusty."

msgid "{count} video"
msgid_plural "{count} videos"
msgstr[0] "{count} film"
msgstr[1] "{count} filmy"
msgstr[2] "{count} filmów"
"""


@pytest.fixture(autouse=True)
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "pl_PL.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setattr(language, "LANGUAGES", tmp_path)
    for name in ("RETRACE_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    use_language("en")


def test_a_text_and_its_values() -> None:
    assert tr("{name} is empty.", name="{a}.mp4") == "{a}.mp4 is empty."
    use_language("pl_PL")
    assert tr("{name} is empty.", name="{a}.mp4") == "{a}.mp4 jest pusty."
    assert tr("Nobody translated {this}.") == "Nobody translated {this}."


def test_a_count_takes_the_plural_of_its_language() -> None:
    counted = [trn("{count} video", "{count} videos", count) for count in (1, 2, 5)]
    assert counted == ["1 video", "2 videos", "5 videos"]
    use_language("pl_PL")
    counted = [trn("{count} video", "{count} videos", count) for count in (1, 2, 5)]
    assert counted == ["1 film", "2 filmy", "5 filmów"]


@pytest.mark.parametrize(
    ("variables", "wanted", "chosen"),
    [
        ({}, "system", "en"),
        ({"LANG": "pl_PL.UTF-8"}, "system", "pl_PL"),
        ({"LANG": "pl"}, "system", "pl_PL"),
        ({"LANG": "C.UTF-8"}, "system", "en"),
        ({"LANG": "de_DE.UTF-8"}, "system", "en"),
        ({"LANGUAGE": "pl:en", "LANG": "de_DE.UTF-8"}, "system", "pl_PL"),
        ({"LANG": "pl_PL.UTF-8"}, "en", "en"),
        ({}, "pl_PL", "pl_PL"),
        ({}, "xx", "en"),
        ({"RETRACE_LANGUAGE": "en"}, "pl_PL", "en"),
    ],
)
def test_which_language_is_used(
    variables: dict[str, str], wanted: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    use_language(wanted)
    assert language.language() == chosen


def test_languages_have_their_own_names() -> None:
    assert languages() == {"en": "English", "pl_PL": "polski (Polska)"}


def test_no_text_is_looked_up_before_the_language_is_chosen() -> None:
    """It would stay English: `app.bootstrap` chooses, so nothing it imports first may look up."""
    script = (
        "import app.language as language\n"
        "looked_up, tr = [], language.tr\n"
        "language.tr = lambda text, /, **values: looked_up.append(text) or tr(text, **values)\n"
        "import app.bootstrap\n"
        "print(looked_up)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
