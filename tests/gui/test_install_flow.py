"""Install from file… and Download… in the list of networks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QProgressBar, QPushButton
from window_fakes import FakeWorkspace, dialog, label

from app.core.entities import ModelFile
from app.core.errors import DownloadError
from app.core.networks import MODEL_ROLES
from app.gui.networks.download_dialog import DownloadDialog
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.shell import Shell
from app.services.networks.download import Transfer
from app.services.networks.installation import Checking, Installed, InstallEvent
from app.services.networks.model_shelf import NetworkEntry
from app.services.networks.public_models import PublicFile, PublicModel
from app.settings import bundled_models_dir

PUBLIC = PublicModel(
    "yolo11m",
    "detector",
    "Ultralytics",
    "https://example.org/yolo",
    "Finds more.",
    (PublicFile("yolo11m.pt", "https://example.org/yolo11m.pt", "0" * 64),),
    40_684_120,
    {"terms": "AGPL-3.0", "metrics": {"COCO mAP": 0.515}},
)


class Shelf:
    """An installation that goes on when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.go_on = threading.Event()
        self.closed = threading.Event()
        self.error: Exception | None = None

    def install(
        self, source: str, role: str | None = None, sha256: str | None = None
    ) -> Iterator[InstallEvent]:
        self.asked.append((source, sha256))
        name = Path(source).name
        try:
            while not self.go_on.wait(0.02):
                yield Transfer(name, 3_000_000, 6_000_000, 1_500_000.0, 2.0)
            if self.error is not None:
                raise self.error
            yield Checking(name)
            yield Installed("detector", Path("/models/detectors") / name, "0" * 64)
        finally:
            self.closed.set()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def listed() -> list[str]:
    """One entry for each time the networks were listed."""
    return []


@pytest.fixture
def opened(
    shell: Shell, shelf: Shelf, listed: list[str], qtbot: Any, libraries: Any, tmp_path: Path
) -> Any:
    """The window with the list open; the detector is the bundled one."""
    workspace: Any = FakeWorkspace(tmp_path / "library")
    detector = ModelFile("people-1", bundled_models_dir("detector") / "people.onnx", "0" * 64)

    def entries() -> Iterator[NetworkEntry]:
        listed.append("listed")
        yield from (NetworkEntry(role) for role in MODEL_ROLES[1:])
        yield NetworkEntry("detector", detector, public=(PUBLIC,))

    workspace.shelf, workspace.list_networks = shelf, entries
    workspace.library.model = lambda role: detector if role == "detector" else None
    libraries.workspaces[tmp_path / "library"] = workspace
    shell.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: "library" in shell.window.windowTitle())
    shell.window.action("networks").trigger()
    qtbot.waitUntil(lambda: dialog(shell, NetworksDialog) is not None)
    return dialog(shell, NetworksDialog)


def click(parent: Any, name: str) -> None:
    parent.findChild(QPushButton, name).click()


def download(shell: Shell, opened: Any, source: str, sha256: str = "") -> None:
    click(opened, "networks_download")
    question = dialog(shell, DownloadDialog)
    question.findChild(QComboBox, "download_source").setEditText(source)
    question.findChild(QLineEdit, "download_sha256").setText(sha256)
    click(question, "download_start")


def test_the_bundled_detector_is_named_as_such(shell: Shell, opened: Any, qtbot: Any) -> None:
    wanted = "people.onnx (bundled). Tip: a larger YOLO detector finds more people."
    qtbot.waitUntil(lambda: label(opened, "network_file_detector") == wanted)
    status = shell.window.findChild(QLabel, "models")
    qtbot.waitUntil(lambda: "people (bundled)" in status.text())
    assert "Tip: a larger YOLO detector finds more people." in status.toolTip()


def test_a_file_is_installed(
    shell: Shell, opened: Any, shelf: Shelf, listed: list[str], qtbot: Any
) -> None:
    click(opened, "networks_install")
    chooser = dialog(shell, QFileDialog)
    assert chooser.nameFilters() == ["Weights (*.pt *.onnx *.engine *.safetensors *.xml)"]
    chooser.fileSelected.emit("/media/stick/yolo11m.pt")
    chooser.close()
    bar = opened.findChild(QProgressBar, "install_bar")
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() // 2)
    assert label(opened, "install_text") == (
        "yolo11m.pt: 3.0 MB of 6.0 MB · 1.5 MB a second · 0:00:02 left"
    )
    assert not opened.findChild(QPushButton, "networks_install").isEnabled(), "one at a time"
    before = len(listed)
    shelf.go_on.set()
    qtbot.waitUntil(lambda: "was installed as detector" in label(opened, "install_text"))
    qtbot.waitUntil(lambda: len(listed) > before)
    assert not bar.isVisible()
    assert opened.findChild(QPushButton, "networks_install").isEnabled()
    assert opened.findChild(QPushButton, "network_change_detector").isVisible()
    assert shelf.asked == [("/media/stick/yolo11m.pt", None)]


def test_a_public_network_is_offered_and_told_before_it_is_downloaded(
    shell: Shell, opened: Any, shelf: Shelf, qtbot: Any
) -> None:
    button = opened.findChild(QPushButton, "network_change_detector")
    qtbot.waitUntil(lambda: button.menu() is not None)
    *_, offered = button.menu().actions()
    assert offered.text() == "Download yolo11m…"
    offered.trigger()
    question = dialog(shell, DownloadDialog)
    assert question.findChild(QComboBox, "download_source").currentText() == "yolo11m"
    assert label(question, "download_told").splitlines() == [
        "Ultralytics · 40.7 MB · terms: AGPL-3.0",
        "Finds more. COCO mAP 0.515",
    ]
    checksum = question.findChild(QLineEdit, "download_sha256")
    assert not checksum.isEnabled(), "the list knows it"
    question.findChild(QComboBox, "download_source").setEditText("yolo11n.pt")
    assert label(question, "download_told") == "" and checksum.isEnabled()
    question.findChild(QComboBox, "download_source").setEditText("yolo11m")
    click(question, "download_start")
    qtbot.waitUntil(lambda: "3.0 MB of 6.0 MB" in label(opened, "install_text"))
    assert shelf.asked == [("yolo11m", None)]
    shelf.go_on.set()
    qtbot.waitUntil(lambda: "was installed as detector" in label(opened, "install_text"))


def test_a_download_is_asked_for_and_cancelled(
    shell: Shell, opened: Any, shelf: Shelf, qtbot: Any
) -> None:
    download(shell, opened, " yolo11x.pt ", "a" * 64)
    qtbot.waitUntil(lambda: "3.0 MB of 6.0 MB" in label(opened, "install_text"))
    assert shelf.asked == [("yolo11x.pt", "a" * 64)]
    click(opened, "install_cancel")
    qtbot.waitUntil(lambda: label(opened, "install_text").startswith("Stopped."), timeout=1000)
    assert shelf.closed.is_set()
    assert not opened.findChild(QPushButton, "install_cancel").isVisible()


def test_nothing_is_downloaded_where_the_question_is_cancelled(
    shell: Shell, opened: Any, shelf: Shelf, qtbot: Any
) -> None:
    change = opened.findChild(QPushButton, "network_change_detector")
    qtbot.waitUntil(lambda: change.menu() is not None)  # the list is there
    click(opened, "networks_download")
    question = dialog(shell, DownloadDialog)
    source = question.findChild(QComboBox, "download_source")
    assert [source.itemText(row) for row in range(source.count())] == ["yolo11m"]
    source.setEditText(" ")
    assert not question.findChild(QPushButton, "download_start").isEnabled()
    question.reject()
    assert shelf.asked == []


def test_what_went_wrong_is_told_in_place(
    shell: Shell, opened: Any, shelf: Shelf, qtbot: Any
) -> None:
    shelf.error = DownloadError("github.com cannot be reached.", "Connect this computer.")
    shelf.go_on.set()
    download(shell, opened, "yolo11n.pt")
    wanted = "! github.com cannot be reached. Connect this computer."
    qtbot.waitUntil(lambda: label(opened, "install_text") == wanted)


def test_closing_the_list_cancels(shell: Shell, opened: Any, shelf: Shelf, qtbot: Any) -> None:
    download(shell, opened, "yolo11n.pt")
    qtbot.waitUntil(lambda: "3.0 MB" in label(opened, "install_text"))
    opened.close()
    qtbot.waitUntil(lambda: not shell.tasks.is_busy("install"))
    assert shelf.closed.is_set()
