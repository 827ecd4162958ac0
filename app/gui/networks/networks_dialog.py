"""Which networks the open library uses, what they cost, and how to use others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.networks import (
    KNOWN_SUFFIXES,
    MODEL_ROLES,
    ModelRole,
    NetworkCard,
    NetworkFigures,
    role_words,
)
from app.gui.networks.install_progress import InstallProgress
from app.gui.widgets import theme
from app.gui.widgets.choosing import choose_file, choose_model_file
from app.gui.widgets.fitting import fit_height
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.plain import plain_caption, plain_tip
from app.gui.widgets.problem_dialog import ProblemDialog
from app.language import tr
from app.services.networks.download import megabytes
from app.services.networks.model_choice import LARGER_FINDS_MORE
from app.services.networks.model_shelf import origin_words, terms_in_short
from app.settings import is_bundled

if TYPE_CHECKING:
    from app.services.networks.model_shelf import NetworkEntry
    from app.services.networks.public_models import PublicModel

_WIDTH_PX = 720
_TITLES: dict[ModelRole, str] = {
    "detector": tr("Detector: finds people in frames"),
    "embedder": tr("Embedder: describes what a person looks like"),
    "aggregator": tr("Neighbour aggregator: refines a ranking by similar people"),
    "reranker": tr("Re-ranker: compares the best hits with the person sought"),
}
_NONE: dict[ModelRole, str] = {
    "detector": tr("None yet: one is taken when footage is loaded."),
    "embedder": tr("None yet: one is taken when footage is loaded."),
    "aggregator": tr("None: searches skip this stage."),
    "reranker": tr("None: searches skip this stage."),
}
_NO_LIBRARY = tr(
    "No library is open. A new one would use these networks; those of an existing "
    "library can be changed when it is open."
)
_OPTIONAL: tuple[ModelRole, ...] = ("aggregator", "reranker")


class NetworkRow(QWidget):
    """What is used in one role.

    Signals:
        chosen: path of one of those that are there, which is to be used.
        change_wanted: a file from elsewhere is to be used.
        removal_wanted: nothing is to be used.
        download_wanted: name of one that others publish, which is to be installed.
    """

    chosen = Signal(object)
    change_wanted = Signal()
    removal_wanted = Signal()
    download_wanted = Signal(str)

    def __init__(self, role: ModelRole, parent: QWidget) -> None:
        super().__init__(parent)
        self._role: ModelRole = role
        self.setObjectName(f"network_{role}")
        self.file = wrapped_label(f"network_file_{role}", "")
        self.figures = wrapped_label(f"network_figures_{role}", "muted")
        self.origin = wrapped_label(f"network_origin_{role}", "muted")
        self.problem = wrapped_label(f"network_problem_{role}", "warning")
        self._others: tuple[Path, ...] = ()
        self._with_details = self._has_figures = False
        self.public: tuple[PublicModel, ...] = ()
        self.change = self._button("change", tr("Change…") if role == "embedder" else tr("Choose…"))
        self.change.clicked.connect(self.change_wanted)
        self.remove = self._button("remove", tr("Use none"))
        self.remove.clicked.connect(self.removal_wanted)
        title = wrapped_label(f"network_title_{role}", "heading", _TITLES[role])
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT_PX)
        for label in (title, self.file, self.figures, self.origin, self.problem):
            words.addWidget(label)
        buttons = QVBoxLayout()
        buttons.setSpacing(theme.UNIT_PX)
        buttons.addWidget(self.change)
        buttons.addWidget(self.remove)
        buttons.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4 * theme.UNIT_PX)
        row.addLayout(words, 1)
        row.addLayout(buttons)

    def _button(self, name: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(f"network_{name}_{self._role}")
        button.setAccessibleName(f"{text.rstrip('…')}: {role_words(self._role)}")
        button.setAutoDefault(False)
        return button

    def _offer(self, others: tuple[Path, ...], public: tuple[PublicModel, ...]) -> None:
        """Lets the user take one of these; where there is none, the button asks for a file."""
        if (others, public) == (self._others, self.public):
            return  # an open menu stays
        self._others, self.public = others, public
        former = self.change.menu()
        menu = self._menu() if others or public else None
        self.change.setMenu(menu)  # type: ignore[arg-type]
        if former is not None:
            former.deleteLater()

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for path in self._others:
            action = menu.addAction(plain_caption(_name_of(path)))
            action.triggered.connect(lambda _checked, path=path: self.chosen.emit(path))
        menu.addSeparator()
        action = menu.addAction(tr("Another file…"))
        action.triggered.connect(lambda _checked: self.change_wanted.emit())
        if self.public:
            menu.addSeparator()
        for model in self.public:
            action = menu.addAction(tr("Download {name}…", name=model.name))
            action.triggered.connect(
                lambda _checked, name=model.name: self.download_wanted.emit(name)
            )
        return menu

    def show_entry(self, entry: NetworkEntry) -> None:
        """Shows what is known by now."""
        model = entry.model
        self.file.setText(_NONE[self._role] if model is None else _file_text(entry))
        self.file.setVisible(model is not None or entry.problem is None)
        self.file.setToolTip("" if model is None else plain_tip(f"{model.path}\n{model.id}"))
        self._has_figures = model is not None and entry.problem is None
        self.figures.setText(figures_text(entry.figures) if entry.figures else tr("Measuring…"))
        self.origin.setText(_origin_text(entry.card))
        self.origin.setToolTip(plain_tip(_whole_origin(entry.card)))
        self.show_details(self._with_details)
        self._offer(entry.others, entry.public)
        self.problem.setVisible(entry.problem is not None)
        self.problem.setText(f"! {entry.problem}" if entry.problem else "")
        # What a flag or the settings name is switched off in the menu.
        self.remove.setVisible(self._role in _OPTIONAL and entry.remembered)
        layout = self.layout()
        assert layout is not None
        # The dialog asks at once how high this has become.
        layout.activate()
        self.updateGeometry()

    def show_details(self, wanted: bool) -> None:
        """Whether what the network costs and reaches is shown as well."""
        self._with_details = wanted
        self.figures.setVisible(wanted and self._has_figures)
        self.origin.setVisible(wanted and bool(self.origin.text()))


class NetworksDialog(ProblemDialog):
    """A row for each role.

    Args:
        has_library: whether a library is open, whose networks these are.

    Signals:
        file_chosen: (role, path) of the network that is to be used, in any role but the embedder's.
        removal_wanted: role in which nothing is to be used.
        install_wanted: path of a weights file that is to be found by itself from now on.
        download_wanted: an address or name of such a file is to be asked for; the text is one
            that is proposed, or empty.
        embedder_change_wanted: the library is to get another embedder's vectors; of that path, or
            None where the user is to be asked.
    """

    file_chosen = Signal(str, object)
    removal_wanted = Signal(str)
    install_wanted = Signal(object)
    download_wanted = Signal(str)
    embedder_change_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, has_library: bool = True) -> None:
        title = tr("Networks of this library") if has_library else tr("Networks")
        super().__init__("networks", title, parent)
        self.has_library = has_library
        self._rows = {role: NetworkRow(role, self) for role in MODEL_ROLES}
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(4 * theme.UNIT_PX)
        if not has_library:
            layout.addWidget(wrapped_label("networks_scope", "muted", _NO_LIBRARY))
        for row in self._rows.values():
            row.change.setVisible(has_library)
            layout.addWidget(row)
        layout.addWidget(self.problem)
        self.progress = InstallProgress(self)
        layout.addWidget(self.progress)
        layout.addStretch()
        layout.addWidget(buttons)
        self._install = self._button(buttons, "install", tr("Install from file…"))
        self._install.clicked.connect(self._choose_install)
        self._download = self._button(buttons, "download", tr("Download…"))
        self._download.clicked.connect(lambda: self.download_wanted.emit(""))
        details = self._button(buttons, "details", tr("Details"))
        details.setCheckable(True)
        details.toggled.connect(self._show_details)
        for row in self._rows.values():
            row.download_wanted.connect(self.download_wanted)
            row.show_details(False)
        embedder = self._rows["embedder"]
        embedder.change_wanted.connect(lambda: self.embedder_change_wanted.emit(None))
        embedder.chosen.connect(self.embedder_change_wanted)
        for role in (*_OPTIONAL, "detector"):
            row = self._rows[role]
            row.change_wanted.connect(lambda role=role: self._choose(role))
            row.chosen.connect(lambda path, role=role: self.file_chosen.emit(role, path))
            row.removal_wanted.connect(lambda role=role: self.removal_wanted.emit(role))
            row.remove.hide()
        for hidden in (self._rows["detector"], self._rows["embedder"]):
            hidden.remove.hide()
        buttons.button(QDialogButtonBox.StandardButton.Close).setFocus()
        fit_height(self, _WIDTH_PX)

    def _show_details(self, wanted: bool) -> None:
        for row in self._rows.values():
            row.show_details(wanted)
        fit_height(self, _WIDTH_PX)

    def public(self) -> list[PublicModel]:
        """What could be installed by name."""
        return [model for row in self._rows.values() for model in row.public]

    def show_entry(self, entry: NetworkEntry) -> None:
        """Shows what is known of one role by now."""
        self._rows[entry.role].show_entry(entry)
        fit_height(self, _WIDTH_PX)

    def show_problem(self, text: str) -> None:
        """Says why a file was not taken; empty takes that away."""
        super().show_problem(f"! {text}" if text else "")
        fit_height(self, _WIDTH_PX)

    def show_installing(self, running: bool) -> None:
        """One installation at a time."""
        for button in (self._install, self._download):
            button.setEnabled(not running)
        fit_height(self, _WIDTH_PX)

    def _button(self, buttons: QDialogButtonBox, name: str, text: str) -> QPushButton:
        button = buttons.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)
        button.setObjectName(f"networks_{name}")
        button.setAccessibleName(text.rstrip("…"))
        button.setAutoDefault(False)
        return button

    def _choose_install(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in KNOWN_SUFFIXES)
        choose_file(
            self,
            tr("Install from file"),
            None,
            tr("Weights ({patterns})", patterns=patterns),
            self.install_wanted.emit,
        )

    def _choose(self, role: ModelRole) -> None:
        def take(path: Path) -> None:
            self.file_chosen.emit(role, path)

        choose_model_file(self, tr("Choose: {role}", role=role_words(role)), role, take)


def _name_of(path: Path) -> str:
    return tr("{file} (bundled)", file=path.name) if is_bundled(path) else path.name


def _file_text(entry: NetworkEntry) -> str:
    """Its name and size, and of the bundled detector, what its smallness costs."""
    assert entry.model is not None
    text = _name_of(entry.model.path)
    if entry.size_bytes:
        text += f" · {megabytes(entry.size_bytes)}"
    small = entry.role == "detector" and is_bundled(entry.model.path)
    return tr("{file}. {advice}", file=text, advice=LARGER_FINDS_MORE) if small else text


def figures_text(figures: NetworkFigures) -> str:
    """What a network costs, in one line."""
    parts = [figures.architecture]
    if figures.parameters is not None:
        parts.append(tr("{millions:.3g} M parameters", millions=figures.parameters / 1e6))
    if figures.gflops is not None:
        parts.append(f"{figures.gflops:.3g} GFLOPs")
    if figures.vector_size is not None:
        parts.append(tr("vectors of {size}", size=figures.vector_size))
    if figures.ms is not None:
        where = f"{figures.device}, {figures.precision}"
        parts.append(
            tr("{ms:.3g} ms a {unit} ({where})", ms=figures.ms, unit=figures.unit, where=where)
        )
    return " · ".join(parts)


def _origin_text(card: NetworkCard) -> str:
    """Results, and what the terms begin with; the rest is in the tooltip."""
    return " · ".join(origin_words(replace(card, trained_on=(), terms=terms_in_short(card))))


def _whole_origin(card: NetworkCard) -> str:
    words = origin_words(card)
    if card.command:
        words.append(tr("made by {command}, seed {seed}", command=card.command, seed=card.seed))
    return "\n".join(words)
