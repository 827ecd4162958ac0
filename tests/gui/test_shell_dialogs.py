"""Dialogs of the window: errors, keys, log, footage that is missing, licence."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace

from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QTreeWidget,
)
from window_fakes import dialog, label, make_video

from app.core.entities import VideoStatus
from app.gui.footage.locate_dialog import LocateDialog
from app.gui.program.log_file import LOG_NAME, keep_log
from app.gui.widgets.error_dialog import ErrorDialog, show_error
from app.settings import user_log_dir
from app.storage.library import Library


def test_an_unexpected_error_folds_its_traceback_away(shell) -> None:
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError as error:
        shown = show_error(error, shell.window)
    details = shown.findChild(QPlainTextEdit, "error_details")
    assert not details.isVisible()
    shown.findChild(QToolButton, "error_details_fold").click()
    assert details.isVisible()
    assert "ZeroDivisionError: a bug" in details.toPlainText()
    shown.close()


def test_f1_lists_every_key_and_can_be_narrowed(shell, qtbot) -> None:
    assert shell.window.action("shortcuts").shortcut().toString() == "F1"
    shell.window.action("shortcuts").trigger()
    tree = shell.window.findChild(QTreeWidget, "shortcuts_list")
    groups = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    assert [group.text(0) for group in groups] == [
        "Window",
        "Player",
        "Results",
        "People",
        "Videos",
    ]
    assert all(group.childCount() for group in groups)
    field = shell.window.findChild(QLineEdit, "shortcuts_filter")
    field.setText("one frame back")
    rows = [group.child(row) for group in groups for row in range(group.childCount())]
    assert [row.text(1) for row in rows if not row.isHidden()] == [","]


def test_troubles_are_kept_in_a_log_whose_folder_is_shown(
    shell, monkeypatch, expected_logs
) -> None:
    expected_logs("the disk is nearly full")
    handler = keep_log()
    try:
        logging.getLogger("app.gui").warning("the disk is nearly full")
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    opened: list[Path] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile()))
    )
    shell.window.action("open-log").trigger()
    (folder,) = opened
    assert "WARNING app.gui: the disk is nearly full" in (folder / LOG_NAME).read_text()
    assert str(folder) in shell.window.statusBar().currentMessage()


def test_a_folder_that_takes_no_log_is_no_reason_to_stop(home, expected_logs) -> None:
    expected_logs("No log is kept")
    user_log_dir().parent.mkdir(parents=True)
    user_log_dir().write_text("a file stands in the way")
    assert keep_log() is None


def test_a_failed_video_tells_its_reason_once(shell, tmp_path) -> None:
    reason = "bad.mp4 is empty."
    video = make_video(1, tmp_path / "bad.mp4", VideoStatus.FAILED, problem=reason)
    shell.footage.sources.reason_requested.emit(video)
    shown = dialog(shell, ErrorDialog)
    assert label(shown, "error_message") == reason
    assert "Load again" in label(shown, "error_remedy")
    shown.close()


def test_locating_footage_that_is_all_there_says_so(qtbot, shell, tmp_path) -> None:
    with Library.open(tmp_path / "library", create=True) as library:
        shell.footage.locate.set_workspace(SimpleNamespace(library=library))
        shell.footage.locate.ask()
        qtbot.waitUntil(lambda: dialog(shell, LocateDialog) is not None)
        shown = dialog(shell, LocateDialog)
        assert "All footage of this library is where it should be" in label(shown, "locate_words")
        assert not shown.findChild(QPushButton, "locate_choose").isVisible()
        shell.footage.locate.set_workspace(None)
        qtbot.waitUntil(lambda: dialog(shell, LocateDialog) is None)


def test_about_names_the_licence(shell) -> None:
    shell.window.action("about").trigger()
    assert "GNU Affero General Public License" in label(shell.window, "about_licence")


def test_every_control_of_the_shell_has_a_name(shell) -> None:
    for panel in (shell.footage.sources, shell.footage.ingest_line):
        for control in panel.findChildren(QPushButton):
            assert control.objectName()
            assert control.accessibleName()


def test_about_says_the_version_from_a_bare_checkout_too(qtbot, monkeypatch) -> None:
    from importlib import metadata

    from app.gui.program.about_dialog import AboutDialog

    def missing(_name: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr("app.settings.metadata.version", missing)
    about = AboutDialog()
    qtbot.addWidget(about)
    title = label(about, "about_title")
    assert re.fullmatch(r"Retrace \d+\.\d+\.\d+", title)
