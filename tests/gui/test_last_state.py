"""What was looked at in a library is looked at again when it is opened the next time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import results_fakes
from results_fakes import a_result
from window_fakes import FakeWorkspace, Libraries, make_video, record_shown

from app.gui.results.gallery_rows import GalleryOrder
from app.gui.shell import Shell
from app.gui.window_state import WindowState


@pytest.fixture
def folder(libraries: Libraries, tmp_path: Path) -> Path:
    """A library in which tracklets can be searched."""
    made = tmp_path / "North gate"
    workspace, searched = FakeWorkspace(made), results_fakes.FakeWorkspace()
    (tmp_path / "a.mp4").touch()
    workspace.put(make_video(1, tmp_path / "a.mp4", people=4))
    workspace.search, workspace.people = searched.search, searched.people
    workspace.people.all = list
    workspace.catalog.details = searched.catalog.details
    workspace.search.results = [a_result(5, 6, 7)]
    libraries.workspaces[made] = workspace
    return made


def _open(shell: Shell, qtbot: Any, folder: Path) -> None:
    shell.library.flow.open(folder)
    qtbot.waitUntil(lambda: folder.name in shell.window.windowTitle())


def test_search_filter_order_selection_and_frame_come_back(
    shell: Shell, qtbot: Any, folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    shown = record_shown(shell, monkeypatch)
    _open(shell, qtbot, folder)
    flow, panel = shell.results.flow, shell.results.panel
    qtbot.waitUntil(lambda: shown == [(1,)])
    flow.search_tracklet(8)
    qtbot.waitUntil(lambda: len(panel.model) == 3)
    panel.order.setCurrentIndex(panel.order.findData(GalleryOrder.TIME))
    panel.picture_size.setValue(160)
    panel.filters.narrow_to_camera("cam1")
    panel.gallery.setCurrentIndex(panel.model.index(1))
    qtbot.waitUntil(lambda: len(shown) == 2)
    monkeypatch.setattr(shell.player.flow, "position", lambda: (1, 12.5))
    _open(shell, qtbot, tmp_path / "South gate")
    assert flow.here() is None and panel.filters.words() == ""
    shown.clear()
    _open(shell, qtbot, folder)
    qtbot.waitUntil(lambda: flow.here() is not None)
    here = flow.here()
    assert here.sought.origin == 8 and here.place.chosen_id == 6
    assert here.where.camera_ids == frozenset({1})
    assert panel.chosen_order() is GalleryOrder.TIME and panel.picture_size.value() == 160
    assert shown == [(1, 12.5, 6)], "the frame, not the beginning of the first video or of the hit"


@pytest.mark.parametrize("spoilt", [{"order": 1}, {"search": None}, {"search": 3, "order": "time"}])
def test_what_cannot_be_read_is_left_out(
    shell: Shell,
    qtbot: Any,
    folder: Path,
    state: WindowState,
    spoilt: dict[str, Any],
    monkeypatch: Any,
) -> None:
    shown = record_shown(shell, monkeypatch)
    state.remember(folder)
    state.keep_last(folder, {"position": None, "picture_px": 100, **spoilt})
    _open(shell, qtbot, folder)
    qtbot.waitUntil(lambda: shown == [(1,)])
    assert shell.results.flow.here() is None


def test_only_libraries_opened_lately_are_kept(state: WindowState, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for each in (one, two):
        state.remember(each)
        state.keep_last(each, {"at": each.name})
    assert state.last(one) == {"at": "one"} and state.last(two) == {"at": "two"}
    state.forget(one)
    state.keep_last(two, {"at": "there"})
    assert state.last(one) == {} and state.last(two) == {"at": "there"}
