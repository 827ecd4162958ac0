"""Tells of an error: what happened, what to do, and the details folded away."""

from __future__ import annotations

import traceback

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import UserFacingError
from app.gui.widgets import icons, theme
from app.gui.widgets.fitting import fit_height
from app.language import tr

_WIDTH_PX = 480
_BUG_REMEDY = tr(
    "This is an error in Retrace, not yours. What is stored is kept. Please send "
    "the details below to the people who maintain Retrace."
)


class ErrorDialog(QDialog):
    """One error in words.

    Args:
        message: what happened, a sentence.
        remedy: what to do, or empty.
        details: for whoever mends it, folded; empty shows no fold.
    """

    def __init__(
        self, message: str, remedy: str = "", details: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("error_dialog")
        self.setWindowTitle("Retrace")
        self.setAccessibleName(tr("Error"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._details_text = details
        self._details = QPlainTextEdit(details)
        self._fold = QToolButton()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._lay_out(message, remedy)
        fit_height(self, _WIDTH_PX)

    def _lay_out(self, message: str, remedy: str) -> None:
        sign = QLabel()
        sign.setPixmap(icons.icon("warning", "warning").pixmap(32, 32))
        words = QVBoxLayout()
        words.setSpacing(2 * theme.UNIT_PX)
        words.addWidget(_words(message, "error_message", "heading"))
        if remedy:
            words.addWidget(_words(remedy, "error_remedy", ""))
        head = QHBoxLayout()
        head.setSpacing(4 * theme.UNIT_PX)
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(4 * theme.UNIT_PX)
        layout.addLayout(head)
        if self._details_text:
            self._add_details(layout)
        layout.addStretch()
        layout.addWidget(self._buttons)
        self._buttons.rejected.connect(self.reject)
        close = self._buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        close.setFocus()

    def _add_details(self, layout: QVBoxLayout) -> None:
        self._fold.setObjectName("error_details_fold")
        self._fold.setText(tr("Details"))
        self._fold.setAccessibleName(tr("Show details"))
        self._fold.setCheckable(True)
        self._fold.setArrowType(Qt.ArrowType.RightArrow)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.toggled.connect(self._unfold)
        self._details.setObjectName("error_details")
        self._details.setAccessibleName(tr("Details"))
        self._details.setReadOnly(True)
        self._details.setMinimumHeight(40 * theme.UNIT_PX)
        self._details.hide()
        copy = self._buttons.addButton(tr("Copy details"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.setObjectName("error_copy")
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        layout.addWidget(self._fold)
        layout.addWidget(self._details, 1)

    def _unfold(self, shown: bool) -> None:
        self._fold.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self._details.setVisible(shown)
        fit_height(self, _WIDTH_PX)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details_text)


def show_error(error: BaseException, parent: QWidget | None = None) -> ErrorDialog:
    """Opens a dialog about an error, without blocking.

    Args:
        error: a `UserFacingError` speaks for itself; anything else is shown as a mistake of the
            program with its traceback in the details.
        parent: over which window.
    """
    if isinstance(error, UserFacingError):
        details = f"{type(error.__cause__).__name__}: {error.__cause__}" if error.__cause__ else ""
        dialog = ErrorDialog(error.message, error.remedy, details, parent)
    else:
        text = "".join(traceback.format_exception(error))
        dialog = ErrorDialog(tr("Something went wrong."), _BUG_REMEDY, text, parent)
    dialog.open()
    return dialog


def _words(text: str, name: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
    return label
