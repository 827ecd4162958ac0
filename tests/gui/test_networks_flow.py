"""Library → Networks…: what is used, what it costs, choosing another; told without waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QWidget
from window_fakes import FakeWorkspace, dialog, label

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import MODEL_ROLES, ModelRole, NetworkCard, NetworkFigures
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.shell import Shell
from app.services.networks.model_shelf import NetworkEntry

FIGURES = NetworkFigures("transreid", 86_500_000, 22.4, 71.3, "crop", 768, "cpu", "float32")
FACTS = NetworkCard(
    "transreid",
    None,
    ("market1501",),
    "For research: as its data",
    {"market1501 rank1": 0.9},
    "trainer train x",
    7,
)


class Networks:
    """Two networks in use; the embedder's figures come after `go_on`."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.used: dict[ModelRole, Path] = {
            "detector": Path("/models/yolo.onnx"),
            "embedder": Path("/models/transreid.safetensors"),
        }
        self.others: tuple[Path, ...] = ()
        self.threads: list[str] = []

    def entry(self, role: ModelRole) -> NetworkEntry:
        path = self.used.get(role)
        if path is None:
            return NetworkEntry(role)
        model = ModelFile(f"{role}-1", path, "0" * 64)
        return NetworkEntry(role, model, True, None, None, FACTS, 9_500_000, self.others)

    def list(self) -> Iterator[NetworkEntry]:
        for role in MODEL_ROLES:
            yield self.entry(role)
        while not self.go_on.wait(0.02):
            yield self.entry("embedder")
        entry = self.entry("embedder")
        yield replace(entry, figures=FIGURES)

    def remember(self, role: ModelRole, path: Path | None) -> None:
        self.threads.append(threading.current_thread().name)
        if path is None:
            del self.used[role]
        elif path.stem == "stranger":
            raise ModelError("It was trained with the embedder osnet-1.", "Choose another one.")
        else:
            self.used[role] = path


@pytest.fixture
def networks() -> Networks:
    return Networks()


@pytest.fixture
def opened(shell: Shell, networks: Networks, qtbot: Any, libraries: Any, tmp_path: Path) -> Any:
    """The window with the dialog open."""
    workspace: Any = FakeWorkspace(tmp_path / "library")
    workspace.networks, workspace.list_networks = networks, networks.list
    libraries.workspaces[tmp_path / "library"] = workspace
    shell.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: "library" in shell.window.windowTitle())
    shell.window.action("networks").trigger()
    qtbot.waitUntil(lambda: dialog(shell, NetworksDialog) is not None)
    return dialog(shell, NetworksDialog)


def test_without_a_library_those_of_a_new_one_are_shown(shell: Shell, qtbot: Any) -> None:
    shell.start(None, None)
    shell.window.action("networks").trigger()
    qtbot.waitUntil(lambda: dialog(shell, NetworksDialog) is not None)
    shown = dialog(shell, NetworksDialog)
    qtbot.waitUntil(lambda: label(shown, "network_file_detector").startswith("yolo.onnx"))
    assert "No library is open" in label(shown, "networks_scope")
    buttons = shown.findChildren(QPushButton)
    names = {each.objectName() for each in buttons if each.isVisible() and each.objectName()}
    assert names >= {"networks_install", "networks_download", "networks_details"}
    assert not any(name.startswith(("network_change", "network_remove")) for name in names)


def test_files_are_shown_at_once_and_figures_when_they_are_measured(
    opened: Any, networks: Networks, qtbot: Any
) -> None:
    # The entries arrive one by one, the reranker's last.
    qtbot.waitUntil(lambda: label(opened, "network_file_reranker").startswith("None: searches"))
    assert label(opened, "network_file_embedder") == "transreid.safetensors · 9.5 MB"
    assert label(opened, "network_file_detector") == "yolo.onnx · 9.5 MB"
    told = "market1501 rank1 0.9 · terms: For research …"
    assert label(opened, "network_origin_embedder") == told
    tip = opened.findChild(QLabel, "network_origin_embedder").toolTip()
    assert tip.splitlines() == [
        "trained on market1501",
        "market1501 rank1 0.9",
        "terms: For research: as its data",
        "made by trainer train x, seed 7",
    ]
    assert label(opened, "network_figures_embedder") == "Measuring…"
    networks.go_on.set()
    wanted = (
        "transreid · 86.5 M parameters · 22.4 GFLOPs · vectors of 768 · "
        "71.3 ms a crop (cpu, float32)"
    )
    qtbot.waitUntil(lambda: label(opened, "network_figures_embedder") == wanted)
    for button in opened.findChildren(QPushButton):
        assert button.accessibleName() or button.text()


def test_an_aggregator_is_chosen_refused_and_taken_away(
    shell: Shell, opened: Any, networks: Networks, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[bool] = []
    shell.networks.list.changed.connect(lambda: changes.append(True))
    searched: list[bool] = []
    monkeypatch.setattr(shell.results.flow, "_run_again", lambda: searched.append(True))
    networks.go_on.set()

    def choose(name: str) -> None:
        opened.findChild(QPushButton, "network_change_aggregator").click()
        chooser = dialog(shell, QFileDialog)
        assert chooser.nameFilters() == ["Weights (*.safetensors)"]
        chooser.fileSelected.emit(f"/models/{name}.safetensors")
        chooser.close()
        qtbot.waitUntil(lambda: dialog(shell, QFileDialog) is None)

    choose("stranger")
    problem = opened.findChild(QLabel, "networks_problem")
    qtbot.waitUntil(problem.isVisible)
    assert "trained with the embedder osnet-1. Choose another one." in problem.text()
    assert changes == []
    choose("nformer")
    qtbot.waitUntil(lambda: label(opened, "network_file_aggregator").startswith("nformer.saf"))
    assert not problem.isVisible()
    assert changes == searched == [True]
    remove = opened.findChild(QPushButton, "network_remove_aggregator")
    assert remove.isVisible()
    remove.click()
    qtbot.waitUntil(lambda: label(opened, "network_file_aggregator").startswith("None"))
    assert not remove.isVisible()
    assert len(changes) == 2
    assert all(name.startswith("networks") for name in networks.threads), "never in the window's"


def test_another_detector_is_chosen_for_footage_to_come(
    shell: Shell, opened: Any, networks: Networks, qtbot: Any
) -> None:
    """It comes before the one that was chosen when footage was loaded earlier."""
    searched: list[bool] = []
    shell.networks.list.changed.connect(lambda: searched.append(True))
    shell.footage.ingest._usual = replace(shell.footage.ingest._usual, detector="/models/yolo.onnx")
    networks.go_on.set()
    opened.findChild(QPushButton, "network_change_detector").click()
    chooser = dialog(shell, QFileDialog)
    assert chooser.nameFilters() == ["Weights (*.pt *.onnx *.engine)"]
    chooser.fileSelected.emit("/models/yolo11m.pt")
    chooser.close()
    qtbot.waitUntil(lambda: label(opened, "network_file_detector").startswith("yolo11m.pt"))
    assert shell.footage.ingest._usual.detector is None
    assert searched == [], "rankings do not depend on it"


def test_closing_the_list_ends_the_measuring(
    shell: Shell, opened: Any, qtbot: Any, networks: Networks
) -> None:
    assert shell.tasks.is_busy("networks")
    opened.close()
    qtbot.waitUntil(lambda: not shell.tasks.is_busy("networks"))
    assert not networks.go_on.is_set()


def test_another_embedder_is_asked_for_by_the_list(shell: Shell, opened: Any, qtbot: Any) -> None:
    opened.findChild(QPushButton, "network_change_embedder").click()
    qtbot.waitUntil(lambda: dialog(shell, QFileDialog) is not None)
    chooser = dialog(shell, QFileDialog)
    assert chooser.windowTitle() == "Compute new vectors with another network"
    assert chooser.nameFilters() == ["Weights (*.safetensors *.onnx *.xml)"]
    assert dialog(shell, NetworksDialog) is None
    chooser.close()


def test_what_is_there_is_offered_without_looking_for_a_file(
    shell: Shell, opened: Any, networks: Networks, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.others = (Path("/models/cacenet.safetensors"), Path("/models/small.onnx"))
    networks.used["reranker"] = Path("/models/old.safetensors")
    started: list[Path] = []
    monkeypatch.setattr(shell.networks.reembed, "start", started.append)
    networks.go_on.set()
    row = opened.findChild(QWidget, "network_reranker")
    shell.networks.list._list()
    qtbot.waitUntil(lambda: len(row._others) == 2)

    def offered(role: str) -> dict[str, Any]:
        menu = opened.findChild(QPushButton, f"network_change_{role}").menu()
        return {action.text(): action for action in menu.actions() if action.text()}

    actions = offered("reranker")
    assert list(actions) == ["cacenet.safetensors", "small.onnx", "Another file…"]
    actions["cacenet.safetensors"].trigger()
    qtbot.waitUntil(lambda: label(opened, "network_file_reranker").startswith("cacenet.saf"))
    qtbot.waitUntil(lambda: len(opened.findChild(QWidget, "network_embedder")._others) == 2)
    opened.findChild(QPushButton, "network_change_embedder").menu().actions()[1].trigger()
    assert started == [Path("/models/small.onnx")]
    assert dialog(shell, NetworksDialog) is None


def test_what_networks_cost_and_reach_is_folded_away(
    opened: Any, networks: Networks, qtbot: Any
) -> None:
    qtbot.waitUntil(lambda: label(opened, "network_file_reranker").startswith("None: searches"))
    figures = opened.findChild(QLabel, "network_figures_detector")
    origin = opened.findChild(QLabel, "network_origin_detector")
    assert not figures.isVisible() and not origin.isVisible()
    opened.findChild(QPushButton, "networks_details").click()
    assert figures.isVisible() and origin.isVisible()
    networks.go_on.set()
