"""The user's language. English texts are the keys; a language is a file in resources/languages.

Texts are looked up when they are used, those of modules when the module is imported. So a language
is chosen before anything else is imported, and another one holds from the next start on.
"""

from __future__ import annotations

import gettext
import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from unicodedata import east_asian_width

ENGLISH, SYSTEM = "en", "system"
# Overrules the settings; for tests, scripts and a look at another language.
VARIABLE = "RETRACE_LANGUAGE"
LANGUAGES = Path(__file__).resolve().parent.parent / "resources" / "languages"

_texts: gettext.NullTranslations = gettext.NullTranslations()
_language = ENGLISH


def tr(text: str, /, **values: object) -> str:
    """A text in the user's language.

    Args:
        text: in English, with ``{name}`` for each value (`str.format`).
        values: what is put in; without any, braces stay as they are.
    """
    found = _texts.gettext(text)
    return found.format(**values) if values else found


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """A text in the user's language for a count, which it may name as ``{count}``.

    Args:
        one: in English, for a count of 1.
        many: for every other count.
        count: of what is counted.
        values: what else is put in.
    """
    return _texts.ngettext(one, many, count).format(count=count, **values)


def listed(words: Iterable[str]) -> str:
    """Words one after another, separated as the user's language does it."""
    return tr(", ").join(words)


def sentences(*said: str) -> str:
    """Sentences one after another; a full-width mark holds the space after it."""
    text = ""
    for each in filter(None, said):
        text += (" " if text and east_asian_width(text[-1]) not in "WF" else "") + each
    return text


def language() -> str:
    """The language in use: "en", or the stem of a file of `LANGUAGES`."""
    return _language


def languages() -> dict[str, str]:
    """All languages by code, each by its own name."""
    names = {ENGLISH: "English"}
    for path in sorted(LANGUAGES.glob("*.po")):
        from babel import Locale

        names[path.stem] = Locale.parse(path.stem).get_display_name() or path.stem
    return names


def use_language(wanted: str = SYSTEM) -> None:
    """Chooses the language of all texts that are looked up from now on.

    Args:
        wanted: a code of `languages`, or "system"; English where there is no such file.
    """
    global _texts, _language
    wanted = os.environ.get(VARIABLE) or wanted
    path = _file_of(_of_system() if wanted == SYSTEM else wanted)
    _texts, _language = (_read(path), path.stem) if path else (gettext.NullTranslations(), ENGLISH)


def _file_of(code: str) -> Path | None:
    """The file of a language such as zh_CN.UTF-8, or of the same language in another country."""
    name = code.partition(".")[0].replace("-", "_")
    of_language = name.partition("_")[0]
    files = sorted(LANGUAGES.glob(f"{of_language}*.po"), key=lambda path: path.stem != name)
    return files[0] if files and of_language else None


def _of_system() -> str:
    if sys.platform == "win32":
        import ctypes
        import locale

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), ENGLISH)
    named = (os.environ.get(name) for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    return next((name.partition(":")[0] for name in named if name), ENGLISH)


def _read(path: Path) -> gettext.GNUTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


if VARIABLE in os.environ:
    # In a process started by the program nobody else chooses, and modules are imported at once.
    use_language()
