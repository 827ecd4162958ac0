"""Which of several cameras stays when they are merged; the name of one that is split off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.core.entities import Camera, Video
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import tr, trn

_WIDTH_PX = 420


class CamerasDialog(ProblemDialog):
    """One field and a sentence; stays open until what it asks for is done.

    Args:
        title: of the dialog, and of the button that does it.
        text: what will be.
        label: of the field.
        field: what is asked for.
        parent: over which window.
    """

    def __init__(
        self, title: str, text: str, label: str, field: QWidget, parent: QWidget | None
    ) -> None:
        super().__init__("cameras", title, parent)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.accept_button = buttons.addButton(title, QDialogButtonBox.ButtonRole.AcceptRole)
        self.accept_button.setObjectName("cameras_accept")
        self.accept_button.setDefault(True)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        name = QLabel(label)
        name.setBuddy(field)
        form.addRow(name, field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(wrapped_label("cameras_text", "muted", text))
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.setMinimumWidth(_WIDTH_PX)


def merge_dialog(
    cameras: Sequence[Camera], parent: QWidget | None, agreed: Callable[[Camera], object]
) -> CamerasDialog:
    """Asks which of the cameras stays.

    Args:
        cameras: two or more.
        parent: over which window.
        agreed: called with the one that stays.
    """
    chosen = QComboBox()
    chosen.setObjectName("merge_into")
    for camera in cameras:
        chosen.addItem(camera.name)
    text = trn(
        "The videos of this camera will be of one, which keeps its name and its clock. "
        "Nothing is read again; videos can be split off later.",
        "The videos of these {count} cameras will be of one, which keeps its name and its clock. "
        "Nothing is read again; videos can be split off later.",
        len(cameras),
    )
    dialog = CamerasDialog(tr("Merge cameras"), text, tr("Camera to &keep"), chosen, parent)
    dialog.accept_button.clicked.connect(lambda: agreed(cameras[chosen.currentIndex()]))
    return dialog


def split_dialog(
    videos: Sequence[Video], parent: QWidget | None, agreed: Callable[[str], object]
) -> CamerasDialog:
    """Asks what the camera is called that some videos of another will be of.

    Args:
        videos: of one camera.
        parent: over which window.
        agreed: called with the name.
    """
    name = QLineEdit()
    name.setObjectName("split_name")
    text = trn(
        "{count} video of {camera} will be of a camera of its own, with the same clock. "
        "Nothing is read again.",
        "{count} videos of {camera} will be of a camera of their own, with the same clock. "
        "Nothing is read again.",
        len(videos),
        camera=videos[0].camera.name,
    )
    dialog = CamerasDialog(tr("Split off"), text, tr("&Name"), name, parent)
    dialog.accept_button.clicked.connect(lambda: agreed(name.text()))
    return dialog
