"""Putting weights files where they are found by themselves, and taking them away again."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import tomli_w

from app.core.checksum import sha256_of
from app.core.command_name import command_name
from app.core.errors import DownloadError, ModelError, NotFoundError, UsageError
from app.core.networks import KNOWN_SUFFIXES, MODEL_ROLES, ModelRole, parts_of
from app.core.ports import NetworkFiles
from app.language import listed, tr
from app.services.networks.download import Transfer, UnreachableError, download
from app.services.networks.model_choice import bundled_files, installed_files
from app.services.networks.public_models import (
    PublicFile,
    PublicModel,
    find_public_model,
    published_as,
)
from app.services.pipeline import in_background
from app.settings import models_dir, user_data_dir

# Where ultralytics offers its weights; the release that its package 8.4 asks for.
YOLO_ADDRESS = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
_YOLO = re.compile(r"(yolov8[nsmlx]|yolov9[tsmce]|yolov10[nsmblx]|yolo(11|12|26)[nsmlx])(\.pt)?")
YOLO_EXAMPLE = "yolo11n.pt"
# Beside a weights file: how an ONNX embedder wants its crops, and what else there is to tell.
_CARD = ".card.toml"
_COMPANIONS = (".toml", _CARD)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Checking:
    """A file is being loaded, to see what it is. Yielded at least every 0.3 s."""

    name: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The last event of an installation: the file is in its place.

    Attributes:
        sha256: of the file; of a network of two files, of both, one after the other.
        published_as: the entry of the list of public networks whose very files these are.
    """

    role: ModelRole
    path: Path
    sha256: str
    published_as: PublicModel | None = None


InstallEvent = Transfer | Checking | Installed


def install(
    source: str,
    files: NetworkFiles,
    role: ModelRole | None = None,
    sha256: str | None = None,
) -> Iterator[InstallEvent]:
    """Puts a weights file where it is found by itself, once it has been loaded and run.

    Closing the generator stops within a second and leaves nothing but the part of a download,
    which the same call goes on from.

    Args:
        source: a file, an https address, or a name: one of the list of public networks, or of
            ultralytics' YOLO weights. Of a network of two files, the .xml; its .bin is taken too.
        files: say what a file is.
        role: what it must be, or None: whatever it is.
        sha256: hexadecimal; of the file, see `Installed`.

    Raises:
        UsageError: nothing that can be installed, or another file of that name is.
        DownloadError: it cannot be fetched, or has another checksum.
        ModelError: the file cannot be used.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise UsageError(tr("That is not a SHA-256 checksum."), tr("It has 64 hexadecimal digits."))
    local = Path(source).expanduser()
    offers = () if local.is_file() else _files(source, sha256)
    if not offers and not local.is_file():
        raise UsageError(
            tr('There is no file "{source}", and no network of that name is known.', source=source),
            tr(
                "Name a file, an https address, or a name that `{program} models` lists.",
                program=command_name(),
            ),
        )
    name = offers[0].name if offers else local.name
    if not any(files.reads(Path(name), each) for each in MODEL_ROLES):
        raise UsageError(
            tr("{name} is not a weights file.", name=name),
            tr("Name one that ends in {suffixes}.", suffixes=listed(KNOWN_SUFFIXES)),
        )
    offered = find_public_model(source) if offers else None
    if offered is not None or (offers and offers[0].address.startswith(YOLO_ADDRESS)):
        _refuse_known(models_dir(offered.role if offered else "detector") / name)
    with _staging(offers[0].address if offers else None) as folder:
        if offers:
            yield from _downloaded(offers, folder)
        else:
            yield from _copied(local, folder)
        staged = folder / name
        checking = partial(Checking, name)
        digest, known = yield from in_background(partial(_identify, staged, sha256), checking)
        found = yield from in_background(partial(files.recognise, staged, role), checking)
        yield _put(staged, Installed(found, models_dir(found) / name, digest, known))


def remove(name: str, files: NetworkFiles, role: ModelRole | None = None) -> Path:
    """Deletes an installed weights file and what lies beside it for it; returns its path.

    Args:
        name: of the file, with or without its ending.
        files: say what a file is.
        role: needed where several roles have one of that name.

    Raises:
        NotFoundError: none of that name is installed.
        UsageError: several are; or it came with the program.
    """
    roles = MODEL_ROLES if role is None else (role,)
    found = [
        path
        for each in roles
        for path in installed_files(each, files)
        if name in (path.name, path.stem)
    ]
    if not found:
        bundled = [p for each in roles for p in bundled_files(each, files)]
        if any(name in (path.name, path.stem) for path in bundled):
            raise UsageError(
                tr("{name} is included in Retrace and is not removed.", name=name),
                tr("Install another one, or name it in the settings: it is used instead."),
            )
        raise NotFoundError(
            tr('No network named "{name}" is installed.', name=name),
            tr("To list the installed networks: {program} models", program=command_name()),
        )
    if len(found) > 1:
        paths = listed(map(str, found))
        raise UsageError(
            tr('Several networks are named "{name}": {paths}.', name=name, paths=paths),
            tr("Name the file with its ending, or add --role."),
        )
    try:
        for path in (found[0], *_companions(found[0])):
            path.unlink()
    except OSError as error:
        raise ModelError(
            tr("{file} cannot be removed: {reason}.", file=found[0], reason=error.strerror),
            tr("Allow writing there."),
        ) from error
    return found[0]


def _files(source: str, sha256: str | None) -> tuple[PublicFile, ...]:
    """What is to be downloaded, the weights first; empty: nothing that is known."""
    offered = find_public_model(source)
    if offered is not None:
        return offered.files
    if _YOLO.fullmatch(source):
        source = YOLO_ADDRESS + source.removesuffix(".pt") + ".pt"
    if "://" not in source:
        return ()
    names = parts_of(Path(_file_name(source)))
    if len(names) == 1:
        return (PublicFile(names[0].name, source, sha256),)
    parts = urlsplit(source)
    beside = [parts._replace(path=quote(str(each))) for each in parts_of(Path(unquote(parts.path)))]
    return tuple(
        PublicFile(name.name, each.geturl()) for name, each in zip(names, beside, strict=True)
    )


def _downloaded(files: Sequence[PublicFile], folder: Path) -> Generator[Transfer, None, None]:
    """Fetches what is missing; raises DownloadError."""
    for file in files:
        there = folder / file.name
        if there.is_file() and sha256_of(there) == file.sha256:
            continue  # of an attempt that was interrupted later
        try:
            yield from download(file.address, file.name, folder, file.sha256)
        except UnreachableError as error:
            addresses = listed(each.address for each in files)
            raise DownloadError(
                error.message,
                tr(
                    "{remedy} Or fetch this on another computer, bring it here, and type "
                    "`{program} models install FOLDER/{name}`: {addresses}",
                    remedy=error.remedy,
                    addresses=addresses,
                    program=command_name(),
                    name=files[0].name,
                ),
            ) from error


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


def _copied(source: Path, folder: Path) -> Generator[Checking, None, None]:
    """Copies a local file and what lies beside it for it; raises ModelError."""
    for part in parts_of(source)[1:]:
        if not part.is_file():
            raise ModelError(
                tr(
                    "{part} is not next to {source}: this network consists of two files.",
                    part=part.name,
                    source=source.name,
                ),
                tr("Put {part} into {folder}.", part=part.name, folder=source.absolute().parent),
            )

    def copy() -> None:
        before = _digest(source)
        for path in (*_companions(source), source):
            shutil.copyfile(path, folder / path.name)
        if _digest(folder / source.name) != before:
            raise ModelError(
                tr("{source} changed while it was copied.", source=source.name),
                tr("Copy it again."),
            )

    try:
        yield from in_background(copy, partial(Checking, source.name))
    except OSError as error:
        raise ModelError(
            tr(
                "{source} cannot be copied to {folder}: {reason}.",
                source=source,
                folder=models_dir("detector").parent,
                reason=error.strerror or error,
            ),
            tr("Free some space, or allow reading and writing there."),
        ) from error


def _identify(staged: Path, wanted: str | None) -> tuple[str, PublicModel | None]:
    """SHA-256, and which public network it is, whose card is written beside it if it has none.

    Raises:
        ModelError: another SHA-256 is wanted.
    """
    digest = _digest(staged)
    if wanted is not None and digest != wanted.lower():
        raise ModelError(
            tr(
                "{file} has the SHA-256 {digest}, not the one that was given.",
                file=staged.name,
                digest=digest,
            ),
            tr("Check the file and the checksum."),
        )
    known = published_as(staged)
    card = staged.with_name(staged.name + _CARD)
    if known is not None and not card.is_file():
        card.write_text(tomli_w.dumps(dict(known.card)), encoding="utf-8")
    return digest, known


def _digest(path: Path) -> str:
    """Of all files of a network, joined; raises ModelError."""
    try:
        return sha256_of(*parts_of(path))
    except OSError as error:
        raise ModelError(
            tr(
                "{file} cannot be read: {reason}.",
                file=error.filename or path,
                reason=error.strerror,
            ),
            tr("Name another file."),
        ) from error


def _put(staged: Path, wanted: Installed) -> Installed:
    """Moves a checked file into the folder of its role; the weights last, in one step."""
    target = wanted.path
    if target.is_file() and _digest(target) != wanted.sha256:
        _refuse_known(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (*_companions(staged), staged):
            path.replace(target.parent / path.name)
    except OSError as error:
        raise ModelError(
            tr("{file} cannot be written: {reason}.", file=target, reason=error.strerror),
            tr("Allow writing there."),
        ) from error
    return wanted


def _refuse_known(target: Path) -> None:
    if target.is_file():
        raise UsageError(
            tr("{target} is already installed.", target=target.name),
            tr(
                "To have another file of that name, remove it first: {program} "
                "models remove {target}",
                program=command_name(),
                target=target.name,
            ),
        )


def _companions(path: Path) -> list[Path]:
    """What else makes up a network: its other file, and its cards."""
    beside = [path.with_name(path.name + ending) for ending in _COMPANIONS]
    return [*parts_of(path)[1:], *(each for each in beside if each.is_file())]
