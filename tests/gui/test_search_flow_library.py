"""The search flow on a real library: the services as they are, not as the fakes say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QSize

from app.gui.results.results_panel import ResultsPanel
from app.gui.results.search_flow import SearchFlow
from app.gui.tasks import TaskRunner
from app.services.people.catalog import Catalog
from app.services.people.people import People
from app.services.people.sightings import Sightings
from app.services.search.search import Search
from app.storage.library import Library
from tests.decisions import verdicts
from tests.unit.services.stored_people import EMBEDDER, add_people, add_video, unit

START = datetime(2024, 5, 14, 8, 30, tzinfo=UTC)


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Cameras 1 and 2 with two people each; who is first in both looks alike."""
    with Library.open(tmp_path / "library", create=True) as made:
        for camera in ("cam1", "cam2"):
            video = add_video(made, tmp_path / f"{camera}.mp4", camera, START)
            add_people(made, video, [unit(1, 0, len(camera) % 2 * 0.1), unit(0, 1, 0)])
        yield made


def test_search_select_confirm_filter_and_undo(library: Library, tasks: TaskRunner, qtbot) -> None:
    workspace = SimpleNamespace(
        library=library,
        catalog=Catalog(library),
        people=People(library),
        search=Search(library, lambda: EMBEDDER, lambda: None),
        sightings=Sightings(library, lambda *_: None),
    )
    panel = ResultsPanel(tasks)
    qtbot.addWidget(panel)
    panel.resize(380, 800)
    panel.show()
    flow = SearchFlow(panel, tasks, panel)
    flow.set_workspace(workspace)
    model = panel.model
    (first, _), (alike, other) = (
        [each.id for each in library.tracklets_of(video.id)] for video in library.videos()
    )

    flow.search_tracklet(first)
    qtbot.waitUntil(lambda: len(model) == 3 and model.details_of(alike) is not None)
    assert model.hit(0).tracklet_id == alike
    assert panel.head.caption.whole().startswith("cam1 · 2024-05-14")
    thumbnail = model.details_of(alike).thumbnail
    qtbot.waitUntil(lambda: panel.thumbnails.pixmap(thumbnail, QSize(80, 152)) is not None)
    assert not panel.thumbnails.pixmap(thumbnail, QSize(80, 152)).isNull()

    with qtbot.waitSignal(flow.hit_selected) as selected:
        panel.gallery.setCurrentIndex(model.index(0))
    assert (selected.args[0].tracklet_id, selected.args[0].camera) == (alike, "cam2")

    panel.actions_by_name["confirm"].trigger()
    qtbot.waitUntil(lambda: model.details_of(alike).identity == "Person 1")
    assert verdicts(workspace.people.library, first) == {alike: "same"}
    assert model.verdict_of(alike) == "same"

    camera_id = library.videos()[1].camera.id
    panel.filters._camera_actions[camera_id].setChecked(True)
    qtbot.waitUntil(lambda: len(model) == 2)
    assert {model.hit(row).tracklet_id for row in range(2)} == {alike, other}
    assert panel.head.count.text() == "2 of 2"

    panel.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: model.details_of(alike).identity is None)
    assert verdicts(workspace.people.library, first) == {}
    assert model.verdict_of(alike) is None
    qtbot.waitUntil(
        lambda: not any(tasks.is_busy(lane) for lane in ("details", "thumbnails", "decisions"))
    )
