"""Starts the window and ends it in order: `run` is all that the rest of the program calls."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QSocketNotifier, QTranslator
from PySide6.QtWidgets import QApplication

from app.gui.actions import use_keys
from app.gui.library.library_flow import OpenWorkspace
from app.gui.program.log_file import keep_log
from app.gui.shell import Shell, theme_of
from app.gui.widgets import icons
from app.gui.window_state import WindowState
from app.language import language
from app.settings import Settings

if TYPE_CHECKING:
    from app.services.networks.model_shelf import ModelShelf

logger = logging.getLogger(__name__)

_SWITCH_S = 0.001
"""How long a thread may keep Python's lock while others wait for it. A query gives the lock away at
each row and has to wait for it anew: with the usual 0.005 s a page of hits takes twice as long
while people are being ingested."""


def run(
    open_workspace: OpenWorkspace,
    open_shelf: Callable[[], ModelShelf],
    settings: Settings,
    library: Path | None,
    videos: Path | None,
) -> int:
    """Shows the window until it is closed.

    Args:
        open_workspace: (folder, whether to create it) → workspace; raises LibraryError.
        open_shelf: the networks on this computer; raises SettingsError.
        settings: the user's settings.
        library: the library to open; by default that of `videos`, else the one opened last.
        videos: a folder to ingest at once.

    Returns:
        The exit status.
    """
    # opencv-python points Qt to its own, older plugins.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        os.environ.pop(name, None)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("retrace")
    app.setDesktopFileName("retrace")
    app.setWindowIcon(icons.logo())
    _translate_qt(app)
    use_keys(settings.keys)
    shell = Shell(open_workspace, settings, WindowState(), theme_of(settings, app), open_shelf)
    interrupt = TerminalInterrupt(shell.close_at_once, app)
    former_hook, former_switch_s = sys.excepthook, sys.getswitchinterval()
    sys.excepthook = _reporting(shell)
    sys.setswitchinterval(_SWITCH_S)
    log = keep_log()
    try:
        shell.window.show()
        shell.start(library, videos)
        return app.exec()
    finally:
        sys.excepthook = former_hook
        interrupt.restore()
        shell.shutdown()
        sys.setswitchinterval(former_switch_s)
        if log is not None:
            logging.getLogger().removeHandler(log)
            log.close()


def _translate_qt(app: QApplication) -> None:
    """Has Qt's own texts, such as "Cancel" and the months of calendars, in the language in use."""
    locale = QLocale(language())
    plain = {QLocale.Language.C, QLocale.Language.English}
    if QLocale().language() != locale.language() and not plain.issuperset(
        (QLocale().language(), locale.language())
    ):
        QLocale.setDefault(locale)
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(locale, "qtbase", "_", folder):
        app.installTranslator(translator)


class TerminalInterrupt(QObject):
    """Ctrl-C in the terminal, or a polite kill, as a call in the GUI thread.

    Python runs signal handlers only between its own instructions, and none come while Qt's event
    loop waits: a socket that the signal writes to wakes it.
    """

    def __init__(self, heard: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._heard = heard
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._former_fd = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._former = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)

    def restore(self) -> None:
        """Puts the former handlers back."""
        self._notifier.setEnabled(False)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_fd)
        self._reading.close()
        self._writing.close()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        """The signal itself: what is to be done is done in `_wake`."""

    def _wake(self) -> None:
        self._reading.recv(64)
        self._heard()


def _reporting(
    shell: Shell,
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """An exception hook that logs and shows what nobody caught."""

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        logger.critical("An error that nobody caught.", exc_info=(kind, error, trace))
        shell.report(error)

    return report
