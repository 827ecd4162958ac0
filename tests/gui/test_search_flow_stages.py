"""Refinements of a search in the window: named, left out, switched off; the index ahead of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from results_fakes import a_result
from search_window import Window

from app.core.errors import ModelError
from app.core.queries import REFINEMENTS, SearchStage, StageLeftOut, StageRunning
from app.gui.tasks import TaskRunner


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot) -> Window:
    return Window(tasks, qtbot)


def test_a_stage_that_is_left_out_is_told_above_the_results(window: Window, qtbot) -> None:
    why = ModelError("net was trained with the embedder osnet-1.", "Choose another one.")
    other = ModelError("pairs is damaged.", "Download it again.")
    window.workspace.search.results = [
        a_result(1, 2, 3),
        StageLeftOut(SearchStage.AGGREGATED, why),
        StageLeftOut(SearchStage.RERANKED, other),
    ]
    window.flow.search_tracklet(7)
    notice = window.panel.notice
    qtbot.waitUntil(lambda: notice.isVisible() and "damaged" in notice.words.text())
    assert "osnet-1. pairs is damaged.\nDownload it again." in notice.words.text()
    assert len(window.panel.model) == 3
    assert "by appearance" in window.panel.head.state.whole()


def test_a_slow_stage_is_named_while_the_ranking_before_it_stands(window: Window, qtbot) -> None:
    search = window.workspace.search
    search.results = [
        a_result(1, 2, 3),
        StageRunning(SearchStage.RERANKED),
        a_result(3, 2, 1, stage=SearchStage.RERANKED),
    ]
    search.go_on.clear()
    window.flow.search_tracklet(7)
    state = window.panel.head.state
    qtbot.waitUntil(lambda: state.whole().endswith("comparing…"))
    assert "by appearance" in state.whole()
    assert len(window.panel.model) == 3
    search.go_on.set()
    qtbot.waitUntil(lambda: "in pairs" in state.whole())


def test_switching_a_stage_off_searches_again_without_it(window: Window, qtbot) -> None:
    window.flow.search_tracklet(7)
    qtbot.waitUntil(lambda: len(window.panel.model) == 3)
    window.flow.set_stages(frozenset({SearchStage.RERANKED}))
    qtbot.waitUntil(lambda: len(window.workspace.search.stages) == 2)
    assert window.workspace.search.stages == [REFINEMENTS, {SearchStage.RERANKED}]


def test_the_index_is_built_when_a_library_opens_and_left_when_it_closes(
    window: Window, qtbot
) -> None:
    search = window.workspace.search
    qtbot.waitUntil(lambda: search.prepared == 1)
    running, closed = threading.Event(), threading.Event()

    def endless() -> Iterator[None]:
        try:
            while True:
                running.set()
                yield None
        finally:
            closed.set()

    search.prepare = endless
    window.flow.networks_changed()
    qtbot.waitUntil(running.is_set)
    window.flow.set_workspace(None)
    qtbot.waitUntil(closed.is_set)
