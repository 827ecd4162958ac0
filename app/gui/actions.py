"""The table of all actions: menus, keys, command palette and list of shortcuts come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget


class Where(Enum):
    """Where an action applies, as it is called in the window."""

    WINDOW = "Window"
    LIBRARY = "Library"  # in the whole window, while a library is open
    PLAYER = "Player"  # the player takes its keys itself
    RESULTS = "Results"  # on the selected hit
    VIDEOS = "Videos"  # on the selected videos


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action.

    Attributes:
        name: by which the code calls it.
        text: what it is called; `&` stands before the letter that chooses it in a menu.
        feature: folder of the feature that runs it.
        where: where it applies; those of results and videos are in their context menus.
        menu: titles of the menus of the menu bar that it is in, outermost first, separated by a
            slash; empty if it is in none.
        keys: its shortcuts as Qt writes them, separated by spaces.
        tip: what else is to be said about it.
        apart: whether a line separates it from the action above.
        checkable: whether it is on or off.
    """

    name: str
    text: str
    feature: str
    where: Where
    menu: str = ""
    keys: str = ""
    tip: str = ""
    apart: bool = False
    checkable: bool = False

    @property
    def plain_text(self) -> str:
        """Its text outside menus."""
        return plain_text(self.text)

    @property
    def sequences(self) -> list[QKeySequence]:
        """Its shortcuts."""
        return [QKeySequence(keys) for keys in self.keys.split()]

    @property
    def keys_text(self) -> str:
        """Its shortcuts as the user reads them: "Space, K"."""
        return ", ".join(_keys_text(each) for each in self.sequences)


_WINDOW, _LIBRARY, _PLAYER = Where.WINDOW, Where.LIBRARY, Where.PLAYER
_RESULTS, _VIDEOS = Where.RESULTS, Where.VIDEOS
_THEMES = "&View/&Theme"
_FROM_NETWORK = "Where the library has a network for it (Library → Networks…)"
_COMMON = "Takes off what all people of a camera have in common, as far as it has seen many"
_USUAL = "Prefers times between two sightings that are usual there, as learnt from the library"

_Row = ActionRow
ACTIONS: tuple[ActionRow, ...] = (
    _Row("add-footage", "&Add footage…", "library", _WINDOW, "&File", "Ctrl+Shift+O"),
    _Row("watched", "&Watched folders", "footage", _WINDOW, "&File"),
    _Row("new-library", "&New library…", "library", _WINDOW, "&File", "Ctrl+N", apart=True),
    _Row("open-library", "&Open library…", "library", _WINDOW, "&File", "Ctrl+O"),
    _Row("recent", "Open &recent", "library", _WINDOW, "&File"),
    _Row("quit", "&Quit", "program", _WINDOW, "&File", "Ctrl+Q", apart=True),
    # The selected hit
    _Row(
        "search-person",
        "Search this person",
        "results",
        _RESULTS,
        keys="Return Enter",
        tip="Look for this person everywhere",
    ),
    _Row("narrow-time", "Only 10 minutes before and after", "results", _RESULTS),
    _Row("narrow-camera", "Only this camera", "results", _RESULTS),
    _Row(
        "confirm",
        "✓ Confirm",
        "results",
        _RESULTS,
        keys="+ =",
        tip="The same person",
        apart=True,
    ),
    _Row("reject", "✕ Reject", "results", _RESULTS, keys="-", tip="Another person"),
    _Row("undo", "Undo", "results", _RESULTS, "&Edit", "Ctrl+Z", "Take the last decision back"),
    _Row(
        "redo",
        "Redo",
        "results",
        _RESULTS,
        "&Edit",
        "Ctrl+Shift+Z",
        "Make the decision again that was taken back",
    ),
    # Searches
    _Row("search-picture", "Search with a &picture…", "results", _LIBRARY, "&Search", "Ctrl+F"),
    _Row(
        "refine-aggregated",
        "Refine by &similar people",
        "results",
        _WINDOW,
        "&Search",
        tip=_FROM_NETWORK,
        apart=True,
        checkable=True,
    ),
    _Row(
        "refine-reranked",
        "&Compare the best in pairs",
        "results",
        _WINDOW,
        "&Search",
        tip=_FROM_NETWORK,
        checkable=True,
    ),
    _Row(
        "refine-camera_mean",
        "Even out the c&ameras' light and colours",
        "results",
        _WINDOW,
        "&Search",
        tip=_COMMON,
        apart=True,
        checkable=True,
    ),
    _Row(
        "refine-transit",
        "Count the &time between cameras",
        "results",
        _WINDOW,
        "&Search",
        tip=_USUAL,
        checkable=True,
    ),
    # The selected videos
    _Row("play-video", "Play", "footage", _VIDEOS),
    _Row("read-next", "Read next", "footage", _VIDEOS),
    _Row("read-last", "Read last", "footage", _VIDEOS),
    _Row("exclude", "Exclude", "footage", _VIDEOS),
    _Row("read-again", "Ingest again", "footage", _VIDEOS),
    _Row("merge-cameras", "Merge the cameras…", "footage", _VIDEOS),
    _Row("camera-clock", "Name and clock of the camera…", "footage", _VIDEOS),
    _Row("split-camera", "Split off as a camera…", "footage", _VIDEOS),
    _Row("show-reason", "Show reason…", "footage", _VIDEOS),
    _Row("locate-video", "Locate footage…", "footage", _VIDEOS),
    _Row("copy-path", "Copy path", "footage", _VIDEOS),
    # The player
    _Row("play", "Play or pause", "player", _PLAYER, keys="Space K"),
    _Row("shuttle-back", "Play backwards, faster each time", "player", _PLAYER, keys="J"),
    _Row("shuttle-on", "Play forwards, faster each time", "player", _PLAYER, keys="L"),
    _Row("frame-back", "One frame back", "player", _PLAYER, keys=","),
    _Row("frame-on", "One frame forward", "player", _PLAYER, keys="."),
    _Row("back-5", "5 seconds back", "player", _PLAYER, keys="Left"),
    _Row("on-5", "5 seconds forward", "player", _PLAYER, keys="Right"),
    _Row("back-1", "1 second back", "player", _PLAYER, keys="Shift+Left"),
    _Row("on-1", "1 second forward", "player", _PLAYER, keys="Shift+Right"),
    _Row("back-60", "1 minute back", "player", _PLAYER, keys="Down"),
    _Row("on-60", "1 minute forward", "player", _PLAYER, keys="Up"),
    _Row("to-start", "To the beginning", "player", _PLAYER, keys="Home"),
    _Row("to-end", "To the end", "player", _PLAYER, keys="End"),
    _Row("slower", "Slower", "player", _PLAYER, keys="["),
    _Row("faster", "Faster", "player", _PLAYER, keys="]"),
    _Row("normal-speed", "Normal speed", "player", _PLAYER, keys="Backspace"),
    _Row("paste-picture", "Search the picture in the clipboard", "player", _PLAYER, keys="Ctrl+V"),
    # The program
    _Row("theme-light", "Light", "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-dark", "Dark", "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-system", "As the system", "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-next", "Next theme", "program", _WINDOW, _THEMES, "Ctrl+Shift+T", apart=True),
    _Row("full-screen", "&Full screen", "program", _WINDOW, "&View", "F11"),
    _Row("reset-layout", "&Reset layout", "program", _WINDOW, "&View"),
    _Row("locate-footage", "&Locate footage…", "footage", _LIBRARY, "&Library"),
    _Row("networks", "&Networks…", "networks", _WINDOW, "&Library", apart=True),
    _Row("demo", "Open the &demo", "library", _WINDOW, "&Help"),
    _Row("palette", "&Commands…", "program", _WINDOW, "&Help", "Ctrl+Shift+P", apart=True),
    _Row("shortcuts", "&Keyboard shortcuts", "program", _WINDOW, "&Help", "F1"),
    _Row("open-log", "Open &log folder", "program", _WINDOW, "&Help"),
    _Row("about", "&About Retrace", "program", _WINDOW, "&Help"),
)
_ROWS = {row.name: row for row in ACTIONS}


def plain_text(text: str) -> str:
    """The text of an action without the mark of its letter."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def first_key(name: str) -> str:
    """The first shortcut of an action as the user reads it."""
    return _keys_text(_ROWS[name].sequences[0])


def with_key(text: str, name: str) -> str:
    """A tooltip that names the first shortcut of an action: "Play (Space)"."""
    return f"{text} ({first_key(name)})"


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
    return {name: _make(_ROWS[name], parent, run) for name, run in runs.items()}


def _make(row: ActionRow, parent: QObject, run: Callable[[], object] | QMenu) -> QAction:
    if isinstance(run, QMenu):
        run.setTitle(row.text)
        return run.menuAction()
    action = QAction(row.text, parent)
    action.setObjectName(f"action_{row.name}")
    action.setCheckable(row.checkable)
    action.setStatusTip(row.tip)
    if row.tip and row.keys:
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
    menu.setObjectName(f"menu_{where.value.lower()}")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for row in ACTIONS:
        if row.where is where and row.name in actions and actions[row.name].isVisible():
            if row.apart:
                menu.addSeparator()
            menu.addAction(actions[row.name])
    return menu


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
        titles = [plain_text(title) for title in row.menu.split("/") if title]
        place = " → ".join(titles) or row.where.value
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


_SIGNS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


def _keys_text(sequence: QKeySequence) -> str:
    before, plus, key = sequence.toString(QKeySequence.SequenceFormat.NativeText).rpartition("+")
    return f"{before}{plus}{_SIGNS.get(key, key)}"
