"""What every test of the window needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from window_fakes import Libraries

    from app.gui.shell import Shell
    from app.gui.widgets.theme import Theme
    from app.gui.window_state import WindowState


@pytest.fixture(scope="session", autouse=True)
def _own_dialogs(qapp: QApplication) -> None:
    """File dialogs are Qt's own, so that a test can fill them in."""
    from PySide6.QtCore import Qt

    qapp.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The light theme; afterwards the application looks as before."""
    from app.gui.widgets.theme import Theme, ThemeChoice

    sheet, palette, font, style = qapp.styleSheet(), qapp.palette(), qapp.font(), qapp.style()
    name = style.objectName()
    made = Theme(qapp, ThemeChoice.LIGHT)
    yield made
    made.setParent(None)
    qapp.styleHints().unsetColorScheme()
    qapp.setStyleSheet(sheet)
    qapp.setStyle(name)
    qapp.setPalette(palette)
    qapp.setFont(font)


@pytest.fixture
def libraries() -> Libraries:
    """Where the window of a test opens its libraries: fakes."""
    from window_fakes import Libraries

    return Libraries()


@pytest.fixture
def state(tmp_path: Path) -> WindowState:
    """What the window of a test remembers."""
    from app.gui.window_state import WindowState

    return WindowState(tmp_path / "window.ini")


@pytest.fixture
def shell(qtbot: object, theme: Theme, libraries: Libraries, state: WindowState) -> Iterator[Shell]:
    """The whole window on fake libraries."""
    from window_fakes import Shelf

    from app.gui.shell import Shell
    from app.settings import Settings

    made = Shell(libraries, Settings(), state, theme, Shelf)
    made.window.show()
    yield made
    libraries.go_on.set()
    made.close_at_once()
    made.shutdown()
    made.window.deleteLater()
    made.deleteLater()
