"""The entry in the menu of applications starts this program, wherever it lies."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

import pytest

from app.core.errors import UsageError, UserFacingError
from app.services.desktop_entry import install_desktop_entry, quoted


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def read(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path, "utf-8")
    return parser["Desktop Entry"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_the_entry_names_the_installed_program_and_its_icon(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "my tools" / "retrace"), "--install…"])
    for _ in range(2):  # replaced the second time
        entry, icon = install_desktop_entry()
    assert entry == data / "applications" / "retrace.desktop"
    told = read(entry)
    assert told["Exec"] == f'"{tmp_path}/my tools/retrace"'
    assert told["Name"] == "Retrace" and told["Type"] == "Application"
    assert told["Icon"] == icon.stem == "retrace"
    assert icon.is_relative_to(data / "icons" / "hicolor")
    assert "<svg" in icon.read_text("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_in_a_checkout_the_entry_starts_main_with_this_python(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["main.py"])
    entry, _ = install_desktop_entry()
    assert read(entry)["Exec"] == f'"{sys.executable}" "{tmp_path}/main.py"'


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("/opt/retrace", '"/opt/retrace"'),
        ("/a b/100%", '"/a b/100%%"'),
        ('/a"b', r'"/a\\"b"'),
        ("/$HOME/`x`", r'"/\\$HOME/\\`x\\`"'),
        ("/back\\slash", r'"/back\\\\slash"'),
    ],
)
def test_words_are_quoted_as_the_specification_wants(word: str, wanted: str) -> None:
    assert quoted(word) == wanted


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_it_says_what_to_do(data: Path, platform: str) -> None:
    with pytest.raises(UsageError, match="Linux only") as caught:
        install_desktop_entry(platform)
    assert "taskbar" in caught.value.remedy
    assert not data.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_where_nothing_can_be_written_the_path_is_named(data: Path) -> None:
    data.write_text("in the way")
    with pytest.raises(UserFacingError, match=r"data.* cannot be written"):
        install_desktop_entry()
