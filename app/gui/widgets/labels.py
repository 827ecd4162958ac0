"""Labels of dialogs: wrapped plain text that a test and a style sheet find by name and role."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel


def wrapped_label(name: str, role: str, text: str = "") -> QLabel:
    """A label whose text wraps and is never taken for HTML."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
