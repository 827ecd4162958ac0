"""Dialogs as high as their words need: Qt's own guess cuts wrapped lines off."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog


def fit_height(dialog: QDialog, width_px: int) -> None:
    """Gives a dialog a width, and the height that its layout needs there. Call when laid out."""
    layout = dialog.layout()
    assert layout is not None
    dialog.ensurePolished()
    layout.activate()
    dialog.setMinimumWidth(width_px)
    dialog.setMinimumHeight(max(layout.totalHeightForWidth(width_px), 0))
    dialog.resize(dialog.minimumSize())
