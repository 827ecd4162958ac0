"""Another embedder from the window: progress, cancel, and what changes at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QProgressBar, QPushButton
from window_fakes import EndlessIngest, FakeWorkspace, dialog, label

from app.core.errors import ModelError
from app.gui.networks.reembed_dialog import ReembedDialog
from app.gui.shell import Shell
from app.gui.widgets.error_dialog import ErrorDialog
from app.services.search.reembed import ReembedProgress


class Reembed:
    """Three of 1 200 people are done until `go_on` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.closed = threading.Event()
        self.error: Exception | None = None

    def __call__(self, embedder: str, device: str | None = None) -> Iterator[ReembedProgress]:
        self.asked.append(embedder)
        try:
            if self.error is not None:
                raise self.error
            yield ReembedProgress("net-1", 0, 0, None, None)
            yield ReembedProgress("net-1", 3, 1200, 1.5, 798.0)
            while not self.go_on.wait(0.02):
                yield ReembedProgress("net-1", 3, 1200, 1.5, 798.0)
            yield ReembedProgress("net-1", 1200, 1200, None, None)
        finally:
            self.closed.set()


@pytest.fixture
def reembed() -> Reembed:
    return Reembed()


@pytest.fixture
def workspace(reembed: Reembed, tmp_path: Path) -> Any:
    made: Any = FakeWorkspace(tmp_path / "library")
    made.reembed = reembed
    return made


@pytest.fixture
def window(shell: Shell, workspace: Any, qtbot: Any, libraries: Any, tmp_path: Path) -> Shell:
    libraries.workspaces[tmp_path / "library"] = workspace
    shell.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: "library" in shell.window.windowTitle())
    return shell


def choose(window: Shell, qtbot: Any) -> Any:
    """Chooses the network's file; returns the dialog that shows how far it is."""
    window.networks.list.embedder_change_wanted.emit(
        None
    )  # "Another file…" in the list of networks
    chooser = dialog(window, QFileDialog)
    chooser.fileSelected.emit("/models/net.safetensors")
    chooser.close()
    qtbot.waitUntil(lambda: dialog(window, ReembedDialog) is not None)
    return dialog(window, ReembedDialog)


def test_progress_rate_and_time_left_are_shown_and_the_end_is_told(
    window: Shell, reembed: Reembed, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[str] = []
    monkeypatch.setattr(window.results.flow, "_run_again", lambda: changes.append("searched"))
    monkeypatch.setattr(window.results.flow, "_prepare", lambda: changes.append("index"))
    window.networks.reembed.embedder_changed.connect(lambda: changes.append("told"))
    shown = choose(window, qtbot)
    qtbot.waitUntil(lambda: "1.5 a second" in label(shown, "reembed_figures"))
    assert label(shown, "reembed_figures") == "3 of 1\u202f200 people · 1.5 a second · 13 min left"
    assert label(shown, "reembed_state") == "Computing vectors with net-1"
    assert reembed.asked == ["/models/net.safetensors"]
    assert not shown.isModal(), "the window behind it stays usable"
    bar = shown.findChild(QProgressBar)
    assert (bar.value(), bar.maximum()) == (3, 1200)
    assert changes == []

    reembed.go_on.set()
    qtbot.waitUntil(lambda: label(shown, "reembed_state").startswith("Done: searches use"))
    assert changes == ["index", "searched", "told"]
    close = shown.findChild(QPushButton, "reembed_cancel")
    assert close.text() == "Close"
    QTest.mouseClick(close, Qt.MouseButton.LeftButton)
    assert dialog(window, ReembedDialog) is None


def test_cancel_acts_within_a_second_and_changes_nothing(
    window: Shell, reembed: Reembed, qtbot: Any
) -> None:
    changes: list[bool] = []
    window.networks.reembed.embedder_changed.connect(lambda: changes.append(True))
    shown = choose(window, qtbot)
    qtbot.waitUntil(lambda: "people" in label(shown, "reembed_figures"))
    began = time.monotonic()
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.findChild(QPushButton, "reembed_cancel").isEnabled()
    qtbot.waitUntil(lambda: label(shown, "reembed_state").startswith("Stopped."))
    assert time.monotonic() - began < 1
    assert reembed.closed.is_set()
    assert changes == []
    shown.reject()
    again = choose(window, qtbot)
    qtbot.waitUntil(lambda: len(reembed.asked) == 2)
    reembed.go_on.set()
    qtbot.waitUntil(lambda: label(again, "reembed_state").startswith("Done"))


def test_a_network_that_cannot_be_used_is_told(window: Shell, reembed: Reembed, qtbot: Any) -> None:
    reembed.error = ModelError("net.safetensors is damaged.", "Download it again.")
    window.networks.reembed.start(Path("/models/net.safetensors"))
    qtbot.waitUntil(lambda: dialog(window, ErrorDialog) is not None)
    assert label(dialog(window, ErrorDialog), "error_message") == "net.safetensors is damaged."
    assert dialog(window, ReembedDialog) is None


def test_it_waits_for_a_running_ingest(
    window: Shell, workspace: Any, reembed: Reembed, qtbot: Any
) -> None:
    endless = EndlessIngest()
    workspace.script = endless
    window.footage.ingest.ingest(Path("/footage"))
    qtbot.waitUntil(endless.running.is_set)
    shown = choose(window, qtbot)
    assert label(shown, "reembed_state") == "Waiting for net"
    assert reembed.asked == []
    window.footage.ingest.pause()
    qtbot.waitUntil(lambda: reembed.asked == ["/models/net.safetensors"])
    reembed.go_on.set()
    qtbot.waitUntil(lambda: label(shown, "reembed_state").startswith("Done"))


def test_another_library_ends_it(
    window: Shell, reembed: Reembed, qtbot: Any, tmp_path: Path
) -> None:
    choose(window, qtbot)
    qtbot.waitUntil(lambda: bool(reembed.asked))
    window.library.flow.open(tmp_path / "other")
    qtbot.waitUntil(lambda: "other" in window.window.windowTitle())
    qtbot.waitUntil(reembed.closed.is_set)
    assert dialog(window, ReembedDialog) is None
