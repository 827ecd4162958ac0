"""The route of the person sought: read in a task, shown in a dialog beside the player."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.core.errors import UsageError
from app.core.queries import sought_tracklet
from app.gui.dialog_flow import DialogFlow
from app.gui.tasks import TaskRunner
from app.gui.timeline.route_dialog import RouteDialog
from app.language import tr

if TYPE_CHECKING:
    from app.core.queries import Query
    from app.gui.player.player_flow import PlayerFlow
    from app.gui.results.search_flow import SearchFlow
    from app.services.route.route import Route, Seen
    from app.services.workspace import Workspace


class RouteFlow(DialogFlow[RouteDialog]):
    """One dialog at a time.

    Args:
        player: shows the sighting that was chosen.
        search: knows who is sought.
        tasks: reads the route.
        window: what the dialog is shown over.
    """

    def __init__(
        self, player: PlayerFlow, search: SearchFlow, tasks: TaskRunner, window: QWidget
    ) -> None:
        super().__init__("route", tasks, window)
        self._player, self._search = player, search

    def ask(self) -> None:
        """Shows the route of the person sought."""
        here = self._search.here()
        if self._workspace is None:
            return
        query = None if here is None else here.sought.query
        dialog = RouteDialog(self._window)
        dialog.chosen.connect(self._go_to)
        self._adopt(dialog)
        dialog.show()
        self._do(lambda workspace: _route(workspace, query), self._show)

    def _show(self, route: Route) -> None:
        if self._dialog is not None and self._workspace is not None:
            self._dialog.show_route(route, self._workspace.library.timezone)

    def _go_to(self, seen: Seen) -> None:
        tracklet = seen.tracklet
        self._player.show(tracklet.video_id, tracklet.thumbnail.time_s, tracklet.id)


def _route(workspace: Workspace, query: Query | None) -> Route:
    first = None if query is None else sought_tracklet(query)
    person = None if first is None else workspace.library.identity_ids([first]).get(first)
    if person is None:
        raise UsageError(
            tr("Nobody is sought who has confirmed sightings."),
            tr("Choose somebody under People, or confirm a hit."),
        )
    return workspace.routes.of(person)
