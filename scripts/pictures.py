"""Takes the pictures of README and docs: the real window on the rendered demo, bundled networks.

Run by hand from the checkout, on a display (`xvfb-run -s "-screen 0 1600x1000x24"` will do):
``make pictures``. It takes some minutes and writes resources/readme and docs/pictures.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.bootstrap import Retrace
from app.core.entities import Tracklet
from app.gui.shell import Shell, theme_of
from app.gui.window_state import WindowState
from app.services.demo.demo import best_tracklet, demo_clips, recognised
from app.settings import DEMO, Settings, WindowSettings, demo_library

ROOT = Path(__file__).resolve().parents[1]
README, DOCS = ROOT / "resources" / "readme", ROOT / "docs" / "pictures"
SIZE_PX = (1280, 800)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Of the animation; smaller than the window, since every visitor of the page loads it.
MOVING_PX = (960, 600)


def main() -> None:
    """Ingests the demo, then does what the docs tell of and takes a picture of each step."""
    subprocess.run([sys.executable, "main.py", "demo"], cwd=ROOT, check=True)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    DOCS.mkdir(parents=True, exist_ok=True)
    workspace = Retrace().open_workspace(demo_library(), False)
    sought = best_tracklet(recognised(workspace.library, demo_clips(DEMO)))
    workspace.close()
    assert sought is not None
    for theme in THEMES:
        with _window(app, theme) as shell:
            _search(shell, sought, theme)
            if theme == "light":
                _dialogs(shell)
    app.quit()


@contextmanager
def _window(app: QApplication, theme: Literal["light", "dark"]) -> Iterator[Shell]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(window=WindowSettings(theme=theme))
        program, colours = Retrace(), theme_of(settings, app)
        state = WindowState(Path(folder) / "window.ini")
        shell = Shell(program.open_workspace, settings, state, colours, program.model_shelf)
        shell.window.resize(*SIZE_PX)
        shell.window.show()
        shell.start(demo_library(), None)
        _let_it_work(20)
        yield shell
        shell.close_at_once()
        shell.shutdown()


def _search(shell: Shell, sought: Tracklet, theme: str) -> None:
    """Clicks somebody, looks at the hits, and confirms one."""
    film: list[tuple[QPixmap, float]] = []  # with seconds
    window = shell.window
    shell.player.flow.show(sought.video_id, sought.thumbnail.time_s)
    _let_it_work(8)
    film.append((window.grab(), 1.5))
    view = shell.player.panel.view
    middle = view.widget_rect(sought.thumbnail.box).center().toPoint()
    QTest.mouseMove(view, middle)
    _let_it_work(1)
    film.append((window.grab(), 1.2))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=middle)
    _let_it_work(0.4)
    film.append((window.grab(), 0.8))
    _let_it_work(30)
    film.append((window.grab(), 1.5))
    window.grab().save(str(README / ("window.png" if theme == "light" else "window-dark.png")))
    gallery = shell.results.panel.gallery
    for row in (0, 1, 2):
        place = gallery.visualRect(gallery.model().index(row, 0)).center()
        QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=place)
        _let_it_work(5)
        film.append((window.grab(), 1.4))
        if row == 0:
            window.action("confirm").trigger()
            _let_it_work(2)
            film.append((window.grab(), 1.2))
    if theme == "light":
        window.grab().save(str(DOCS / "judged.png"))
        _write_film(film, README / "search.webp")
    window.action("undo").trigger()
    _let_it_work(2)


def _dialogs(shell: Shell) -> None:
    """The command palette, the sheet of Add footage, and the networks."""
    window = shell.window
    window.action("palette").trigger()
    _let_it_work(1)
    for letter in "SEARCH":
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key(ord(letter)))
    _let_it_work(1)
    _save_with_child(window, DOCS / "palette.png")
    _close_children(window)
    shell.footage.sheet.show([DEMO])
    _let_it_work(5)
    _save_with_child(window, DOCS / "add-footage.png")
    _close_children(window)
    window.action("networks").trigger()
    _let_it_work(6)
    _save_with_child(window, DOCS / "networks.png")
    _close_children(window)


def _children(window: QWidget) -> list[QWidget]:
    return [
        each for each in QApplication.topLevelWidgets() if each.isVisible() and each is not window
    ]


def _save_with_child(window: QWidget, path: Path) -> None:
    """The dialog alone."""
    (child, *_) = _children(window)
    child.grab().save(str(path))


def _close_children(window: QWidget) -> None:
    for child in _children(window):
        child.close()
    _let_it_work(1)


def _write_film(film: list[tuple[QPixmap, float]], path: Path) -> None:
    pictures = []
    for pixmap, _ in film:
        image = pixmap.toImage().convertToFormat(pixmap.toImage().Format.Format_RGB888)
        raw = bytes(image.constBits())
        whole = Image.frombuffer(
            "RGB", (image.width(), image.height()), raw, "raw", "RGB", image.bytesPerLine(), 1
        )
        pictures.append(whole.resize(MOVING_PX, Image.Resampling.LANCZOS))
    first, *others = pictures
    first.save(
        path, save_all=True, append_images=others, loop=0, quality=80,
        duration=[round(1000 * seconds) for _, seconds in film],
    )  # fmt: skip


def _let_it_work(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
