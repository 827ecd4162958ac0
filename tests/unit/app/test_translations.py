"""The languages in resources/languages: complete, and fit for what is put into them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "resources" / "languages").glob("*.po"))
REMEDY = "Run `python scripts/languages.py` and translate what is empty in resources/languages."


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("languages", ROOT / "scripts" / "languages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """All texts of the program."""
    found: Catalog = _script().texts()
    return found


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    with request.param.open("rb") as file:
        return read_po(file, locale=request.param.stem)


def _messages(catalog: Catalog) -> dict[tuple[str, ...], Message]:
    return {_strings(each.id): each for each in catalog if each.id}


def _strings(given: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _values(text: str) -> set[tuple[str, str | None]]:
    """Name and format of every value that is put in; the count of a plural may go unnamed."""
    return {(name, spec) for _, name, spec, _ in Formatter().parse(text) if name is not None}


def test_chinese_is_there() -> None:
    assert "zh_CN" in [path.stem for path in FILES]


def test_every_text_is_in_every_language(texts: Catalog, catalog: Catalog) -> None:
    wanted, there = set(_messages(texts)), set(_messages(catalog))
    assert len(wanted) > 400
    assert wanted - there == set(), f"New texts. {REMEDY}"
    assert there - wanted == set(), f"Texts that nothing shows any more. {REMEDY}"


def test_every_text_is_translated(catalog: Catalog) -> None:
    for english, message in _messages(catalog).items():
        strings = _strings(message.string)
        assert all(strings), f"{english[0]!r} has no translation. {REMEDY}"
        assert len(strings) == (1 if len(english) == 1 else catalog.num_plurals), english
        assert not message.fuzzy, english


def test_translations_take_the_same_values(catalog: Catalog) -> None:
    for english, message in _messages(catalog).items():
        allowed = _values(english[-1])
        for string in _strings(message.string):
            found = _values(string)
            assert found <= allowed, f"{string!r} names a value that {english[-1]!r} has not."
            if len(english) == 1:
                assert found == allowed, f"{string!r} leaves out a value of {english[0]!r}."


def test_the_letters_of_menus_and_the_space_around_stay(catalog: Catalog) -> None:
    for english, message in _messages(catalog).items():
        for string in _strings(message.string):
            marks = [len(text.replace("&&", "").split("&")) for text in (english[-1], string)]
            assert marks[0] == marks[1], f"{string!r}: a letter to choose it by, or none"
            assert string.strip() == string or english[-1].strip() != english[-1], string
            assert english[-1].endswith("\n") == string.endswith("\n"), string
