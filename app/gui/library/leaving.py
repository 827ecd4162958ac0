"""Asks before an ingest is stopped because the user leaves the library or the program."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from app.language import tr

_REST_WAITS = tr("What is stored is kept; the rest waits for the next time.")


class Leaving:
    """One question at a time.

    Args:
        window: what the question is shown over.
        is_busy: whether something is being ingested.
    """

    def __init__(self, window: QWidget, is_busy: Callable[[], bool]) -> None:
        self._window, self._is_busy = window, is_busy
        self._question: QMessageBox | None = None

    def leave(self, question: str, go_on: Callable[[], None]) -> bool:
        """Goes on at once, or after the user agreed to stop the running ingest.

        Args:
            question: whether to stop ingesting and do what the user is about to do.
            go_on: does it.

        Returns:
            Whether it went on at once.
        """
        if not self._is_busy():
            go_on()
            return True
        if self._question is None:
            self._ask(question, go_on)
        else:
            self._question.activateWindow()
        return False

    def _ask(self, question: str, go_on: Callable[[], None]) -> None:
        box = QMessageBox(self._window)
        box.setObjectName("stop_question")
        box.setAccessibleName(question)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Retrace")
        box.setText(question)
        box.setInformativeText(_REST_WAITS)
        stop = box.addButton(tr("Stop"), QMessageBox.ButtonRole.AcceptRole)
        stop.setObjectName("stop_yes")
        keep = box.addButton(tr("Continue loading"), QMessageBox.ButtonRole.RejectRole)
        keep.setObjectName("stop_no")
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)

        def answered() -> None:
            agreed = box.clickedButton() is stop
            self._question = None
            box.deleteLater()
            if agreed:
                go_on()

        box.finished.connect(answered)
        self._question = box
        box.open()
