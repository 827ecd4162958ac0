"""The list of people: everybody of whom sightings were confirmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.entities import Identity
from app.gui.action_making import context_menu, make_actions
from app.gui.actions import Where
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.window_keys import WindowKeys
from app.language import tr, trn

_PERSON = Qt.ItemDataRole.UserRole
_DOT_PX = 12


class PeoplePanel(QWidget):
    """Names with the number of sightings; a click searches for the person.

    Signals:
        opened: id of the person to search for.
        renamed: (id, the name that was typed).
        colour_wanted, notes_wanted: the Identity that is to have others.
        merge_wanted: list of Identities that are one person, the one who stays first.
        delete_wanted: list of Identities.
    """

    opened = Signal(int)
    renamed = Signal(int, str)
    colour_wanted = Signal(object)
    notes_wanted = Signal(object)
    merge_wanted = Signal(object)
    delete_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("people")
        self.setAccessibleName(tr("People"))
        self._people: dict[int, Identity] = {}
        self._filling = False
        self._filter = QLineEdit()
        self._filter.setObjectName("people_filter")
        self._filter.setPlaceholderText(tr("Find a person"))
        self._filter.setAccessibleName(tr("Find a person"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._narrow)
        self._tree = self._make_tree()
        advice = tr("People you confirm in the results are listed here.")
        self._empty = wrapped_label("people_empty", "muted", advice)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(*4 * (2 * theme.UNIT_PX,))
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.UNIT_PX)
        layout.addWidget(self._filter)
        layout.addWidget(self._pages, 1)
        self.actions_by_name = make_actions(self, self._runs())
        self._tree.addActions(list(self.actions_by_name.values()))
        self.show_people(())

    def sizeHint(self) -> QSize:
        """Low: the list of cameras below needs more room."""
        return QSize(296, 160)

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("people_list")
        tree.setAccessibleName(tr("People"))
        tree.setColumnCount(2)
        WindowKeys(tree)
        tree.setHeaderHidden(True)
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.itemClicked.connect(self._open_clicked)
        tree.itemActivated.connect(lambda item: self.opened.emit(item.data(0, _PERSON)))
        tree.itemChanged.connect(self._take_name)
        tree.itemSelectionChanged.connect(self._offer)
        tree.customContextMenuRequested.connect(self._show_menu)
        return tree

    def _runs(self) -> Mapping[str, Callable[[], object]]:
        return {
            "open-person": lambda: self._with_one(lambda person: self.opened.emit(person.id)),
            "rename-person": self._edit_name,
            "colour-person": lambda: self._with_one(self.colour_wanted.emit),
            "note-person": lambda: self._with_one(self.notes_wanted.emit),
            "merge-people": lambda: self.merge_wanted.emit(self.chosen()),
            "delete-person": lambda: self.delete_wanted.emit(self.chosen()),
        }

    # What is shown ------------------------------------------------------------------------------

    def show_people(self, people: Sequence[tuple[Identity, int]]) -> None:
        """Replaces the list; who was selected stays selected.

        Args:
            people: with their numbers of sightings, in the order of the list.
        """
        chosen = {person.id for person in self.chosen()}
        self._people = {person.id: person for person, _ in people}
        self._filling = True
        self._tree.clear()
        for person, count in people:
            item = QTreeWidgetItem(self._tree, [person.name, str(count)])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setData(0, _PERSON, person.id)
            item.setIcon(0, _dot(person.colour))
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            said = trn("{count} sighting", "{count} sightings", count)
            item.setToolTip(0, plain_tip(f"{said}\n{person.notes}".strip()))
            spoken = f"{person.name}, {said}"
            item.setData(0, Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setSelected(person.id in chosen)
        self._filling = False
        self._pages.setCurrentWidget(self._tree if people else self._empty)
        self._filter.setVisible(len(people) > 1 or bool(self._filter.text()))
        self._narrow(self._filter.text())
        self._offer()

    def chosen(self) -> list[Identity]:
        """Who is selected, the one with the focus first."""
        current = self._tree.currentItem()
        items = sorted(self._tree.selectedItems(), key=lambda item: item is not current)
        ids = (item.data(0, _PERSON) for item in items)
        return [self._people[each] for each in ids if each in self._people]

    def _narrow(self, text: str) -> None:
        for row in range(self._tree.topLevelItemCount()):
            item = self._tree.topLevelItem(row)
            if item is not None:
                item.setHidden(text.casefold() not in item.text(0).casefold())

    def _offer(self) -> None:
        count = len(self.chosen())
        for name in ("open-person", "rename-person", "colour-person", "note-person"):
            self.actions_by_name[name].setEnabled(count == 1)
        self.actions_by_name["merge-people"].setEnabled(count > 1)
        self.actions_by_name["delete-person"].setEnabled(count > 0)

    # What the user does -------------------------------------------------------------------------

    def _with_one(self, use: Callable[[Identity], object]) -> None:
        chosen = self.chosen()
        if len(chosen) == 1:
            use(chosen[0])

    def _open_clicked(self, item: QTreeWidgetItem) -> None:
        if len(self._tree.selectedItems()) == 1:
            self.opened.emit(item.data(0, _PERSON))

    def _edit_name(self) -> None:
        item = self._tree.currentItem()
        if item is not None:
            self._tree.editItem(item, 0)

    def _take_name(self, item: QTreeWidgetItem) -> None:
        person = self._people.get(item.data(0, _PERSON))
        if not self._filling and person is not None and item.text(0) != person.name:
            self.renamed.emit(person.id, item.text(0))

    def _show_menu(self, place: QPoint) -> None:
        if self._tree.itemAt(place) is not None:
            menu = context_menu(Where.PEOPLE, self.actions_by_name, self)
            menu.popup(self._tree.viewport().mapToGlobal(place))


def _dot(colour: str) -> QIcon:
    """A disc in the person's colour, or a ring where none was chosen."""
    ratio = 2
    picture = QPixmap(_DOT_PX * ratio, _DOT_PX * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour or theme.tokens().muted), 1.5))
    painter.setBrush(QColor(colour) if colour else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(2, 2, _DOT_PX - 4, _DOT_PX - 4))
    painter.end()
    return QIcon(picture)
