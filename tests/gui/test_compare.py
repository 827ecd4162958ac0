"""The person sought beside the selected sighting: which pictures, and where they lie."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage

from app.core.queries import CropQuery, PersonQuery, TrackletQuery
from app.gui.compare.compare_flow import LANE, MOST, CompareFlow, spread
from app.gui.compare.compare_panel import ComparePanel, PictureStrip
from app.gui.tasks import TaskRunner


def picture(colour: str, width_px: int = 20, height_px: int = 40) -> QImage:
    image = QImage(width_px, height_px, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    return image


class Bench:
    """Sightings whose pictures are of one colour each; their number is the red of it."""

    def __init__(self, qtbot, folder: Path) -> None:
        self.qtbot, self.folder, self.tasks = qtbot, folder, TaskRunner()
        self.panel = ComparePanel()
        qtbot.addWidget(self.panel)
        self.flow = CompareFlow(self.panel, self.tasks)
        catalog = SimpleNamespace(
            details=lambda hits: [self.hit(each.tracklet_id) for each in hits]
        )
        playback = SimpleNamespace(timezone=ZoneInfo("UTC"))
        self.flow.set_workspace(SimpleNamespace(catalog=catalog, playback=playback))  # type: ignore[arg-type]

    def hit(self, number: int) -> SimpleNamespace:
        paths = [self.folder / f"{number}_{at}.png" for at in range(6)]
        for at, path in enumerate(paths):
            picture(QColor(number, at, 0).name()).save(str(path))
        return SimpleNamespace(
            tracklet_id=number,
            camera="gate",
            thumbnail=paths[2],
            pictures=tuple(paths),
            box_time_s=5.0,
            first_time_s=1.0,
            start_utc=None,
            video=Path("a.mp4"),
            corrected=False,
        )

    def sides(self) -> list[list[tuple[int, int]]]:
        self.qtbot.waitUntil(lambda: not self.tasks.is_busy(LANE))
        self.qtbot.wait(10)
        found = []
        for strip in self.panel.strips:
            colours = [each.pixelColor(1, 1) for each in strip.pictures]
            found.append([(colour.red(), colour.green()) for colour in colours])
        return found


@pytest.fixture
def bench(qtbot, tmp_path: Path):
    made = Bench(qtbot, tmp_path)
    yield made
    made.tasks.shutdown()


def test_one_sighting_of_the_person_is_shown_from_begin_to_end(bench: Bench) -> None:
    bench.flow.set_query(TrackletQuery(7))
    bench.flow.set_hit(bench.hit(9))  # type: ignore[arg-type]
    assert bench.sides() == [[], []]  # not seen, not read
    bench.flow.switch(True)
    ends = [0, 2, 3, 5]
    assert bench.sides() == [[(7, at) for at in ends], [(9, at) for at in ends]]
    assert bench.panel.headings[1].whole().startswith("gate · ")


def test_several_examples_of_the_person_are_shown_by_their_best_pictures(bench: Bench) -> None:
    crop = CropQuery(np.full((40, 20, 3), (200, 0, 0), np.uint8))
    bench.flow.switch(True)
    bench.flow.set_query(PersonQuery((crop, TrackletQuery(7), TrackletQuery(8))))
    bench.flow.set_hit(bench.hit(9))  # type: ignore[arg-type]
    assert bench.sides()[0] == [(200, 0), (7, 2), (8, 2)]


def test_without_a_sighting_it_says_what_to_do(bench: Bench) -> None:
    bench.flow.switch(True)
    assert bench.panel.headings[1].whole().startswith("Select a sighting")


def test_pictures_are_equally_high_and_inside(qtbot) -> None:
    strip = PictureStrip()
    qtbot.addWidget(strip)
    strip.show_pictures([picture("red"), picture("blue", 40, 40), QImage()])
    for width, height in ((300, 120), (130, 400)):
        strip.resize(width, height)
        first, second = strip.rects()
        assert first.height() == pytest.approx(second.height())
        assert first.width() / first.height() == pytest.approx(0.5)
        assert first.left() >= 0 and second.right() <= width + 0.01 and second.bottom() <= height
        assert first.right() < second.left()


def test_pictures_are_spread_over_the_sighting() -> None:
    paths = [Path(str(number)) for number in range(20)]
    chosen = spread(paths)
    assert len(chosen) == MOST
    assert (chosen[0], chosen[-1]) == (paths[0], paths[-1])
    assert spread(paths[:2]) == paths[:2]
