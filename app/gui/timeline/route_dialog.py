"""The route of a person as a list: where, when, how long since, and what contradicts what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialogButtonBox, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.core.queries import Transit
from app.gui.hit_text import clock_text, date_text, video_time_text
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import tr

if TYPE_CHECKING:
    from app.services.route.route import Leg, Route, Seen

_SIZE_PX = (760, 420)


class RouteDialog(ProblemDialog):
    """A row for each sighting; the window behind it stays usable.

    Signals:
        chosen: the Seen that the player is to show.

    Args:
        parent: over which window.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("route", tr("Route"), parent)
        self._sightings: tuple[Seen, ...] = ()
        self.list = QTreeWidget()
        self.list.setObjectName("route_list")
        self.list.setAccessibleName(tr("Route"))
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels(
            [tr("Camera"), tr("Date and time"), tr("Seen for"), tr("Since"), tr("Usual"), "!"]
        )
        self.list.itemActivated.connect(self._tell)
        self.list.itemClicked.connect(self._tell)
        self.remarks = wrapped_label("route_remarks", "muted", tr("Reading…"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.remarks)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.resize(*_SIZE_PX)

    def show_route(self, route: Route, zone: ZoneInfo) -> None:
        """Fills the list."""
        self._sightings = route.sightings
        self.setWindowTitle(tr("Route of {name}", name=route.person.name))
        legs = {leg.other.tracklet.id: leg for leg in route.legs}
        self.list.clear()
        for seen in route.sightings:
            against = [
                each.words()
                for each in route.contradictions
                if seen.tracklet.id in (each.one.tracklet.id, each.other.tracklet.id)
            ]
            row = QTreeWidgetItem(
                [
                    seen.video.camera.name,
                    _when(seen, zone),
                    tr(
                        "{seconds:.1f} s",
                        seconds=seen.tracklet.last_time_s - seen.tracklet.first_time_s,
                    ),
                    *_since(legs.get(seen.tracklet.id)),
                    "; ".join(f"! {each}" for each in against),
                ]
            )
            row.setToolTip(5, row.text(5))
            self.list.addTopLevelItem(row)
        for column in range(6):
            self.list.resizeColumnToContents(column)
        self.remarks.setText(" ".join(route.remarks()))
        self.remarks.setVisible(bool(route.remarks()))
        self.list.setFocus()

    def show_problem(self, text: str) -> None:
        """Says why there is no route."""
        super().show_problem(text)
        self.remarks.hide()

    def _tell(self, item: QTreeWidgetItem) -> None:
        self.chosen.emit(self._sightings[self.list.indexOfTopLevelItem(item)])


def _when(seen: Seen, zone: ZoneInfo) -> str:
    if seen.first_utc is None:
        into = video_time_text(seen.tracklet.first_time_s)
        return tr("{time} into {video}", time=into, video=seen.video.path.name)
    return f"{date_text(seen.first_utc, zone)} {clock_text(seen.first_utc, zone)}"


def _since(leg: Leg | None) -> tuple[str, str]:
    if leg is None:
        return "", ""
    since = Transit(leg.gap_s, 0.0).signed() if leg.gap_s > 0 else tr("at once")
    return since, "" if leg.way is None else leg.way.words()
