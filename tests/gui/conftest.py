"""What every test of the window needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


def pytest_configure(config: pytest.Config) -> None:
    # Qt's offscreen platform says so whenever a window is shown.
    config.addinivalue_line("qt_log_ignore", "does not support propagateSizeHints")


@pytest.fixture(scope="session", autouse=True)
def _singletons() -> None:
    """As the program itself does before it starts Qt."""
    from app.gui.singleton_guard import keep_singletons_alive

    keep_singletons_alive()


@pytest.fixture(scope="session", autouse=True)
def _own_dialogs(_singletons: None, qapp: QApplication) -> None:
    """File dialogs are Qt's own, so that a test can fill them in."""
    from PySide6.QtCore import Qt

    qapp.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
