"""One file over https, with progress; an interrupted download is taken up again. No Qt."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from email.message import Message
from functools import partial
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from app.core.checksum import sha256_of
from app.core.clock import format_offset
from app.core.errors import DownloadError, UserFacingError
from app.language import tr
from app.services.pipeline import BEAT_S, Channel, Stage, StoppedError, in_background

_SCHEMES = ("https",)
_BLOCK_BYTES = 1 << 16
_BLOCKS_WAITING = 16
# Until a server that says nothing is given up; a cancellation does not wait for it.
_PATIENCE_S = 20.0
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class UnreachableError(DownloadError):
    """There is no connection; another computer may have one."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a download stands. Yielded at least every 0.3 s.

    Attributes:
        name: of the file.
        done_bytes: on this computer, those of earlier attempts included.
        total_bytes: of the file, or None where the server does not say.
        per_s: bytes a second in this attempt, or None at the beginning.
        eta_s: seconds left, or None where unknown.
    """

    name: str
    done_bytes: int
    total_bytes: int | None = None
    per_s: float | None = None
    eta_s: float | None = None


def check_address(url: str) -> None:
    """Raises DownloadError for whatever is not https."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise DownloadError(
            tr("{url} is not an https address.", url=url),
            tr("Only files with an https address are downloaded."),
        )


def download(
    url: str, name: str, folder: Path, sha256: str | None = None
) -> Generator[Transfer, None, Path]:
    """Downloads one file; closing the generator stops within a second and keeps what has come.

    The same call goes on from there, if the server still offers the same file.

    Args:
        url: https.
        name: of the file here.
        folder: of this download alone; made if need be.
        sha256: hexadecimal; checked once the file is there.

    Returns:
        The whole file, in `folder`.

    Raises:
        UnreachableError: no connection.
        DownloadError: no such file, too little room, or another checksum.
    """
    check_address(url)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DownloadError(
            tr("{name} is already being downloaded by another program.", name=name),
            tr("Wait for it to end."),
        ) from None
    try:
        part = yield from _Attempt(url, name, folder, trusted=sha256 is not None).run()
        if sha256 is not None:
            found = yield from in_background(
                partial(sha256_of, part), partial(Transfer, name, part.stat().st_size)
            )
            if found != sha256.lower():
                part.unlink()
                raise DownloadError(
                    tr(
                        "{name} has the SHA-256 {found}, not the one that was given; "
                        "it was deleted.",
                        name=name,
                        found=found,
                    ),
                    tr("Check the address and the checksum."),
                )
        return part.replace(folder / name)
    finally:
        lock.release()


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows https only."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Raises DownloadError where a server leads elsewhere."""
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Status and headers; the body follows in blocks."""

    status: int
    headers: Message


class _Attempt:
    """One connection. A thread reads from it; only the generator writes the file.

    Args:
        url: of the file.
        name: of the file.
        folder: where `<name>.part` grows, with `<name>.part.json` that says what it is a part of.
        trusted: a checksum will tell whether the parts belong together.
    """

    def __init__(self, url: str, name: str, folder: Path, trusted: bool) -> None:
        self._url, self._name, self._trusted = url, name, trusted
        self._host = urlsplit(url).hostname or url
        self._part = folder / f"{name}.part"
        self._note = folder / f"{name}.part.json"
        self._done = self._before = 0
        self._total: int | None = None
        self._began = time.monotonic()

    def run(self) -> Generator[Transfer, None, Path]:
        """Returns the part once it is whole."""
        request = urllib.request.Request(self._url, headers={"User-Agent": "Retrace"})
        self._ask_for_rest(request)
        stop = threading.Event()
        channel: Channel[_Answer | bytes | Exception] = Channel(_BLOCKS_WAITING, stop)
        bugs: list[BaseException] = []
        Stage("download", lambda: _read(request, channel), bugs.append).start()
        try:
            yield from self._receive(channel, bugs)
        except OSError as error:
            raise DownloadError(
                tr(
                    "{part} cannot be written: {reason}.",
                    part=self._part,
                    reason=error.strerror or error,
                ),
                tr("Free some space, or allow writing there."),
            ) from error
        finally:
            stop.set()
        self._note.unlink(missing_ok=True)
        return self._part

    def _ask_for_rest(self, request: urllib.request.Request) -> None:
        """Asks for what is missing, if an earlier attempt left a part of the very same file."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            size = self._part.stat().st_size
        except (OSError, ValueError):
            return
        if size and note["url"] == _digest(self._url) and (note["version"] or self._trusted):
            request.add_header("Range", f"bytes={size}-")
            if note["version"]:
                request.add_header("If-Range", note["version"])
            self._done = size

    def _receive(
        self, channel: Channel[_Answer | bytes | Exception], bugs: list[BaseException]
    ) -> Generator[Transfer, None, None]:
        yield self._transfer()
        answer = yield from self._next(channel, bugs)
        if isinstance(answer, urllib.error.HTTPError) and answer.code == 416 and self._done:
            # Nothing is missing, or the part is none of this file: that a checksum tells.
            self._total = self._done
            if self._trusted:
                return
            self._part.unlink(missing_ok=True)
        if isinstance(answer, Exception):
            self._refuse(answer)
        assert isinstance(answer, _Answer)
        self._begin(answer)
        told = 0.0
        with self._part.open("ab" if self._done else "wb") as file:
            while True:
                block = yield from self._next(channel, bugs)
                if isinstance(block, Exception) or block == b"":
                    break
                assert isinstance(block, bytes)
                file.write(block)
                self._done += len(block)
                if time.monotonic() - told >= BEAT_S:
                    told = time.monotonic()
                    yield self._transfer()
        if isinstance(block, Exception) or (self._total or self._done) != self._done:
            raise DownloadError(
                tr(
                    "The download of {name} was cut at {done} of {total}.",
                    name=self._name,
                    done=megabytes(self._done),
                    total=megabytes(self._total),
                )
                if self._total
                else tr(
                    "The download of {name} was cut at {done}.",
                    name=self._name,
                    done=megabytes(self._done),
                ),
                tr("Run the same command again to continue."),
            )
        yield self._transfer()

    def _next(
        self, channel: Channel[_Answer | bytes | Exception], bugs: list[BaseException]
    ) -> Generator[Transfer, None, _Answer | bytes | Exception]:
        while True:
            item = channel.get(BEAT_S)
            if item is not None:
                return item
            if bugs:
                raise bugs[0]
            yield self._transfer()

    def _begin(self, answer: _Answer) -> None:
        """Notes what the server sends: the rest, or all of it."""
        length = answer.headers.get("Content-Length", "")
        rest = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == http.client.PARTIAL_CONTENT:
            if rest is None or int(rest[1]) != self._done:
                self._part.unlink(missing_ok=True)
                raise DownloadError(
                    tr(
                        "{host} sent another part of {name} than was asked for.",
                        host=self._host,
                        name=self._name,
                    ),
                    tr("Try again: it starts from the beginning."),
                )
            self._total = int(rest[2])
        else:
            self._done, self._total = 0, int(length) if length.isdigit() else None
        self._before = self._done
        self._began = time.monotonic()
        room = shutil.disk_usage(self._part.parent).free
        if self._total is not None and self._total - self._done > room:
            raise DownloadError(
                tr(
                    "{name} has {size}, but only {room} are free.",
                    name=self._name,
                    size=megabytes(self._total),
                    room=megabytes(room),
                ),
                tr("Free some space."),
            )
        note = {"url": _digest(self._url), "version": _version(answer.headers)}
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def _transfer(self) -> Transfer:
        passed_s = time.monotonic() - self._began
        came = self._done - self._before
        per_s = came / passed_s if came > 0 and passed_s > 0 else None
        eta_s = (self._total - self._done) / per_s if per_s and self._total is not None else None
        return Transfer(self._name, self._done, self._total, per_s, eta_s)

    def _refuse(self, answer: Exception) -> NoReturn:
        """Raises what the user is told where nothing came."""
        if isinstance(answer, UserFacingError):
            raise answer
        if isinstance(answer, urllib.error.HTTPError):
            if answer.code in (404, 410):
                raise DownloadError(
                    tr("{host} has no such file: {url}.", host=self._host, url=self._url),
                    tr("Check it."),
                )
            raise DownloadError(
                tr(
                    "{host} refused the download of {name}: {code} {reason}.",
                    host=self._host,
                    name=self._name,
                    code=answer.code,
                    reason=answer.reason,
                ),
                tr("Try again later, or check the address."),
            )
        reason = getattr(answer, "reason", answer)
        raise UnreachableError(
            tr(
                "{host} cannot be reached: {reason}.",
                host=self._host,
                reason=getattr(reason, "strerror", None) or reason,
            ),
            tr("Connect this computer to the network."),
        )


def _read(request: urllib.request.Request, channel: Channel[_Answer | bytes | Exception]) -> None:
    """Runs in the thread: answer, blocks, an empty block; or the error that came between."""
    opener = urllib.request.build_opener(_SecureRedirects)
    try:
        with opener.open(request, timeout=_PATIENCE_S) as response:
            channel.put(_Answer(response.status, response.headers))
            while block := response.read1(_BLOCK_BYTES):
                channel.put(block)
        channel.put(b"")
    except StoppedError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        channel.put(error)
    except (OSError, http.client.HTTPException, DownloadError) as error:
        channel.put(error)


def _version(headers: Message) -> str:
    """What tells this version of the file from any other, or nothing."""
    tag = str(headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(headers.get("Last-Modified", ""))


def _digest(url: str) -> str:
    # Addresses may hold passwords: they are not written down.
    return hashlib.sha256(url.encode()).hexdigest()


def transfer_text(transfer: Transfer) -> str:
    """One line: how much of how much, how fast, how long it will take."""
    total = transfer.total_bytes
    done = megabytes(transfer.done_bytes)
    if total is not None:
        done = tr("{done} of {total}", done=done, total=megabytes(total))
    parts = [f"{transfer.name}: {done}"]
    if transfer.per_s is not None:
        parts.append(tr("{size} a second", size=megabytes(round(transfer.per_s))))
    if transfer.eta_s is not None:
        parts.append(
            tr("{duration} left", duration=format_offset(round(transfer.eta_s)).partition(".")[0])
        )
    return " · ".join(parts)


def megabytes(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes / 1e6:.1f} MB"
