"""A running training on the screen: a bar in a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from trainer.config import TrainConfig
from trainer.engine import Engine, EpochDone, Evaluated, Event, StepDone

# Between two lines where there is no terminal, seconds.
_LINE_EVERY_S = 60.0


class TrainingDisplay:
    """Shows events; knows rate and time left of this session."""

    def __init__(self, config: TrainConfig, *, shown: bool) -> None:
        """Shows nothing yet.

        Args:
            config: of the training.
            shown: False in all processes but the first.
        """
        self._config = config
        self._console = Console(quiet=not shown, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not (shown and self._console.is_terminal),
        )
        self._task: TaskID | None = None
        self._started = self._last_line = time.monotonic()
        self._images = self._steps = 0
        self._losses: list[float] = []

    def __enter__(self) -> TrainingDisplay:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, folder: Path, engine: Engine, notes: Sequence[str]) -> None:
        """Says what is going to happen."""
        for note in notes:
            self._console.print(note)
        where = f"run in {folder}"
        if engine.finished:
            self._console.print(f"The {where} is done already.")
        elif engine.resumed_from is not None:
            place = engine.position
            self._console.print(
                f"The {where} goes on in epoch {place.epoch}, after step {place.step}."
            )
        else:
            self._console.print(f"A new {where}.")

    def show(self, event: Event) -> None:
        """Takes in an event."""
        if isinstance(event, StepDone):
            self._show_step(event)
        elif isinstance(event, EpochDone):
            total = self._config.training.epochs
            figures = ", ".join(
                f"{name.removeprefix('stat/')} {value:.4g}" for name, value in event.values.items()
            )
            self._console.print(f"epoch {event.epoch}/{total}: {figures}")
            self._last_line = time.monotonic()
        elif isinstance(event, Evaluated):
            figures = ", ".join(
                f"{name} {100 * value:.2f} %"
                for name, value in event.metrics.items()
                if name.endswith(("/mAP", "/rank1"))
            )
            self._console.print(f"  {figures}{' (best so far)' if event.best else ''}")

    def end(self, folder: Path, status: int) -> None:
        """Says how it ended."""
        if status:
            self._console.print(f"Stopped. --resume auto goes on with {folder}.")
            return
        if self._losses and self._config.training.evaluate_every == 0:
            self._console.print(f"loss {self._losses[0]:.4g} → {self._losses[-1]:.4g}")
        self._console.print(f"Done: {folder}")

    def _show_step(self, event: StepDone) -> None:
        self._images += event.images
        self._steps += 1
        self._losses = [*self._losses[:1], event.loss]
        passed = max(time.monotonic() - self._started, 1e-9)
        left = passed / self._steps * (event.progress.steps - event.progress.step - 1)
        rate = f"{self._images / passed:.3g} images/s, {_duration(left)} left"
        text = (
            f"epoch {event.progress.epoch}/{event.progress.epochs} "
            f"step {event.in_epoch}/{event.epoch_steps} loss {event.loss:.4g}"
        )
        if not self._bar.disable:
            if self._task is None:
                self._task = self._bar.add_task(text, rate=rate)
            self._bar.update(
                self._task,
                description=text,
                rate=rate,
                completed=event.progress.step + 1,
                total=event.progress.steps,
            )
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._console.print(f"{text}, {rate}")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
