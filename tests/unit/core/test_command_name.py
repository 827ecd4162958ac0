"""What is to be typed works when it is copied."""

from __future__ import annotations

import sys

import pytest

from app.core.command_name import as_typed, command_name
from trainer.told_command import as_typed as as_typed_in_trainer


@pytest.mark.parametrize(
    ("started", "program", "converted"),
    [
        ("main.py", "python main.py", "python -m trainer convert"),
        ("/home/a/.local/bin/retrace", "retrace", "retrace-train convert"),
        ("/opt/tools/retrace.exe", "retrace", "retrace-train convert"),
    ],
)
def test_commands_are_named_as_the_program_was_started(
    monkeypatch: pytest.MonkeyPatch, started: str, program: str, converted: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "models"])
    assert command_name() == program
    assert as_typed("python -m trainer convert") == converted


def test_the_trainer_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/retrace-train", "list"])
    assert as_typed_in_trainer("See `python -m trainer list`.") == "See `retrace-train list`."
    monkeypatch.setattr(sys, "argv", ["/src/trainer/__main__.py", "list"])
    assert as_typed_in_trainer("`python -m trainer list`") == "`python -m trainer list`"
