"""What the window is made of: features, each of them a folder, which the shell lists once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from app.gui.widgets.dock import Dock

if TYPE_CHECKING:
    from app.services.workspace import Workspace


class Flow(Protocol):
    """A part of a feature that works on the open library."""

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none: what ran for the one before is cancelled."""


class Feature(QObject):
    """One of the things that the window can do, with its flows, panels and dialogs.

    A feature that needs others is given them when it is made and connects itself with their
    signals. It never knows those that are made after it.

    Signals:
        problem: an exception that belongs into a dialog.

    Attributes:
        docks: its panels that stand at an edge of the window.
        actions: what menus and keys run, by name in the table of `actions`.
        flows: its parts that work on the open library, in the order in which they enter it.
    """

    problem = Signal(object)

    docks: Sequence[Dock] = ()
    actions: Mapping[str, QAction] = MappingProxyType({})
    flows: Sequence[Flow] = ()

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Another library is open, or none.

        Before another one is opened, the one before is left: then this comes with None, and to
        those features first that were made last.
        """
        for flow in self.flows:
            flow.set_workspace(workspace)
