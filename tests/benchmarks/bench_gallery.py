"""How the result gallery behaves with 20 000 hits.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_gallery``.

Goals: first paint below 100 ms, a scrolled frame below 16 ms, confirm below 50 ms. Everything is
measured in one run on one machine; the ratios say how much the lazy parts save there.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from app.core.queries import Hit, SearchResult, SearchStage
from app.gui.results.results_panel import ResultsPanel
from app.gui.tasks import TaskRunner
from app.gui.widgets.theme import Theme
from app.services.people.catalog import HitDetails

COUNT = 20_000
FRAMES = 200
PICTURES = 300
START = datetime(2024, 5, 14, 8, 30, tzinfo=UTC)


def make_pictures(folder: Path) -> list[Path]:
    """Crops of plausible size, each of its own colour."""
    paths = []
    for number in range(PICTURES):
        image = QImage(96, 224, QImage.Format.Format_RGB32)
        image.fill(QColor.fromHsv(number * 7 % 360, 120, 160))
        path = folder / f"{number}.jpg"
        image.save(str(path), "JPG")
        paths.append(path)
    return paths


def details_of(hits: Sequence[Hit], paths: Sequence[Path]) -> list[HitDetails]:
    """What the catalog would say."""
    box = np.zeros(4, np.float32)
    return [
        HitDetails(
            rank=1,
            tracklet_id=hit.tracklet_id,
            camera=f"cam{hit.tracklet_id % 9}",
            video_id=1,
            video=Path("/footage/10-30.mp4"),
            first_time_s=float(hit.tracklet_id),
            last_time_s=hit.tracklet_id + 4.0,
            start_utc=START + timedelta(seconds=hit.tracklet_id),
            time_source="file name, raw",
            box=box,
            box_time_s=float(hit.tracklet_id),
            score=hit.score,
            thumbnail=paths[hit.tracklet_id % len(paths)],
            identity=None,
            verdict=None,
        )
        for hit in hits
    ]


def elapsed_ms(action: Callable[[], object]) -> float:
    """How long the GUI thread works at an action, whatever else runs on this machine."""
    began = time.thread_time()
    action()
    return (time.thread_time() - began) * 1000


def spin(for_ms: int = 300) -> None:
    """Lets background work arrive."""
    loop = QEventLoop()
    QTimer.singleShot(for_ms, loop.quit)
    loop.exec()


class Bench:
    """One panel, full of hits."""

    def __init__(self, folder: Path) -> None:
        self.tasks = TaskRunner()
        self.paths = make_pictures(folder)
        self.fetched = 0
        self.panel = ResultsPanel(self.tasks)
        self.panel.resize(560, 900)
        self.panel.show()
        self.panel.clear(has_library=True)
        self.panel.loader.set_source(self.fetch)
        QApplication.processEvents()
        hits = [Hit(number + 1, 0.95 - number / 40_000, 0.9) for number in range(COUNT)]
        self.result = SearchResult(SearchStage.RETRIEVED, hits, COUNT, 0.1)

    def fetch(self, hits: Sequence[Hit]) -> list[HitDetails]:
        """Counts what the gallery asks for."""
        self.fetched += len(hits)
        return details_of(hits, self.paths)

    def paint(self) -> None:
        """Everything that is due on the screen, now."""
        self.panel.gallery.viewport().repaint()

    def show(self) -> float:
        """The ranking arrives and is painted."""

        def act() -> None:
            self.panel.show_result(self.result)
            self.paint()

        return elapsed_ms(act)

    def scroll(self, step_px: int) -> list[float]:
        """Frames of a scroll: painting, and taking in what arrives meanwhile."""
        bar = self.panel.gallery.verticalScrollBar()
        times = []
        for frame in range(FRAMES):

            def act(at: int = frame * step_px) -> None:
                bar.setValue(at % max(1, bar.maximum()))
                QApplication.processEvents()

            times.append(elapsed_ms(act))
        return times

    def select(self, row: int) -> float:
        """A tile is selected and painted."""

        def act() -> None:
            self.panel.gallery.setCurrentIndex(self.panel.model.index(row))
            self.paint()

        return elapsed_ms(act)

    def judge(self, tracklet_id: int) -> float:
        """A decision is seen."""

        def act() -> None:
            self.panel.model.expect_verdict(tracklet_id, "same")
            self.paint()

        return elapsed_ms(act)


def main() -> None:
    """Measures and prints."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication([])
    Theme(app)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        first = bench.show()
        spin()
        again = [bench.show() for _ in range(5)]
        spin()
        slow, fast = bench.scroll(53), bench.scroll(4001)
        spin()
        read, held = bench.fetched, len(bench.panel.thumbnails)
        rows = [7, COUNT // 2, COUNT - 1, 3]
        selected = [bench.select(row) for row in rows]
        judged = [bench.judge(bench.panel.model.hit(row).tracklet_id) for row in rows]
        everything = elapsed_ms(lambda: details_of(bench.result.hits, bench.paths))
        page = elapsed_ms(lambda: details_of(bench.result.hits[:30], bench.paths))
        bench.tasks.shutdown()
        bench.panel.close()
    lines = {
        "first paint": f"{first:.1f} ms (goal 100)",
        "next ranking, same query": f"{statistics.median(again):.1f} ms",
        "scroll by wheel": summary(slow),
        "scroll by dragging": summary(fast),
        "select and paint": f"{max(selected):.1f} ms at worst",
        "decide and paint": f"{max(judged):.1f} ms at worst (goal 50)",
        "details fetched": f"{read} of {COUNT} ({read / COUNT:.1%}) after {2 * FRAMES} frames",
        "pictures held": str(held),
        "details of all hits / of a page": f"{everything / page:.0f} ×",
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:34}{value}\n")


def summary(times_ms: Sequence[float]) -> str:
    """Median, 95th percentile and worst frame."""
    ordered = sorted(times_ms)
    p95 = ordered[int(len(ordered) * 0.95)]
    median = statistics.median(ordered)
    return f"median {median:.1f} ms, p95 {p95:.1f}, worst {ordered[-1]:.1f} (goal 16)"


if __name__ == "__main__":
    main()
