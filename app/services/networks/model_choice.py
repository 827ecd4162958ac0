"""Which network file is used in a role, and why: one rule, for its use and for its explanation.

The file named with the command, else the library's, else the settings', else the only one
installed, else the bundled one. Without an aggregator or a re-ranker a search does well: one that
is merely installed is not used, and a bundled one only with its own embedder.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import REFINERS, WEIGHTS_SUFFIXES, ModelRole, role_words
from app.core.ports import NetworkFiles
from app.language import listed, tr
from app.settings import AUTO, NOTHING, bundled_models_dir, is_bundled, models_dir

# Last names of the path of what comes along: resources/models/ROLE/FILE.
_SHIPPED_AS = 4
# Told wherever the bundled detector is used: it is small, so that the program stays small.
LARGER_FINDS_MORE = tr("Tip: a larger YOLO detector finds more people.")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is used in a role.

    Attributes:
        file: None: nothing, or there is a problem.
        why: how it came to be used, for users; empty without a file.
        problem: why nothing can be used, though something should be.
        asked: the command, the library or the settings say what to use.
    """

    file: ModelFile | None = None
    why: str = ""
    problem: ModelError | None = None
    asked: bool = False

    def given(self) -> ModelFile | None:
        """The file, if any; raises the problem."""
        if self.problem is not None:
            raise self.problem
        return self.file

    def required(self) -> ModelFile:
        """The file of a role that always has one or a problem, which is raised."""
        file = self.given()
        assert file is not None
        return file


def choose(
    role: ModelRole,
    files: NetworkFiles,
    *,
    named: str | None = None,
    remembered: ModelFile | None = None,
    setting: str | None = None,
    embedder_id: str | None = None,
) -> Choice:
    """The file to use in a role, and why.

    Args:
        role: which network.
        files: say what a file is.
        named: file or name given with the command, else None.
        remembered: what the library was made with, else None.
        setting: the user's, see `app.settings.ModelSettings`.
        embedder_id: whose vectors an aggregator or a re-ranker is to work on, where it is known.
    """
    said = None if setting in (AUTO, NOTHING) else setting
    asked = not (named is None and remembered is None and said is None)
    try:
        if named is not None:
            file = files.identify(find_file(named, role, files), role)
            why = tr("it was named with the command")
        elif remembered is not None:
            file = _recall(remembered, role, files)
            why = tr("the library was made with it")
        elif said is not None:
            file = files.identify(find_file(said, role, files), role)
            why = tr("the settings name it")
        elif role in REFINERS:
            fitting = _fitting(role, embedder_id, files) if setting == AUTO else None
            if fitting is None:
                return Choice()
            file, why = files.identify(fitting, role), tr("it was trained with the embedder in use")
        else:
            path = _usual_file(role, files)
            file = files.identify(path, role)
            why = (
                tr("no {role} is installed", role=role_words(role))
                if is_bundled(path)
                else tr("the only {role} installed", role=role_words(role))
            )
    except ModelError as error:
        return Choice(problem=error, asked=asked)
    return Choice(file, why, asked=asked)


def _usual_file(role: ModelRole, files: NetworkFiles) -> Path:
    """What is used where nobody said what: the only one installed, else the bundled one.

    Raises:
        ModelError: there is none, or there are several.
    """
    folder, installed = models_dir(role), installed_files(role, files)
    if len(installed) > 1:
        raise ModelError(
            tr(
                "There are several files for the {role} in {folder}: {names}.",
                role=role_words(role),
                folder=folder,
                names=listed(path.stem for path in installed),
            ),
            tr("Choose one with --{option} NAME.", option=role),
            role,
        )
    for path in [*installed, *bundled_files(role, files)]:
        return path
    raise ModelError(
        tr("No {role} is installed.", role=role_words(role)),
        tr(
            "Name a weights file with --{option} FILE, or put one ({suffixes}) into {folder}.",
            option=role,
            suffixes=listed(WEIGHTS_SUFFIXES[role]),
            folder=folder,
        ),
        role,
    )


def _fitting(role: ModelRole, embedder_id: str | None, files: NetworkFiles) -> Path | None:
    """The bundled aggregator or re-ranker that was trained with this very embedder, if any.

    None where `defaults.toml` in the models folder says "none": it comes along to be named.

    Raises:
        ModelError: a bundled file is damaged.
    """
    if embedder_id is None or _default_stem(role) == NOTHING:
        return None
    for path in bundled_files(role, files):
        if files.card(path, role).requires_embedder == embedder_id:
            return path
    return None


def installed_files(role: ModelRole, files: NetworkFiles) -> list[Path]:
    """The network files in the user's folder of that role, by name."""
    return _files_in(models_dir(role), role, files)


def bundled_files(role: ModelRole, files: NetworkFiles) -> list[Path]:
    """The network files that come with the program, the default first.

    Where there are several, `defaults.toml` in the models folder names the default's stem.
    """
    found = _files_in(bundled_models_dir(role), role, files)
    if len(found) > 1:
        stem = _default_stem(role)
        found.sort(key=lambda path: path.stem != stem)
    return found


def _files_in(folder: Path, role: ModelRole, files: NetworkFiles) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if files.reads(path, role))


def _default_stem(role: ModelRole) -> str | None:
    defaults = bundled_models_dir(role).parent / "defaults.toml"
    if not defaults.is_file():
        return None
    stem: str | None = tomllib.loads(defaults.read_text(encoding="utf-8")).get(role)
    return stem


def find_file(text: str, role: ModelRole, files: NetworkFiles) -> Path:
    """The file of that path, or the installed or bundled one of that name.

    Raises:
        ModelError: there is none.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    there = installed_files(role, files) + bundled_files(role, files)
    for candidate in there:
        if text in (candidate.stem, candidate.name):
            return candidate
    names = listed(
        tr("{file} (bundled)", file=each.stem) if is_bundled(each) else each.stem for each in there
    )
    raise ModelError(
        tr(
            'There is no {role} file "{text}", and no installed or bundled {role} of that '
            "name (there are: {names}).",
            role=role_words(role),
            text=text,
            names=names or tr("none"),
        ),
        tr(
            "Name an existing file with --{option}, or put one into {folder}.",
            option=role,
            folder=models_dir(role),
        ),
        role,
    )


def _recall(remembered: ModelFile, role: ModelRole, files: NetworkFiles) -> ModelFile:
    """The file the library was made with, wherever it lies now."""
    # A library may come from somebody else, and an engine can hold code: from where the library
    # says, it is not loaded unasked. What the user has installed or names is.
    if remembered.path.is_file() and remembered.path.suffix.lower() != ".engine":
        known = files.identify(remembered.path, role)
        if known.sha256 == remembered.sha256:
            return ModelFile(remembered.id, known.path, known.sha256)
    for path in installed_files(role, files) + bundled_files(role, files):
        try:
            model = files.identify(path, role)
        except ModelError:
            continue  # one that is damaged must not hide the next
        if model.sha256 == remembered.sha256:
            return ModelFile(remembered.id, model.path, model.sha256)
    if role == "detector":
        # An update has replaced it. Footage to come may well be analysed with the new one: no
        # vector depends on it, and each video tells which one it was analysed with.
        for path in bundled_files(role, files):
            if path.parts[-_SHIPPED_AS:] == remembered.path.parts[-_SHIPPED_AS:]:
                return files.identify(path, role)
    what = (
        tr("The {role} this library was made with ({path}) has changed.")
        if remembered.path.is_file()
        else tr("The {role} this library was made with ({path}) is no longer there.")
    )
    if remembered.path.suffix.lower() == ".engine" and remembered.path.is_file():
        what = tr(
            "The {role} this library was made with ({path}) is not loaded from outside the "
            "models folder, since an engine can hold code."
        )
    remedy = tr(
        "Restore it, copy it into {folder}, or name a {role} with --{option}.",
        folder=models_dir(role),
        role=role_words(role),
        option=role,
    )
    if role == "embedder":
        remedy = tr(
            "Restore it, copy it into {folder}, or change to another one with reembed.",
            folder=models_dir(role),
        )
    raise ModelError(
        what.format(role=role_words(role), path=remembered.path),
        remedy,
        role,
    )
