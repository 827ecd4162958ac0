"""Decoding in a process of its own, which may die of a damaged file, or hang, without the program.

The process is asked over its standard input, a pickled question at a time, and answers over its
standard output. Pixels go through memory that both see (on Linux; else through the pipe).
"""

from __future__ import annotations

import mmap
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from app.core.entities import Image, VideoInfo
from app.core.errors import TruncatedVideoError, VideoError
from app.core.ports import DecodedFrame, FrameSource
from app.language import VARIABLE, language, tr
from app.vision.hang_watch import HangWatch, Patience

Opener = Callable[[], FrameSource]
"""Opens a video; is pickled, so a partial of a function that can be imported."""

_CODE = "from app.vision.decoding_process import serve; import sys; serve(int(sys.argv[1]))"
_PROJECT = Path(__file__).resolve().parents[2]
_REMEDY = tr("Copy it again from the recorder, or export it there as MP4.")


_END_S = 5.0
# An answer that takes longer while the program is closing will not come in time.
_CLOSING_S = 1.0


class _DiedError(Exception):
    """The process is no longer there.

    Attributes:
        hung: it was ended, since it did nothing.
    """

    def __init__(self, *, hung: bool) -> None:
        super().__init__()
        self.hung = hung


class DecodingProcesses:
    """Opens videos in processes, which are kept for the next one. Thread-safe.

    Args:
        patience: with a process that does not answer.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._is_closed = False

    def open(self, opener: Opener, name: str) -> FrameSource:
        """Opens a video as `opener` does, but in another process.

        Its frames must be asked for their pixels before the next one is taken.

        Args:
            opener: called there.
            name: of the file, for errors.

        Raises:
            VideoError: as `opener`, or the process died or hung.
        """
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is not None and not process.is_alive:
            process.end()
            process = None
        process = process or _Process(self._patience)
        with self._lock:
            self._busy.add(process)
        process.watch.begin()
        try:
            info = process.ask("open", opener)
        except _DiedError as died:
            self._end(process)
            raise VideoError(_cause(name, died), _REMEDY) from None
        except BaseException:
            self._keep(process)
            raise
        return _RemoteSource(info, process, self._keep, self._end)

    def close(self) -> None:
        """Ends the processes, those in use once their video is closed; those that hang at once."""
        with self._lock:
            idle, self._idle, self._is_closed = self._idle, [], True
            hanging = [each for each in self._busy if each.watch.waits_longer_than(_CLOSING_S)]
        for process in idle:
            process.end()
        for process in hanging:
            process.kill()

    def _keep(self, process: _Process) -> None:
        process.watch.end()
        with self._lock:
            self._busy.discard(process)
            if not self._is_closed:
                self._idle.append(process)
                return
        process.end()

    def _end(self, process: _Process) -> None:
        with self._lock:
            self._busy.discard(process)
        process.end()


class _RemoteSource:
    """A `FrameSource` in another process."""

    def __init__(
        self,
        info: VideoInfo,
        process: _Process,
        give_back: Callable[[_Process], None],
        give_up: Callable[[_Process], None],
    ) -> None:
        self.info = info
        self._process: _Process | None = process
        self._give_back = give_back
        self._give_up = give_up

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[DecodedFrame]:
        """As the port; a file that ends the process counts as one that breaks off there."""
        process, last_s = self._process, None
        assert process is not None, "closed"
        try:
            process.ask("frames", start_s, start_index)
            while (told := process.ask("next")) is not None:
                index, last_s = told
                yield _RemoteFrame(index, last_s, process, self.info.path.name)
        except _DiedError as died:
            self._process = None
            self._give_up(process)
            name = self.info.path.name
            if last_s is None:
                raise VideoError(_cause(name, died), _REMEDY) from None
            raise _truncated(name, last_s, died) from None

    def close(self) -> None:
        """Leaves the process to the next video."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.ask("close")
        except _DiedError:
            self._give_up(process)
            return
        self._give_back(process)


def _cause(name: str, died: _DiedError) -> str:
    if died.hung:
        return tr("{name} makes the decoder hang.", name=name)
    return tr("{name} makes the decoder crash.", name=name)


def _truncated(name: str, last_s: float, died: _DiedError) -> TruncatedVideoError:
    problem = (
        tr(
            "{name} cannot be read beyond {end:.1f} s: the decoder hangs there.",
            name=name,
            end=last_s,
        )
        if died.hung
        else tr(
            "{name} cannot be read beyond {end:.1f} s: the decoder crashes there.",
            name=name,
            end=last_s,
        )
    )
    return TruncatedVideoError(problem, _REMEDY)


@dataclass(frozen=True, slots=True, eq=False)
class _RemoteFrame:
    """A `DecodedFrame` whose pixels are in another process until the next one is taken."""

    index: int
    time_s: float
    process: _Process
    name: str

    def image(self) -> Image:
        try:
            return self.process.image()
        except _DiedError as died:
            raise _truncated(self.name, self.time_s, died) from None


class _Process:
    """The program's side of one process.

    Attributes:
        watch: ends it if it hangs.
    """

    def __init__(self, patience: Patience) -> None:
        self._memory = os.memfd_create("frames") if sys.platform == "linux" else -1
        self._mapped: mmap.mmap | None = None
        paths = [str(_PROJECT), os.environ.get("PYTHONPATH", "")]
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE, str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                VARIABLE: language(),  # of its errors
            },
            pass_fds=() if self._memory < 0 else (self._memory,),
            creationflags=flags,
            start_new_session=True,  # Ctrl-C is for the program, which ends this one
        )
        self._to = cast(BinaryIO, self._process.stdin)
        self._from = cast(BinaryIO, self._process.stdout)
        self.watch = HangWatch(self._process, patience)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, what: str, *arguments: Any) -> Any:
        """The answer; raises what was raised there, or _DiedError."""
        try:
            with self.watch.asking():
                pickle.dump((what, arguments), self._to)
                self._to.flush()
                succeeded, answer = pickle.load(self._from)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise _DiedError(hung=self.watch.has_hung) from error
        if not succeeded:
            raise answer
        return answer

    def image(self) -> Image:
        """Pixels of the frame that was taken last: RGB uint8 (H, W, 3), a copy."""
        answer = self.ask("image")
        if isinstance(answer, np.ndarray):
            return answer
        count = int(np.prod(answer))
        if self._mapped is None or len(self._mapped) < count:
            self._mapped = mmap.mmap(self._memory, count)
        pixels = np.frombuffer(self._mapped, np.uint8, count)
        return pixels.reshape(answer).copy()

    def kill(self) -> None:
        """Ends the process; whoever waits for its answer is told that it died."""
        self._process.kill()

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self.watch.end()
        self.kill()
        with suppress(subprocess.TimeoutExpired):  # a disk that never answers keeps it
            self._process.wait(_END_S)
        for end in (self._to, self._from):
            with suppress(OSError):  # what could not be sent
                end.close()
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1


# In the other process ---------------------------------------------------------------------------


def serve(memory: int) -> None:
    """Answers until the program closes its end, or ends itself.

    Args:
        memory: file descriptor of the shared memory, −1 for none.
    """
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    decoder = _Decoder(memory)
    while True:
        try:
            what, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[bool, Any]
        try:
            answer = True, getattr(decoder, what)(*arguments)
        except Exception as error:  # noqa: BLE001  is raised in the program
            answer = False, _portable(error)
        with suppress(BrokenPipeError):
            pickle.dump(answer, answers)
            answers.flush()


def _portable(error: Exception) -> Exception:
    """What can be raised in the program in place of an error: itself, where it can be pickled."""
    told = "".join(traceback.format_exception(error))
    try:
        same: Exception = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  what cannot be pickled may raise anything
        return RuntimeError(told)
    if not isinstance(error, VideoError):
        same.add_note(told)
    return same


class _Decoder:
    """What can be asked for; one video at a time."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._mapped: mmap.mmap | None = None
        self._source: FrameSource | None = None
        self._frames: Iterator[DecodedFrame] = iter(())
        self._frame: DecodedFrame | None = None

    def open(self, opener: Opener) -> VideoInfo:
        self._source = opener()
        return self._source.info

    def frames(self, start_s: float, start_index: int) -> None:
        assert self._source is not None
        self._frames = self._source.frames(start_s, start_index)

    def next(self) -> tuple[int, float] | None:
        self._frame = next(self._frames, None)
        return None if self._frame is None else (self._frame.index, self._frame.time_s)

    def image(self) -> Image | tuple[int, ...]:
        """The shape of pixels that are in the shared memory, or the pixels."""
        assert self._frame is not None
        image = self._frame.image()
        if self._memory < 0:
            return image
        if self._mapped is None or len(self._mapped) < image.nbytes:
            os.ftruncate(self._memory, image.nbytes)
            self._mapped = mmap.mmap(self._memory, image.nbytes)
        shared = np.frombuffer(self._mapped, np.uint8, image.nbytes)
        shared.reshape(image.shape)[...] = image
        return image.shape

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
        self._source, self._frame, self._frames = None, None, iter(())
