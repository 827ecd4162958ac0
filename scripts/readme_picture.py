"""Takes the README's picture: the real window on the rendered demo, with the bundled networks.

Run by hand from the checkout, on a display (Xvfb will do):
``.venv/bin/python -m scripts.readme_picture``. It takes some minutes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.bootstrap import Retrace
from app.gui.shell import Shell, theme_of
from app.gui.window_state import WindowState
from app.services.demo.demo import best_tracklet, demo_clips, recognised
from app.settings import DEMO, Settings, demo_library

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "readme" / "window.png"
SIZE_PX = (1280, 800)


def _let_it_work(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.01)


def main() -> None:
    """Ingests the demo, clicks the person who is seen best, and saves the picture."""
    subprocess.run([sys.executable, "main.py", "demo"], cwd=ROOT, check=True)
    app = QApplication(sys.argv[:1])
    workspace = Retrace().open_workspace(demo_library(), False)
    sought = best_tracklet(recognised(workspace.library, demo_clips(DEMO)))
    workspace.close()
    assert sought is not None
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings()
        state = WindowState(Path(folder) / "window.ini")
        shell = Shell(Retrace().open_workspace, settings, state, theme_of(settings, app))
        shell.window.resize(*SIZE_PX)
        shell.window.show()
        shell.start(demo_library(), None)
        _let_it_work(20)
        crop = sought.thumbnail
        shell.player.flow.show(sought.video_id, crop.time_s)
        _let_it_work(10)
        view = shell.player.panel.view
        middle = view.widget_rect(crop.box).center().toPoint()
        QTest.mouseMove(view, middle)
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=middle)
        _let_it_work(60)
        shell.window.grab().save(str(TARGET))
        shell.close_at_once()
        shell.shutdown()
    app.quit()


if __name__ == "__main__":
    main()
