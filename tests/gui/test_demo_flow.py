"""The first page and the demo: what they offer, what is opened, ingested and shown, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QFileDialog, QPushButton
from window_fakes import EndlessIngest, FakeWorkspace, Shelf, dialog, drop, label, record_shown

from app.core.errors import LibraryInUseError
from app.gui.library import demo_flow
from app.gui.library.demo_flow import HINT
from app.gui.library.first_run_page import LIBRARIES, FirstRunPage
from app.gui.shell import Shell
from app.gui.widgets.error_dialog import ErrorDialog
from app.gui.widgets.theme import ThemeChoice
from app.services.demo.demo import Sight
from app.settings import Settings, default_library, demo_dir, demo_library

DOCKS = ("sources_dock", "results_dock", "people_dock", "timeline_dock")


def shown_docks(shell: Shell) -> list[str]:
    docks = shell.window.findChildren(QDockWidget)
    return [dock.objectName() for dock in docks if dock.isVisible()]


# The first page -----------------------------------------------------------------------------------


def test_where_nothing_was_opened_before_the_first_page_has_the_window(shell, qtbot) -> None:
    shell.start(None, None)
    assert shell.library.first_page.isVisible() and not shell.player.panel.isVisible()
    assert shown_docks(shell) == []
    offers = (shell.library.first_page.demo, shell.library.first_page.footage)
    assert [each.accessibleName() for each in offers] == [
        "Look at the demo",
        "Open your own folder…",
    ]
    assert "no real people" in shell.library.first_page.demo.accessibleDescription()
    assert not shell.library.first_page.findChildren(QPushButton, "first_run_library_1")


def test_the_page_is_walked_through_and_used_by_keyboard(shell, qtbot) -> None:
    shell.start(None, None)
    shell.window.activateWindow()
    qtbot.waitUntil(shell.library.first_page.demo.hasFocus)
    wanted: list[str] = []
    shell.library.first_page.demo_wanted.disconnect()
    shell.library.first_page.footage_wanted.disconnect()
    shell.library.first_page.demo_wanted.connect(lambda: wanted.append("demo"))
    shell.library.first_page.footage_wanted.connect(lambda: wanted.append("footage"))
    QTest.keyClick(shell.library.first_page.demo, Qt.Key.Key_Return)
    QTest.keyClick(shell.library.first_page.demo, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is shell.library.first_page.footage
    QTest.keyClick(shell.library.first_page.footage, Qt.Key.Key_Space)
    assert wanted == ["demo", "footage"]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_the_page_stands_in_the_middle_in_both_schemes(shell, qtbot, theme, width, height) -> None:
    shell.window.resize(width, height)
    shell.start(None, None)
    shell.library.first_page.show_recent([Path(f"{number} " + "R&D " * 40) for number in range(9)])
    page = shell.library.first_page
    buttons = page.findChildren(QPushButton)

    def is_laid_out() -> bool:
        rects = [QRect(each.mapTo(page, QPoint()), each.size()) for each in buttons]
        return page.width() == width and all(
            abs(rect.center().x() - width / 2) < 4
            and page.rect().contains(rect)
            and rect.height() >= each.sizeHint().height()
            for rect, each in zip(rects, buttons, strict=True)
        )

    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        theme.choose(choice)
        qtbot.waitUntil(is_laid_out)
    listed = [b for b in buttons if "library_" in b.objectName()]
    assert len(listed) == LIBRARIES


def test_a_folder_of_ones_own_is_chosen_on_the_page_or_dropped_onto_it(
    shell, qtbot, libraries, tmp_path
) -> None:
    shell.start(None, None)
    shell.library.first_page.footage.click()
    chooser = dialog(shell, QFileDialog)
    assert chooser.windowTitle() == "Add footage"
    chooser.reject()
    footage = tmp_path / "campus"
    footage.mkdir()
    assert drop(shell.window, footage)
    library = default_library(footage)
    qtbot.waitUntil(lambda: library in libraries.workspaces)
    qtbot.waitUntil(lambda: not shell.library.first_page.isVisible())
    assert sorted(shown_docks(shell)) == sorted(DOCKS) and shell.player.panel.isVisible()


def test_if_the_last_library_cannot_be_opened_the_page_offers_what_there_is(
    shell, qtbot, libraries, state, tmp_path
) -> None:
    for name in ("gone", "other", "locked"):
        (tmp_path / name).mkdir()
        state.remember(tmp_path / name)
    (tmp_path / "gone").rmdir()
    libraries.errors[tmp_path / "locked"] = LibraryInUseError("It is open elsewhere.", "Close it.")
    shell.start(None, None)
    assert not shell.library.first_page.isVisible()
    qtbot.waitUntil(lambda: dialog(shell, ErrorDialog) is not None)
    assert shell.library.first_page.isVisible()
    names = [f"first_run_library_{number}" for number in (1, 2)]
    first, second = (shell.library.first_page.findChild(QPushButton, name) for name in names)
    assert (first.text(), second.text()) == ("locked", "other")
    assert second.accessibleName() == "Open the library other"
    second.click()
    qtbot.waitUntil(lambda: shell.window.windowTitle() == "other – Retrace")
    assert not shell.library.first_page.isVisible()


def test_closing_on_the_page_leaves_the_docks_where_they_were(
    shell, qtbot, theme, libraries, state
) -> None:
    shell.window.findChild(QDockWidget, "sources_dock").close()
    shell.close_at_once()  # with the other docks
    for on_the_page in (True, False):
        other = Shell(libraries, Settings(), state, theme, Shelf)
        other.window.show()
        if on_the_page:
            other.start(None, None)
        assert len(shown_docks(other)) == (0 if on_the_page else len(DOCKS) - 1)
        other.close_at_once()
        other.shutdown()
        other.window.deleteLater()
        other.deleteLater()


def test_the_page_alone(qtbot) -> None:
    page = FirstRunPage()
    qtbot.addWidget(page)
    page.show_recent([Path("one")])
    page.show_recent([Path("two")])
    with qtbot.waitSignal(page.library_chosen) as chosen:
        page.findChild(QPushButton, "first_run_library_1").click()
    assert chosen.args in ([Path("one")], [Path("two")])


# The demo -----------------------------------------------------------------------------------------


class Demo:
    """The demo on a fake library: where the clips are stored once they were ingested."""

    def __init__(self, folder: Path) -> None:
        self.workspace = FakeWorkspace(folder)
        self.stored = False
        self.shown: list[tuple[Any, ...]]
        self.looked = 0
        whole = self.workspace.script

        def script(*arguments: Any) -> Iterator[Any]:
            yield from whole(*arguments)
            self.stored = True

        self.workspace.script = script

    def first_sight(self, _library: object, folder: Path) -> Sight | None:
        assert folder == demo_dir()
        self.looked += 1
        return Sight(7, 2.5) if self.stored else None


@pytest.fixture
def demo(shell, libraries, monkeypatch) -> Demo:
    demo_dir().mkdir(parents=True)
    (demo_dir() / "cam1.mp4").touch()
    made = Demo(demo_library())
    libraries.workspaces[demo_library()] = made.workspace
    monkeypatch.setattr(demo_flow, "first_sight", made.first_sight)
    made.shown = record_shown(shell, monkeypatch)
    return made


def test_the_demo_is_ingested_and_shown_with_a_hint(shell, qtbot, libraries, demo) -> None:
    shell.start(None, None)
    shell.library.first_page.demo.click()
    qtbot.waitUntil(lambda: demo.shown == [(7, 2.5)])
    assert libraries.opened == [(demo_library(), True)]
    assert shell.window.windowTitle() == "Demo – Retrace"
    ((path, options),) = demo.workspace.ingested
    assert (path, options.camera_by, options.fps) == (demo_dir(), "file", 5.0)
    assert shell.player.panel.view.hint == HINT
    shell.player.panel.clicked.emit(3.0, 4.0)  # nothing is shown here: no click on a frame
    assert shell.player.panel.view.hint == HINT
    assert shell.library.flow.recent() == [demo_library()]


def test_the_second_time_it_is_shown_at_once(shell, qtbot, libraries, demo, tmp_path) -> None:
    demo.stored = True
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    shell.window.action("demo").trigger()
    qtbot.waitUntil(lambda: demo.shown == [(7, 2.5)])
    assert demo.workspace.ingested == [] and len(libraries.opened) == 2
    shell.window.action("demo").trigger()  # it is open: back to the first sight
    qtbot.waitUntil(lambda: demo.shown == [(7, 2.5)] * 2)
    assert demo.workspace.ingested == [] and len(libraries.opened) == 2


def test_opened_like_any_library_it_is_ready_too(shell, qtbot, state, demo) -> None:
    demo.stored = True
    demo_library().mkdir(parents=True)
    state.remember(demo_library())
    shell.start(None, None)
    qtbot.waitUntil(lambda: demo.shown == [(7, 2.5)])
    shell.footage.ingest.videos_listed.emit([7])  # nothing else is put in its place
    assert demo.shown == [(7, 2.5)]


def test_whoever_looks_at_something_meanwhile_is_left_there(shell, qtbot, demo) -> None:
    shell.footage.ingest.busy_changed.connect(
        lambda is_busy: is_busy and shell.library.demo.leave_alone()
    )
    shell.library.demo.open()
    qtbot.waitUntil(lambda: demo.stored and not shell.footage.ingest.is_busy and demo.looked == 2)
    qtbot.wait(50)
    assert demo.shown == []


def test_a_cancelled_ingest_is_not_begun_again(shell, qtbot, demo) -> None:
    demo.workspace.script = endless = EndlessIngest()
    shell.library.demo.open()
    qtbot.waitUntil(endless.running.is_set)
    shell.footage.ingest.pause()
    qtbot.waitUntil(lambda: not shell.footage.ingest.is_busy and demo.looked == 2)
    qtbot.wait(50)
    assert (
        len(demo.workspace.ingested) == 1 and not shell.footage.ingest.is_busy and demo.shown == []
    )


def test_without_its_clips_the_demo_says_so_and_leaves_no_library(shell, qtbot, libraries) -> None:
    shell.start(None, None)
    shell.library.first_page.demo.click()
    assert label(dialog(shell, ErrorDialog), "error_message").startswith(
        "The clips of the demo are not in"
    )
    assert libraries.opened == [] and shell.library.first_page.isVisible()


def test_other_libraries_are_not_the_demo(shell, qtbot, demo, tmp_path) -> None:
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    qtbot.wait(50)
    assert demo.looked == 0
