"""What the command palette offers: actions that can be run now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.gui.actions import ACTIONS, MENUS, plain_text


@dataclass(frozen=True, slots=True)
class Command:
    """An action that can be run now, as the command palette shows it.

    Attributes:
        text: what it does.
        place: where else it is found: its menu, or the panel whose selection it acts on.
        keys: its shortcuts, or empty.
        tip: what else is to be said about it, or empty.
        action: runs it.
    """

    text: str
    place: str
    keys: str
    tip: str
    action: QAction


def commands(actions: Mapping[str, QAction]) -> list[Command]:
    """Those actions that can be run now, in the order of the table; of a menu, its entries.

    Args:
        actions: all actions, by name.
    """
    found = []
    for row in ACTIONS:
        action = actions[row.name]
        if not action.isEnabled() or not action.isVisible():
            continue
        titles = [plain_text(MENUS[name]) for name in row.menu.split("/") if name]
        place = " → ".join(titles) or row.where.title
        menu = action.menu()
        if isinstance(menu, QMenu):
            place = f"{place} → {row.plain_text}"
            found += [
                Command(entry.iconText(), place, "", entry.statusTip(), entry)
                for entry in menu.actions()
            ]
        else:
            text = plain_text(action.text())
            found.append(Command(text, place, row.keys_text, row.tip, action))
    return found
