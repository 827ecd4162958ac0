"""The table of all actions; menus and keys come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu


class Where(Enum):
    """Where an action applies."""

    WINDOW = auto()  # always
    LIBRARY = auto()  # while a library is open


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action.

    Attributes:
        name: by which the code calls it.
        text: what it is called in menus; `&` stands before the letter that chooses it.
        feature: which feature runs it.
        menu: titles of the menus that it is in, outermost first, separated by a slash.
        keys: its shortcut, as Qt writes it, or empty.
        where: where it applies.
        apart: whether a line separates it from the action above.
        checkable: whether it is on or off.
        tip: what the status bar says about it.
    """

    name: str
    text: str
    feature: str
    menu: str
    keys: str = ""
    where: Where = Where.WINDOW
    apart: bool = False
    checkable: bool = False
    tip: str = ""


_FROM_NETWORK = "Where the library has a network for it (Library → Networks…)"

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("add-footage", "&Add footage…", "library", "&File", "Ctrl+Shift+O"),
    ActionRow("watched", "&Watched folders", "footage", "&File"),
    ActionRow("new-library", "&New library…", "library", "&File", "Ctrl+N", apart=True),
    ActionRow("open-library", "&Open library…", "library", "&File", "Ctrl+O"),
    ActionRow("recent", "Open &recent", "library", "&File"),
    ActionRow("quit", "&Quit", "program", "&File", "Ctrl+Q", apart=True),
    ActionRow("undo", "Undo", "results", "&Edit"),
    ActionRow("redo", "Redo", "results", "&Edit"),
    ActionRow(
        "search-picture",
        "Search with a &picture…",
        "results",
        "&Search",
        "Ctrl+F",
        where=Where.LIBRARY,
    ),
    ActionRow(
        "refine-aggregated",
        "Refine by &similar people",
        "results",
        "&Search",
        apart=True,
        checkable=True,
        tip=_FROM_NETWORK,
    ),
    ActionRow(
        "refine-reranked",
        "&Compare the best in pairs",
        "results",
        "&Search",
        checkable=True,
        tip=_FROM_NETWORK,
    ),
    ActionRow(
        "refine-camera_mean",
        "Even out the c&ameras' light and colours",
        "results",
        "&Search",
        apart=True,
        checkable=True,
        tip="Takes off what all people of a camera have in common, as far as the camera has seen "
        "many",
    ),
    ActionRow(
        "refine-transit",
        "Count the &time between cameras",
        "results",
        "&Search",
        checkable=True,
        tip="Prefers times between two sightings that are usual there, as learnt from the library",
    ),
    ActionRow("theme-light", "Light", "program", "&View/&Theme", apart=True, checkable=True),
    ActionRow("theme-dark", "Dark", "program", "&View/&Theme", checkable=True),
    ActionRow("theme-system", "As the system", "program", "&View/&Theme", checkable=True),
    ActionRow("theme-next", "Next theme", "program", "&View/&Theme", "Ctrl+Shift+T", apart=True),
    ActionRow("full-screen", "&Full screen", "program", "&View", "F11"),
    ActionRow("reset-layout", "&Reset layout", "program", "&View"),
    ActionRow("locate-footage", "&Locate footage…", "footage", "&Library", where=Where.LIBRARY),
    ActionRow("networks", "&Networks…", "networks", "&Library", where=Where.LIBRARY, apart=True),
    ActionRow("demo", "Open the &demo", "library", "&Help"),
    ActionRow("shortcuts", "&Keyboard shortcuts", "program", "&Help", "F1", apart=True),
    ActionRow("open-log", "Open &log folder", "program", "&Help"),
    ActionRow("about", "&About Retrace", "program", "&Help"),
)


def make_actions(
    feature: str, parent: QObject, runs: Mapping[str, Callable[[], object] | QMenu | QAction]
) -> dict[str, QAction]:
    """The actions of a feature.

    Args:
        feature: its name in the table.
        parent: owns them.
        runs: by the name of each of its actions: what it does, the menu that it opens, or an
            action that a panel has made.

    Raises:
        KeyError: an action of the table has nothing to run.
    """
    return {
        row.name: _make(row, parent, runs[row.name]) for row in ACTIONS if row.feature == feature
    }


def _make(row: ActionRow, parent: QObject, run: Callable[[], object] | QMenu | QAction) -> QAction:
    if isinstance(run, QAction):
        return run
    if isinstance(run, QMenu):
        run.setTitle(row.text)
        return run.menuAction()
    action = QAction(row.text, parent)
    action.setObjectName(f"action_{row.name}")
    action.setShortcut(QKeySequence(row.keys))
    action.setCheckable(row.checkable)
    action.setStatusTip(row.tip)
    action.triggered.connect(lambda _checked=False: run())
    return action
