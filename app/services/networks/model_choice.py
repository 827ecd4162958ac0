"""Which weights: the flag's, else the library's, else the settings', else the only installed.

Where none is installed, the bundled one is used. Without an aggregator or a re-ranker a search does
well: one that is merely installed is not used, and a bundled one only beside its own embedder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import ModelRole, NetworkCard
from app.services.checksum import sha256_of
from app.settings import NOTHING

# OpenVINO's own format: a .xml whose weights lie beside it, in a .bin.
IR_SUFFIX = ".xml"
WEIGHTS_SUFFIXES: dict[ModelRole, tuple[str, ...]] = {
    "detector": (".pt", ".onnx", ".engine"),
    "embedder": (".safetensors", ".onnx", IR_SUFFIX),
    "aggregator": (".safetensors",),
    "reranker": (".safetensors",),
}
KNOWN_SUFFIXES = tuple(dict.fromkeys(s for each in WEIGHTS_SUFFIXES.values() for s in each))
# Last names of the path of what comes along: resources/models/ROLE/FILE.
_SHIPPED_AS = 4
# Told wherever the bundled detector is used: it is small, so that the program stays small.
LARGER_FINDS_MORE = "A larger YOLO finds more people."


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that make up a network: one, or with OpenVINO's format the .xml and its .bin."""
    return (path, path.with_suffix(".bin")) if path.suffix.lower() == IR_SUFFIX else (path,)


def describe_model(path: Path, role: ModelRole, card: NetworkCard | None = None) -> ModelFile:
    """A weights file with its identity: its card's, else stem + 12 digits of its SHA-256.

    The SHA-256 of a network of two files is that of both, joined in the order of `parts_of`.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        digest = sha256_of(*parts_of(path))
    except OSError as error:
        raise ModelError(
            f"The {role} {error.filename or path} cannot be read: {error.strerror}.",
            f"Name another file with --{role}.",
            role,
        ) from error
    own_id = f"{path.stem}-{digest[:12]}" if card is None else card.id
    return ModelFile(own_id, path.resolve(), digest)


Describe = Callable[[Path, ModelRole], ModelFile]


def choose_model(
    role: ModelRole,
    *,
    named: str | None,
    remembered: ModelFile | None,
    preferred: str | None,
    folder: Path,
    bundled: Path | None = None,
    describe: Describe = describe_model,
) -> ModelFile:
    """The weights file to use for what cannot be done without.

    Args:
        role: which of the two networks.
        named: file or name given with this call, else None.
        remembered: what the library was made with, else None.
        preferred: file or name in the user's settings, else None.
        folder: the models folder of that role.
        bundled: the folder of those that come with the program.
        describe: says what a file is; raises ModelError.

    Raises:
        ModelError: there is none, several, or it is not what the library was made with.
    """
    found = choose_optional(
        role,
        named=named,
        remembered=remembered,
        preferred=preferred,
        folder=folder,
        bundled=bundled,
        describe=describe,
    )
    return found or describe(usual_file(role, folder, bundled), role)


def choose_optional(
    role: ModelRole,
    *,
    named: str | None,
    remembered: ModelFile | None,
    preferred: str | None,
    folder: Path,
    bundled: Path | None = None,
    describe: Describe = describe_model,
) -> ModelFile | None:
    """The weights file that was asked for, or None; arguments and errors as of `choose_model`."""
    if named is not None:
        return describe(find_file(named, role, folder, bundled), role)
    if remembered is not None:
        return _recall(remembered, role, folder, bundled, describe)
    if preferred is not None:
        return describe(find_file(preferred, role, folder, bundled), role)
    return None


def usual_file(role: ModelRole, folder: Path, bundled: Path | None = None) -> Path:
    """What is used where nobody said what: the only one installed, else the bundled one.

    Raises:
        ModelError: there is none, or there are several.
    """
    installed = installed_files(role, folder)
    if len(installed) > 1:
        raise ModelError(
            f"There are several {role}s in {folder}: {', '.join(path.stem for path in installed)}.",
            f"Choose one with --{role} NAME.",
            role,
        )
    for path in [*installed, *bundled_files(role, bundled)]:
        return path
    raise ModelError(
        f"No {role} is installed.",
        f"Name a weights file with --{role} FILE, or put one "
        f"({', '.join(WEIGHTS_SUFFIXES[role])}) into {folder}.",
        role,
    )


def fitting_bundled(
    role: ModelRole,
    bundled: Path,
    embedder_id: str | None,
    read_card: Callable[[Path, ModelRole], NetworkCard | None],
) -> Path | None:
    """The bundled aggregator or re-ranker that was trained with this very embedder, if any.

    None where `defaults.toml` beside the role's folder says "none": it comes along to be named.

    Raises:
        ModelError: a bundled file is damaged.
    """
    if _default_stem(role, bundled) == NOTHING:
        return None
    for path in bundled_files(role, bundled):
        card = read_card(path, role)
        if card is not None and embedder_id is not None and card.requires_embedder == embedder_id:
            return path
    return None


def installed_files(role: ModelRole, folder: Path) -> list[Path]:
    """The weights files in a folder of that role, by name."""
    if not folder.is_dir():
        return []
    suffixes = WEIGHTS_SUFFIXES[role]
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)


def bundled_files(role: ModelRole, folder: Path | None) -> list[Path]:
    """The weights files that come with the program, the default first.

    Where there are several, `defaults.toml` beside the role's folder names the default's stem.
    """
    if folder is None:
        return []
    found = installed_files(role, folder)
    if len(found) > 1:
        stem = _default_stem(role, folder)
        found.sort(key=lambda path: path.stem != stem)
    return found


def _default_stem(role: ModelRole, folder: Path) -> str | None:
    defaults = folder.parent / "defaults.toml"
    if not defaults.is_file():
        return None
    stem: str | None = tomllib.loads(defaults.read_text(encoding="utf-8")).get(role)
    return stem


def find_file(text: str, role: ModelRole, folder: Path, bundled: Path | None = None) -> Path:
    """The file of that path, or the installed or bundled one of that name.

    Raises:
        ModelError: there is none.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    installed = installed_files(role, folder) + bundled_files(role, bundled)
    for candidate in installed:
        if text in (candidate.stem, candidate.name):
            return candidate
    names = ", ".join(candidate.stem for candidate in installed) or "none"
    raise ModelError(
        f"There is no {role} file '{text}', and no {role} of that name in {folder} "
        f"(installed: {names}).",
        f"Name an existing file with --{role}, or put one into that folder.",
        role,
    )


def _recall(
    remembered: ModelFile, role: ModelRole, folder: Path, bundled: Path | None, describe: Describe
) -> ModelFile:
    """The file the library was made with, wherever it lies now."""
    # A library may come from somebody else, and an engine can hold code: from where the library
    # says, it is not loaded unasked. What the user has installed or names is.
    if remembered.path.is_file() and remembered.path.suffix.lower() != ".engine":
        known = describe(remembered.path, role)
        if known.sha256 == remembered.sha256:
            return ModelFile(remembered.id, known.path, known.sha256)
    for path in installed_files(role, folder) + bundled_files(role, bundled):
        # Not `describe`: one that is damaged must not hide the next.
        model = describe_model(path, role)
        if model.sha256 == remembered.sha256:
            return ModelFile(remembered.id, model.path, model.sha256)
    if role == "detector":
        # An update has replaced it. Footage to come may well be analysed with the new one: no
        # vector depends on it, and each video tells which one it was analysed with.
        for path in bundled_files(role, bundled):
            if path.parts[-_SHIPPED_AS:] == remembered.path.parts[-_SHIPPED_AS:]:
                return describe(path, role)
    what = "has changed" if remembered.path.is_file() else "is no longer there"
    if remembered.path.suffix.lower() == ".engine" and remembered.path.is_file():
        what = "is not loaded from outside the models folder, since an engine can hold code"
    remedy = f"Put it back, copy it into {folder}, or name a {role} with --{role}."
    if role == "embedder":
        remedy = f"Put it back, copy it into {folder}, or take another one with reembed."
    raise ModelError(
        f"The {role} this library was made with ({remembered.path}) {what}.", remedy, role
    )
