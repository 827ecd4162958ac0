"""Colours: contrast of every pair that occurs, and the switch between schemes while running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from app.gui.widgets import theme
from app.gui.widgets.theme import DARK, GROUNDS, LIGHT, TEXT, Theme, ThemeChoice, Tokens


@pytest.fixture
def restored(qapp: QApplication) -> Iterator[QApplication]:
    sheet, palette, font, style = qapp.styleSheet(), qapp.palette(), qapp.font(), qapp.style()
    name = style.objectName()
    yield qapp
    qapp.styleHints().unsetColorScheme()
    qapp.setStyleSheet(sheet)
    qapp.setStyle(name)
    qapp.setPalette(palette)
    qapp.setFont(font)


def test_contrast_is_that_of_wcag() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXT)
def test_text_is_readable_on_every_ground(tokens: Tokens, ground: str, text: str) -> None:
    assert theme.contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_on_the_accent_is_readable(tokens: Tokens) -> None:
    assert theme.contrast(tokens.on_accent, tokens.accent) >= 4.5


def test_choosing_a_scheme_changes_palette_and_tokens_at_once(restored: QApplication) -> None:
    applied = Theme(restored, ThemeChoice.LIGHT)
    heard: list[Tokens] = []
    applied.changed.connect(lambda: heard.append(theme.tokens()))
    applied.choose(ThemeChoice.DARK)
    applied.choose(ThemeChoice.DARK)
    assert heard == [DARK]
    assert restored.palette().color(QPalette.ColorRole.Window).name() == DARK.surface
    applied.choose(ThemeChoice.LIGHT)
    assert theme.tokens() is LIGHT
    applied.setParent(None)


def test_the_choices_go_round() -> None:
    assert [choice.next() for choice in ThemeChoice] == [
        ThemeChoice.LIGHT,
        ThemeChoice.DARK,
        ThemeChoice.SYSTEM,
    ]
