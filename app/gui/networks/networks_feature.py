"""Networks: which ones the open library uses, and how it gets others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from app.gui.action_making import make_actions
from app.gui.feature import Feature
from app.gui.footage.footage_feature import FootageFeature
from app.gui.networks.networks_flow import NetworksFlow
from app.gui.networks.reembed_flow import ReembedFlow
from app.gui.networks.used_networks import UsedNetworks
from app.gui.results.results_feature import ResultsFeature
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.networks.model_shelf import ModelShelf


class NetworksFeature(Feature):
    """Footage and searches use the networks that are chosen here.

    Args:
        tasks: runs what reads and changes the library.
        window: what dialogs are shown over, and whose status bar names the networks.
        footage: is loaded with a detector and an embedder.
        results: are ranked by an embedder and refined.
        device: of the settings.
        open_shelf: the networks on this computer.
    """

    def __init__(
        self,
        tasks: TaskRunner,
        window: QMainWindow,
        footage: FootageFeature,
        results: ResultsFeature,
        device: str,
        open_shelf: Callable[[], ModelShelf],
    ) -> None:
        super().__init__(window)
        self.list = NetworksFlow(tasks, window, open_shelf)
        self.reembed = ReembedFlow(tasks, window)
        self.used = UsedNetworks(tasks, device)
        window.statusBar().addPermanentWidget(self.used)
        self.flows = (self.list, self.reembed, self.used)
        self.actions = make_actions(self, {"networks": self.list.ask})
        for flow in (self.list, self.reembed):
            flow.problem.connect(self.problem)
        self.list.embedder_change_wanted.connect(self.reembed.change_to)
        self.list.detector_changed.connect(footage.ingest.forget_detector)
        self.reembed.embedder_changed.connect(footage.ingest.forget_embedder)
        self.list.changed.connect(results.flow.networks_changed)
        self.reembed.embedder_changed.connect(results.flow.networks_changed)
        for changed in (
            self.list.detector_changed,
            self.reembed.embedder_changed,
            footage.ingest.video_started,
        ):
            changed.connect(self.used.refresh)
