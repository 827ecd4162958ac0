"""What holds for every test: an empty home, offscreen Qt, and nothing left over.

A test fails if it logs a warning that it did not announce (`expected_logs`), if a Qt message is
printed (pytest-qt, see pyproject.toml), or if it leaves a thread, a timer or a window behind.
Neither Qt nor torch is imported here: a test that needs them does so itself.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_SESSION_HOME = Path(tempfile.mkdtemp(prefix="retrace-tests-"))
_HOME_NUMBERS = itertools.count(1)
_CHECKOUT = Path(__file__).resolve().parents[1]
_SHARED_DATA = _CHECKOUT.parent / "shared" / "data"


def _set_up_environment() -> None:
    """Runs before any import of the program: ultralytics and Qt read these when imported."""
    _point_home_to(_SESSION_HOME, os.environ.__setitem__)  # for what is read while collecting
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["YOLO_CONFIG_DIR"] = str(_SESSION_HOME / "ultralytics")
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "true"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    # A display, or a terminal that wants colours, must not change what a test sees.
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS"):
        os.environ.pop(name, None)


def _point_home_to(folder: Path, set_variable: Callable[[str, str], None]) -> None:
    set_variable("HOME", str(folder))
    set_variable("XDG_CONFIG_HOME", str(folder / ".config"))
    set_variable("XDG_DATA_HOME", str(folder / ".local" / "share"))
    set_variable("XDG_STATE_HOME", str(folder / ".local" / "state"))
    set_variable("XDG_CACHE_HOME", str(folder / ".cache"))


_set_up_environment()


def pytest_unconfigure() -> None:
    shutil.rmtree(_SESSION_HOME, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets `-m "not shared_data"` leave out what needs the footage beside the checkout."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared_data)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder of the test's own; settings and libraries go below it."""
    folder = _SESSION_HOME / f"home{next(_HOME_NUMBERS)}"
    folder.mkdir()
    _point_home_to(folder, monkeypatch.setenv)
    # What comes with the program must not decide what a test sees.
    monkeypatch.setattr("app.settings.BUNDLED_MODELS", folder / "bundled")
    monkeypatch.setattr("app.settings.DEMO", folder / "demo")
    monkeypatch.setattr("app.services.footage.growth.SETTLED_S", 0.0)  # what a test writes is whole
    return folder


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """`shared_data("videos/campus")`: that path of the real footage; skips where it is absent."""

    def path_of(name: str) -> Path:
        path = _SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"needs the real footage: ../shared/data/{name} is not beside the checkout")
        return path

    return path_of


class ExpectedLogs:
    """Call it with a regular expression for each warning that the test provokes on purpose.

    A pattern that no warning matched fails the test as well.
    """

    def __init__(self) -> None:
        self._patterns: list[str] = []
        self._seen: list[logging.LogRecord] = []

    def __call__(self, pattern: str) -> None:
        self._patterns.append(pattern)

    def note(self, record: logging.LogRecord) -> None:
        self._seen.append(record)

    def problems(self) -> list[str]:
        """What to complain about after the test: one sentence each."""
        unmet = set(self._patterns)
        found = []
        for record in self._seen:
            text = record.getMessage()
            matching = {pattern for pattern in self._patterns if re.search(pattern, text)}
            unmet -= matching
            if not matching:
                found.append(f"unexpected {record.levelname} of {record.name}: {text}")
        return found + [f"expected a warning like {pattern!r}, none came" for pattern in unmet]


class _WarningHandler(logging.Handler):
    def __init__(self, logs: ExpectedLogs) -> None:
        super().__init__(logging.WARNING)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        self._logs.note(record)


@pytest.fixture(autouse=True)
def expected_logs() -> Iterator[ExpectedLogs]:
    """Fails the test at a log record of WARNING or above that was not announced."""
    logs = ExpectedLogs()
    handler = _WarningHandler(logs)
    logging.getLogger().addHandler(handler)
    yield logs
    logging.getLogger().removeHandler(handler)
    problems = logs.problems()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture(autouse=True)
def _no_leftover_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = _remaining(lambda: [t for t in threading.enumerate() if t not in before and _ours(t)])
    if left:
        names = ", ".join(repr(thread.name) for thread in left)
        pytest.fail(f"threads left running: {names}", pytrace=False)


def _ours(thread: threading.Thread) -> bool:
    """Not a native thread (Qt, onnxruntime) that merely passed through Python once."""
    return thread.is_alive() and not isinstance(thread, threading._DummyThread)


def _remaining(look: Callable[[], list[Any]], patience_s: float = 2.0) -> list[Any]:
    """What `look` still finds once things that are just ending have had time to end."""
    deadline = time.monotonic() + patience_s
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """Asked for right before the QApplication is built; cv2 may have been imported by then."""
    # opencv-python points Qt to its own, older plugins.
    os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    os.environ.pop("QT_QPA_FONTDIR", None)
    return ["retrace-tests"]


@pytest.fixture(autouse=True)
def _no_leftover_widgets_or_timers(request: pytest.FixtureRequest) -> Iterator[None]:
    if "qapp" not in request.fixturenames:
        yield
        return
    before = set(_top_level_widgets())
    with _started_timers() as timers:
        yield
    problems = []
    widgets = [widget for widget in _flushed_widgets() if widget not in before]
    if widgets:
        problems.append(f"windows left behind: {', '.join(map(repr, widgets))}")
    running = [timer for timer in timers() if timer.isActive()]
    if running:
        places = ", ".join(f"{timer!r} in {timer.parent()!r}" for timer in running)
        problems.append(f"timers left running: {places}")
        for timer in running:
            timer.stop()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def _top_level_widgets() -> list[Any]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    return widgets.QApplication.topLevelWidgets() if widgets else []


def _flushed_widgets() -> list[Any]:
    """The windows that are left once Qt has carried out what `deleteLater` asked for."""
    from PySide6.QtCore import QCoreApplication, QEvent

    def flush() -> None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()

    flush()
    if _top_level_widgets():
        gc.collect()  # a window in a reference cycle is garbage, not a leak
        flush()
    return _top_level_widgets()


@contextlib.contextmanager
def _started_timers() -> Iterator[Callable[[], list[Any]]]:
    """Notes every QTimer that Python starts; the callable lists those whose Qt object lives."""
    import shiboken6
    from PySide6.QtCore import QTimer

    started: weakref.WeakSet[Any] = weakref.WeakSet()
    original = QTimer.start

    def start(timer: Any, *arguments: Any) -> None:
        started.add(timer)
        original(timer, *arguments)

    QTimer.start = start
    try:
        yield lambda: [timer for timer in started if shiboken6.isValid(timer)]
    finally:
        QTimer.start = original
