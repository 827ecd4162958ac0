from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.services.ingest.crash_note import CrashNote

CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os, sys
from pathlib import Path
from app.services.ingest.crash_note import CrashNote
with CrashNote(Path(sys.argv[1])).about(17):
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize(("signum", "told"), [(signal.SIGSEGV, 17), (signal.SIGKILL, None)])
def test_a_crash_is_noted_and_a_kill_is_not(
    tmp_path: Path, signum: signal.Signals, told: int | None
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(int(signum))]
    ended = subprocess.run(command, capture_output=True, cwd=CHECKOUT)
    assert ended.returncode == -signum
    note = CrashNote(tmp_path)
    assert note.take() == told
    assert note.take() is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind_where_nothing_crashes(tmp_path: Path) -> None:
    note = CrashNote(tmp_path)
    with pytest.raises(ValueError, match="a bug"), note.about(3):
        raise ValueError("a bug")
    assert note.take() is None
    assert list(tmp_path.iterdir()) == []
