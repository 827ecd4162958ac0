"""Dialogs that ask for a file or folder; they never block: the answer comes as a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.networks import WEIGHTS_SUFFIXES, ModelRole
from app.gui.widgets.drops import PICTURE_SUFFIXES
from app.language import tr
from app.services.footage.sources import VIDEO_SUFFIXES
from app.settings import models_dir

Chosen = Callable[[Path], object]


def choose_folder(parent: QWidget | None, title: str, start: Path | None, chosen: Chosen) -> None:
    """Asks for an existing folder."""
    dialog = _dialog(parent, title, start, chosen)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.open()


def choose_new_folder(
    parent: QWidget | None, title: str, start: Path | None, chosen: Chosen
) -> None:
    """Asks for the name of a folder that is to be made."""
    dialog = _dialog(parent, title, start, chosen)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
    dialog.setLabelText(QFileDialog.DialogLabel.Accept, tr("Create"))
    dialog.setLabelText(QFileDialog.DialogLabel.FileName, tr("Name:"))
    dialog.open()


def choose_file(
    parent: QWidget | None, title: str, start: Path | None, filters: str, chosen: Chosen
) -> None:
    """Asks for an existing file.

    Args:
        parent: over which window.
        title: what is asked for.
        start: folder to look in first.
        filters: as Qt writes them, ``Pictures (*.jpg *.png)``.
        chosen: called with the file; not called where the user cancels.
    """
    dialog = _dialog(parent, title, start, chosen)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(filters)
    dialog.open()


def choose_videos(
    parent: QWidget | None, title: str, start: Path, chosen: Callable[[list[Path]], object]
) -> None:
    """Asks for one video or several."""
    dialog = _dialog(parent, title, start, lambda _first: None)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    patterns = " ".join(f"*{suffix} *{suffix.upper()}" for suffix in sorted(VIDEO_SUFFIXES))
    every = tr("All files ({patterns})", patterns="*")
    dialog.setNameFilters([tr("Videos ({patterns})", patterns=patterns), every])
    dialog.filesSelected.connect(lambda texts: chosen([Path(text) for text in texts]))
    dialog.open()


def choose_picture(parent: QWidget | None, chosen: Chosen) -> None:
    """Asks for a picture of somebody."""
    patterns = " ".join(f"*{suffix}" for suffix in sorted(PICTURE_SUFFIXES))
    choose_file(
        parent,
        tr("Search with a picture"),
        Path.home(),
        tr("Pictures ({patterns})", patterns=patterns),
        chosen,
    )


def choose_model_file(parent: QWidget | None, title: str, role: ModelRole, chosen: Chosen) -> None:
    """Asks for a weights file, first where those of its role are installed."""
    patterns = " ".join(f"*{suffix}" for suffix in WEIGHTS_SUFFIXES[role])
    folder = models_dir(role)
    start = folder if folder.is_dir() else Path.home()
    choose_file(parent, title, start, tr("Weights ({patterns})", patterns=patterns), chosen)


def _dialog(parent: QWidget | None, title: str, start: Path | None, chosen: Chosen) -> QFileDialog:
    dialog = QFileDialog(parent, title, str(start) if start else "")
    dialog.setObjectName("file_dialog")
    dialog.setAccessibleName(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda text: chosen(Path(text)))
    return dialog
