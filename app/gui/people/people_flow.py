"""Reads who is listed, and carries out what the user does with people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QInputDialog, QWidget

from app.core.entities import Identity
from app.core.errors import SeenTogetherError
from app.gui.results.verdict_flow import LANE
from app.gui.widgets.plain import plain_caption
from app.gui.widgets.question import ask
from app.language import tr

if TYPE_CHECKING:
    from app.gui.people.people_panel import PeoplePanel
    from app.gui.tasks import TaskRunner
    from app.services.people.people import People
    from app.services.workspace import Workspace

_LIST_LANE = "people"


class PeopleFlow(QObject):
    """Joins the list of people with the people service.

    Signals:
        changed: people have other names, colours or sightings now.
        problem: an exception that belongs into a dialog.
    """

    changed = Signal()
    problem = Signal(object)

    def __init__(self, panel: PeoplePanel, tasks: TaskRunner, window: QWidget) -> None:
        super().__init__(window)
        self._panel, self._tasks, self._window = panel, tasks, window
        self._people: People | None = None
        panel.renamed.connect(lambda person, name: self._do(lambda it: it.name(person, name)))
        panel.colour_wanted.connect(self._ask_colour)
        panel.notes_wanted.connect(self._ask_notes)
        panel.merge_wanted.connect(self._merge)
        panel.delete_wanted.connect(self._delete)

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none."""
        self._people = None if workspace is None else workspace.people
        self._panel.show_people(())
        self.refresh()

    def refresh(self) -> None:
        """Lists who there is by now."""
        people = self._people
        if people is not None:
            task = self._tasks.replace(_LIST_LANE, _listed(people), self._panel.show_people)
            task.failed.connect(self.problem)

    def _do(
        self, work: Callable[[People], object], *, anyway: Callable[[], None] | None = None
    ) -> None:
        people = self._people
        if people is None:
            return
        task = self._tasks.start(LANE, (work(people) for _ in range(1)))
        task.finished.connect(self._done)
        task.failed.connect(lambda error: self._refuse(error, anyway))

    def _done(self) -> None:
        self.refresh()
        self.changed.emit()

    def _refuse(self, error: Exception, anyway: Callable[[], None] | None) -> None:
        self.refresh()  # a name that was refused is not shown on
        if isinstance(error, SeenTogetherError) and anyway is not None:
            ask(self._window, tr("One person?"), error.message, tr("&Merge anyway"), anyway)
        else:
            self.problem.emit(error)

    def _merge(self, chosen: Sequence[Identity], *, anyway: bool = False) -> None:
        into, others = chosen[0], chosen[1:]

        def merge(people: People) -> None:
            with people.library.transaction():
                for other in others:
                    people.merge(into.id, other.id, anyway=anyway)

        self._do(merge, anyway=partial(self._merge, chosen, anyway=True))

    def _delete(self, chosen: Sequence[Identity]) -> None:
        def delete(people: People) -> None:
            with people.library.transaction():
                for person in chosen:
                    people.delete(person.id)

        self._do(delete)

    def _ask_colour(self, person: Identity) -> None:
        dialog = QColorDialog(QColor(person.colour or "#1a73e8"), self._window)
        dialog.setObjectName("person_colour")
        dialog.setWindowTitle(tr("Colour of {name}", name=person.name))
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.colorSelected.connect(
            lambda colour: self._do(lambda people: people.mark(person.id, colour.name()))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _ask_notes(self, person: Identity) -> None:
        dialog = QInputDialog(self._window)
        dialog.setObjectName("person_notes")
        dialog.setWindowTitle(tr("Notes on {name}", name=person.name))
        dialog.setLabelText(tr("&Notes on {name}", name=plain_caption(person.name)))
        dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
        dialog.setTextValue(person.notes)
        dialog.textValueSelected.connect(
            lambda notes: self._do(lambda people: people.note(person.id, notes))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _listed(people: People) -> Iterator[list[tuple[Identity, int]]]:
    """Job: everybody who has sightings."""
    yield people.all()
