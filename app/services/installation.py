"""Putting weights files where they are found by themselves, and taking them away again."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.core.errors import ModelError, NotFoundError, UsageError
from app.core.networks import MODEL_ROLES, ModelRole
from app.services.download import Transfer, download
from app.services.model_choice import (
    KNOWN_SUFFIXES,
    bundled_files,
    describe_model,
    installed_files,
)
from app.services.pipeline import in_background
from app.settings import bundled_models_dir, models_dir, user_data_dir

# Where ultralytics offers its weights; the release that its package 8.4 asks for.
YOLO_ADDRESS = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
_YOLO = re.compile(r"(yolov8[nsmlx]|yolov9[tsmce]|yolov10[nsmblx]|yolo(11|12|26)[nsmlx])(\.pt)?")
YOLO_EXAMPLES = ("yolo11n.pt", "yolo11s.pt", "yolo11m.pt", "yolo11l.pt", "yolo11x.pt")
# Beside a weights file: how an ONNX embedder wants its crops, and what else there is to tell.
_COMPANIONS = (".toml", ".card.toml")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Checking:
    """A file is being loaded, to see what it is. Yielded at least every 0.3 s."""

    name: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The last event of an installation: the file is in its place."""

    role: ModelRole
    path: Path
    sha256: str


InstallEvent = Transfer | Checking | Installed


def install(
    source: str,
    recognise: Callable[[Path, ModelRole | None], ModelRole],
    role: ModelRole | None = None,
    sha256: str | None = None,
) -> Iterator[InstallEvent]:
    """Puts a weights file where it is found by itself, once it has been loaded and run.

    Closing the generator stops within a second and leaves nothing but the part of a download,
    which the same call goes on from.

    Args:
        source: a file, an https address, or the name of ultralytics' YOLO weights.
        recognise: (file, role it must have or None) → its role, found by loading it.
        role: what it must be, or None: whatever it is.
        sha256: hexadecimal; of the file.

    Raises:
        UsageError: nothing that can be installed, or another file of that name is.
        DownloadError: it cannot be fetched, or has another checksum.
        ModelError: the file cannot be used.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise UsageError("The checksum is no SHA-256.", "Give its 64 hexadecimal digits.")
    local = Path(source).expanduser()
    url = None if local.is_file() else _address(source)
    if url is None and not local.is_file():
        raise UsageError(
            f"There is no file '{source}', and no YOLO weights of that name are known.",
            f"Name a file, an https address, or for example {YOLO_EXAMPLES[0]}.",
        )
    name = local.name if url is None else _file_name(url)
    if not name.lower().endswith(KNOWN_SUFFIXES):
        raise UsageError(
            f"{name} is no weights file.", f"Name one that ends in {', '.join(KNOWN_SUFFIXES)}."
        )
    if url is not None and url.startswith(YOLO_ADDRESS):
        _refuse_known(models_dir("detector") / name)
    with _staging(url) as folder:
        if url is not None:
            staged = yield from download(url, name, folder, sha256)
        else:
            staged = yield from _copied(local, folder, sha256)
        found = yield from in_background(partial(recognise, staged, role), partial(Checking, name))
        model = yield from in_background(
            partial(describe_model, staged, found), partial(Checking, name)
        )
        yield _put(staged, found, model.sha256)


def remove(name: str, role: ModelRole | None = None) -> Path:
    """Deletes an installed weights file and what lies beside it for it; returns its path.

    Args:
        name: of the file, with or without its ending.
        role: needed where several roles have one of that name.

    Raises:
        NotFoundError: none of that name is installed.
        UsageError: several are; or it came with the program.
    """
    roles = MODEL_ROLES if role is None else (role,)
    found = [
        path
        for each in roles
        for path in installed_files(each, models_dir(each))
        if name in (path.name, path.stem)
    ]
    if not found:
        bundled = [p for each in roles for p in bundled_files(each, bundled_models_dir(each))]
        if any(name in (path.name, path.stem) for path in bundled):
            raise UsageError(
                f"{name} came with the program and is not removed.",
                "Install another one, or name it in the settings: it is used instead.",
            )
        raise NotFoundError(
            f"No network of the name '{name}' is installed.",
            "See what is: python main.py models",
        )
    if len(found) > 1:
        paths = ", ".join(map(str, found))
        raise UsageError(
            f"Several networks have the name '{name}': {paths}.",
            "Name the file with its ending, or add --role.",
        )
    try:
        for path in (found[0], *_companions(found[0])):
            path.unlink()
    except OSError as error:
        raise ModelError(
            f"{found[0]} cannot be removed: {error.strerror}.", "Allow writing there."
        ) from error
    return found[0]


def _address(source: str) -> str | None:
    """Where a source is to be downloaded from, or None."""
    if "://" in source:
        return source
    if _YOLO.fullmatch(source):
        return YOLO_ADDRESS + source.removesuffix(".pt") + ".pt"
    return None


def _file_name(url: str) -> str:
    return Path(unquote(urlsplit(url).path)).name


def _incoming() -> Path:
    return user_data_dir() / "models" / "incoming"


@contextmanager
def _staging(url: str | None) -> Iterator[Path]:
    """A folder for files that are not known to be good; only parts of downloads stay there.

    On the same disk as the models, so that a file moves to its place in one step.
    """
    if url is None:
        _incoming().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=_incoming()))
    else:
        folder = _incoming() / hashlib.sha256(url.encode()).hexdigest()[:16]
    try:
        yield folder
    finally:
        if not any(folder.glob("*.part")):
            shutil.rmtree(folder, ignore_errors=True)


def _copied(source: Path, folder: Path, sha256: str | None) -> Generator[Checking, None, Path]:
    """A copy of a local file and of what lies beside it for it; raises ModelError."""

    def copy() -> Path:
        before = describe_model(source, "detector").sha256
        if sha256 is not None and before != sha256.lower():
            raise ModelError(
                f"{source.name} has the SHA-256 {before}, not the one that was given.",
                "Copy it again.",
            )
        for path in (*_companions(source), source):
            shutil.copyfile(path, folder / path.name)
        copied = folder / source.name
        if describe_model(copied, "detector").sha256 != before:
            raise ModelError(f"{source.name} changed while it was copied.", "Copy it again.")
        return copied

    try:
        return (yield from in_background(copy, partial(Checking, source.name)))
    except OSError as error:
        raise ModelError(
            f"{source} cannot be copied to {models_dir('detector').parent}: "
            f"{error.strerror or error}.",
            "Make room, or allow reading and writing there.",
        ) from error


def _put(staged: Path, role: ModelRole, sha256: str) -> Installed:
    """Moves a checked file into the folder of its role; the weights last, in one step."""
    target = models_dir(role) / staged.name
    if target.is_file() and describe_model(target, role).sha256 != sha256:
        _refuse_known(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (*_companions(staged), staged):
            path.replace(target.parent / path.name)
    except OSError as error:
        raise ModelError(
            f"{target} cannot be written: {error.strerror}.", "Allow writing there."
        ) from error
    return Installed(role, target, sha256)


def _refuse_known(target: Path) -> None:
    if target.is_file():
        raise UsageError(
            f"{target.name} is installed already.",
            f"To have another file of that name, remove it first: "
            f"python main.py models remove {target.name}",
        )


def _companions(path: Path) -> list[Path]:
    beside = [path.with_name(path.name + ending) for ending in _COMPANIONS]
    return [each for each in beside if each.is_file()]
