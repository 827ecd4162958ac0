"""Where and when to search: cameras and a span of time, edited in a popover and shown as chips."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from babel.lists import format_list
from PySide6.QtCore import QDate, QDateTime, Qt, QTime, QTimeZone, Signal
from PySide6.QtGui import QAction, QFont, QKeyEvent, QMouseEvent, QTextCharFormat
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QGridLayout,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.clock import zone_text
from app.core.entities import Camera
from app.core.queries import SearchFilter
from app.gui.results.gallery_rows import Shown
from app.gui.widgets.flow_layout import FlowLayout
from app.gui.widgets.plain import plain_caption
from app.gui.widgets.popover import Popover
from app.gui.widgets.theme import UNIT_PX
from app.language import language, tr

TIME_FORMAT = "yyyy-MM-dd HH:mm:ss"
_SHOWN = {
    Shown.ALL: tr("All hits"),
    Shown.UNDECIDED: tr("Undecided"),
    Shown.CONFIRMED: tr("Confirmed"),
    Shown.MAYBE: tr("Maybe"),
    Shown.REJECTED: tr("Rejected"),
    Shown.THINGS: tr("Not a person"),
}


class StayingMenu(QMenu):
    """A menu that stays open while several entries are checked."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Checks the entry under the pointer."""
        if not self._toggle_active():
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Checks the entry that the keyboard stands on."""
        if event.key() != Qt.Key.Key_Space or not self._toggle_active():
            super().keyPressEvent(event)

    def _toggle_active(self) -> bool:
        active = self.activeAction()
        found = [action for action in self.actions() if action is active and action.isCheckable()]
        for action in found:
            action.toggle()
        return bool(found)


@dataclass(frozen=True, slots=True)
class TimeBound:
    """One end of the span: a box that switches it on, and the time."""

    switch: QCheckBox
    edit: QDateTimeEdit

    def moment(self, zone: ZoneInfo) -> datetime | None:
        """The time in a zone, or None where the end is open."""
        if not self.switch.isChecked():
            return None
        day, time = self.edit.date(), self.edit.time()
        return datetime(
            day.year(),
            day.month(),
            day.day(),
            time.hour(),
            time.minute(),
            time.second(),
            tzinfo=zone,
        )

    def set_time(self, moment: datetime) -> None:
        """Shows a time, as the clock of its own zone tells it."""
        self.edit.setDateTime(
            QDateTime(
                QDate(moment.year, moment.month, moment.day),
                QTime(moment.hour, moment.minute, moment.second),
                QTimeZone.utc(),
            )
        )


class SearchFilters(QWidget):
    """Edits a `SearchFilter`.

    It also chooses which hits are shown, by what was decided about them.

    Signals:
        changed: another part of the gallery is to be searched.
        shown_changed: the `Shown` hits that are to be seen from now on.
    """

    changed = Signal()
    shown_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("searchFilters")
        self._zone = ZoneInfo("UTC")
        self._quiet = self._searches_things = False
        self._camera_actions: dict[int, QAction] = {}
        self._camera_names: dict[int, str] = {}
        self._chips: list[QPushButton] = []
        self.toggle = QToolButton(self)
        self.menu = StayingMenu(self)
        self.cameras = QToolButton(self)
        self.verdicts = QComboBox(self)
        self.zone = QLabel(self)
        self.form = Popover(self.toggle)
        self.earliest = self._bound("from", tr("From"), tr("From"), tr("From"))
        self.latest = self._bound("to", tr("To"), tr("To"), tr("To"))
        self._set_up()
        self._lay_out()
        self._show()

    # Building -----------------------------------------------------------------------------------

    @staticmethod
    def _ends(bound: TimeBound) -> tuple[QWidget, QWidget]:
        return bound.switch, bound.edit

    def _bound(self, name: str, word: str, switched: str, edited: str) -> TimeBound:
        switch = QCheckBox(word, self.form)
        switch.setObjectName(f"{name}Switch")
        switch.setAccessibleName(switched)
        edit = QDateTimeEdit(self.form)
        edit.setObjectName(f"{name}Time")
        edit.setAccessibleName(edited)
        # The digits stand for the library's zone; UTC holds any digits, without a gap in spring.
        edit.setTimeZone(QTimeZone.utc())
        edit.setDisplayFormat(TIME_FORMAT)
        edit.setCalendarPopup(True)
        # While someone types, half a year is not searched for.
        edit.setKeyboardTracking(False)
        edit.setEnabled(False)
        edit.setToolTip(tr("People from videos with an unknown clock are left out."))
        switch.toggled.connect(edit.setEnabled)
        switch.toggled.connect(self._edited)
        edit.dateTimeChanged.connect(self._edited)
        return TimeBound(switch, edit)

    def _set_up(self) -> None:
        self.toggle.setObjectName("filterToggle")
        self.toggle.setAccessibleName(tr("Filter by camera and time"))
        self.toggle.setText(tr("+ Filter"))
        self.toggle.setToolTip(tr("Search only some cameras, or a span of time"))
        self.menu.setObjectName("cameraMenu")
        self.cameras.setObjectName("cameraButton")
        self.cameras.setAccessibleName(tr("Cameras to search"))
        self.cameras.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.cameras.setMenu(self.menu)
        self.verdicts.setObjectName("verdictFilter")
        self.verdicts.setAccessibleName(tr("Which hits to show, by your verdict"))
        for shown, words in _SHOWN.items():
            self.verdicts.addItem(words, shown)
        self.verdicts.currentIndexChanged.connect(self._choose_shown)
        self.zone.setObjectName("filterZone")
        self.zone.setProperty("role", "muted")
        self.form.setObjectName("filterForm")
        self.form.setAccessibleName(tr("Filter by camera and time"))

    def _lay_out(self) -> None:
        self._flow = FlowLayout()
        self._flow.addWidget(self.toggle)
        grid = QGridLayout(self.form)
        grid.setContentsMargins(*4 * (3 * UNIT_PX,))
        grid.setSpacing(2 * UNIT_PX)
        grid.addWidget(QLabel(tr("Cameras"), self.form), 0, 0)
        grid.addWidget(self.cameras, 0, 1)
        grid.addWidget(QLabel(tr("Verdict"), self.form), 1, 0)
        grid.addWidget(self.verdicts, 1, 1)
        for row, bound in enumerate((self.earliest, self.latest), 2):
            grid.addWidget(bound.switch, row, 0)
            grid.addWidget(bound.edit, row, 1)
        grid.addWidget(self.zone, 4, 1)
        for before, after in pairwise(
            (self.cameras, self.verdicts, *self._ends(self.earliest), *self._ends(self.latest))
        ):
            self.setTabOrder(before, after)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._flow)

    # What can be chosen -------------------------------------------------------------------------

    def set_cameras(self, cameras: Sequence[Camera]) -> None:
        """Offers these cameras; those that were chosen stay chosen."""
        chosen = self._chosen_cameras()
        self._quiet = True
        self.menu.clear()
        self._camera_actions = {}
        self._camera_names = {camera.id: camera.name for camera in cameras}
        for camera in cameras:
            action = self.menu.addAction(plain_caption(camera.name))
            action.setObjectName(f"camera:{camera.name}")
            action.setCheckable(True)
            action.setChecked(camera.id in chosen)
            action.toggled.connect(self._edited)
            self._camera_actions[camera.id] = action
        self._quiet = False
        self.cameras.setEnabled(bool(cameras))
        self._show()

    def set_zone(self, zone: ZoneInfo) -> None:
        """In which zone times are typed."""
        self._zone = zone
        self.zone.setText(tr("Times in {zone}", zone=zone_text(zone)))

    def offer_span(self, first_utc: datetime, last_utc: datetime) -> None:
        """Where the footage begins and ends: what the times say when they are switched on."""
        self._quiet = True
        after = last_utc + timedelta(minutes=1)
        for bound, moment in ((self.earliest, first_utc), (self.latest, after)):
            if not bound.switch.isChecked():
                whole_minute = moment.astimezone(self._zone).replace(second=0, microsecond=0)
                bound.set_time(whole_minute)
        self._quiet = False

    def mark_days(self, days: Collection[date]) -> None:
        """Prints the days that have footage in bold in the calendars."""
        bold = QTextCharFormat()
        bold.setFontWeight(QFont.Weight.Bold)
        for bound in (self.earliest, self.latest):
            calendar = bound.edit.calendarWidget()
            calendar.setDateTextFormat(QDate(), QTextCharFormat())  # of all days
            for day in days:
                calendar.setDateTextFormat(QDate(day.year, day.month, day.day), bold)

    def narrow_to_time(self, moment: datetime, either_way: timedelta) -> None:
        """Searches only a span around a moment."""
        self.narrow_to_span(moment - either_way, moment + either_way)

    def narrow_to_span(self, first: datetime, last: datetime) -> None:
        """Searches only between two moments."""
        self._quiet = True
        for bound, end in ((self.earliest, first), (self.latest, last)):
            bound.set_time(end.astimezone(self._zone).replace(microsecond=0))
            bound.switch.setChecked(True)
        self._quiet = False
        self._edited()

    def narrow_to_camera(self, name: str) -> None:
        """Searches only one camera."""
        self._quiet = True
        for camera_id, action in self._camera_actions.items():
            action.setChecked(self._camera_names[camera_id] == name)
        self._quiet = False
        self._edited()

    def choose(self, where: SearchFilter) -> None:
        """Shows a filter, as far as its cameras are known; does not report it as a change."""
        self._quiet = True
        for camera_id, action in self._camera_actions.items():
            action.setChecked(camera_id in (where.camera_ids or ()))
        for bound, end in ((self.earliest, where.from_utc), (self.latest, where.to_utc)):
            bound.switch.setChecked(end is not None)
            if end is not None:
                bound.set_time(end.astimezone(self._zone))
        if where.things is not self._searches_things:
            shown = Shown.THINGS if where.things else Shown.ALL
            self.verdicts.setCurrentIndex(self.verdicts.findData(shown))
        self._quiet = False
        self._show()

    # What is chosen -----------------------------------------------------------------------------

    def chosen(self) -> SearchFilter:
        """The part of the gallery that is to be searched."""
        cameras = self._chosen_cameras()
        return SearchFilter(
            camera_ids=cameras or None,
            from_utc=self.earliest.moment(self._zone),
            to_utc=self.latest.moment(self._zone),
            things=self.shown() is Shown.THINGS,
        )

    def words(self) -> str:
        """The filter as a part of a sentence ("in cam3 from …"); empty where all is searched."""
        parts = []
        chosen = self._chosen_cameras()
        cameras = [name for each, name in self._camera_names.items() if each in chosen]
        if cameras:
            parts.append(tr("in {cameras}", cameras=format_list(cameras, "or", language())))
        first, last = self.earliest.moment(self._zone), self.latest.moment(self._zone)
        if first and last:
            parts.append(tr("between {start} and {end}", start=_short(first), end=_short(last)))
        elif first:
            parts.append(tr("after {time}", time=_short(first)))
        elif last:
            parts.append(tr("before {time}", time=_short(last)))
        if self.shown() is Shown.THINGS:
            parts.append(tr("said to be no person"))
        return " ".join(parts)

    def shown(self) -> Shown:
        """Which hits are shown, by what was decided about them."""
        return Shown(self.verdicts.currentData())

    def _choose_shown(self) -> None:
        self._show()
        self.shown_changed.emit(self.shown())
        if (self.shown() is Shown.THINGS) is not self._searches_things:
            self._searches_things = not self._searches_things
            self._edited()

    def clear(self) -> None:
        """Takes everything off; tells it once."""
        had_words = bool(self.words())
        self._quiet = True
        self.verdicts.setCurrentIndex(0)
        for action in self._camera_actions.values():
            action.setChecked(False)
        for bound in (self.earliest, self.latest):
            bound.switch.setChecked(False)
        self._quiet = False
        if had_words:
            self._edited()

    def _chosen_cameras(self) -> frozenset[int]:
        return frozenset(
            each for each, action in self._camera_actions.items() if action.isChecked()
        )

    # Chips --------------------------------------------------------------------------------------

    def _edited(self) -> None:
        if not self._quiet:
            self._show()
            self.changed.emit()

    def _show(self) -> None:
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for camera_id, action in self._camera_actions.items():
            if action.isChecked():
                name = self._camera_names[camera_id]
                self._add_chip(name, partial(action.setChecked, False))
        first, last = self.earliest.moment(self._zone), self.latest.moment(self._zone)
        if first is not None:
            text = tr("from {time}", time=_short(first))
            self._add_chip(text, partial(self.earliest.switch.setChecked, False))
        if last is not None:
            text = tr("to {time}", time=_short(last))
            self._add_chip(text, partial(self.latest.switch.setChecked, False))
        if self.shown() is not Shown.ALL:
            self._add_chip(_SHOWN[self.shown()], partial(self.verdicts.setCurrentIndex, 0))
        count = len(self._chosen_cameras())
        self.cameras.setText(
            tr("{count} of {total}", count=count, total=len(self._camera_actions))
            if count
            else tr("All cameras")
        )

    def _add_chip(self, text: str, take_off: partial[None]) -> None:
        chip = QPushButton(plain_caption(f"{text} ✕"), self)
        chip.setObjectName(f"chip:{text}")
        chip.setAccessibleName(tr("Remove the filter {filter}", filter=text))
        chip.setToolTip(tr("Remove this filter"))
        chip.setProperty("role", "chip")
        # Without its argument: `clicked` would hand over whether the chip is checked.
        chip.clicked.connect(lambda _: take_off())
        self._flow.insert(len(self._chips), chip)
        self._chips.append(chip)
        chip.show()


def _short(moment: datetime) -> str:
    """A typed time without the seconds that are zero."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.second else f"{moment:%Y-%m-%d %H:%M}"
