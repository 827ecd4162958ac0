"""Makes Qt's actions and context menus from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.gui.actions import ACTIONS, ActionRow, Where, row_named, with_key


def make_actions(
    parent: QObject, runs: Mapping[str, Callable[[], object] | QMenu]
) -> dict[str, QAction]:
    """Actions of the table.

    Args:
        parent: owns them.
        runs: what each of them does, or the menu that it opens, by name.

    Returns:
        The actions by name. Those of the player have no shortcuts of Qt's: it takes its keys
        itself, and in the whole window.

    Raises:
        KeyError: the table has no such action.
    """
    return {name: _make(row_named(name), parent, run) for name, run in runs.items()}


def _make(row: ActionRow, parent: QObject, run: Callable[[], object] | QMenu) -> QAction:
    if isinstance(run, QMenu):
        run.setTitle(row.text)
        return run.menuAction()
    action = QAction(row.text, parent)
    action.setObjectName(f"action_{row.name}")
    action.setCheckable(row.checkable)
    action.setStatusTip(row.tip)
    if row.tip and row.chosen_keys:
        action.setToolTip(with_key(row.tip, row.name))
    if row.where is not Where.PLAYER:
        action.setShortcuts(row.sequences)
    if row.where is Where.RESULTS and not row.menu:
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.triggered.connect(lambda _checked=False: run())
    return action


def context_menu(where: Where, actions: Mapping[str, QAction], parent: QWidget) -> QMenu:
    """A menu of those actions that make sense at a place now, in the order of the table."""
    menu = QMenu(parent)
    menu.setObjectName(f"menu_{where.value}")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for row in ACTIONS:
        if row.where is where and row.name in actions and actions[row.name].isVisible():
            if row.apart:
                menu.addSeparator()
            menu.addAction(actions[row.name])
    return menu
