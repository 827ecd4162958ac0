"""Which networks the open library uses, in the status bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel

from app.core.entities import ModelFile
from app.core.networks import ModelRole, role_words
from app.gui.tasks import TaskRunner
from app.gui.widgets.plain import plain_tip
from app.language import tr
from app.services.networks.model_choice import LARGER_FINDS_MORE
from app.settings import is_bundled

if TYPE_CHECKING:
    from app.services.workspace import Workspace

_LANE = "sources"
_NONE_YET: dict[ModelRole, str] = {
    "detector": tr("no detector yet"),
    "embedder": tr("no embedder yet"),
}


@dataclass(frozen=True, slots=True)
class _Used:
    """The networks that a library remembers."""

    detector: ModelFile | None
    embedder: ModelFile | None


class UsedNetworks(QLabel):
    """Device and networks.

    Args:
        tasks: runs what reads the library.
        device: of the settings; "auto" is not shown, as it does not say which it came to.
    """

    def __init__(self, tasks: TaskRunner, device: str) -> None:
        super().__init__()
        self._tasks, self._device = tasks, device
        self._workspace: Workspace | None = None
        self.setObjectName("models")
        self.setAccessibleName(tr("Device and networks"))
        self.setProperty("role", "muted")

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Shows the networks of another library, or none."""
        self._workspace = workspace
        self.refresh()

    def refresh(self) -> None:
        """Reads what the library remembers by now, in the background."""
        if self._workspace is None:
            self._say("", "")
        else:
            self._tasks.start(_LANE, _used_networks(self._workspace), self._show)

    def _show(self, used: _Used) -> None:
        names = [] if self._device == "auto" else [tr("Device: {device}", device=self._device)]
        details = []
        used_in: dict[ModelRole, ModelFile | None] = {
            "detector": used.detector,
            "embedder": used.embedder,
        }
        for role, model in used_in.items():
            bundled = model is not None and is_bundled(model.path)
            if model is None:
                names.append(_NONE_YET[role])
            elif bundled:
                names.append(tr("{file} (bundled)", file=model.path.stem))
            else:
                names.append(model.path.stem)
            if model is not None:
                details.append(f"{role_words(role)}: {model.path} ({model.id})")
            if bundled and role == "detector":
                details.append(
                    tr(
                        "{advice} See “Networks…” in the menu Library.",
                        advice=LARGER_FINDS_MORE,
                    )
                )
        self._say(" · ".join(names), "\n".join(details))

    def _say(self, text: str, details: str) -> None:
        self.setText(text)
        self.setToolTip(plain_tip(details))


def _used_networks(workspace: Workspace) -> Iterator[_Used]:
    """Job: what the library was made with."""
    library = workspace.library
    yield _Used(library.model("detector"), library.model("embedder"))
