"""Why a hit looks like the person sought: compared in the background, shown in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.gui.dialog_flow import DialogFlow
from app.gui.hit_text import tooltip_text
from app.gui.results.why_dialog import WhyDialog
from app.gui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.core.queries import Query
    from app.gui.results.results_panel import ResultsPanel
    from app.services.workspace import Workspace

LANE = "why"


class WhyFlow(DialogFlow[WhyDialog]):
    """Explains the hit that the user asks about.

    Args:
        panel: where hits are.
        tasks: runs the comparison.
        window: what the dialog is shown over.
    """

    def __init__(self, panel: ResultsPanel, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(LANE, tasks, window)
        self._panel = panel
        self._query: Query | None = None
        panel.why_wanted.connect(self._explain)

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Works on another library from now on, or on none; the dialog is closed."""
        self._query = None
        super().set_workspace(workspace)

    def set_query(self, query: Query) -> None:
        """The hits are for this query from now on."""
        self._query = query
        self._dismiss()

    def _explain(self, tracklet_id: int) -> None:
        query, model = self._query, self._panel.model
        details = model.details_of(tracklet_id)
        if query is None or details is None:
            return
        hit = model.hit_of(tracklet_id)
        rank = model.rank_of(tracklet_id)
        dialog = WhyDialog(tooltip_text(details, hit, rank, model.zone).split("\n"), self._window)
        self._adopt(dialog)
        dialog.open()
        self._do(lambda workspace: workspace.explain(query, tracklet_id), dialog.show_explanation)
