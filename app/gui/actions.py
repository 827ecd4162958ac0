"""The table of all actions: menus, keys, command palette and list of shortcuts come from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtGui import QKeySequence

from app.language import tr


class Where(Enum):
    """Where an action applies."""

    WINDOW = "window"
    LIBRARY = "library"  # in the whole window, while a library is open
    PLAYER = "player"  # the player takes its keys itself
    RESULTS = "results"  # on the selected hit
    PEOPLE = "people"  # on the selected people
    VIDEOS = "videos"  # on the selected videos

    @property
    def title(self) -> str:
        """What the place is called in the window."""
        return _PLACES[self]


_PLACES = {
    Where.WINDOW: tr("Window"),
    Where.LIBRARY: tr("Library"),
    Where.PLAYER: tr("Player"),
    Where.RESULTS: tr("Results"),
    Where.PEOPLE: tr("People"),
    Where.VIDEOS: tr("Videos"),
}
MENUS = {
    "file": tr("&File"),
    "edit": tr("&Edit"),
    "search": tr("&Search"),
    "people": tr("&People"),
    "view": tr("&View"),
    "cameras": tr("&Cameras at once"),
    "theme": tr("&Theme"),
    "library": tr("&Library"),
    "help": tr("&Help"),
}
"""Titles of all menus of the menu bar, by name."""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action.

    Attributes:
        name: by which the code calls it.
        text: what it is called; `&` stands before the letter that chooses it in a menu.
        feature: folder of the feature that runs it.
        where: where it applies; those of results and videos are in their context menus.
        menu: names of the menus of the menu bar that it is in, outermost first, separated by a
            slash; empty if it is in none.
        keys: its usual shortcuts as Qt writes them, separated by spaces.
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
    def chosen_keys(self) -> str:
        """Its shortcuts, the user's own where there are some, written as `keys`."""
        return _chosen.get(self.name, self.keys)

    @property
    def sequences(self) -> list[QKeySequence]:
        """Its shortcuts."""
        return [QKeySequence(keys) for keys in self.chosen_keys.split()]

    @property
    def keys_text(self) -> str:
        """Its shortcuts as the user reads them: "Space, K"."""
        return ", ".join(keys_text(each) for each in self.sequences)


_WINDOW, _LIBRARY, _PLAYER = Where.WINDOW, Where.LIBRARY, Where.PLAYER
_RESULTS, _PEOPLE, _VIDEOS = Where.RESULTS, Where.PEOPLE, Where.VIDEOS
_THEMES, _CAMERAS = "view/theme", "view/cameras"
_FROM_NETWORK = tr("If the library has a network for it (Library → Networks…)")
_COMMON = tr(
    "Removes what all people seen by a camera have in common; the more people, the more is removed"
)
_USUAL = tr("Ranks hits higher if the time between the cameras is usual in this library")

_Row = ActionRow
ACTIONS: tuple[ActionRow, ...] = (
    _Row("add-footage", tr("&Add footage…"), "library", _WINDOW, "file", "Ctrl+Shift+O"),
    _Row("add-videos", tr("Add &videos…"), "library", _WINDOW, "file"),
    _Row("watched", tr("&Watched folders"), "footage", _WINDOW, "file"),
    _Row("new-library", tr("&New library…"), "library", _WINDOW, "file", "Ctrl+N", apart=True),
    _Row("open-library", tr("&Open library…"), "library", _WINDOW, "file", "Ctrl+O"),
    _Row("recent", tr("Open &recent"), "library", _WINDOW, "file"),
    _Row("quit", tr("&Quit"), "program", _WINDOW, "file", "Ctrl+Q", apart=True),
    # The selected hit
    _Row(
        "search-person",
        tr("Search for this person"),
        "results",
        _RESULTS,
        keys="Return Enter",
        tip=tr("Search for this person in all cameras"),
    ),
    _Row(
        "why-match",
        tr("Why this match?"),
        "results",
        _RESULTS,
        keys="W",
        tip=tr("Show which parts of the two pictures agree"),
    ),
    _Row("narrow-time", tr("Only 10 minutes before and after"), "results", _RESULTS),
    _Row("narrow-camera", tr("Only this camera"), "results", _RESULTS),
    _Row(
        "confirm",
        tr("✓ Confirm"),
        "results",
        _RESULTS,
        "people",
        "+ =",
        tr("The same person"),
        apart=True,
    ),
    _Row("reject", tr("✕ Reject"), "results", _RESULTS, "people", "-", tr("Another person")),
    _Row("maybe", tr("? Maybe"), "results", _RESULTS, "people", "?", tr("Decide later")),
    _Row(
        "undecide",
        tr("Clear decision"),
        "results",
        _RESULTS,
        "people",
        "U",
        tr("Clear the decision"),
    ),
    _Row(
        "not-a-person",
        tr("Not a person"),
        "results",
        _RESULTS,
        "people",
        "X",
        tr("A thing: leave it out of lists and searches"),
    ),
    _Row(
        "split-sighting",
        tr("Spl&it at this frame"),
        "results",
        _RESULTS,
        "people",
        "S",
        tr("Two people: cut the sighting in two at the frame in the player"),
    ),
    _Row("undo", tr("Undo"), "results", _RESULTS, "edit", "Ctrl+Z", tr("Undo the last decision")),
    _Row("redo", tr("Redo"), "results", _RESULTS, "edit", "Ctrl+Shift+Z", tr("Redo the decision")),
    # Searches
    _Row("next-hit", tr("Next &hit"), "results", _WINDOW, "search", "Right", apart=True),
    _Row("previous-hit", tr("Pre&vious hit"), "results", _WINDOW, "search", "Left"),
    _Row(
        "next-sighting",
        tr("&Next sighting of the person"),
        "results",
        _WINDOW,
        "search",
        "PgDown",
        tr("The next one in time, in whichever camera"),
    ),
    _Row(
        "previous-sighting",
        tr("Previous sightin&g of the person"),
        "results",
        _WINDOW,
        "search",
        "PgUp",
        tr("The one before in time, in whichever camera"),
    ),
    _Row("settings", tr("Se&ttings…"), "program", _WINDOW, "edit", "Ctrl+,", apart=True),
    _Row("search-picture", tr("Search with a &picture…"), "results", _LIBRARY, "search", "Ctrl+F"),
    _Row(
        "show-photo",
        tr("Show the ph&oto again"),
        "results",
        _WINDOW,
        "search",
        "Ctrl+Shift+F",
        tr("To the photo in which people were chosen last"),
    ),
    _Row(
        "back",
        tr("&Back"),
        "results",
        _WINDOW,
        "search",
        "Alt+Left",
        tr("Previous search"),
        apart=True,
    ),
    _Row(
        "forward",
        tr("For&ward"),
        "results",
        _WINDOW,
        "search",
        "Alt+Right",
        tr("Next search"),
    ),
    _Row(
        "refine-aggregated",
        tr("Refine by &similar people"),
        "results",
        _WINDOW,
        "search",
        tip=_FROM_NETWORK,
        apart=True,
        checkable=True,
    ),
    _Row(
        "refine-reranked",
        tr("&Compare the best hits pair by pair"),
        "results",
        _WINDOW,
        "search",
        tip=_FROM_NETWORK,
        checkable=True,
    ),
    _Row(
        "refine-camera_mean",
        tr("C&amera mean: even out light and colours"),
        "results",
        _WINDOW,
        "search",
        tip=_COMMON,
        apart=True,
        checkable=True,
    ),
    _Row(
        "refine-transit",
        tr("&Transit times: use the time between cameras"),
        "results",
        _WINDOW,
        "search",
        tip=_USUAL,
        checkable=True,
    ),
    # The selected people
    _Row("open-person", tr("&Search for this person"), "people", _PEOPLE, "people", apart=True),
    _Row("rename-person", tr("Re&name"), "people", _PEOPLE, "people", "F2"),
    _Row("colour-person", tr("&Colour…"), "people", _PEOPLE, "people"),
    _Row("note-person", tr("N&otes…"), "people", _PEOPLE, "people"),
    _Row("merge-people", tr("&Merge into one person"), "people", _PEOPLE, "people"),
    _Row("delete-person", tr("&Delete, keep the sightings"), "people", _PEOPLE, "people"),
    _Row("route", tr("Rou&te of the person sought…"), "timeline", _LIBRARY, "people", "Ctrl+R"),
    # The selected videos
    _Row("play-video", tr("Play"), "footage", _VIDEOS),
    _Row("read-next", tr("Load next"), "footage", _VIDEOS),
    _Row("read-last", tr("Load last"), "footage", _VIDEOS),
    _Row("exclude", tr("Exclude"), "footage", _VIDEOS),
    _Row("read-again", tr("Load again"), "footage", _VIDEOS),
    _Row("merge-cameras", tr("Merge the cameras…"), "footage", _VIDEOS),
    _Row("camera-clock", tr("Name and clock of the camera…"), "footage", _VIDEOS),
    _Row("split-camera", tr("Split off as a camera…"), "footage", _VIDEOS),
    _Row("show-reason", tr("Show reason…"), "footage", _VIDEOS),
    _Row("locate-video", tr("Locate footage…"), "footage", _VIDEOS),
    _Row("copy-path", tr("Copy path"), "footage", _VIDEOS),
    # The player
    _Row(
        "play",
        tr("Play or pause"),
        "player",
        _PLAYER,
        keys="Space K",
        tip=tr("Plays the selected sighting again and again"),
    ),
    _Row("shuttle-back", tr("Play backwards, faster each time"), "player", _PLAYER, keys="J"),
    _Row("shuttle-on", tr("Play forwards, faster each time"), "player", _PLAYER, keys="L"),
    _Row("frame-back", tr("One frame back"), "player", _PLAYER, keys=","),
    _Row("frame-on", tr("One frame forward"), "player", _PLAYER, keys="."),
    _Row("back-5", tr("5 seconds back"), "player", _PLAYER, keys="Ctrl+Left"),
    _Row("on-5", tr("5 seconds forward"), "player", _PLAYER, keys="Ctrl+Right"),
    _Row("back-1", tr("1 second back"), "player", _PLAYER, keys="Shift+Left"),
    _Row("on-1", tr("1 second forward"), "player", _PLAYER, keys="Shift+Right"),
    _Row("back-60", tr("1 minute back"), "player", _PLAYER, keys="Down"),
    _Row("on-60", tr("1 minute forward"), "player", _PLAYER, keys="Up"),
    _Row("to-start", tr("Go to the beginning"), "player", _PLAYER, keys="Home"),
    _Row("to-end", tr("Go to the end"), "player", _PLAYER, keys="End"),
    _Row("slower", tr("Slower"), "player", _PLAYER, keys="["),
    _Row("faster", tr("Faster"), "player", _PLAYER, keys="]"),
    _Row("normal-speed", tr("Normal speed"), "player", _PLAYER, keys="Backspace"),
    _Row("draw-box", tr("Draw a box around a person"), "player", _PLAYER, keys="B"),
    _Row(
        "paste-picture", tr("Search the picture in the clipboard"), "player", _PLAYER, keys="Ctrl+V"
    ),
    # The program
    _Row(
        "compare",
        tr("Compare with the person"),
        "compare",
        _WINDOW,
        "view",
        "C",
        tr("Show the person sought and the selected sighting side by side"),
        checkable=True,
    ),
    _Row("cameras-1", tr("One camera"), "together", _WINDOW, _CAMERAS, "Alt+1", checkable=True),
    _Row("cameras-4", tr("Four cameras"), "together", _WINDOW, _CAMERAS, "Alt+4", checkable=True),
    _Row("cameras-9", tr("Nine cameras"), "together", _WINDOW, _CAMERAS, "Alt+9", checkable=True),
    _Row("theme-light", tr("Light"), "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-dark", tr("Dark"), "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-system", tr("System default"), "program", _WINDOW, _THEMES, checkable=True),
    _Row("theme-next", tr("Next theme"), "program", _WINDOW, _THEMES, "Ctrl+Shift+T", apart=True),
    _Row("language", tr("&Language"), "program", _WINDOW, "view"),
    _Row(
        "timeline-in", tr("&Zoom into the timeline"), "timeline", _WINDOW, "view", "Ctrl+= Ctrl++"
    ),
    _Row("timeline-out", tr("Zoom &out of the timeline"), "timeline", _WINDOW, "view", "Ctrl+-"),
    _Row("timeline-all", tr("Timeline: &all footage"), "timeline", _WINDOW, "view", "Ctrl+0"),
    _Row("days", tr("&Days with footage…"), "timeline", _LIBRARY, "view", "Ctrl+D"),
    _Row("full-screen", tr("&Full screen"), "program", _WINDOW, "view", "F11"),
    _Row("reset-layout", tr("&Reset layout"), "program", _WINDOW, "view"),
    _Row("locate-footage", tr("&Locate footage…"), "footage", _LIBRARY, "library"),
    _Row("ways", tr("&Ways between cameras…"), "timeline", _LIBRARY, "library"),
    _Row("networks", tr("&Networks…"), "networks", _WINDOW, "library", apart=True),
    _Row("demo", tr("Open the &demo"), "library", _WINDOW, "help"),
    _Row(
        "palette", tr("&Command palette…"), "program", _WINDOW, "help", "Ctrl+Shift+P", apart=True
    ),
    _Row("shortcuts", tr("&Keyboard shortcuts"), "program", _WINDOW, "help", "F1"),
    _Row("open-log", tr("Open &log folder"), "program", _WINDOW, "help"),
    _Row("about", tr("&About Retrace"), "program", _WINDOW, "help"),
)
_ROWS = {row.name: row for row in ACTIONS}
_chosen: dict[str, str] = {}


def plain_text(text: str) -> str:
    """The text of an action without the mark of its letter, which Chinese adds: 文件(&F)."""
    text = re.sub(r"\(&\w\)", "", text)
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def use_keys(chosen: Mapping[str, str]) -> None:
    """Gives actions that are made from now on other shortcuts than their usual ones.

    Args:
        chosen: by name, as `ActionRow.keys`; empty for none. Other actions get their usual ones.
    """
    _chosen.clear()
    _chosen.update(chosen)


def row_named(name: str) -> ActionRow:
    """The row of an action; raises KeyError if the table has none of that name."""
    return _ROWS[name]


def first_key(name: str) -> str:
    """The first shortcut of an action as the user reads it, or empty."""
    return next(map(keys_text, _ROWS[name].sequences), "")


def with_key(text: str, name: str) -> str:
    """A tooltip that names the first shortcut of an action: "Play (Space)"."""
    key = first_key(name)
    return f"{text} ({key})" if key else text


_SIGNS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


def keys_text(sequence: QKeySequence) -> str:
    """A shortcut as the user reads it: "Ctrl+Shift+→"."""
    before, plus, key = sequence.toString(QKeySequence.SequenceFormat.NativeText).rpartition("+")
    name = sequence.toString(QKeySequence.SequenceFormat.PortableText).rpartition("+")[2]
    return f"{before}{plus}{_SIGNS.get(name, key)}"
