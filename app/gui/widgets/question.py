"""A question that does not block: the answer comes as a call."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask(
    parent: QWidget, title: str, text: str, agreement: str, agreed: Callable[[], object]
) -> QMessageBox:
    """Asks whether to go on; Cancel is chosen beforehand.

    Args:
        parent: over which window.
        title: of the box.
        text: what the user should know; never taken for markup.
        agreement: text of the button that agrees, an action of its own.
        agreed: called if the user agrees.
    """
    box = QMessageBox(parent)
    box.setObjectName("question")
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    button = box.addButton(agreement, QMessageBox.ButtonRole.AcceptRole)
    button.setObjectName("question_agree")
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    button.clicked.connect(agreed)
    box.open()
    return box
