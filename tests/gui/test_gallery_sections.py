"""Bands, groups and stacks of the gallery: what is below which heading, and what is folded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from results_fakes import details_of, hits_of

from app.core.queries import Band, Hit
from app.gui.results.gallery_layout import GalleryLayout
from app.gui.results.gallery_loader import GalleryLoader
from app.gui.results.gallery_model import GalleryModel
from app.gui.results.gallery_rows import GalleryOrder, Heading, Shown, Tile
from app.gui.results.gallery_view import PLAY_AFTER_MS, GalleryView
from app.gui.results.thumbnails import Thumbnails
from app.gui.tasks import TaskRunner


def chances(**probabilities: float) -> list[Hit]:
    """Hits h1, h2, … with these probabilities, in this order."""
    ids = [int(name[1:]) for name in probabilities]
    return [
        replace(hit, probability=probability)
        for hit, probability in zip(hits_of(*ids), probabilities.values(), strict=True)
    ]


@pytest.fixture
def model(qapp: object) -> GalleryModel:
    made = GalleryModel()
    made.zone = ZoneInfo("Europe/Berlin")
    return made


@pytest.fixture
def view(model: GalleryModel, qtbot) -> GalleryView:
    made = GalleryView(model, Thumbnails(TaskRunner()))
    qtbot.addWidget(made)
    made.resize(380, 900)
    made.show()
    return made


def rows(model: GalleryModel) -> list[str | tuple[int, ...]]:
    """Headings as they read, tiles as the ids of their hits."""
    found: list[str | tuple[int, ...]] = []
    for number in range(model.rowCount()):
        row = model.at(number)
        found.append(
            row.text if isinstance(row, Heading) else tuple(hit.tracklet_id for hit in row.hits)
        )
    return found


def test_bands_stand_below_each_other_and_the_unlikely_are_folded(model: GalleryModel) -> None:
    model.show(chances(h1=0.95, h2=0.5, h3=0.81, h4=0.01, h5=0.2, h6=0.19), is_calibrated=True)
    assert rows(model) == ["Likely · 2", (1,), (3,), "Unclear · 2", (2,), (5,), "Unlikely · 2"]
    assert len(model) == 6, "folded hits are hits"
    assert model.row_of(4) is None
    model.toggle(6)
    assert rows(model)[6:] == ["Unlikely · 2", (4,), (6,)]
    model.toggle(0)
    assert rows(model)[:2] == ["Likely · 2", "Unclear · 2"]


def test_where_nobody_is_likely_the_unlikely_are_seen(model: GalleryModel) -> None:
    model.show(chances(h1=0.05, h2=0.04), is_calibrated=True)
    assert rows(model) == ["Unlikely · 2", (1,), (2,)]


def test_what_the_user_folded_stays_so_with_the_next_ranking(model: GalleryModel) -> None:
    model.show(chances(h1=0.95, h2=0.5), is_calibrated=True)
    model.toggle(0)
    model.show(chances(h2=0.9, h1=0.85, h3=0.4), is_calibrated=True)
    assert rows(model) == ["Likely · 2", "Unclear · 1", (3,)]


def test_without_enough_data_a_remark_says_so(model: GalleryModel) -> None:
    model.show(hits_of(1, 2), is_calibrated=False)
    remark = "Not enough data to tell likely from unlikely."
    assert rows(model) == [(1,), (2,), remark]
    model.toggle(2)  # nothing is below it
    assert rows(model) == [(1,), (2,), remark]
    model.show(hits_of(1, 2), is_calibrated=None)
    assert rows(model) == [(1,), (2,)], "it is not known yet"


def test_rejected_hits_fold_away_but_never_under_the_pointer(model: GalleryModel) -> None:
    model.show(chances(h1=0.95, h2=0.9, h3=0.5), is_calibrated=True)
    model.add_details([details_of(each) for each in (1, 2, 3)])
    before = rows(model)
    model.expect_verdict(1, "different")
    model.settle_verdict(1, "different")
    assert rows(model) == before
    model.toggle(before.index("Unclear · 1"))
    assert rows(model) == ["Likely · 2", (1,), (2,), "Unclear · 1"], "folding moves nothing else"
    model.arrange()
    assert rows(model) == ["Likely · 1", (2,), "Unclear · 1", "Rejected · 1"]


def test_a_verdict_of_before_is_known_when_details_come(model: GalleryModel) -> None:
    model.show(chances(h1=0.95, h2=0.9), is_calibrated=True)
    model.add_details([details_of(1, verdict="different"), details_of(2, verdict="same")])
    assert rows(model) == ["Likely · 1", (2,), "Rejected · 1"]


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        (Shown.UNDECIDED, [(3,), (4,)]),
        (Shown.CONFIRMED, [(1,)]),
        (Shown.REJECTED, [(2,)]),
        (Shown.MAYBE, ["No hit has this verdict."]),
    ],
)
def test_only_hits_of_a_verdict_are_shown(
    model: GalleryModel, shown: Shown, left: list[object]
) -> None:
    model.show(hits_of(1, 2, 3, 4))
    told = {1: "same", 2: "different"}
    model.add_details([details_of(each, verdict=told.get(each)) for each in (1, 2, 3, 4)])
    model.show_only(shown)
    assert rows(model) == left
    model.show_only(Shown.ALL)
    assert len(model.hits_in(range(model.rowCount()))) == 3


def test_by_camera_and_by_moment_the_unlikely_stay_away(model: GalleryModel) -> None:
    hits = chances(h1=0.95, h2=0.9, h3=0.5, h4=0.4, h6=0.05)
    model.show(hits, is_calibrated=True)
    model.add_details([details_of(each.tracklet_id) for each in hits])
    model.sort_by(GalleryOrder.CAMERA)
    assert rows(model) == [
        "cam1 · 1", (3,), "cam2 · 2", (1,), (4,), "cam3 · 1", (2,), "Unlikely · 1",
    ]  # fmt: skip
    seen_with_2 = details_of(4, start_utc=details_of(2).start_utc, first_time_s=60.0 * 4)
    model.add_details([seen_with_2, details_of(3, start_utc=None)])
    model.sort_by(GalleryOrder.MOMENT)
    assert rows(model) == [
        "14 May 10:31:01 · 1", (1,), "14 May 10:32:01 · 2", (2,), (4,), "no clock · 1", (3,),
        "Unlikely · 1",
    ]  # fmt: skip


def test_a_stack_is_one_tile_until_it_is_spread_out(model: GalleryModel) -> None:
    one, two, three, other = chances(h1=0.95, h2=0.93, h3=0.5, h4=0.9)
    hits = [replace(each, stack=1) for each in (one, two, three)]
    model.show([*hits, other], is_calibrated=True)
    assert rows(model) == ["Likely · 3", (1, 2), (4,), "Unclear · 1", (3,)]
    tile = model.at(1)
    assert isinstance(tile, Tile)
    assert model.stack_words(tile) == "×2"
    model.add_details([details_of(1), details_of(2, first_time_s=64.0, last_time_s=66.2)])
    assert model.stack_words(tile) == "×2 in 6 s"
    assert "×2 in 6 s" in model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert model.row_of(2) == 1
    model.toggle(1)
    assert rows(model)[:4] == ["Likely · 3", (1,), (2,), (4,)]


# In the view ----------------------------------------------------------------------------------


def middle(view: GalleryView, row: int) -> QPoint:
    return view.visualRect(view.model().index(row, 0)).center()


def test_a_heading_is_as_wide_as_all_tiles_and_folds_by_click_and_key(
    view: GalleryView, model: GalleryModel, qtbot
) -> None:
    hits = chances(**{f"h{each}": 0.9 if each < 8 else 0.05 for each in range(1, 30)})
    model.show(hits, is_calibrated=True)
    likely, first, unlikely = (view.visualRect(model.index(row)) for row in (0, 1, 8))
    assert likely.width() == unlikely.width() > 3 * first.width()
    assert likely.bottom() < first.top()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=unlikely.center())
    assert model.rowCount() == 1 + 7 + 1 + 22
    assert view.currentIndex().row() == 8, "the heading keeps the keys"
    assert view.chosen_id() is None
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert model.rowCount() == 9
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert model.rowCount() == 31


def test_arrow_keys_pass_headings(view: GalleryView, model: GalleryModel, qtbot) -> None:
    model.show(chances(h1=0.9, h2=0.9, h3=0.5, h4=0.5), is_calibrated=True)
    told: list[int] = []
    view.chosen.connect(told.append)
    view.setCurrentIndex(model.index(2))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(view, key)
    # Down to the heading and the tile below it, right, and back up over the heading.
    assert told == [2, 3, 4, 1]


def test_folding_keeps_what_is_chosen(view: GalleryView, model: GalleryModel, qtbot) -> None:
    model.show(chances(h1=0.9, h2=0.9, h3=0.5), is_calibrated=True)
    view.setCurrentIndex(model.index(1))
    assert view.chosen_id() == 1
    view.toggle(3)
    assert rows(model) == ["Likely · 2", (1,), (2,), "Unclear · 1"]


def test_the_pointer_plays_a_sighting(tmp_path: Path, model: GalleryModel, qtbot) -> None:
    tasks = TaskRunner()
    thumbnails = Thumbnails(tasks)
    view = GalleryView(model, thumbnails)
    qtbot.addWidget(view)
    loader = GalleryLoader(model, thumbnails, tasks, view)
    pictures = tuple(tmp_path / f"{each}.jpg" for each in range(3))
    loader.set_source(lambda hits: [])
    view.rows_seen.connect(loader.show_rows)
    view.played.connect(loader.play)
    view.show()
    model.show(hits_of(1))
    model.add_details([details_of(1, thumbnail=pictures[1], pictures=pictures)])
    with qtbot.waitSignal(view.played, timeout=10 * PLAY_AFTER_MS) as played:
        qtbot.mouseMove(view.viewport(), middle(view, 0) + QPoint(1, 1))
        qtbot.mouseMove(view.viewport(), middle(view, 0))
    assert played.args == [0]
    size = view.size()
    qtbot.waitUntil(lambda: all(thumbnails.pixmap(each, size) is not None for each in pictures))
    qtbot.mouseMove(view.viewport(), QPoint(370, 590))
    qtbot.waitUntil(lambda: view._delegate.playing is None)
    tasks.shutdown()


def test_layout_of_sections() -> None:
    # A heading, five tiles in two columns, a heading, and one tile.
    kinds = [True, False, False, False, False, False, True, False]
    layout = GalleryLayout(kinds, 2, QSize(50, 100), 20)
    assert layout.height_px == 20 + 300 + 20 + 100
    assert [layout.rect(row).top() for row in range(8)] == [0, 20, 20, 120, 120, 220, 320, 340]
    assert layout.row_at(60, 130) == 4
    assert layout.row_at(60, 230) is None, "nothing beside the last tile of a section"
    assert layout.row_at(99, 5) == 0
    assert layout.between(125, 330) == range(3, 7)
    assert layout.between(-50, 10**6) == range(8)
    assert [layout.beside(4, 1), layout.beside(5, 1), layout.beside(7, -1)] == [5, 6, 6]
    assert GalleryLayout([], 2, QSize(50, 100), 20).between(0, 100) == range(0)


def test_bands_have_borders() -> None:
    (one,) = hits_of(1)
    told = [replace(one, probability=each).band for each in (0.8, 0.79, 0.2, 0.19)]
    assert told == [Band.LIKELY, Band.UNCLEAR, Band.UNCLEAR, Band.UNLIKELY]
    assert one.band is None
