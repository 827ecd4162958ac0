"""Jobs: what is heard of them, and that each is closed exactly once in its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Signal

from app.core.errors import UserFacingError
from app.gui.tasks import Task, TaskRunner


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


class Job:
    """A generator whose life is written down; it yields numbers until it is closed or `length`."""

    def __init__(self, length: int | None = None, error: Exception | None = None) -> None:
        self.length, self.error = length, error
        self.begun = threading.Event()
        self.closed_in: list[str] = []

    def run(self) -> Iterator[int]:
        try:
            self.begun.set()
            number = 0
            while self.length is None or number < self.length:
                yield number
                number += 1
                if self.length is None:
                    time.sleep(0.002)
            if self.error is not None:
                raise self.error
        finally:
            self.closed_in.append(threading.current_thread().name)


def outcome_of(task: Task, into: list[object]) -> None:
    task.finished.connect(lambda: into.append("finished"))
    task.failed.connect(into.append)
    task.cancelled.connect(lambda: into.append("cancelled"))


def test_events_arrive_in_order_in_the_gui_thread_then_the_end(tasks: TaskRunner, qtbot) -> None:
    job, heard, threads, outcome = Job(length=50), [], set(), []

    def hear(number: int) -> None:
        heard.append(number)
        threads.add(threading.current_thread())

    task = tasks.start("work", job.run(), hear)
    task.wait()  # the worker is through before anything is connected: still nothing is lost
    outcome_of(task, outcome)
    qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == ["finished"]
    assert heard == list(range(50))
    assert threads == {threading.main_thread()}
    assert len(job.closed_in) == 1
    assert job.closed_in[0].startswith("work")


def test_cancel_closes_the_job_and_silences_it_at_once(tasks: TaskRunner, qtbot) -> None:
    job, heard, outcome = Job(), [], []
    task = tasks.start("work", job.run(), heard.append)
    outcome_of(task, outcome)
    qtbot.waitUntil(lambda: len(heard) > 3)
    begun = time.monotonic()
    task.cancel()
    known = len(heard)
    qtbot.waitUntil(lambda: bool(outcome))
    assert time.monotonic() - begun < 1
    assert outcome == ["cancelled"]
    assert len(heard) == known
    assert len(job.closed_in) == 1
    assert job.closed_in[0].startswith("work")


def test_a_job_cancelled_before_its_turn_never_begins(tasks: TaskRunner, qtbot) -> None:
    first, second, outcome = Job(), Job(), []
    running = tasks.start("work", first.run())
    waiting = tasks.start("work", second.run())
    outcome_of(waiting, outcome)
    waiting.cancel()
    running.cancel()
    qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == ["cancelled"]
    assert not second.begun.is_set()


def test_a_user_facing_error_is_passed_on_without_a_log(tasks: TaskRunner, qtbot, caplog) -> None:
    error, outcome = UserFacingError("The disk is full.", "Free some space."), []
    outcome_of(tasks.start("work", Job(2, error).run()), outcome)
    qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == [error]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_bug_is_passed_on_and_logged_with_its_traceback(
    tasks: TaskRunner, qtbot, caplog, expected_logs
) -> None:
    expected_logs("A job of lane 'work' failed")
    error, outcome = ZeroDivisionError("a bug"), []
    with caplog.at_level(logging.ERROR):
        outcome_of(tasks.start("work", Job(0, error).run()), outcome)
        qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == [error]
    records = [record for record in caplog.records if record.name == "app.gui.tasks"]
    assert [record.exc_info is not None for record in records] == [True]


def test_failing_after_a_cancel_counts_as_cancelled(tasks: TaskRunner, qtbot) -> None:
    outcome: list[object] = []
    go_on = threading.Event()

    def job() -> Iterator[int]:
        yield 1
        go_on.wait()
        raise UserFacingError("The file was closed.")

    task = tasks.start("work", job())
    outcome_of(task, outcome)
    task.cancel()
    go_on.set()
    qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == ["cancelled"]


def test_lanes_run_side_by_side_and_replace_ends_the_old_job(tasks: TaskRunner, qtbot) -> None:
    other, old, new = Job(), Job(), Job(length=3)
    heard, outcome = [], []
    tasks.start("other", other.run())
    outcome_of(tasks.replace("work", old.run()), outcome)
    assert old.begun.wait(5)
    tasks.replace("work", new.run(), heard.append)
    qtbot.waitUntil(lambda: not tasks.is_busy("work"))
    assert outcome == ["cancelled"]
    assert heard == [0, 1, 2]
    assert tasks.is_busy("other")


def test_shutdown_closes_running_and_waiting_jobs_and_starts_no_more(
    tasks: TaskRunner, qtbot
) -> None:
    running, waiting, late = Job(), Job(), Job()
    tasks.start("work", running.run())
    tasks.start("work", waiting.run())
    assert running.begun.wait(5)
    tasks.shutdown()
    assert len(running.closed_in) == 1
    assert not waiting.begun.is_set()
    assert tasks.start("work", late.run()).is_cancelled
    assert not late.begun.is_set()


class Receiver(QObject):
    heard = Signal(object)

    def hear(self, event: object) -> None:
        self.heard.emit(event)


def test_events_after_the_receiver_died_are_harmless(tasks: TaskRunner, qtbot) -> None:
    job, receiver, outcome = Job(), Receiver(), []
    task = tasks.start("work", job.run(), receiver.hear)
    outcome_of(task, outcome)
    with qtbot.waitSignal(receiver.heard):
        pass
    receiver.deleteLater()
    receiver = None
    qtbot.wait(20)
    task.cancel()
    qtbot.waitUntil(lambda: bool(outcome))
    assert outcome == ["cancelled"]


def test_ended_tasks_do_not_pile_up(tasks: TaskRunner, qtbot) -> None:
    for _ in range(5):
        tasks.start("work", Job(length=1).run())
    qtbot.waitUntil(lambda: not tasks.is_busy("work"))
    qtbot.waitUntil(lambda: not tasks.findChildren(Task))
    assert tasks.running() == []
