"""Takes the README's picture: the real window on rendered clips, where nobody is real.

Run by hand from the checkout, on a display (Xvfb will do):
``.venv/bin/python -m scripts.readme_picture``. The two networks are the tests' stand-ins.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.bootstrap import Retrace
from app.gui.shell import Shell, theme_of
from app.gui.window_state import WindowState
from app.settings import Settings
from tests.integration import main_job
from tests.rendered import render_world

TARGET = Path(__file__).resolve().parents[1] / "resources" / "readme" / "window.png"
CAMERAS = ("north gate", "courtyard", "car park")
SIZE_PX = (1280, 800)


def _let_it_work(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.01)


def main() -> None:
    """Renders, ingests, clicks, and saves the picture."""
    app = QApplication(sys.argv[:1])
    stand_ins = main_job.use_stand_ins()
    next(stand_ins)
    with tempfile.TemporaryDirectory() as folder:
        videos, library = Path(folder) / "footage", Path(folder) / "Market Street, 14 May"
        world = render_world(
            5, people=7, cameras=CAMERAS, width_px=960, height_px=540, fps=10.0, rounds=2
        )
        world.write(videos)
        for camera in CAMERAS:
            (videos / camera).mkdir()
            (videos / f"{camera}.mp4").rename(videos / camera / "20260514_103000.mp4")
        main_job.ingest(library, videos, main_job.weights(Path(folder)))
        settings = Settings()
        state = WindowState(Path(folder) / "window.ini")
        shell = Shell(Retrace().open_workspace, settings, state, theme_of(settings, app))
        shell.window.resize(*SIZE_PX)
        shell.window.show()
        shell.start(library, None)
        _let_it_work(3)
        camera = sorted(CAMERAS)[0]
        seen = world.truth[camera]
        frame = next(at for at, boxes in enumerate(seen) if len(boxes) == 3 and at % 2 == 0)
        shell.player.show(1 + CAMERAS.index(camera), frame / world.fps)
        _let_it_work(2)
        box = sorted(seen[frame].values())[1]
        view = shell.player_panel.view
        middle = view.widget_rect(np.array(box, np.float32)).center().toPoint()
        QTest.mouseMove(view, middle)
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=middle)
        _let_it_work(3)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        shell.window.grab().save(str(TARGET))
        shell.close_at_once()
        shell.shutdown()
    app.quit()


if __name__ == "__main__":
    main()
