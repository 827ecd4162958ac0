"""A dialog that says in itself why something cannot be done, so that it can be tried again."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from app.gui.widgets.labels import wrapped_label


class ProblemDialog(QDialog):
    """The subclass lays out `problem`.

    Args:
        name: beginning of the names of the dialog and of its label.
        title: of the dialog.
        parent: over which window.

    Attributes:
        problem: a label, hidden as long as there is none.
    """

    def __init__(self, name: str, title: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_dialog")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.problem = wrapped_label(f"{name}_problem", "warning")
        self.problem.hide()

    def show_problem(self, text: str) -> None:
        """Says why that cannot be done; empty takes it away."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
