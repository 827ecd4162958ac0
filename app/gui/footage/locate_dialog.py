"""Lists footage that is not where it was, and asks where it is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme
from app.gui.widgets.choosing import choose_folder
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import sentences, tr, trn
from app.services.footage.relocation import MissingFootage

_WIDTH_PX, _HEIGHT_PX = 600, 320
_ALL_THERE = tr("All footage of this library is where it should be.")
_ADVICE = tr(
    "What was found in this footage is kept. If the folder was moved or renamed, "
    "or the disk has another name now, say where it is."
)


class LocateDialog(ProblemDialog):
    """One row for each folder with missing footage.

    Signals:
        folder_chosen: (MissingFootage, Path where it is now).
    """

    folder_chosen = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("locate", tr("Locate footage"), parent)
        self._lost: tuple[MissingFootage, ...] = ()
        self._words = wrapped_label("locate_words", "heading")
        self._advice = wrapped_label("locate_advice", "")
        self._advice.setText(_ADVICE)
        self._list = self._make_list()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._choose = self._buttons.addButton(
            tr("Choose folder…"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self._choose.setObjectName("locate_choose")
        self._choose.setAccessibleName(tr("Choose the folder where this footage is now"))
        self._choose.clicked.connect(self._ask)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(self._words)
        layout.addWidget(self._advice)
        layout.addWidget(self._list, 1)
        layout.addWidget(self.problem)
        layout.addStretch()
        layout.addWidget(self._buttons)
        self.show_missing(())

    def show_missing(self, lost: Sequence[MissingFootage], found: int = 0) -> None:
        """Replaces the list.

        Args:
            lost: what is missing now.
            found: how many videos the user has just found.
        """
        self._lost = tuple(lost)
        said = []
        if found:
            said.append(trn("{count} video found.", "{count} videos found.", found))
        missing = sum(len(each.missing) for each in lost)
        said.append(
            trn("{count} video is missing.", "{count} videos are missing.", missing)
            if lost
            else _ALL_THERE
        )
        self._words.setText(sentences(*said))
        self.show_problem("")
        self._list.clear()
        for each in lost:
            count = tr(
                "{count} of {total}",
                count=len(each.missing),
                total=len(each.missing) + each.present,
            )
            item = QTreeWidgetItem(self._list, [str(each.folder), count])
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(0, plain_tip("\n".join(str(path) for path in each.missing[:20])))
            if each is lost[0]:
                self._list.setCurrentItem(item)
        for part in (self._advice, self._list, self._choose):
            part.setVisible(bool(lost))
        close = self._buttons.button(QDialogButtonBox.StandardButton.Close)
        (self._choose if lost else close).setDefault(True)
        (self._choose if lost else close).setFocus()
        self.setMinimumWidth(_WIDTH_PX)
        self.resize(_WIDTH_PX, _HEIGHT_PX if lost else 0)

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("locate_list")
        tree.setAccessibleName(tr("Folders with missing footage"))
        tree.setHeaderLabels([tr("Where it was"), tr("Missing")])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.itemActivated.connect(self._ask)
        return tree

    def _ask(self) -> None:
        row = self._list.currentIndex().row()
        if row < 0:
            return
        lost = self._lost[row]
        start = next((each for each in lost.folder.parents if each.is_dir()), Path.home())
        choose_folder(
            self,
            tr("Where is {folder} now?", folder=lost.folder.name),
            start,
            lambda folder: self.folder_chosen.emit(lost, folder),
        )
