"""What was looked at in a library when it was closed is looked at again when it is opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.gui.results.gallery_rows import GalleryOrder
from app.gui.results.search_history import read, written

if TYPE_CHECKING:
    from app.gui.library.demo_flow import DemoFlow
    from app.gui.library.library_flow import LibraryFlow
    from app.gui.player.player_feature import PlayerFeature
    from app.gui.results.results_feature import ResultsFeature
    from app.gui.window_state import WindowState
    from app.services.workspace import Workspace

_LOG = logging.getLogger(__name__)


class LastState:
    """Keeps the search with its filter, order and selection, and the frame in the player.

    Args:
        library: says which library is open.
        state: where it is kept.
        demo: does not go to its first sight where there is something to come back to.
        player: shows the frame.
        results: makes the search.
    """

    def __init__(
        self,
        library: LibraryFlow,
        state: WindowState,
        demo: DemoFlow,
        player: PlayerFeature,
        results: ResultsFeature,
    ) -> None:
        self._library, self._state, self._demo = library, state, demo
        self._player, self._results = player, results
        self._folder: Path | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none: the one before is still shown everywhere."""
        if workspace is None:
            if self._folder is not None:
                self._state.keep_last(self._folder, self._looked_at())
            self._folder = None
            return
        self._folder = folder = self._library.folder
        try:
            self._return_to(workspace, {} if folder is None else self._state.last(folder))
        except (KeyError, TypeError, ValueError) as error:
            _LOG.info("What was looked at last in %s cannot be read: %r", folder, error)

    def _looked_at(self) -> dict[str, Any]:
        panel, here = self._results.panel, self._results.flow.here()
        return {
            "position": self._player.flow.position(),
            "search": None if here is None else written(here),
            "order": panel.chosen_order().value,
            "picture_px": panel.picture_size.value(),
        }

    def _return_to(self, workspace: Workspace, kept: Mapping[str, Any]) -> None:
        if not kept:
            return
        panel, search = self._results.panel, kept["search"]
        panel.order.setCurrentIndex(panel.order.findData(GalleryOrder(kept["order"])))
        panel.picture_size.setValue(int(kept["picture_px"]))
        chosen_id = None
        if search is not None:
            find, where, place = read(workspace, search)
            chosen_id = place.chosen_id
            self._results.flow.resume(find, where, place)
        if kept["position"] is not None:
            video_id, time_s = kept["position"]
            self._player.flow.show(int(video_id), float(time_s), chosen_id)
            self._demo.leave_alone()
