"""The gallery as it is seen: equal tiles, rows in view, what is painted, what is selected."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from results_fakes import details_of, hits_of

from app.core.queries import Hit
from app.gui.results.gallery_loader import LANE, GalleryLoader
from app.gui.results.gallery_model import GalleryModel
from app.gui.results.gallery_view import GalleryView
from app.gui.results.thumbnails import Thumbnails
from app.gui.tasks import TaskRunner
from app.gui.widgets.theme import tokens

MANY = range(1, 20_001)


class Gallery:
    def __init__(self, tasks: TaskRunner, qtbot) -> None:
        self.model = GalleryModel()
        self.thumbnails = Thumbnails(tasks)
        self.view = GalleryView(self.model, self.thumbnails)
        qtbot.addWidget(self.view)
        self.view.resize(380, 600)
        self.view.show()

    def pixels(self) -> QImage:
        return self.view.viewport().grab().toImage()

    def tile(self, row: int) -> QRect:
        return self.view.visualRect(self.model.index(row))


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def gallery(tasks: TaskRunner, qtbot) -> Gallery:
    return Gallery(tasks, qtbot)


@pytest.mark.parametrize("width_px", [200, 380, 563])
@pytest.mark.parametrize("picture_px", [96, 152, 320])
@pytest.mark.parametrize("scrolled_px", [0, 1, 777, 10**9])
def test_the_rows_in_view_are_those_that_qt_shows(
    gallery: Gallery, width_px: int, picture_px: int, scrolled_px: int
) -> None:
    gallery.view.resize(width_px, 500)
    gallery.view.set_picture_px(picture_px)
    gallery.model.show(hits_of(*range(501)))
    gallery.view.doItemsLayout()
    gallery.view.verticalScrollBar().setValue(scrolled_px)
    seen = gallery.view.viewport().rect()
    shown = [row for row in range(501) if gallery.tile(row).intersects(seen)]
    assert list(gallery.view.visible_rows()) == shown


def test_tiles_are_of_one_size_and_fill_the_width(gallery: Gallery) -> None:
    gallery.model.show(hits_of(*range(50)))
    gallery.model.add_details([details_of(each) for each in range(20)])
    gallery.view.doItemsLayout()
    sizes = {gallery.tile(row).size().toTuple() for row in range(50)}
    assert len(sizes) == 1
    width_px = sizes.pop()[0]
    columns = len([row for row in range(50) if gallery.tile(row).top() == gallery.tile(0).top()])
    assert columns == 4
    assert gallery.view.viewport().width() - columns * width_px < columns + 1


def test_only_what_is_in_view_is_fetched(gallery: Gallery, tasks: TaskRunner, qtbot) -> None:
    asked: list[int] = []

    def fetch(hits: Sequence[Hit]) -> list:
        asked.extend(hit.tracklet_id for hit in hits)
        return [details_of(hit.tracklet_id) for hit in hits]

    loader = GalleryLoader(gallery.model, gallery.thumbnails, tasks, gallery.view)
    loader.set_source(fetch)
    gallery.view.rows_seen.connect(loader.show_rows)
    gallery.model.show(hits_of(*MANY))
    qtbot.waitUntil(lambda: gallery.model.details_of(1) is not None)
    bar = gallery.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: gallery.model.details_of(20_000) is not None)
    assert len(asked) < 200
    assert len(asked) == len(set(asked)), "nothing is fetched twice"


def test_details_of_a_page_that_has_gone_by_are_given_up(
    gallery: Gallery, tasks: TaskRunner, qtbot
) -> None:
    asked: list[int] = []

    def fetch(hits: Sequence[Hit]) -> list:
        asked.extend(hit.tracklet_id for hit in hits)
        return [details_of(hit.tracklet_id) for hit in hits]

    loader = GalleryLoader(gallery.model, gallery.thumbnails, tasks, gallery.view)
    loader.set_source(fetch)
    gallery.model.show(hits_of(*MANY))
    go_on = threading.Event()
    tasks.start(LANE, (go_on.wait(10) for _ in range(1)))
    loader.show_rows(range(100))
    loader.show_rows(range(900, 910))
    go_on.set()
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    assert asked == list(range(901, 911))


def test_a_selection_by_hand_is_told_a_restored_one_is_not(gallery: Gallery, qtbot) -> None:
    gallery.model.show(hits_of(*range(100)))
    told: list[int] = []
    gallery.view.chosen.connect(told.append)
    qtbot.mouseClick(
        gallery.view.viewport(), Qt.MouseButton.LeftButton, pos=gallery.tile(2).center()
    )
    qtbot.keyClick(gallery.view, Qt.Key.Key_Right)
    qtbot.keyClick(gallery.view, Qt.Key.Key_Down)
    assert told == [2, 3, 7]
    place = gallery.view.place()
    gallery.model.show(hits_of(*reversed(range(100))))
    gallery.view.return_to(place)
    assert gallery.view.chosen_id() == 7
    assert told == [2, 3, 7]


def test_a_new_order_does_not_scroll_away_from_where_the_user_looks(gallery: Gallery) -> None:
    gallery.model.show(hits_of(*range(400)))
    gallery.view.doItemsLayout()
    gallery.view.setCurrentIndex(gallery.model.index(1))
    gallery.view.verticalScrollBar().setValue(3000)
    place = gallery.view.place()
    gallery.model.show(hits_of(*reversed(range(400))))
    gallery.view.return_to(place)
    assert gallery.view.verticalScrollBar().value() == 3000
    assert gallery.view.chosen_id() == 1


def test_a_selected_tile_in_view_stays_in_view_when_its_rank_changes(gallery: Gallery) -> None:
    gallery.model.show(hits_of(*range(400)))
    gallery.view.doItemsLayout()
    gallery.view.setCurrentIndex(gallery.model.index(1))
    place = gallery.view.place()
    gallery.model.show(hits_of(*reversed(range(400))))
    gallery.view.return_to(place)
    assert gallery.view.viewport().rect().contains(gallery.tile(398))


def test_larger_pictures_keep_the_place(gallery: Gallery) -> None:
    gallery.model.show(hits_of(*range(400)))
    gallery.view.doItemsLayout()
    gallery.view.verticalScrollBar().setValue(4000)
    first = gallery.view.visible_rows().start
    gallery.view.set_picture_px(300)
    assert first in gallery.view.visible_rows()


def test_paints_a_picture_whole_on_neutral_ground(gallery: Gallery, tmp_path: Path, qtbot) -> None:
    path = tmp_path / "wide.png"
    image = QImage(100, 50, QImage.Format.Format_RGB32)
    image.fill(QColor("#ff00ff"))
    image.save(str(path))
    gallery.model.show(hits_of(1))
    gallery.model.add_details([details_of(1, thumbnail=path)])
    bed = _bed(gallery)
    ground = QColor(tokens().ground)
    assert gallery.pixels().pixelColor(bed.center()) == ground, "a place holder of the same size"
    with qtbot.waitSignal(gallery.thumbnails.loaded):
        gallery.thumbnails.want([path])
    shown = gallery.pixels()
    assert shown.pixelColor(bed.center()) == QColor("#ff00ff")
    for above_and_below in (bed.top() + 10, bed.bottom() - 10):
        at = QPoint(bed.center().x(), above_and_below)
        assert shown.pixelColor(at) == ground, "kept in proportion, not stretched"


def _bed(gallery: Gallery) -> QRect:
    """Where the picture of the first tile is."""
    inner = gallery.tile(0).adjusted(6, 6, -6, -6)
    return QRect(inner.left(), inner.top(), inner.width(), gallery.view.picture_px - 6)


def test_verdicts_differ_in_shape_not_only_in_colour(gallery: Gallery) -> None:
    gallery.model.show(hits_of(1))
    gallery.model.add_details([details_of(1)])
    shapes = []
    for verdict, colour in (("same", tokens().confirmed), ("different", tokens().rejected)):
        gallery.model.expect_verdict(1, verdict)
        image = gallery.pixels()
        bed = _bed(gallery)
        corner = QRect(bed.right() - 26, bed.top(), 28, 28)
        strokes = {
            (x, y)
            for x in range(corner.width())
            for y in range(corner.height())
            if image.pixelColor(corner.left() + x, corner.top() + y) == QColor(tokens().raised)
        }
        filled = sum(
            image.pixelColor(corner.left() + x, corner.top() + y) == QColor(colour)
            for x in range(corner.width())
            for y in range(corner.height())
        )
        assert filled > 50
        shapes.append(strokes)
    assert len(shapes[0] ^ shapes[1]) > 10


def test_typed_letters_do_not_search_through_the_list(gallery: Gallery, qtbot) -> None:
    gallery.model.show(hits_of(*range(10)))
    gallery.view.setCurrentIndex(gallery.model.index(4))
    qtbot.keyClicks(gallery.view, "possible")
    assert gallery.view.chosen_id() == 4


def test_a_time_that_was_corrected_looks_other_than_a_raw_one(gallery: Gallery) -> None:
    gallery.model.show(hits_of(1))
    pictures = []
    for corrected in (False, True):
        gallery.model.add_details([replace(details_of(1), corrected=corrected)])
        pictures.append(gallery.pixels())
    assert pictures[0] != pictures[1]
