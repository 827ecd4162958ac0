"""Rooms, arrows and circles of a package made here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import rooms


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """roomy.high → roomy.low; low.a → low.b, and back where `circle` says so."""
    for name, text in {
        "__init__": "",
        "high": "from roomy.low import a\nfrom roomy.low import b\n",
        "low/__init__": "",
        "low/a": "from roomy.low import b\n",
        "low/b": "",
    }.items():
        path = tmp_path / "roomy" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["rooms", "--checkout", str(tmp_path), "roomy"])
    return tmp_path / "roomy"


def test_rooms_are_listed_by_floor_with_their_imports(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.main()
    assert capsys.readouterr().out.splitlines() == [
        "roomy: 2 rooms, 1 arrows, 2 floors",
        "  1 high (1) → low 2",
        "  0 low (3) → –",
    ]


def test_circles_are_found_inside_rooms_and_for_type_checking_only(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "low" / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from roomy.low import a\n"
    )
    rooms.main()
    told = capsys.readouterr().out
    assert "2 floors" in told, "the circle is inside a room"
    assert "back arrow in roomy.low: roomy.low." in told


def test_a_circle_of_rooms_leaves_no_floors(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "low" / "b.py").write_text("def late():\n    import roomy.high\n")
    rooms.main()
    told = capsys.readouterr().out
    assert "2 arrows, has circles" in told
    assert "back arrow in roomy: roomy.low.b → roomy.high" in told
