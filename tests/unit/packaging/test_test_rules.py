"""The rules of tests/conftest.py, tried on tests that break them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

BREAKING = """
import logging, os, threading
from pathlib import Path
import pytest

def test_bad_warning():
    logging.getLogger("somewhere").warning("camera 7 is unknown")

def test_good_warning(expected_logs):
    expected_logs("camera . is unknown")
    logging.getLogger("somewhere").warning("camera 7 is unknown")

def test_bad_warning_that_never_came(expected_logs):
    expected_logs("camera . is unknown")

def test_good_information():
    logging.getLogger("somewhere").info("all is well")

def test_bad_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()

def test_good_thread():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

def test_bad_thread_error():
    thread = threading.Thread(target=int, args=("not a number",))
    thread.start()
    thread.join()

def test_good_home(home):
    assert Path.home() == home
    assert list(home.iterdir()) == []
    (home / "settings.toml").touch()

def test_good_home_again(home):
    assert list(home.iterdir()) == []

def test_good_no_display():
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"
    assert "DISPLAY" not in os.environ

def test_skipped_without_footage(shared_data):
    shared_data("no such thing")
"""

BREAKING_WINDOW = """
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QApplication, QWidget

KEPT = []

def test_bad_qt_message(qtbot):
    qWarning("something is off")

def test_bad_window(qtbot):
    KEPT.append(QWidget())

def test_good_window(qtbot):
    qtbot.addWidget(QWidget())

def test_good_window_that_deletes_itself(qtbot):
    KEPT.append(QWidget())
    KEPT[-1].deleteLater()

def test_bad_timer(qtbot):
    KEPT.append(QTimer(QApplication.instance()))
    KEPT[-1].start(60_000)

def test_good_timer(qtbot):
    KEPT.append(QTimer())
    KEPT[-1].start(60_000)
    KEPT[-1].stop()
"""


@pytest.mark.parametrize(("name", "tests"), [("plain", BREAKING), ("window", BREAKING_WINDOW)])
def test_rules_catch_what_they_should(tmp_path: Path, name: str, tests: str) -> None:
    shutil.copy(CHECKOUT / "tests" / "conftest.py", tmp_path)
    (tmp_path / f"test_{name}.py").write_text(tests)
    paths = [f"--rootdir={tmp_path}", "-c", str(CHECKOUT / "pyproject.toml"), str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = re.findall(
        r"^(FAILED|ERROR|PASSED|SKIPPED) .*?(?:::(\w+)|:\d+: (.*))", ran.stdout, re.M
    )
    red = {test for outcome, test, _ in lines if outcome in {"FAILED", "ERROR"}}
    green = {test for outcome, test, _ in lines if outcome == "PASSED"} - red
    asked = set(re.findall(r"def (test_(?:good|bad)\w+)", tests))
    assert red == {test for test in asked if test.startswith("test_bad")}, ran.stdout
    assert green == asked - red, ran.stdout
    if "shared_data" in tests:
        assert "needs the real footage: ../shared/data/no such thing" in ran.stdout
