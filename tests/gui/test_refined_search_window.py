"""Model files in the window: the real program and real, tiny networks on rendered clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from window_fakes import label

from app import bootstrap
from app.gui.networks.networks_dialog import NetworksDialog
from app.gui.networks.reembed_dialog import ReembedDialog
from app.gui.shell import Shell
from app.gui.widgets.theme import Theme
from app.gui.window_state import WindowState
from app.services.ingest.ingest_options import IngestOptions
from app.settings import Settings
from app.vision.network_files import KnownNetworkFiles
from tests.fakes import ColourBlobDetector
from tests.integration import main_job
from tests.rendered import render_world
from tests.tiny_model_files import save_nformer, save_token_cacenet, save_transreid


@pytest.fixture(autouse=True)
def _tiny_products(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(
        KnownNetworkFiles, "detector", lambda files, path, device: ColourBlobDetector()
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def networks(tmp_path: Path) -> dict[str, Path]:
    """Made for each other, but for `other`, an embedder."""
    names = ("embedder", "aggregator", "reranker", "other")
    paths = {name: tmp_path / f"{name}.safetensors" for name in names}
    embedder_id = save_transreid(paths["embedder"]).id
    save_nformer(paths["aggregator"], embedder_id)
    save_token_cacenet(paths["reranker"], embedder_id)
    save_transreid(paths["other"], seed=9)
    return paths


@pytest.fixture
def shell(qtbot: Any, theme: Theme, networks: dict[str, Path], tmp_path: Path) -> Iterator[Shell]:
    """The window on a library of six tracklets with their vectors by the model file."""
    render_world(seed=4, people=3, crossing_s=2.0).write(tmp_path / "clips")
    (tmp_path / "yolo.onnx").write_bytes(b"stands in")
    options = IngestOptions(
        detector=str(tmp_path / "yolo.onnx"), embedder=str(networks["embedder"])
    )
    main_job.ingest(tmp_path / "library", tmp_path / "clips", options)
    state = WindowState(tmp_path / "window.ini")
    program = bootstrap.Retrace()
    made = Shell(program.open_workspace, Settings(), state, theme, program.model_shelf)
    made.window.show()
    made.start(tmp_path / "library", None)
    qtbot.waitUntil(lambda: "library" in made.window.windowTitle(), timeout=10_000)
    yield made
    made.close_at_once()
    made.shutdown()
    made.window.deleteLater()
    made.deleteLater()


def test_networks_are_chosen_searched_with_and_told_when_they_fit_no_longer(
    shell: Shell, networks: dict[str, Path], qtbot: Any
) -> None:
    def wait(condition: Any) -> None:
        qtbot.waitUntil(condition, timeout=20_000)

    head, notice = shell.results.panel.head, shell.results.panel.notice
    shell.results.flow.search_tracklet(1)
    wait(lambda: "by appearance" in head.state.whole())
    shell.networks.list.ask()
    shown = shell.window.findChild(NetworksDialog)
    for role in ("aggregator", "reranker"):
        shown.file_chosen.emit(role, networks[role])
        wait(lambda role=role: label(shown, f"network_file_{role}").startswith(networks[role].name))
    wait(lambda: "ms a crop and pair" in label(shown, "network_figures_reranker"))
    assert "vectors of 32" in label(shown, "network_figures_embedder")
    shown.close()
    wait(lambda: "in pairs" in head.state.whole())
    shell.window.action("refine-reranked").trigger()
    wait(lambda: "similar people" in head.state.whole())
    assert not notice.isVisible()
    shell.window.action("refine-reranked").trigger()

    shell.networks.reembed.start(networks["other"])
    progress = shell.window.findChild(ReembedDialog)
    wait(lambda: label(progress, "reembed_state").startswith("Done"))
    assert label(progress, "reembed_figures") == "6 of 6 people"
    wait(lambda: label(shell.window, "models").endswith("other"))
    wait(lambda: notice.isVisible() and "reranker.safetensors was" in notice.words.text())
    assert "aggregator.safetensors was trained with the embedder" in notice.words.text()
    assert "by appearance" in head.state.whole()
    assert len(shell.results.panel.model) == 5
    progress.reject()
