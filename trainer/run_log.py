"""The folder of a run: configuration, sessions, log, curves, model files."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reid_models.model_card import ModelCard
from reid_models.model_file import save_model
from trainer.config import TrainConfig, load_config, to_toml
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.tensorboard import SummaryWriter

MODEL_STEMS = ("model", "best")
"""What the model files in the folder of a run begin with: the last epoch's, the best's."""
_NO_LOSS = ("lr", "grad_norm", "skipped")
_PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "opencv-python")


class RunFolder:
    """What stands where in the folder of a run.

    Attributes:
        path: of the folder.
        config: every setting, as TOML.
        facts: of the training data, as JSON; `export` needs no data.
        image_hashes: of all training images, a line each.
        sessions: one line for each time that the program was started on it.
        log: one line for each `training.log_steps` steps, epoch and evaluation.
        checkpoints: folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.facts = path / "data.json"
        self.image_hashes = path / "training-images.txt"
        self.sessions = path / "sessions.jsonl"
        self.log = path / "log.jsonl"
        self.checkpoints = path / "checkpoints"

    def exists(self) -> bool:
        """Whether a run was begun in it."""
        return self.config.is_file()

    def create(self, config: TrainConfig, facts: Any) -> None:
        """Writes configuration and facts (a dataclass).

        Raises:
            TrainerError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.write_facts(facts)
            # The file by which a run is known comes last.
            partial = self.config.with_suffix(".part")
            partial.write_text(to_toml(config), encoding="utf-8")
            partial.replace(self.config)
        except OSError as error:
            raise TrainerError(
                f"The run folder {self.path} cannot be written: {error.strerror}.",
                "Choose another with --out.",
            ) from error

    def write_facts(self, facts: Any) -> None:
        """Writes the facts of the training data (a dataclass); other processes may be reading."""
        partial = self.facts.with_suffix(".part")
        partial.write_text(json.dumps(asdict(facts)), encoding="utf-8")
        partial.replace(self.facts)

    def read_config(self) -> TrainConfig:
        """The configuration of the run.

        Raises:
            TrainerError: there is no run, or its file was changed to something impossible.
        """
        if not self.exists():
            raise TrainerError(
                f"There is no run in {self.path}.",
                "Give the folder that `python -m trainer train` wrote.",
            )
        return load_config(self.config)

    def read_facts(self) -> dict[str, Any]:
        """The facts of the training data.

        Raises:
            TrainerError: they cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads(self.facts.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainerError(
                f"{self.facts} cannot be read.", "Restore it, or start the run again."
            ) from error
        return found

    def add_session(self, **facts: Any) -> None:
        """Notes that the program was started: when, which version, on what."""
        line = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "git": _git_hash(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "versions": {name: version(name) for name in _PACKAGES},
            **facts,
        }
        with self.sessions.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def card_facts(self, config: TrainConfig, metrics: Mapping[str, float]) -> dict[str, Any]:
        """What the run, whatever its recipe, tells for `ModelCard.of`."""
        text = self.sessions.read_text(encoding="utf-8") if self.sessions.is_file() else ""
        sessions = [json.loads(line) for line in text.splitlines()]
        # Those after the first went on with the same settings.
        command = sessions[0].get("command", "") if sessions else ""
        return {"command": command, "seed": config.training.seed, "metrics": dict(metrics)}

    def write_image(self, name: str, image: NDArray[np.uint8]) -> None:
        """Writes a picture, RGB (H, W, 3), as PNG."""
        Image.fromarray(image).save(self.path / f"{name}.png")

    def write_model(
        self, stem: str, name: str, network: nn.Module, facts: Mapping[str, Any]
    ) -> Path:
        """Writes a model file with its card.

        Args:
            stem: "model" or "best".
            name: of the network in the recipe; "" the main one.
            network: of the registry.
            facts: of `ModelCard.of`.

        Raises:
            NetworkError: weights that cannot be used, or a file that cannot be written.
        """
        path = self.path / (f"{stem}-{name}.safetensors" if name else f"{stem}.safetensors")
        save_model(path, network, ModelCard.of(network, **facts))
        return path


class RunLog:
    """The log of a run, as JSON lines and for TensorBoard.

    A line is `{"kind", "epoch", "step", "values": {…}, "clock": {…}}`; only what stands under
    "clock" differs between a training and its repetition.
    """

    def __init__(self, folder: RunFolder, length: int | None, step: int) -> None:
        """Opens it, and cuts what is later than the checkpoint from which the training goes on.

        Args:
            folder: of the run.
            length: of the log in bytes, as the checkpoint says; None: at the beginning.
            step: steps that the checkpoint has done.
        """
        from torch.utils.tensorboard import SummaryWriter

        self._file = folder.log.open("ab")
        self._file.truncate(min(length or 0, self._file.seek(0, os.SEEK_END)))
        self._board: SummaryWriter = SummaryWriter(
            str(folder.path / "tensorboard"), purge_step=step + 1
        )

    def write(
        self,
        kind: str,
        epoch: int,
        step: int,
        values: Mapping[str, float],
        clock: Mapping[str, float],
    ) -> None:
        """Adds a line; `kind` is "step", "epoch" or "evaluation"."""
        line = {
            "kind": kind,
            "epoch": epoch,
            "step": step,
            "values": dict(values),
            "clock": {name: round(value, 3) for name, value in clock.items()},
        }
        self._file.write(f"{json.dumps(line)}\n".encode())
        self._file.flush()
        for name, value in (*values.items(), *clock.items()):
            self._board.add_scalar(f"{kind}/{name}", value, step)

    def length(self) -> int:
        """Bytes of the log, all of them safe on the disk."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        self._board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that was cut off is left out."""
    lines = path.read_bytes().split(b"\n") if path.is_file() else []
    return [json.loads(line) for line in lines[:-1] if line]


def draw_curves(folder: RunFolder) -> None:
    """Draws `curves.png`: losses, learning rate, and what was measured."""
    from matplotlib.figure import Figure

    lines = read_log(folder.log)
    of_kind = {
        kind: [line for line in lines if line["kind"] == kind] for kind in ("step", "evaluation")
    }
    # What has a "/" in its name is no loss, or of one data set among others.
    panels = {
        "loss": (of_kind["step"], lambda name: name not in _NO_LOSS and "/" not in name),
        "learning rate": (of_kind["step"], lambda name: name == "lr"),
        "evaluation": (of_kind["evaluation"], lambda name: "/" not in name),
    }
    figure = Figure(figsize=(15, 4), layout="constrained")
    for axes, (title, (rows, wanted)) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        names = [name for name in (rows[-1]["values"] if rows else ()) if wanted(name)]
        for name in names:
            points = [(row["step"], row["values"][name]) for row in rows if name in row["values"]]
            axes.plot(
                *zip(*points, strict=True), label=name, marker="." if len(points) < 30 else ""
            )
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        if names:
            axes.legend(fontsize="small")
    figure.savefig(folder.path / "curves.png", dpi=100)


def _git_hash() -> str | None:
    """The commit of the program, "+" behind it where files were changed; None outside git."""
    folder = Path(__file__).parent
    try:
        commit = _git("rev-parse", "HEAD", folder=folder)
        return f"{commit}+" if _git("status", "--porcelain", folder=folder) else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str, folder: Path) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
