"""The gallery's item model: order, details that come later, verdicts that show at once."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import Qt
from results_fakes import details_of, hits_of

from app.core.queries import Transit
from app.gui.hit_text import count_text, score_text, video_time_text
from app.gui.results.gallery_model import GalleryModel
from app.gui.results.gallery_rows import GalleryOrder, Heading


@pytest.fixture
def model(qapp: object) -> GalleryModel:
    made = GalleryModel()
    made.zone = ZoneInfo("Europe/Berlin")
    return made


def ids(model: GalleryModel) -> list[int]:
    return [hit.tracklet_id for hit in model.hits_in(range(model.rowCount()))]


def headings(model: GalleryModel) -> list[str]:
    rows = (model.at(row) for row in range(model.rowCount()))
    return [row.text for row in rows if isinstance(row, Heading)]


def test_rows_follow_the_ranking(model: GalleryModel) -> None:
    model.show(hits_of(7, 3, 9))
    assert ids(model) == [7, 3, 9]
    assert model.rowCount() == 3
    assert [model.row_of(each) for each in (7, 3, 9, 4)] == [0, 1, 2, None]
    assert model.rank_of(9) == 3


def test_details_are_kept_when_the_same_hits_come_in_another_order(model: GalleryModel) -> None:
    model.show(hits_of(7, 3, 9))
    model.add_details([details_of(3)])
    model.show(hits_of(9, 3, 7))
    assert model.details_of(3) is not None
    assert [hit.tracklet_id for hit in model.without_details()] == [9, 7]
    assert [hit.tracklet_id for hit in model.without_details(range(2))] == [9]


def test_another_query_forgets_details_and_verdicts(model: GalleryModel) -> None:
    model.show(hits_of(3))
    model.add_details([details_of(3, verdict="same")])
    model.expect_verdict(3, "different")
    model.forget()
    assert len(model) == 0
    model.show(hits_of(3))
    assert model.details_of(3) is None
    assert model.verdict_of(3) is None


def test_sorts_by_time_with_unknown_clocks_behind_and_unknown_hits_last(
    model: GalleryModel,
) -> None:
    model.show(hits_of(8, 5, 2, 11, 6))
    model.add_details([details_of(8), details_of(5, start_utc=None), details_of(2), details_of(6)])
    model.sort_by(GalleryOrder.TIME)
    assert ids(model) == [2, 6, 8, 5, 11]
    model.sort_by(GalleryOrder.RELEVANCE)
    assert ids(model) == [8, 5, 2, 11, 6]


def test_sorts_by_camera_then_by_rank(model: GalleryModel) -> None:
    model.show(hits_of(2, 4, 1, 3, 0))
    model.add_details([details_of(each) for each in (2, 4, 1, 3, 0)])
    model.sort_by(GalleryOrder.CAMERA)
    assert ids(model) == [3, 0, 4, 1, 2]
    assert headings(model) == ["cam1 · 2", "cam2 · 2", "cam3 · 1"]
    assert model.rank_of(3) == 4


def test_arriving_details_repaint_only_their_rows(model: GalleryModel, qtbot) -> None:
    model.show(hits_of(*range(100)))
    with qtbot.waitSignal(model.dataChanged) as changed:
        model.add_details([details_of(42)])
    first, last = changed.args[0], changed.args[1]
    assert (first.row(), last.row()) == (42, 42)


def test_a_verdict_shows_at_once_and_moves_nothing(model: GalleryModel, qtbot) -> None:
    model.show(hits_of(7, 3, 9))
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged):
        model.expect_verdict(3, "same")
    assert model.verdict_of(3) == "same"
    assert ids(model) == [7, 3, 9]


def test_a_stored_verdict_outlives_details_fetched_before_it(model: GalleryModel) -> None:
    model.show(hits_of(3))
    model.expect_verdict(3, "different")
    model.add_details([details_of(3, verdict=None)])
    assert model.verdict_of(3) == "different"
    model.settle_verdict(3, "different")
    assert model.verdict_of(3) == "different"
    model.expire()
    assert [hit.tracklet_id for hit in model.without_details()] == [3]
    assert model.details_of(3) is not None, "what is known is shown until there is better"
    model.add_details([details_of(3, verdict="same")])
    assert model.verdict_of(3) == "same"
    assert model.without_details() == []


def test_says_everything_in_words(model: GalleryModel) -> None:
    model.show(hits_of(3))
    index = model.index(0)
    assert index.data(Qt.ItemDataRole.ToolTipRole) is None
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "possible match 1, score .92"
    model.add_details([details_of(3, identity="Red jacket", verdict="same")])
    tooltip = index.data(Qt.ItemDataRole.ToolTipRole)
    # The moment of the picture, which the player goes to, not that of the first glimpse.
    assert "2024-05-14 10:33:01 +02:00 (by file name, raw), 03:01 into 10-30.mp4" in tooltip
    assert "In view for 4.5 s from 10:33:00 on" in tooltip
    assert "Red jacket" in tooltip
    assert "%" not in tooltip
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("possible match 1, score .92, known as Red jacket, cam1, 2024-05-14")
    assert spoken.endswith("confirmed")


def test_the_time_between_is_said_with_what_it_means(model: GalleryModel) -> None:
    (hit,) = hits_of(3)
    model.show([replace(hit, transit=Transit(gap_s=40.2, log_odds=1.5))])
    index = model.index(0)
    assert "seen 40 s later, which is usual" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    model.add_details([details_of(3)])
    assert "\nSeen 40 s later, which is usual\n" in index.data(Qt.ItemDataRole.ToolTipRole)
    model.show([hit])
    assert "Sightings" not in index.data(Qt.ItemDataRole.ToolTipRole), "times do not count any more"


def test_an_unknown_clock_is_said(model: GalleryModel) -> None:
    model.show(hits_of(3))
    model.add_details([details_of(3, start_utc=None)])
    tooltip = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "03:01 into 10-30.mp4 (start of the recording unknown)" in tooltip


@pytest.mark.parametrize(
    ("score", "text"),
    [(0.92, ".92"), (0.996, "1.00"), (0.0, ".00"), (-0.051, "−.05"), (-0.001, ".00")],
)
def test_a_score_is_a_plain_number(score: float, text: str) -> None:
    assert score_text(score) == text


def test_times_and_counts() -> None:
    assert video_time_text(59.99) == "00:59"
    assert video_time_text(3725) == "1:02:05"
    assert count_text(1204) == "1\u202f204"
