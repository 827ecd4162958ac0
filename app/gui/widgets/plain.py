"""Text that users or files gave, shown as it is: never read as markup."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


def plain_label(text: str = "", parent: QWidget | None = None) -> QLabel:
    """A label that shows every sign as it is."""
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def plain_caption(text: str) -> str:
    """The text of a button or menu entry that shows every sign as it is: Qt takes & for a key."""
    return text.replace("&", "&&")


def plain_tip(text: str) -> str:
    """A tooltip that shows every sign as it is: Qt takes what looks like markup for markup."""
    if "<" not in text:
        return text
    return f"<p style='white-space:pre'>{escape(text)}</p>"
