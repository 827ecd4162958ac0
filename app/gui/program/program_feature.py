"""The program itself: its look, its keys, its log, what it is."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from app.core.errors import SettingsError
from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.main_window import MainWindow
from app.gui.preferences import keep_preferences
from app.gui.program.about_dialog import AboutDialog
from app.gui.program.command_palette import CommandPalette
from app.gui.program.log_file import open_log_folder
from app.gui.program.settings_dialog import SettingsDialog
from app.gui.program.shortcuts_dialog import ShortcutsDialog
from app.gui.widgets.theme import Theme, ThemeChoice
from app.language import SYSTEM, languages, tr
from app.settings import Settings, WindowSettings, load_settings

_SHOWN_MS = 8000


class ProgramFeature(Feature):
    """What needs no library.

    Args:
        window: whose look it changes.
        theme: the colours of all windows.
        language: of the settings.
    """

    def __init__(self, window: MainWindow, theme: Theme, language: str) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self.actions = make_actions(
            self,
            {
                "quit": window.close,
                "full-screen": window.toggle_full_screen,
                "reset-layout": window.reset_layout,
                "language": self._language_menu(language),
                "theme-next": lambda: self._choose_theme(theme.choice.next()),
                "palette": lambda: CommandPalette(window.commands(), window).show(),
                "shortcuts": self._show_shortcuts,
                "settings": self._show_settings,
                "open-log": self._open_log,
                "about": lambda: AboutDialog(window).open(),
                **{
                    f"theme-{each.value}": partial(self._choose_theme, each) for each in ThemeChoice
                },
            },
        )
        group = QActionGroup(self)
        for each in ThemeChoice:
            group.addAction(self._action_of(each))
        self._action_of(theme.choice).setChecked(True)

    def _choose_theme(self, choice: ThemeChoice) -> None:
        self._theme.choose(choice)
        self._action_of(choice).setChecked(True)
        keep_preferences(self._window.statusBar(), window=WindowSettings(theme=choice.value))

    def _language_menu(self, wanted: str) -> QMenu:
        menu = QMenu(self._window)
        group = QActionGroup(menu)
        for code, name in {SYSTEM: tr("System default"), **languages()}.items():
            action = menu.addAction(name)
            action.setObjectName(f"language_{code}")
            action.setCheckable(True)
            action.setChecked(code == wanted)
            action.triggered.connect(lambda _checked=False, code=code: self._choose_language(code))
            group.addAction(action)
        return menu

    def _choose_language(self, code: str) -> None:
        bar = self._window.statusBar()
        bar.showMessage(tr("The language changes when Retrace is restarted."), _SHOWN_MS)
        keep_preferences(bar, language=code)

    def _show_settings(self) -> None:
        try:
            settings = load_settings()
        except SettingsError as error:
            self.problem.emit(error)
            return
        themes = {each.value: self._action_of(each).text() for each in ThemeChoice}
        dialog = SettingsDialog(settings, themes, self._window)
        dialog.agreed.connect(self._keep_settings)
        dialog.shortcuts_wanted.connect(self._show_shortcuts)
        dialog.open()

    def _keep_settings(self, settings: Settings) -> None:
        self._choose_theme(ThemeChoice(settings.window.theme))
        keep_preferences(
            self._window.statusBar(),
            language=settings.language,
            ingest=settings.ingest,
            models=settings.models,
        )

    def _show_shortcuts(self) -> None:
        try:
            chosen = load_settings().keys
        except SettingsError as error:
            self.problem.emit(error)
            return
        dialog = ShortcutsDialog(chosen, self._window)
        dialog.changed.connect(self._keep_shortcuts)
        dialog.open()

    def _keep_shortcuts(self, chosen: dict[str, str]) -> None:
        bar = self._window.statusBar()
        bar.showMessage(tr("The shortcuts take effect when Retrace is restarted."), _SHOWN_MS)
        keep_preferences(bar, keys=chosen)

    def _action_of(self, choice: ThemeChoice) -> QAction:
        return self.actions[f"theme-{choice.value}"]

    def _open_log(self) -> None:
        folder = open_log_folder()
        # For a desktop that has no program to show it.
        self._window.statusBar().showMessage(
            tr("The log is kept in {folder}", folder=folder), _SHOWN_MS
        )
