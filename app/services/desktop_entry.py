"""Retrace in the menu of applications of a Linux desktop."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import platformdirs

from app.core.command_name import INSTALLED, command_name
from app.core.errors import UsageError, UserFacingError
from app.language import tr
from app.settings import APPLICATION, icon_file

_ENTRY = """[Desktop Entry]
Type=Application
Version=1.5
Name=Retrace
GenericName=Search for a person in videos
GenericName[zh_CN]=在录像中查找人物
Comment=Find one person in the recordings of many cameras
Comment[zh_CN]=在多个摄像头的录像中找到同一个人
Exec={command}
Icon={icon}
Terminal=false
Categories=AudioVideo;Video;
StartupWMClass=retrace
"""
# The desktop entry specification: quoted, these still mean something.
_RESERVED = '\\"`$'


def install_desktop_entry(platform: str = sys.platform) -> tuple[Path, Path]:
    """Writes the entry and its icon into the user's data folder; replaces older ones.

    Returns:
        Both files.

    Raises:
        UsageError: this system has no such entries.
        UserFacingError: they cannot be written.
    """
    if not platform.startswith("linux"):
        raise UsageError(
            tr("This works on Linux only."),
            tr(
                "On Windows, pin the running program to the taskbar; on macOS, start it in a "
                "terminal."
            ),
        )
    data = platformdirs.user_data_path()
    icon = data / "icons" / "hicolor" / "scalable" / "apps" / f"{APPLICATION}.svg"
    entry = data / "applications" / f"{APPLICATION}.desktop"
    text = _ENTRY.format(command=" ".join(map(quoted, _command())), icon=APPLICATION)
    try:
        for path in (icon, entry):
            path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(icon_file(), icon)
        entry.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserFacingError(
            tr(
                "{file} cannot be written: {reason}.",
                file=error.filename or data,
                reason=error.strerror,
            ),
            tr("Free some space, or allow writing there."),
        ) from error
    return entry, icon


def quoted(word: str) -> str:
    """A word of `Exec`, as the desktop entry specification wants it."""
    escaped = "".join(f"\\{sign}" if sign in _RESERVED else sign for sign in word)
    # The value is a string, in which a backslash is written twice; % begins a field code.
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'


def _command() -> list[str]:
    """What starts this very program, from anywhere."""
    started = shutil.which(sys.argv[0]) or sys.argv[0]
    if command_name() == INSTALLED:
        return [str(Path(started).absolute())]
    return [sys.executable, str(Path(sys.argv[0]).absolute())]
