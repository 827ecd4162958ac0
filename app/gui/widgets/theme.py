"""How the window looks: colour tokens for light and dark, one spacing unit, one corner radius.

Widgets read `tokens()` when they paint, and repaint on `Theme.changed` (or on their own
`changeEvent` with `PaletteChange`, which comes at the same time).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

UNIT_PX = 4
"""Everything is placed on multiples of this: 8 between related things, 16 between groups."""

RADIUS_PX = 4
SMALL_TEXT_RATIO = 0.9
"""Size of secondary text as a share of the window's text."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one scheme, as ``#rrggbb``.

    Every token of `TEXT` reads with a contrast of at least 4.5:1 on every token of `GROUNDS`.

    Attributes:
        surface: the window.
        raised: lists, fields, cards.
        ground: neutral bed of pictures and crops.
        line: borders and separators.
        hovered: a row under the pointer.
        selected: a chosen row.
        text: text.
        muted: secondary text.
        accent: the one colour that says "act here" or "this one".
        on_accent: text on a ground of `accent`.
        confirmed: the user said "same person"; also: done.
        rejected: the user said "another person"; also: failed.
        uncertain: undecided; also: cut, partial.
        warning: something is not as it should be.
    """

    is_dark: bool
    surface: str
    raised: str
    ground: str
    line: str
    hovered: str
    selected: str
    text: str
    muted: str
    accent: str
    on_accent: str
    confirmed: str
    rejected: str
    uncertain: str
    warning: str


TEXT = ("text", "muted", "accent", "confirmed", "rejected", "uncertain", "warning")
GROUNDS = ("surface", "raised", "ground", "hovered", "selected")

LIGHT = Tokens(
    is_dark=False,
    surface="#f4f5f7",
    raised="#ffffff",
    ground="#e9ebee",
    line="#d3d7dc",
    hovered="#ebeef2",
    selected="#d9e7fa",
    text="#1b1f24",
    muted="#535b66",
    accent="#0a57b5",
    on_accent="#ffffff",
    confirmed="#146634",
    rejected="#ab1f18",
    uncertain="#7a4d00",
    warning="#8a4300",
)
DARK = Tokens(
    is_dark=True,
    surface="#1c1e21",
    raised="#242629",
    ground="#141517",
    line="#3b3f45",
    hovered="#2d3035",
    selected="#25405e",
    text="#e7e9ec",
    muted="#abb2bb",
    accent="#7cb8ff",
    on_accent="#0b1c30",
    confirmed="#6fd394",
    rejected="#ff9c93",
    uncertain="#e6ba4a",
    warning="#ffb36b",
)

OVERLAY_LINE = "#ffffff"
OVERLAY_SHADOW = "#000000"
OVERLAY_ACCENT = "#4da3ff"
"""Drawn over footage, whatever the scheme: a light line with a dark one under it is always seen."""


class ThemeChoice(StrEnum):
    """What the user asked for in the View menu."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"

    def next(self) -> ThemeChoice:
        """The choice that a cycling shortcut comes to next."""
        order = list(ThemeChoice)
        return order[(order.index(self) + 1) % len(order)]


class Theme(QObject):
    """Applies the tokens to the application and follows the system's scheme while it runs.

    Signals:
        changed: other tokens are in force.
    """

    changed = Signal()

    def __init__(self, app: QApplication, choice: ThemeChoice = ThemeChoice.SYSTEM) -> None:
        super().__init__(app)
        self._app = app
        self._choice = choice
        self._applied: Tokens | None = None
        app.setStyle("Fusion")
        font = app.font()
        font.setFeature(QFont.Tag("tnum"), 1)  # digits of one width: running figures do not jitter
        app.setFont(font)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)
        self._set_scheme()

    @property
    def choice(self) -> ThemeChoice:
        """What the user asked for."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Switches at once."""
        self._choice = choice
        self._set_scheme()

    def _set_scheme(self) -> None:
        hints = QGuiApplication.styleHints()
        if self._choice is ThemeChoice.SYSTEM:
            hints.unsetColorScheme()
        else:
            dark = self._choice is ThemeChoice.DARK
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self._apply()

    def _apply(self) -> None:
        wanted = self._wanted()
        if wanted is self._applied:
            return
        self._applied = wanted
        self._app.setPalette(palette(wanted))
        self._app.setStyleSheet(style_sheet(wanted))
        self.changed.emit()

    def _wanted(self) -> Tokens:
        # Some platforms (offscreen, bare X) ignore a scheme that is set: the choice decides here.
        if self._choice is ThemeChoice.SYSTEM:
            return _system_tokens()
        return DARK if self._choice is ThemeChoice.DARK else LIGHT


def tokens() -> Tokens:
    """The colours in force: what the palette was made from, else the system's scheme."""
    app = QGuiApplication.instance()
    if isinstance(app, QGuiApplication):
        window = app.palette().color(QPalette.ColorRole.Window).name()
        for known in (LIGHT, DARK):
            if known.surface == window:
                return known
    return _system_tokens()


def _system_tokens() -> Tokens:
    if QGuiApplication.instance() is None:
        return LIGHT
    dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
    return DARK if dark else LIGHT


def small_font(base: QFont) -> QFont:
    """The size of secondary text."""
    font = QFont(base)
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * SMALL_TEXT_RATIO)
    else:
        font.setPixelSize(max(1, round(font.pixelSize() * SMALL_TEXT_RATIO)))
    return font


def strong_font(base: QFont) -> QFont:
    """The one change of weight: for headings."""
    font = QFont(base)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def contrast(one: str, other: str) -> float:
    """Contrast of two ``#rrggbb`` colours as WCAG 2 defines it, 1..21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def palette(colours: Tokens) -> QPalette:
    """A Qt palette of the tokens."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    made = QPalette()
    for target, name in {
        role.Window: colours.surface,
        role.WindowText: colours.text,
        role.Base: colours.raised,
        role.AlternateBase: colours.surface,
        role.Text: colours.text,
        role.Button: colours.raised,
        role.ButtonText: colours.text,
        role.BrightText: colours.rejected,
        role.ToolTipBase: colours.raised,
        role.ToolTipText: colours.text,
        role.PlaceholderText: colours.muted,
        role.Highlight: colours.selected,
        role.HighlightedText: colours.text,
        role.Accent: colours.accent,
        role.Link: colours.accent,
        role.LinkVisited: colours.accent,
        role.Light: colours.raised,
        role.Midlight: colours.hovered,
        role.Mid: colours.line,
        role.Dark: colours.line,
        role.Shadow: colours.ground,
    }.items():
        made.setColor(target, QColor(name))
    for target in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        faded = QColor(colours.muted)
        faded.setAlpha(150)
        made.setColor(group.Disabled, target, faded)
    return made


def style_sheet(colours: Tokens) -> str:
    """The few rules that a palette cannot express."""
    values = {
        **asdict(colours),
        "radius": RADIUS_PX,
        "unit": UNIT_PX,
        "twice": 2 * UNIT_PX,
    }
    return _STYLE % values


_STYLE = """
QMainWindow::separator { background: %(line)s; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: %(accent)s; }
QDockWidget { titlebar-close-icon: none; titlebar-normal-icon: none; }
QMenuBar { background: %(surface)s; border-bottom: 1px solid %(line)s; }
QMenuBar::item { padding: %(unit)spx %(twice)spx; background: transparent; }
QMenuBar::item:selected { background: %(hovered)s; border-radius: %(radius)spx; }
QMenu { background: %(raised)s; border: 1px solid %(line)s; padding: %(unit)spx; }
QMenu::item { padding: %(unit)spx 24px; border-radius: %(radius)spx; }
QMenu::item:selected { background: %(selected)s; color: %(text)s; }
QMenu::item:disabled { color: %(muted)s; }
QMenu::separator { height: 1px; background: %(line)s; margin: %(unit)spx; }
QStatusBar { background: %(surface)s; border-top: 1px solid %(line)s; color: %(muted)s; }
QStatusBar::item { border: none; }
QStatusBar QLabel { padding: 0 %(twice)spx; }
QToolTip { background: %(raised)s; color: %(text)s; border: 1px solid %(line)s;
    padding: %(unit)spx; }
QPushButton { background: %(raised)s; border: 1px solid %(line)s; border-radius: %(radius)spx;
    padding: %(unit)spx 12px; min-height: 16px; }
QPushButton:hover { background: %(hovered)s; }
QPushButton:pressed { background: %(selected)s; }
QPushButton:focus { border-color: %(accent)s; }
QPushButton:disabled { color: %(muted)s; background: %(surface)s; }
QPushButton:default { background: %(accent)s; color: %(on_accent)s; border-color: %(accent)s; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: %(radius)spx;
    padding: %(unit)spx; }
QToolButton:hover, QToolButton:checked { background: %(hovered)s; }
QToolButton[role="small"] { padding: 0 %(unit)spx; }
QToolButton:pressed { background: %(selected)s; }
QToolButton:focus { border-color: %(accent)s; }
QLineEdit { background: %(raised)s; border: 1px solid %(line)s;
    border-radius: %(radius)spx; padding: %(unit)spx; selection-background-color: %(selected)s;
    selection-color: %(text)s; }
QLineEdit:focus { border-color: %(accent)s; }
QComboBox { background: %(raised)s; border: 1px solid %(line)s; border-radius: %(radius)spx;
    padding: 3px %(twice)spx; }
QComboBox:hover { background: %(hovered)s; }
QComboBox:focus { border-color: %(accent)s; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { width: 0; height: 0; border-left: 4px solid %(raised)s;
    border-right: 4px solid %(raised)s; border-top: 5px solid %(muted)s; }
QSlider::groove:horizontal { height: 4px; background: %(line)s; border-radius: 2px; }
QSlider::sub-page:horizontal { background: %(accent)s; border-radius: 2px; }
QSlider::handle:horizontal { width: 10px; margin: -4px 0; border-radius: 6px;
    background: %(raised)s; border: 1px solid %(muted)s; }
QSlider::handle:horizontal:focus { background: %(accent)s; border-color: %(accent)s; }
QCheckBox::indicator:unchecked { border: 1px solid %(muted)s; border-radius: 2px;
    background: %(raised)s; }
QCheckBox:focus { color: %(accent)s; }
QCheckBox::indicator:unchecked:focus { border-color: %(accent)s; }
QProgressBar { background: %(ground)s; border: none; border-radius: %(radius)spx;
    text-align: center; color: %(text)s; }
QProgressBar::chunk { background: %(accent)s; border-radius: %(radius)spx; }
QAbstractItemView { background: %(raised)s; border: 1px solid %(raised)s; outline: none; }
QAbstractItemView:focus { border-color: %(accent)s; }
QTreeView::item { padding: 2px 0; }
QTreeView::item:hover { background: %(hovered)s; }
QTreeView::item:selected { background: %(selected)s; }
QHeaderView { background: %(raised)s; }
QHeaderView::section { background: %(raised)s; color: %(muted)s; border: none;
    border-bottom: 1px solid %(line)s; padding: %(unit)spx; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: %(line)s; border-radius: %(radius)spx; min-height: 32px;
    min-width: 32px; margin: 2px; }
QScrollBar::handle:hover { background: %(muted)s; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QPushButton[role="row"] { text-align: left; }
QPushButton[role="chip"] { padding: 3px %(twice)spx; }
#speedButton::menu-indicator { image: none; }
#queryPicture { background: %(ground)s; border-radius: %(radius)spx; }
/* Frames, so that buttons are seen to be buttons. */
#hitButtons QToolButton, #cameraButton { border: 1px solid %(line)s; background: %(raised)s; }
#hitButtons QToolButton:hover, #cameraButton:hover { background: %(hovered)s; }
#hitButtons QToolButton:disabled { background: transparent; }
#hitButtons QToolButton:focus, #cameraButton:focus { border-color: %(accent)s; }
#cameraButton { padding-right: 20px; }
#cameraButton::menu-indicator { subcontrol-position: center right; right: 4px; }
#command_palette, QFrame[role="popover"] { background: %(raised)s; border: 1px solid %(line)s; }
QLabel[role="muted"] { color: %(muted)s; }
QLabel[role="warning"] { color: %(warning)s; }
QLabel[role="heading"] { font-weight: 600; }
"""
